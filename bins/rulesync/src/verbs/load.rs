//! `load`: rule files to a ruler, as they are, and nothing deleted.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rulesync_core::finding::Printable;

use super::direct_args::DirectArgs;
use crate::connection::Destination;
use crate::failure::Failure;
use crate::input::{InputFile, InputPath, Inputs};
use crate::rule_files::reading::{Loaded, Reading};
use crate::stdout::print_styled;
use crate::terminal::{ADDED, CHANGED, HEADING};

/// Write the groups of rule files to a ruler as they are, and delete nothing.
///
/// The namespace of a file is its `namespace`, or its name without the extension. Nothing is written if a file has an
/// error. Groups that the ruler has already are left alone, and claims of rulesync are left out.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Rule files and directories with them, or `-` for standard input.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    #[command(flatten)]
    r#where: DirectArgs,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { paths, r#where } = args;
    if r#where.reads_secret_from_stdin() && paths.iter().any(|path| path == Path::new("-")) {
        let message = "standard input can be one thing only: the rules or a secret";
        return Err(Failure::Usage(message.to_owned()));
    }
    let destination = r#where.destination().await?;
    let paths: Vec<InputPath> = paths.into_iter().map(|path| InputPath { path, glob: Vec::new() }).collect();
    let Loaded { groups, errors, warnings } = read(&Inputs::list(&paths, None)?, &destination)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if !errors.is_empty() {
        return Err(Failure::Several(errors));
    }
    let stored = destination.read().await?.readable();
    // All groups are written, also if nobody reads any more what is printed.
    let mut printed = Ok(ExitCode::SUCCESS);
    let (mut added, mut changed, mut unchanged, mut failed) = (0, 0, 0, Vec::new());
    for (namespace, group) in groups {
        let before = stored.get(&namespace.as_str().into(), &group.name.as_str().into());
        if before.as_ref().is_some_and(|before| destination.are_same(before, &group)) {
            unchanged += 1;
            continue;
        }
        if let Err(failure) = destination.write(&namespace, &group).await {
            failed.push(failure.to_string());
            continue;
        }
        let (style, sign, count) = match before {
            None => (ADDED, '+', &mut added),
            Some(_) => (CHANGED, '~', &mut changed),
        };
        *count += 1;
        let line = format!("{sign} {}: {namespace} / {}", destination.id(), group.name);
        printed = printed.and_then(|_| print_styled(&format!("{style}{}{style:#}\n", Printable(line))));
    }
    let line = format!("Load: {added} added, {changed} changed, {unchanged} unchanged");
    let printed = printed.and_then(|_| print_styled(&format!("{HEADING}{line}{HEADING:#}\n")));
    if failed.is_empty() { printed } else { Err(Failure::Several(failed)) }
}

/// Reads all files. A namespace that two files declare is an error: one would hide the other.
fn read(inputs: &Inputs, destination: &Destination) -> Result<Loaded, Failure> {
    let reading =
        Reading::new(destination.capabilities()).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut all = Loaded { errors: inputs.errors.clone(), ..Loaded::default() };
    let mut origins: HashMap<String, String> = HashMap::new();
    for InputFile { shown, contents, .. } in inputs.files() {
        let mut loaded = reading.read(&shown, contents);
        for (namespace, _) in &loaded.groups {
            let other = origins.entry(namespace.clone()).or_insert_with(|| shown.clone());
            if *other != shown {
                all.errors.push(format!("{shown}: the namespace {namespace} is that of {other} already"));
            }
        }
        all.groups.append(&mut loaded.groups);
        all.errors.append(&mut loaded.errors);
        all.warnings.append(&mut loaded.warnings);
    }
    all.errors.dedup();
    Ok(all)
}
