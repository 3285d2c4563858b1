//! `--check-config`: prints all errors of a configuration.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use rulesync_config::{Config, ConfigErrors};
use rulesync_core::finding::Printable;

/// Checks a file and prints its errors, or that there are none.
pub(crate) async fn run(path: &Path) -> ExitCode {
    let checked = check(path).await;
    let printed = match &checked {
        Ok(()) => writeln!(std::io::stdout(), "{}: valid", Printable(path.display())),
        Err(errors) => write!(std::io::stdout(), "{}", errors.to_text()),
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
