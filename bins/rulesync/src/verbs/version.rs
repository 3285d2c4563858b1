//! `version`: of the program, for people and for scripts.

use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::json;

use crate::failure::Failure;
use crate::stdout::print;

/// Print the version.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The format.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

/// A format of the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One line, as `rulesync --version` prints it.
    Text,
    /// An object with `version`.
    Json,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    match args.output {
        Format::Text => print(&format!("rulesync {VERSION}\n")),
        Format::Json => print(&format!("{}\n", json!({ "version": VERSION }))),
    }
}
