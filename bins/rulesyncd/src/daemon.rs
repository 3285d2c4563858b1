//! The process's life: from flags to a running engine, through signals to its end.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rulesync_config::{Configuration, LeaseElection, Lifetime, Process};
use rulesync_core::{
    DestinationState, DestinationStatus, DryRun, Engine, Leadership, LogReporter, Metrics, Summary,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::args::Args;
use crate::ask::Asking;
use crate::printable::Printable;
use crate::serve::{Limits, Server};
use crate::web::{self, Pages};

type Failure = Box<dyn std::error::Error>;

/// How long requests to the pages may go on after a shutdown was asked for: a page that somebody keeps open must not
/// keep the process alive.
const PAGES_GRACE: Duration = Duration::from_secs(2);

/// Runs until a signal, or until what was asked for is done.
pub(crate) async fn run(args: Args) -> ExitCode {
    match try_run(args).await {
        Ok(code) => code,
        Err(error) => {
            error!(%error, "Cannot go on");
            ExitCode::FAILURE
        }
    }
}

async fn try_run(args: Args) -> Result<ExitCode, Failure> {
    let shutdown = CancellationToken::new();
    let reload = Arc::new(Notify::new());
    listen_to_signals(&shutdown, &reload)?;
    let lifetime = match args {
        Args { dry_run: true, .. } => Lifetime::Plan,
        Args { once: true, .. } => Lifetime::Once,
        _ => Lifetime::Daemon,
    };
    let loading = Configuration::load(&args.config, lifetime);
    let Some(loaded) = shutdown.run_until_cancelled(loading).await else {
        info!("Stopped before the configuration was loaded");
        return Ok(ExitCode::SUCCESS);
    };
    let (mut configuration, mut setup) = loaded?;
    setup.policy.timeout = Duration::from_millis(args.timeout.as_millis());
    let metrics = configuration.metrics().clone();
    let process = configuration.take_process();
    let mut engine = Engine::builder(setup.namespace_policy.owner.clone())
        .setup(setup)
        .reporter(LogReporter)
        .metrics(metrics.clone())
        .release_deletes(args.release_deletes);
    let mut election = None;
    if let Some(Process { inventory, installation, leadership, election: ours, .. }) = process {
        if let Some(installation) = installation {
            engine = engine.installation(installation);
        }
        if let Some(inventory) = inventory {
            engine = engine.shared_inventory(inventory);
        }
        // A dry run writes nothing, and so need not be elected.
        if !args.dry_run {
            engine = engine.leadership(leadership.clone());
            election = ours.map(|election| (election, leadership));
        }
    }
    let engine = engine.build()?;
    let elected = Elected::start(election, &metrics);
    if args.dry_run {
        // The configuration holds embedded rulers alive.
        let dry_run = engine.plan(shutdown.cancelled_owned()).await?;
        print(&dry_run, &mut std::io::stdout().lock())?;
        drop(configuration);
        return Ok(if dry_run.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if args.once {
        let summary = engine.sync_once(shutdown.cancelled_owned()).await;
        elected.end().await;
        let summary = summary?;
        tell_what_is_not_done(&summary);
        let objects = summary.status.objects.len();
        info!(changes = summary.applied, objects, in_order = summary.succeeded(), "Done");
        drop(configuration);
        return Ok(if summary.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let pages = Pages::new(Asking::new(engine.handle()), metrics, args.enable_admin_api);
    let server = Server::start(args.listen_address, web::router(pages), Limits::default());
    let mut server = server.map_err(|error| {
        format!("cannot serve on {}: {error}; see --web.listen-address", args.listen_address)
    })?;
    info!(version = env!("CARGO_PKG_VERSION"), address = %server.address(), config = %args.config.display(), "Started");
    let keep = configuration.keep(engine.handle(), reload, shutdown.clone());
    let engine = engine.run(shutdown.clone().cancelled_owned());
    let engine = async {
        engine.await;
        // Nothing is written any more: another may.
        elected.end().await;
    };
    let time_over = async {
        shutdown.cancelled().await;
        Instant::now() + PAGES_GRACE
    };
    // The pages are there until the engine has ended, and tell how it ends; without them it ends, too.
    let serve = async {
        tokio::select! {
            error = server.failed() => {
                shutdown.cancel();
                Err(format!("the web pages are not served any more: {error}"))
            }
            cut = time_over => Ok(cut),
        }
    };
    let ((), _configuration, served) = tokio::join!(engine, keep, serve);
    server.stop(served?).await;
    info!("Stopped");
    Ok(ExitCode::SUCCESS)
}

/// Prints what would be done, and keeps each change on its line: their names are by authors.
fn print(dry_run: &DryRun, out: &mut impl Write) -> std::io::Result<()> {
    for plan in &dry_run.plans {
        writeln!(out, "{}", Printable(format_args!("{}: {} changes", plan.destination, plan.changes.len())))?;
        plan.lines().try_for_each(|line| writeln!(out, "  {}", Printable(line)))?;
    }
    dry_run.refusals.iter().try_for_each(|refusal| writeln!(out, "{}", Printable(refusal)))
}

/// Tells what a one-shot run has left undone, and why.
fn tell_what_is_not_done(summary: &Summary) {
    for destination in
        summary.status.destinations.iter().filter(|destination| destination.state != DestinationState::InSync)
    {
        let DestinationStatus { ruler, tenant, state, pending, held, error, .. } = destination;
        warn!(ruler, tenant, ?state, pending, held, error, "Not in order");
    }
    for destination in &summary.unrouted {
        warn!(
            destination,
            "No route leads here, and rules of this owner may be left: only a running daemon deletes them, after the \
             delete guard's window"
        );
    }
}

/// The election this process stands for, if it does.
struct Elected {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Elected {
    fn start(election: Option<(LeaseElection, Leadership)>, metrics: &Metrics) -> Self {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        if let Some((election, leadership)) = election {
            tasks.spawn(election.run(stop.clone()));
            let (metrics, stop) = (metrics.clone(), stop.clone());
            tasks.spawn(async move {
                loop {
                    metrics.set_leader(leadership.is_leader());
                    let changed = async {
                        if leadership.is_leader() {
                            leadership.lost().await
                        } else {
                            leadership.leading().await
                        }
                    };
                    if stop.run_until_cancelled(changed).await.is_none() {
                        return;
                    }
                }
            });
        }
        Self { stop, tasks }
    }

    /// Gives the lease back.
    async fn end(self) {
        let Self { stop, tasks } = self;
        stop.cancel();
        tasks.join_all().await;
    }
}

/// SIGTERM and SIGINT end the process, SIGHUP reads the configuration again.
fn listen_to_signals(shutdown: &CancellationToken, reload: &Arc<Notify>) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let (shutdown, reload) = (shutdown.clone(), Arc::clone(reload));
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => shutdown.cancel(),
                _ = interrupt.recv() => shutdown.cancel(),
                _ = hangup.recv() => reload.notify_one(),
            }
        }
    });
    Ok(())
}
