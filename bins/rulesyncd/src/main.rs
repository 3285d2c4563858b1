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

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    logging::start(&args);
    // Whoever comes first decides; nobody else is in this process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One thread: the work is waiting for others, and handing it from thread to thread costs a third more CPU and a
    // memory arena for each. The pages have a second one, so that they answer while this one is busy.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(daemon::run(args)),
        Err(error) => {
            tracing::error!(%error, "cannot start");
            ExitCode::FAILURE
        }
    }
}
