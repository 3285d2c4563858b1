//! `rulesync-bench`: measures the real `rulesyncd` as a child process, against the testkit's servers or given ones.
//!
//! It measures what a user would: requests, seconds, CPU time and memory of the daemon's process. The bare loop that a
//! first sync is compared with sends the same bodies at the same concurrency in the same run.

mod args;
mod bare;
mod daemon;
mod failure;
mod objects;
mod pages;
mod percentile;
mod phases;
mod publication;
mod report;
mod world;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;

#[tokio::main]
async fn main() -> ExitCode {
    let _ = rustls::crypto::ring::default_provider().install_default();
    if std::env::args().nth(1).as_deref() == Some(bare::WORD) {
        return be_the_bare_loop(&bare::Loop::parse_from(std::env::args().skip(1))).await;
    }
    let args = Args::parse();
    match phases::run(&args).await {
        Ok(report) => {
            report::print(&report, args.json);
            ExitCode::SUCCESS
        }
        Err(error) => {
            report::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

async fn be_the_bare_loop(order: &bare::Loop) -> ExitCode {
    match bare::send(order).await {
        Ok(time) => {
            report::answer(time);
            ExitCode::SUCCESS
        }
        Err(error) => {
            report::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
