//! `completion`: what shells complete the command line with.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use super::print;
use crate::cli::Cli;
use crate::failure::Failure;

/// Print the completion script of a shell.
///
/// For bash, for example: `rulesync completion bash > /etc/bash_completion.d/rulesync`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: Args) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rulesync", &mut script);
    print(&String::from_utf8_lossy(&script))
}
