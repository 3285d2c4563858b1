//! The bare loop: the same bodies as a first sync, sent by nothing but a client at the same concurrency.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::{Args, Failure, objects};

/// How long it takes to send every group of every object to a tenant.
pub(crate) async fn run(
    args: &Args,
    base: &str,
    tenant: &str,
    concurrency: usize,
) -> Result<Duration, Failure> {
    let mut requests = Vec::with_capacity(args.objects * args.groups);
    for number in 0..args.objects {
        let url = format!("{base}/prometheus/config/v1/rules/{}", objects::namespace(number));
        for group in objects::converted(number, args.groups, args.rules) {
            requests.push((url.clone(), rulesync_http::encode_group(&group)?));
        }
    }
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let client = reqwest::Client::builder().no_proxy().build()?;
    let start = Instant::now();
    let workers: Vec<_> = (0..concurrency)
        .map(|_| {
            let (requests, next, client, tenant) =
                (Arc::clone(&requests), Arc::clone(&next), client.clone(), tenant.to_owned());
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
