//! The simulation: random histories in virtual time, each judged against a plain model of its outcome.
//!
//! At every step: no foreign group is touched, nothing is written without leadership, through a connection that has
//! been replaced or under another cluster's claim, and no declared group goes missing, wherever it moves and whatever
//! hides it. At the end, when all faults are over: rulers hold what is declared, and no process has work left.
//!
//! `RULESYNC_SIM_SEED=123` runs one history, `RULESYNC_SIM_SEEDS=100000` that many, starting at `RULESYNC_SIM_FIRST`. A
//! history that fails is shortened before it is printed.

mod cluster;
mod connection;
mod history;
mod judge;
mod names;
mod play;
mod process;
mod ruler;
mod watcher;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use history::History;
use play::Sim;
use ruler::BAD;

/// The default number of histories.
const SEEDS: u64 = 2_000;

#[test]
fn simulation_histories_end_as_they_should() {
    if let Some(seed) = number("RULESYNC_SIM_SEED") {
        return check(seed);
    }
    let first = number("RULESYNC_SIM_FIRST").unwrap_or(0);
    let seeds = first + number("RULESYNC_SIM_SEEDS").unwrap_or(SEEDS);
    let next = Arc::new(AtomicU64::new(first));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let next = Arc::clone(&next);
            std::thread::spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    check(seed);
                }
            })
        })
        .collect();
    for worker in workers {
        if let Err(panic) = worker.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs the history of a seed; if it fails, finds a short one that fails too.
fn check(seed: u64) {
    let mut history = History::of(seed);
    let Err(mut wrong) = run(&history) else { return };
    let mut index = 0;
    while index < history.events.len() {
        let mut shorter = history.clone();
        shorter.events.remove(index);
        match run(&shorter) {
            Err(still) => (history, wrong) = (shorter, still),
            Ok(()) => index += 1,
        }
    }
    let events: Vec<String> = history.events.iter().map(|event| format!("  {event:?}")).collect();
    panic!(
        "RULESYNC_SIM_SEED={seed}, a ruler that is {:?}, tenants {:?}, named {:?}{}{}:\n{}\n{wrong}",
        history.habit,
        history.tenants,
        history.first,
        if history.claims { ", claimed" } else { "" },
        if history.alone { ", alone" } else { "" },
        events.join("\n")
    );
}

/// Runs a history to its end.
fn run(history: &History) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // The engine's own jitter comes from this thread's generator.
    fastrand::seed(history.seed);
    runtime.block_on(async {
        let mut sim = Sim::new(history);
        for event in &history.events {
            sim.play(event).await;
            sim.check_states().await?;
        }
        sim.settle().await
    })
}

/// Returns whether an expression is refused, locally or by the ruler.
fn is_bad(expr: &str) -> bool {
    expr.is_empty() || expr.contains(BAD)
}
