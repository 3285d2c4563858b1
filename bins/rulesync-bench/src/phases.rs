//! The phases of a measurement, in order: bare loop, first sync, bare loop, publication, idle, changes, restart, resync,
//! pages.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::args::Args;
use crate::bare;
use crate::daemon::{self, Daemon};
use crate::failure::Failure;
use crate::pages;
use crate::percentile::percentile;
use crate::publication;
use crate::report::{Change, FirstSync, Idle, Memory, Report, Restart, Resync, note};
use crate::world::{MAX_IN_FLIGHT, World};

/// Long enough that no resync comes by itself.
const NEVER: &str = "1d";

pub(crate) async fn run(args: &Args) -> Result<Report, Failure> {
    let binary = daemon::binary(args.rulesyncd.as_deref())?;
    let groups = args.objects * args.groups;
    note("loading the cluster");
    let world = World::start(args).await?;
    let config = world.configure(NEVER)?;
    let mut requests = BTreeMap::new();

    // Before and after, and the mean of both counts: the speed of a shared machine changes within seconds, and the
    // servers are warmer the second time.
    note("a bare loop");
    let [before, after] = world.bare_tenants();
    let bare_before = bare::run(args, &world.ruler_url(), before, MAX_IN_FLIGHT).await?.as_secs_f64();

    note("first sync");
    let start = Instant::now();
    let mut daemon = Daemon::start(&binary, &config)?;
    daemon.in_order(groups, Duration::from_millis(20)).await?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu_seconds = daemon.cpu_seconds()?;
    let synced = daemon.requests().await?;
    requests.insert("1 first sync", synced);

    note("the bare loop again");
    let bare_after = bare::run(args, &world.ruler_url(), after, MAX_IN_FLIGHT).await?.as_secs_f64();
    let bare = f64::midpoint(bare_before, bare_after);
    let first_sync = FirstSync { seconds, bare_loop_seconds: bare, ratio: seconds / bare, cpu_seconds };

    let published = publication::of_all(args, &daemon, start, cpu_seconds).await?;

    note("idle");
    let idle_for = Duration::from_secs(args.idle_seconds);
    let cpu = daemon.cpu_seconds()?;
    tokio::time::sleep(idle_for).await;
    let idle = Idle { cpu_seconds_per_minute: (daemon.cpu_seconds()? - cpu) * 60.0 / idle_for.as_secs_f64() };
    let idle_rss = daemon.memory_mib("VmRSS")?;

    note("single changes");
    let mut times = Vec::with_capacity(args.changes);
    for change in 0..args.changes {
        times.push(world.change(change % args.objects, change + 2).await?.as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    // The ruler has seen the last change; the daemon must have had its answer, too.
    daemon.in_order(groups, Duration::from_millis(20)).await?;
    let changed = daemon.requests().await?.since(synced);
    requests.insert("2 changes", changed);
    // What the changes have made of the objects is published before the restart, which is to write nothing.
    publication::settled(args, &daemon).await?;
    let change =
        Change { requests: changed.total(), p50_ms: percentile(&times, 50), p99_ms: percentile(&times, 99) };
    let rss_mib = Memory { idle: idle_rss, peak: daemon.memory_mib("VmHWM")? };

    note("restart");
    daemon.stop().await?;
    let start = Instant::now();
    let mut daemon = Daemon::start(&binary, &config)?;
    daemon.in_order(groups, Duration::from_millis(20)).await?;
    let seconds = start.elapsed().as_secs_f64();
    let restarted = daemon.requests().await?;
    requests.insert("3 restart", restarted);
    let status_writes = publication::settled(args, &daemon).await?;
    let restart = Restart { requests: restarted.total(), seconds, status_writes };

    note("resync");
    let cpu = daemon.cpu_seconds()?;
    world.configure("1s")?;
    while daemon.requests().await?.since(restarted).get == 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    world.configure(NEVER)?;
    // The new interval is taken over within two seconds; resyncs on the way are counted.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let resynced = daemon.requests().await?.since(restarted);
    requests.insert("4 resync", resynced);
    #[expect(clippy::cast_precision_loss, reason = "a handful of requests")]
    let lists = resynced.get as f64;
    let resync = Resync {
        cpu_seconds: (daemon.cpu_seconds()? - cpu) / lists,
        peak_rss_mib: daemon.memory_mib("VmHWM")?,
    };

    note("web pages");
    world.refuse(args.refused.min(args.objects)).await?;
    let pages = pages::measure(args, &daemon).await?;
    daemon.stop().await?;
    world.clean_up().await?;
    Ok(Report {
        objects: args.objects,
        groups: args.groups,
        rules: args.rules,
        requests,
        first_sync,
        published,
        restart,
        change,
        resync,
        idle,
        rss_mib,
        pages,
    })
}
