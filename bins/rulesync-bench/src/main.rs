//! `rulesync-bench`: measures the real `rulesyncd` as a child process, against the testkit's servers or given ones.
//!
//! It measures what a user would: requests, seconds, CPU time and memory of the daemon's process. The bare loop that a
//! first sync is compared with sends the same bodies at the same concurrency in the same run.

mod bare;
mod daemon;
mod objects;
mod phases;
mod report;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Measures rulesyncd.
#[derive(Debug, Clone, Parser)]
struct Args {
    /// How many PrometheusRules.
    #[arg(long, default_value_t = 10_000)]
    objects: usize,
    /// How many groups each has.
    #[arg(long, default_value_t = 3)]
    groups: usize,
    /// How many rules each group has.
    #[arg(long, default_value_t = 3)]
    rules: usize,
    /// Over how many tenants they are spread, which the objects claim by a label if there are several.
    #[arg(long, default_value_t = 1)]
    tenants: usize,
    /// How long the testkit's ruler waits before it answers.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,
    /// A real Mimir's base URL, in place of the testkit's. Tenants of the run's own are used and emptied.
    #[arg(long)]
    mimir: Option<String>,
    /// A real cluster's kubeconfig, in place of the testkit's. A Kubernetes namespace of the run's own is used and
    /// deleted.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
    /// How many single changes are timed.
    #[arg(long, default_value_t = 300)]
    changes: usize,
    /// How long the idle daemon is watched.
    #[arg(long, default_value_t = 20)]
    idle_seconds: u64,
    /// The daemon's binary; built beside this one if absent.
    #[arg(long)]
    rulesyncd: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

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
