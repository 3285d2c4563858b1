//! `rulesync`: checks rules, shows what would change in rulers, and brings them in order. A thin front of the crates:
//! flags, files and formats.

mod changes;
mod cli;
mod connection;
mod directory;
mod export;
mod failure;
mod input;
mod interrupt;
mod judge;
mod log;
mod output;
mod progress;
mod question;
mod report;
mod rule_files;
mod stdout;
mod sync_report;
mod table;
mod terminal;
mod verbs;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::cli::Cli;
use crate::failure::{Failure, USAGE};
use crate::terminal::Color;

/// How long the end of the process waits for threads that are blocked in the system, such as by a file system that does not
/// answer. Their results are not needed any more.
const BLOCKED_GRACE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // What is wrong with the arguments is told in the same colors.
    Color::among(std::env::args_os()).apply();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to do if the output is closed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    cli.color.apply();
    log::start();
    // The first installation counts, and this is the only one in the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    run(cli).unwrap_or_else(|failure| failure.report())
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    // One thread: the work is waiting for others.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    let result = runtime.block_on(cli.run());
    runtime.shutdown_timeout(BLOCKED_GRACE);
    result
}
