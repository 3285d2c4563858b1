//! `import alloy`: a configuration of Grafana Alloy as one of rulesync, and a report of what differs.

use std::collections::HashMap;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use rulesync_alloy::{Configuration, File, Import, Message, NamingMode, Options, Report, Severity};
use rulesync_config::Config;

use crate::failure::Failure;
use crate::stdout::print;

/// Turn a configuration of Grafana Alloy into one of rulesync.
///
/// The components `mimir.rules.kubernetes` and `loki.rules.kubernetes` become routes; all others are passed over. What
/// cannot be imported is an error with its place, and then nothing is written. The report on standard error also says
/// what rulesync does differently, and what its Deployment needs. `rulesyncd --config FILE.alloy --owner NAME` runs such a
/// configuration without importing it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration: a file, a directory whose `*.alloy` files are one configuration, or `-` for standard input. A
    /// ConfigMap or the values of Alloy's Helm chart may contain it.
    #[arg(value_name = "FILE|DIR|-")]
    path: PathBuf,

    /// The owner of all rules that rulesync writes, a DNS label. No other installation that writes to the same tenants may
    /// have the same: each would delete what the other has written.
    #[arg(long, value_name = "NAME")]
    owner: String,

    /// How ruler namespaces are named.
    #[arg(long, value_name = "NAMING", default_value = "keep")]
    naming: Naming,

    /// Import the components without errors, and leave out those that have some.
    #[arg(long)]
    bypass_errors: bool,

    /// Where to write the configuration, instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Where to write the report, instead of standard error.
    #[arg(short, long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// How ruler namespaces are named.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Naming {
    /// As Alloy named them, so that nothing is written anew.
    Keep,
    /// By the owner: `OWNER.KUBERNETES_NAMESPACE.NAME`. What Alloy wrote goes once it is replaced.
    Owner,
}

/// The size of a file up to which it is read.
const MAX_BYTES: u64 = 16 << 20;

/// The name of standard input in messages.
const STDIN: &str = "<stdin>";

pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    let files = files(&args.path)?;
    let options = Options {
        owner: args.owner.clone(),
        naming: match args.naming {
            Naming::Keep => NamingMode::Keep,
            Naming::Owner => NamingMode::Owner,
        },
        bypass_errors: args.bypass_errors,
        ..Options::default()
    };
    let Import { configuration, mut report, .. } = rulesync_alloy::import(&files, &options);
    let configuration = configuration.filter(|configuration| is_valid(configuration, &mut report));
    let written = match (&configuration, &args.output) {
        (None, _) => Ok(ExitCode::FAILURE),
        (Some(Configuration { yaml, .. }), None) => print(yaml),
        (Some(configuration), Some(path)) => write(path, configuration)
            .map(|()| ExitCode::SUCCESS)
            .map_err(|error| Failure::write(path, error)),
    };
    if configuration.is_some() && written.is_ok() {
        let target = args.output.as_ref().map(|path| path.display().to_string());
        let target = target.as_deref().unwrap_or("standard output");
        report.outcome = format!("{} Written to {target}.", report.outcome);
    }
    let text = report.to_string();
    let reported = match &args.report {
        Some(path) => {
            tell(&format!("{}\n", report.outcome));
            std::fs::write(path, &text).map_err(|error| Failure::write(path, error))
        }
        None => {
            tell(&text);
            Ok(())
        }
    };
    written.and_then(|code| reported.map(|()| code))
}

/// Writes a configuration to a file that nobody else can read if there are secrets in it.
fn write(path: &Path, configuration: &Configuration) -> io::Result<()> {
    let mode = if configuration.holds_secrets { 0o600 } else { 0o666 };
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path)?;
    // One that was there may be open to others.
    if configuration.holds_secrets && file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all(configuration.yaml.as_bytes())
}

/// Prints a text on standard error.
fn tell(text: &str) {
    // Nothing is left to do if this output is closed.
    let _ = write!(anstream::stderr(), "{text}");
}

/// Reads a file, the `*.alloy` files of a directory as Alloy does, or standard input.
fn files(path: &Path) -> Result<Vec<File>, Failure> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().take(MAX_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::Input(format!("{STDIN}: {error}")))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(Failure::Input(format!("{STDIN}: larger than {MAX_BYTES} bytes")));
        }
        return Ok(vec![file(STDIN.to_owned(), bytes)?]);
    }
    let unreadable =
        |path: &Path, error: &dyn std::fmt::Display| Failure::Input(format!("{}: {error}", path.display()));
    let mut paths = vec![path.to_owned()];
    if path.is_dir() {
        let entries = path.read_dir().map_err(|error| unreadable(path, &error))?;
        paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(|error| unreadable(path, &error))?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "alloy"));
        paths.sort();
        if paths.is_empty() {
            return Err(unreadable(path, &"there is no file `*.alloy` in this directory"));
        }
    }
    paths
        .iter()
        .map(|path| {
            let bytes = rulesync_fs::read(path, MAX_BYTES).map_err(|error| unreadable(path, &error))?;
            file(path.display().to_string(), bytes)
        })
        .collect()
}

fn file(name: String, bytes: Vec<u8>) -> Result<File, Failure> {
    let text = String::from_utf8(bytes).map_err(|_| Failure::Input(format!("{name}: is not UTF-8 text")))?;
    Ok(File { name, text })
}

/// Whether rulesync accepts a configuration. What it objects to becomes part of the report. Variables that are not set
/// here may be set where the configuration is used.
fn is_valid(configuration: &Configuration, report: &mut Report) -> bool {
    let environment: HashMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let checked = Config::parse(&configuration.yaml, Path::new("rulesync.yaml"), environment);
    let Err(errors) = checked.and_then(|config| config.validate().map(drop)) else { return true };
    let mut found = Vec::new();
    for error in errors.iter().filter(|error| error.variable().is_none()) {
        let line = error.line().and_then(|line| usize::try_from(line).ok());
        let place = line.and_then(|line| configuration.place(line)).cloned();
        let text = match error.hint() {
            Some(hint) => format!("{} ({hint})", error.message()),
            None => error.message().to_owned(),
        };
        found.push(Message::new(Severity::Error, place, text));
    }
    let count = found.len();
    if count > 0 {
        // What there is to know about a configuration does not matter before there is one.
        report.messages.retain(|message| message.place.is_some() || message.severity != Severity::Info);
        report.messages.splice(0..0, found);
        report.deployment_patch = None;
        report.outcome = format!("Nothing was imported: {count} error{}.", if count == 1 { "" } else { "s" });
    }
    count == 0
}
