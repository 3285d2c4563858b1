//! The verbs, one a file: each has its `Args`, and a `run` that does it.

mod completion;
mod config_check;
mod config_schema;
mod crds;
mod man;
mod version;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Subcommand;

use crate::failure::Failure;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Check a configuration, or print its schema.
    #[command(subcommand)]
    Config(ConfigVerb),
    Crds(crds::Args),
    Completion(completion::Args),
    #[command(hide = true)]
    Man(man::Args),
    Version(version::Args),
}

/// What to do with a configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    Check(config_check::Args),
    Schema(config_schema::Args),
}

impl Verb {
    /// Does what was asked for, and returns the exit code for what came of it.
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Config(ConfigVerb::Check(args)) => config_check::run(args).await,
            Self::Config(ConfigVerb::Schema(args)) => config_schema::run(args),
            Self::Crds(args) => crds::run(args),
            Self::Completion(args) => completion::run(args),
            Self::Man(args) => man::run(args),
            Self::Version(args) => version::run(args),
        }
    }
}

/// Prints a text as it is, without styles.
fn print(text: &str) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)?;
    Ok(ExitCode::SUCCESS)
}
