//! How long it takes until what became of all objects is published in the cluster, and that nothing is published twice.

use std::time::{Duration, Instant};

use crate::args::{Args, Published};
use crate::daemon::Daemon;
use crate::failure::Failure;
use crate::report::{Publication, note};

/// How long no write may have been made until there is none to come before rulers are asked how rules evaluate: more than
/// the daemon waits before it looks at what was published before.
const QUIET: Duration = Duration::from_secs(8);

/// The same once rulers have been asked, too: the daemon asks three minutes after a first write at the latest, as rulers
/// take a minute to load rules.
const QUIET_WITH_EVALUATION: Duration = Duration::from_secs(190);

const PAUSE: Duration = Duration::from_millis(200);

/// The metric of what was published.
const WRITES: &str = "rulesync_status_writes_total{";

/// Waits until every object has its RuleStatus, if all are to have one. The daemon was started at `start`, and had used
/// so much CPU when the first sync was complete.
pub(crate) async fn of_all(
    args: &Args,
    daemon: &Daemon,
    start: Instant,
    cpu_seconds: f64,
) -> Result<Option<Publication>, Failure> {
    if args.status != Published::All {
        return Ok(None);
    }
    note("publication of what became of all objects");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let all = args.objects as f64;
    while daemon.metrics().await?.sum(WRITES) < all {
        tokio::time::sleep(PAUSE).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    let cpu_seconds = daemon.cpu_seconds()? - cpu_seconds;
    let writes = quiet(args, daemon, QUIET).await?;
    Ok(Some(Publication { writes, seconds, cpu_seconds, peak_rss_mib: daemon.memory_mib("VmHWM")? }))
}

/// Waits until nothing more is published, if anything is, not even how rules evaluate that have just been written, and
/// returns the number of writes since the daemon's start.
pub(crate) async fn settled(args: &Args, daemon: &Daemon) -> Result<u64, Failure> {
    let quiet_for = if args.status == Published::All { QUIET_WITH_EVALUATION } else { QUIET };
    quiet(args, daemon, quiet_for).await
}

/// Waits until no write has been made for a while, if any are, and returns their number since the daemon's start.
async fn quiet(args: &Args, daemon: &Daemon, quiet_for: Duration) -> Result<u64, Failure> {
    let (mut last, mut since) = (0.0, Instant::now());
    while args.status != Published::Off && since.elapsed() < quiet_for {
        let metrics = daemon.metrics().await?;
        let now = metrics.sum(WRITES);
        if now > last || metrics.sum("rulesync_status_queue_length") > 0.0 {
            (last, since) = (now, Instant::now());
        }
        tokio::time::sleep(PAUSE).await;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a counter")]
    let writes = last as u64;
    Ok(writes)
}
