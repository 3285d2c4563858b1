//! The process's life: from flags to a running engine, through signals to its end.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use rulesync_config::Configuration;
use rulesync_core::{Engine, LogReporter};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::args::Args;
use crate::web::{self, Pages};

type Failure = Box<dyn std::error::Error>;

/// Runs until a signal, or until what was asked for is done.
pub(crate) async fn run(args: Args) -> ExitCode {
    match try_run(args).await {
        Ok(code) => code,
        Err(error) => {
            error!(%error, "cannot go on");
            ExitCode::FAILURE
        }
    }
}

async fn try_run(args: Args) -> Result<ExitCode, Failure> {
    let shutdown = CancellationToken::new();
    let reload = Arc::new(Notify::new());
    listen_to_signals(&shutdown, &reload)?;
    let (configuration, setup) = Configuration::load(&args.config).await?;
    let metrics = configuration.metrics().clone();
    let engine = Engine::builder(setup.owner.clone())
        .setup(setup)
        .reporter(LogReporter)
        .metrics(metrics.clone())
        .build()?;
    if args.dry_run {
        // The configuration holds embedded rulers alive.
        let plans = engine.plan(shutdown).await?;
        let mut out = std::io::stdout().lock();
        plans.iter().try_for_each(|plan| write!(out, "{plan}"))?;
        drop(configuration);
        return Ok(ExitCode::SUCCESS);
    }
    if args.once {
        let summary = engine.sync_once(shutdown).await?;
        let objects = summary.status.objects.len();
        info!(changes = summary.applied, objects, in_order = summary.succeeded(), "done");
        drop(configuration);
        return Ok(if summary.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let pages = Pages { engine: engine.handle(), registry: Arc::new(registry) };
    let listener = TcpListener::bind(args.listen_address).await.map_err(|error| {
        format!("cannot serve on {}: {error}; see --web.listen-address", args.listen_address)
    })?;
    info!(version = env!("CARGO_PKG_VERSION"), address = %listener.local_addr()?, config = %args.config.display(), "started");
    let keep = configuration.keep(engine.handle(), reload, shutdown.clone());
    let stop_serving = shutdown.clone().cancelled_owned();
    let serve = axum::serve(listener, web::router(pages)).with_graceful_shutdown(stop_serving).into_future();
    let engine = engine.run(shutdown.clone());
    // A page that somebody keeps open must not keep the process alive.
    let serve = async {
        tokio::select! {
            result = serve => result,
            () = async { shutdown.cancelled().await; tokio::time::sleep(std::time::Duration::from_secs(2)).await } => Ok(()),
        }
    };
    let (_, (), result) = tokio::join!(engine, keep, serve);
    result?;
    info!("stopped");
    Ok(ExitCode::SUCCESS)
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
