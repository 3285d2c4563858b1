//! `man`: the manual pages, for packagers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;

use crate::failure::Failure;

/// Write the manual pages to a directory: `rulesync.1` and one for each verb.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory, which is created if it does not exist.
    directory: PathBuf,
}

pub(crate) fn run(args: Args, command: Command) -> Result<ExitCode, Failure> {
    write(&args.directory, command).map_err(|error| Failure::write(&args.directory, error))?;
    Ok(ExitCode::SUCCESS)
}

fn write(directory: &Path, command: Command) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), directory)
}
