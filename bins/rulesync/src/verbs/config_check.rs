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
    /// The configuration file, or a configuration of Grafana Alloy if it ends in `.alloy`.
    #[arg(value_name = "FILE")]
    config: PathBuf,

    /// The owner, for a configuration that names none, such as one of Grafana Alloy.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, Failure> {
    match check(&args).await {
        Ok(()) => print(&format!("{}: valid\n", Printable(args.config.display()))),
        Err(errors) => print(&errors.to_text()).map(|_| ExitCode::FAILURE),
    }
}

async fn check(args: &Args) -> Result<(), ConfigErrors> {
    Config::read_with_owner(&args.config, args.owner.as_deref()).await?.check().await
}
