//! `rulesyncd`: keeps rulers identical to what teams declare. A thin process around the engine: flags, logs, signals
//! and a few web pages.

mod access;
mod api;
mod args;
mod ask;
mod check;
mod context;
mod daemon;
mod headers;
mod location;
mod log_format;
mod logging;
mod origin;
mod pages;
mod question;
mod route_prefix;
mod serve;
mod tls;
mod token;
mod turns;
mod view;
mod web;
mod web_config;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// How long the end of the process waits for threads that are blocked in the system, such as by a file system that does not
/// answer. Their results are not needed any more.
const BLOCKED_GRACE: Duration = Duration::from_secs(1);

/// The exit code for wrong flags, `EX_USAGE` of sysexits.h. Not 2, which tools use for "there are differences".
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Nothing is left to do if the output is closed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    logging::start(&args);
    // The first installation counts, and this is the only one in the process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One thread: the work is waiting for others, and handing it from thread to thread costs a third more CPU and a
    // memory arena for each. The pages have a second one, so that they answer while this one is busy.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(async {
                if args.check_config { check::run(&args).await } else { daemon::run(args).await }
            });
            runtime.shutdown_timeout(BLOCKED_GRACE);
            code
        }
        Err(error) => {
            tracing::error!(%error, "Startup failed");
            ExitCode::FAILURE
        }
    }
}
