//! `--check-config`: prints all errors of a configuration.

use std::io::Write;
use std::process::ExitCode;

use rulesync_config::{Config, ConfigErrors};
use rulesync_core::finding::Printable;

use crate::args::Args;

/// Checks the configuration and prints its errors, or that there are none.
pub(crate) async fn run(args: &Args) -> ExitCode {
    let checked = check(args).await;
    let printed = match &checked {
        Ok(()) => writeln!(std::io::stdout(), "{}: valid", Printable(args.config.display())),
        Err(errors) => write!(std::io::stdout(), "{}", errors.to_text()),
    };
    if let Err(error) = printed {
        tracing::error!(%error, "Cannot write to standard output");
        return ExitCode::FAILURE;
    }
    if checked.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn check(args: &Args) -> Result<(), ConfigErrors> {
    let config = Config::read_with_owner(&args.config, args.owner.as_deref()).await?;
    for warning in config.warnings() {
        tracing::warn!(file = %args.config.display(), "{warning}");
    }
    config.check().await
}
