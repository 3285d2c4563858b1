//! `rulesyncd`: keeps rulers identical to what teams declare. A thin process around the engine: flags, logs, signals
//! and a few web pages.

mod args;
mod daemon;
mod logging;
mod web;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// How long access to files that is under way may take at the end of the process.
const LAST_ACCESS: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let args = args::Args::parse();
    logging::start(&args);
    // Whoever comes first decides; nobody else is in this process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One thread: the work is waiting for others, and handing it from thread to thread costs a third more CPU and a
    // memory arena for each.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(daemon::run(args));
            // A thread that waits for a file system may never come back.
            runtime.shutdown_timeout(LAST_ACCESS);
            code
        }
        Err(error) => {
            tracing::error!(%error, "cannot start");
            ExitCode::FAILURE
        }
    }
}
