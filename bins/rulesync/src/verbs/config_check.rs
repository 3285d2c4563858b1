//! `config check`: all errors of a configuration, as `rulesyncd --check-config` prints them.

use std::path::PathBuf;
use std::process::ExitCode;

use rulesync_config::{Config, ConfigErrors};
use rulesync_core::finding::Printable;

use crate::failure::Failure;
use crate::stdout::print;

/// Check a configuration and the files it names, and print all errors. Exits with 0 if there are none, else 1.
///
/// Nothing is started, and no request is sent.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration file.
    #[arg(value_name = "FILE")]
    config: PathBuf,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    match check(&args).await {
        Ok(()) => print(&format!("{}: valid\n", Printable(args.config.display()))),
        Err(errors) => print(&errors.to_text()).map(|_| ExitCode::FAILURE),
    }
}

async fn check(args: &Args) -> Result<(), ConfigErrors> {
    Config::read(&args.config).await?.check().await
}
