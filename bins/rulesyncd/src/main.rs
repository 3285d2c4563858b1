//! `rulesyncd`: keeps rulers identical to what teams declare. A thin process around the engine: flags, logs, signals
//! and a few web pages.

mod args;
mod daemon;
mod logging;
mod web;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    logging::start(&args);
    // Whoever comes first decides; nobody else is in this process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Two threads: one can write while the other takes in events. More would only cost memory.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(daemon::run(args)),
        Err(error) => {
            tracing::error!(%error, "cannot start");
            ExitCode::FAILURE
        }
    }
}
