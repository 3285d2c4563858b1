//! What was measured, as a table or as JSON. The only place that prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is what this module is for")]

use std::collections::BTreeMap;

use serde::Serialize;

use crate::daemon::Requests;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) objects: usize,
    pub(crate) groups: usize,
    pub(crate) rules: usize,
    /// By phase.
    pub(crate) requests: BTreeMap<&'static str, Requests>,
    pub(crate) first_sync: FirstSync,
    /// With `--status all`.
    pub(crate) published: Option<Publication>,
    pub(crate) restart: Restart,
    pub(crate) change: Change,
    pub(crate) resync: Resync,
    pub(crate) idle: Idle,
    pub(crate) rss_mib: Memory,
    pub(crate) pages: Pages,
}

#[derive(Debug, Serialize)]
pub(crate) struct Publication {
    pub(crate) writes: u64,
    /// From the daemon's start to the last write.
    pub(crate) seconds: f64,
    /// Of the daemon, since the first sync was complete.
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_mib: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Pages {
    /// Objects of which a group was refused at the time.
    pub(crate) refused: usize,
    pub(crate) pages: Vec<Page>,
    pub(crate) readers: usize,
    /// Before clients asked who do not read.
    pub(crate) rss_mib: f64,
    /// The most while they were there.
    pub(crate) peak_rss_mib: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Page {
    pub(crate) path: &'static str,
    pub(crate) bytes: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct FirstSync {
    pub(crate) seconds: f64,
    pub(crate) bare_loop_seconds: f64,
    pub(crate) ratio: f64,
    pub(crate) cpu_seconds: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Restart {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) status_writes: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Change {
    pub(crate) requests: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resync {
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_rss_mib: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Idle {
    pub(crate) cpu_seconds_per_minute: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) idle: f64,
    pub(crate) peak: f64,
}

pub(crate) fn print(report: &Report, json: bool) {
    if json {
        match serde_json::to_string_pretty(report) {
            Ok(text) => println!("{text}"),
            Err(error) => complain(&error.to_string()),
        }
        return;
    }
    let Report {
        objects,
        groups,
        rules,
        requests,
        first_sync,
        published,
        restart,
        change,
        resync,
        idle,
        rss_mib,
        pages,
    } = report;
    println!("{objects} objects x {groups} groups x {rules} rules\n");
    println!("{:<34}{:>10}{:>10}{:>10}", "requests", "GET", "POST", "DELETE");
    for (phase, Requests { get, post, delete }) in requests {
        println!("  {phase:<32}{get:>10}{post:>10}{delete:>10}");
    }
    println!();
    let line = |name: &str, value: String| println!("{name:<44}{value:>20}");
    line("first sync", format!("{:.2} s", first_sync.seconds));
    line("  a bare loop of the same POSTs", format!("{:.2} s", first_sync.bare_loop_seconds));
    line("  ratio", format!("{:.2}", first_sync.ratio));
    line("  CPU", format!("{:.2} s", first_sync.cpu_seconds));
    if let Some(published) = published {
        line("status of all objects, since the start", format!("{:.0} s", published.seconds));
        line("  writes", published.writes.to_string());
        line("  CPU", format!("{:.2} s", published.cpu_seconds));
        line("  memory, peak so far", format!("{:.1} MiB", published.peak_rss_mib));
    }
    line("restart, nothing changed", format!("{:.2} s", restart.seconds));
    line("  writes of status", restart.status_writes.to_string());
    line("one changed rule, median", format!("{:.1} ms", change.p50_ms));
    line("one changed rule, 99th percentile", format!("{:.1} ms", change.p99_ms));
    line("resync, nothing changed, CPU", format!("{:.2} s", resync.cpu_seconds));
    line("idle, CPU a minute", format!("{:.2} s", idle.cpu_seconds_per_minute));
    line("memory, idle", format!("{:.1} MiB", rss_mib.idle));
    line("memory, peak (first sync and changes)", format!("{:.1} MiB", rss_mib.peak));
    line("memory, peak after restart and resync", format!("{:.1} MiB", resync.peak_rss_mib));
    println!("\nweb pages, {} objects refused", pages.refused);
    println!("{:<34}{:>10}{:>10}{:>10}", "", "bytes", "p50 ms", "p99 ms");
    for Page { path, bytes, p50_ms, p99_ms } in &pages.pages {
        println!("  {path:<32}{bytes:>10}{p50_ms:>10.1}{p99_ms:>10.1}");
    }
    let Pages { readers, rss_mib, peak_rss_mib, .. } = pages;
    line(&format!("memory before {readers} clients who do not read"), format!("{rss_mib:.1} MiB"));
    line("  with them, peak", format!("{peak_rss_mib:.1} MiB"));
}

pub(crate) fn complain(message: &str) {
    eprintln!("rulesync-bench: {message}");
}

pub(crate) fn note(message: &str) {
    eprintln!("rulesync-bench: {message}");
}

/// What the bare loop tells the process that started it: seconds.
pub(crate) fn answer(time: std::time::Duration) {
    println!("{}", time.as_secs_f64());
}
