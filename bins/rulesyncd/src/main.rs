//! `rulesyncd`: keeps rulers identical to what teams declare. A thin process around the engine: flags, logs, signals
//! and a few web pages.

mod args;
mod ask;
mod daemon;
mod logging;
mod origin;
mod printable;
mod serve;
mod web;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// How long the end of the process waits for what is blocked in the system, such as reading from a file system that
/// hangs. It has been given up long since.
const BLOCKED_GRACE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let args = args::Args::parse();
    logging::start(&args);
    // Whoever comes first decides; nobody else is in this process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One thread: the work is waiting for others, and handing it from thread to thread costs a third more CPU and a
    // memory arena for each. The pages have a second one, so that they answer while this one is busy.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(daemon::run(args));
            runtime.shutdown_timeout(BLOCKED_GRACE);
            code
        }
        Err(error) => {
            tracing::error!(%error, "Cannot start");
            ExitCode::FAILURE
        }
    }
}
