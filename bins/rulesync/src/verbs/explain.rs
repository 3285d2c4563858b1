//! `explain`: why an object is where it is, or is not, and whose a ruler namespace is.

mod daemon;
mod files;
mod lines;
mod login;
mod namespace_text;
mod object_text;
mod question;
mod text;
mod verdict;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use rulesync_core::explain::Explained;

use crate::changes::yaml::to_yaml;
use crate::failure::Failure;
use crate::output::write_json;
use crate::stdout::{print, print_styled};
use login::Login;
use question::Question;

/// Explain why an object is (not) in a ruler, or whose a ruler namespace is.
///
/// Of an object: which requirement of which route it meets or not, which tenant it gets and by which permission, the ruler's
/// namespace, the rules as they are sent, what is wrong with them, what the ruler has of them, and how they evaluate. A running
/// daemon knows all of that (--daemon); a configuration and files tell all that does not need a ruler (--config). Exits
/// with 0 if there is something to explain, else 1.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("from").args(["daemon", "config"])))]
#[command(group(clap::ArgGroup::new("what").required(true).args(["object", "ruler_namespace"])))]
pub(crate) struct Args {
    /// The object: NAMESPACE/NAME, KIND/NAMESPACE/NAME, or a file with one object; `-` is standard input.
    object: Option<String>,

    /// Explain whose this namespace of a ruler is.
    #[arg(long, value_name = "NAME")]
    ruler_namespace: Option<String>,

    /// With --ruler-namespace: only at this ruler, by its name in the configuration.
    #[arg(long, value_name = "RULER")]
    ruler: Option<String>,

    /// With --ruler-namespace: only for this tenant.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,

    /// The address of a running daemon, such as http://127.0.0.1:8080, with its route prefix [env: RULESYNC_DAEMON]
    #[arg(long, value_name = "URL")]
    daemon: Option<String>,

    #[command(flatten)]
    login: Login,

    /// A daemon's configuration, to explain from its routes and from files, without a daemon [env: RULESYNC_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The owner, for a configuration that names none, such as one of Grafana Alloy.
    #[arg(long, value_name = "NAME", conflicts_with = "daemon")]
    owner: Option<String>,

    /// Files and directories with the objects, and with Kubernetes namespaces where routes go by their labels; without it,
    /// those of the configuration's sources.
    #[arg(long, value_name = "PATH", conflicts_with = "daemon")]
    files: Vec<PathBuf>,

    /// With --config: the source whose objects these are, where the configuration has routes for some sources alone.
    #[arg(long, value_name = "NAME", conflicts_with = "daemon")]
    source: Option<String>,

    /// The form of the output.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// A form of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: the verdict first, then the reasons.
    Text,
    /// One object, as the daemon's /api/v1/explain answers.
    Json,
    /// The same object, as YAML.
    Yaml,
}

/// Who answers.
enum Answerer {
    Daemon(String),
    Config(PathBuf),
}

impl Answerer {
    /// Returns who is named by a flag, or else by a variable.
    fn of(daemon: Option<String>, config: Option<PathBuf>) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let flag = daemon.map(Self::Daemon).or(config.map(Self::Config));
        flag.or_else(|| variable("RULESYNC_DAEMON").map(Self::Daemon))
            .or_else(|| variable("RULESYNC_CONFIG").map(|config| Self::Config(config.into())))
            .ok_or_else(|| {
                let message = "who knows? Give --daemon with the address of a running daemon, or --config with its \
                               configuration";
                Failure::Usage(message.to_owned())
            })
    }
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let question = Question::of(args.object, args.ruler_namespace, args.ruler, args.tenant)?;
    let explained = match Answerer::of(args.daemon, args.config)? {
        Answerer::Daemon(daemon)
            if args.files.is_empty() && args.owner.is_none() && args.source.is_none() =>
        {
            daemon::ask(&daemon, &args.login, &question).await?
        }
        Answerer::Daemon(_) => {
            let message =
                "--files, --owner and --source go with --config: a daemon has its own sources and owner";
            return Err(Failure::Usage(message.to_owned()));
        }
        Answerer::Config(_) if !args.login.given().is_empty() => {
            let flags = args.login.given().join(", ");
            return Err(Failure::Usage(format!("{flags}: only a daemon asks for that, see --daemon")));
        }
        Answerer::Config(config) => {
            let of_whom = files::OfWhom { owner: args.owner.as_deref(), source: args.source.as_deref() };
            files::explain(&config, of_whom, &args.files, &question).await?
        }
    };
    match args.output {
        Format::Text => print_styled(&text::render(&explained, &question))?,
        Format::Json => print(&to_json(&explained)?)?,
        Format::Yaml => print(&to_yaml(&explained))?,
    };
    Ok(if has_something(&explained) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the answer as JSON in which every character shows as itself.
fn to_json(explained: &Explained) -> Result<String, Failure> {
    let mut text = Vec::new();
    write_json(explained, &mut text).map_err(Failure::Output)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Returns whether there is anything to explain.
fn has_something(Explained { objects, namespaces, .. }: &Explained) -> bool {
    !objects.is_empty() || !namespaces.is_empty()
}
