//! `config schema`: what editors complete and check a configuration with.

use std::process::ExitCode;

use clap::ValueEnum;
use rulesync_config::reference;

use crate::failure::Failure;
use crate::stdout::print;

/// Print the JSON Schema of the configuration, or its reference.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The format.
    #[arg(short, long, value_name = "FORMAT", default_value = "json")]
    output: Format,
}

/// A format of the description of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// JSON Schema, draft 7.
    Json,
    /// The reference, for people.
    Markdown,
}

pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    match args.output {
        Format::Json => print(&reference::schema()),
        Format::Markdown => print(&reference::page()),
    }
}
