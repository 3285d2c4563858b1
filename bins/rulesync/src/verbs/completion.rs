//! `completion`: what shells complete the command line with.

use std::process::ExitCode;

use clap::Command;
use clap_complete::Shell;

use crate::failure::Failure;
use crate::stdout::print;

/// Print the completion script of a shell.
///
/// For bash, for example: `rulesync completion bash > /etc/bash_completion.d/rulesync`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: Args, command: &mut Command) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "rulesync", &mut script);
    print(&String::from_utf8_lossy(&script))
}
