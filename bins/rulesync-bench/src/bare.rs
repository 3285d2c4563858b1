//! The bare loop: the same bodies as a first sync, sent by nothing but a client at the same concurrency.
//!
//! It runs in a process of its own, as the daemon does. In the servers' process a request would be answered by the
//! thread that sent it, without a switch between processes, and no client of a real ruler has that.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use rulesync_core::EncodedGroup;

use crate::args::Args;
use crate::failure::Failure;
use crate::objects;

/// What the child process is told, after the word [`WORD`].
#[derive(Debug, Clone, Parser)]
pub(crate) struct Loop {
    #[arg(long)]
    base: String,
    #[arg(long)]
    tenant: String,
    #[arg(long)]
    concurrency: usize,
    #[arg(long)]
    objects: usize,
    #[arg(long)]
    groups: usize,
    #[arg(long)]
    rules: usize,
}

/// The first argument of a process that is to be the bare loop.
pub(crate) const WORD: &str = "bare-loop";

/// How long it takes a process of its own to send every group of every object to a tenant.
pub(crate) async fn run(
    args: &Args,
    base: &str,
    tenant: &str,
    concurrency: usize,
) -> Result<Duration, Failure> {
    let numbers = [
        ("--concurrency", concurrency),
        ("--objects", args.objects),
        ("--groups", args.groups),
        ("--rules", args.rules),
    ];
    let mut command = std::process::Command::new(own_binary()?);
    command.args([WORD, "--base", base, "--tenant", tenant]);
    for (flag, number) in numbers {
        command.arg(flag).arg(number.to_string());
    }
    let child = command.stdout(Stdio::piped()).spawn()?;
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    let text = String::from_utf8(output.stdout)?;
    if !output.status.success() {
        return Err(format!("the bare loop ended with {}", output.status).into());
    }
    Ok(Duration::from_secs_f64(text.trim().parse()?))
}

fn own_binary() -> Result<std::path::PathBuf, Failure> {
    // The file this process runs from, even if a build has replaced it in the meantime.
    let running = Path::new("/proc/self/exe");
    Ok(if running.exists() { running.to_owned() } else { std::env::current_exe()? })
}

/// Sends, in the child process. Only the sending is timed.
pub(crate) async fn send(order: &Loop) -> Result<Duration, Failure> {
    let mut requests = Vec::with_capacity(order.objects * order.groups);
    for number in 0..order.objects {
        let url = format!("{}/prometheus/config/v1/rules/{}", order.base, objects::namespace(number));
        for group in objects::converted(number, order.groups, order.rules) {
            requests.push((url.clone(), EncodedGroup::of(&group)?.json().to_owned()));
        }
    }
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let client = reqwest::Client::builder().no_proxy().build()?;
    let start = Instant::now();
    let workers: Vec<_> = (0..order.concurrency)
        .map(|_| {
            let (requests, next, client, tenant) =
                (Arc::clone(&requests), Arc::clone(&next), client.clone(), order.tenant.clone());
            tokio::spawn(async move {
                while let Some((url, body)) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let request = client.post(url).header("X-Scope-OrgID", &tenant);
                    let answer =
                        request.header("Content-Type", "application/yaml").body(body.clone()).send().await?;
                    if !answer.status().is_success() {
                        return Err(Failure::from(format!("{url}: {}", answer.text().await?)));
                    }
                    answer.bytes().await?;
                }
                Ok(())
            })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    Ok(start.elapsed())
}
