//! `--check-config`: prints all errors of a configuration.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use rulesync_config::{Config, ConfigErrors};

use crate::printable::Printable;

/// Checks a file and prints its errors, or that there are none.
pub(crate) async fn run(path: &Path) -> ExitCode {
    let checked = check(path).await;
    let printed = match &checked {
        Ok(()) => writeln!(std::io::stdout(), "{}: valid", Printable(path.display())),
        Err(errors) => print(errors, &mut std::io::stdout().lock()),
    };
    if let Err(error) = printed {
        tracing::error!(%error, "Cannot write to standard output");
        return ExitCode::FAILURE;
    }
    if checked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn check(path: &Path) -> Result<(), ConfigErrors> {
    Config::read(path).await?.check().await
}

/// Prints each error as `file:line:column: message`, which editors and CI systems know, with the hint on a line of its own.
fn print(errors: &ConfigErrors, out: &mut impl Write) -> std::io::Result<()> {
    for error in errors {
        let position = match (error.line(), error.column()) {
            (Some(line), Some(column)) => format!(":{line}:{column}"),
            _ => String::new(),
        };
        let message = Printable(format_args!("{}{position}: {}", error.file(), error.message()));
        writeln!(out, "{message}")?;
        error.hint().map_or(Ok(()), |hint| writeln!(out, "  hint: {}", Printable(hint)))?;
    }
    Ok(())
}
