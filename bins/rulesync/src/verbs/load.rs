//! `load`: rule files to a ruler, as they are, and nothing deleted.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rulesync_core::finding::Printable;

use super::direct_args::DirectArgs;
use crate::connection::Destination;
use crate::failure::Failure;
use crate::rule_files::reading::{Loaded, Reading};
use crate::stdout::print_styled;
use crate::terminal::{ADDED, CHANGED, HEADING};

/// Write the groups of rule files to a ruler as they are, and delete nothing.
///
/// The namespace of a file is its `namespace`, or its name without the extension. Nothing is written if a file has an
/// error. Groups that the ruler has already are left alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The rule files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    r#where: DirectArgs,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    let Args { files, r#where } = args;
    let destination = r#where.destination().await?;
    let Loaded { groups, errors, warnings } = read(&files, &destination)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if !errors.is_empty() {
        return Err(Failure::Several(errors));
    }
    let stored = destination.read().await?.readable();
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
        print_styled(&format!("{style}{}{style:#}\n", Printable(line)))?;
    }
    let line = format!("Load: {added} added, {changed} changed, {unchanged} unchanged");
    print_styled(&format!("{HEADING}{line}{HEADING:#}\n"))?;
    if failed.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(Failure::Several(failed)) }
}

/// Reads all files. A namespace that two files declare is an error: one would hide the other.
fn read(files: &[PathBuf], destination: &Destination) -> Result<Loaded, Failure> {
    let reading =
        Reading::new(destination.capabilities()).map_err(|error| Failure::Usage(error.to_string()))?;
    let mut all = Loaded::default();
    let mut origins: Vec<(String, &Path)> = Vec::new();
    for path in files {
        let bytes = std::fs::read(path)
            .map_err(|error| Failure::Usage(format!("{}: cannot be read: {error}", path.display())))?;
        let mut loaded = reading.read(path, &bytes);
        for (namespace, _) in &loaded.groups {
            match origins.iter().find(|(known, _)| known == namespace) {
                Some((_, other)) if *other != path.as_path() => {
                    let (path, other) = (path.display(), other.display());
                    all.errors.push(format!("{path}: the namespace {namespace} is that of {other} already"));
                }
                Some(_) => {}
                None => origins.push((namespace.clone(), path)),
            }
        }
        all.groups.append(&mut loaded.groups);
        all.errors.append(&mut loaded.errors);
        all.warnings.append(&mut loaded.warnings);
    }
    all.errors.dedup();
    Ok(all)
}
