//! `--check-config`: prints all errors of a configuration, and of that of the web server.

use std::io::Write;
use std::process::ExitCode;

use rulesync_config::{Config, ConfigErrors};
use rulesync_core::finding::Printable;

use crate::args::Args;
use crate::web_config;

/// Checks the configurations and prints their errors, or that there are none.
pub(crate) async fn run(args: &Args) -> ExitCode {
    let mut checked = vec![(&args.config, check(args).await)];
    if let Some(path) = &args.web_config {
        checked.push((path, web_config::check(path).await));
    }
    let mut out = std::io::stdout().lock();
    let printed = checked.iter().try_for_each(|(path, checked)| match checked {
        Ok(()) => writeln!(out, "{}: valid", Printable(path.display())),
        Err(errors) => write!(out, "{}", errors.to_text()),
    });
    if let Err(error) = printed {
        tracing::error!(%error, "Cannot write to standard output");
        return ExitCode::FAILURE;
    }
    if checked.iter().all(|(_, checked)| checked.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn check(args: &Args) -> Result<(), ConfigErrors> {
    let config = Config::read_with_owner(&args.config, args.owner.as_deref()).await?;
    for warning in config.warnings() {
        tracing::warn!(file = %args.config.display(), "{warning}");
    }
    config.check().await
}
