//! The web pages: how long they take, how long they are, and what clients who do not read their answers cost.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::args::Args;
use crate::daemon::Daemon;
use crate::failure::Failure;
use crate::percentile::percentile;
use crate::report::{Page, Pages};

/// The pages that show something of all objects. One of them finds nothing, and has to look at every object for that.
const PATHS: [&str; 7] = [
    "/",
    "/objects",
    "/objects?state=problem&page=5",
    "/objects?q=no-object-has-this-name",
    "/destinations",
    "/api/v1/objects?limit=100",
    "/metrics",
];

/// How often each is asked for.
const TIMES: usize = 100;

/// What clients ask for who do not read: the longest answers there are.
const UNREAD: [&str; 4] = ["/api/v1/status", "/objects", "/", "/metrics"];

/// How long they are watched: as long as a client may read nothing, and a little more.
const WATCHED: Duration = Duration::from_secs(12);

const PAUSE: Duration = Duration::from_millis(50);

/// Measures the pages once the objects that are to be refused are.
pub(crate) async fn measure(args: &Args, daemon: &Daemon) -> Result<Pages, Failure> {
    let refused = args.refused.min(args.objects);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let all = refused as f64;
    while daemon.metrics().await?.sum("rulesync_problem_objects") < all {
        tokio::time::sleep(PAUSE).await;
    }
    let mut pages = Vec::with_capacity(PATHS.len());
    for path in PATHS {
        let (mut times, mut bytes) = (Vec::with_capacity(TIMES), 0);
        for _ in 0..TIMES {
            let start = Instant::now();
            bytes = daemon.page(path).await?.len().max(bytes);
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        pages.push(Page { path, bytes, p50_ms: percentile(&times, 50), p99_ms: percentile(&times, 99) });
    }
    let rss_mib = daemon.memory_mib("VmRSS")?;
    let mut clients = Vec::with_capacity(args.readers);
    for number in 0..args.readers {
        clients.push(unread(&daemon.address()?, UNREAD[number % UNREAD.len()]).await?);
    }
    let (start, mut peak_rss_mib) = (Instant::now(), rss_mib);
    while start.elapsed() < WATCHED {
        tokio::time::sleep(PAUSE).await;
        peak_rss_mib = peak_rss_mib.max(daemon.memory_mib("VmRSS")?);
    }
    drop(clients);
    Ok(Pages { refused, pages, readers: args.readers, rss_mib, peak_rss_mib })
}

/// A client that asks and does not read.
async fn unread(address: &str, path: &str) -> Result<TcpStream, Failure> {
    let mut client = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\n\r\n");
    client.write_all(request.as_bytes()).await?;
    Ok(client)
}
