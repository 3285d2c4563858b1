//! The process's life: from flags to a running engine, through signals to its end.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rulesync_config::{App, Config, ConfigErrors, Lifetime, Options};
use rulesync_core::engine::LogReporter;
use rulesync_core::finding::Printable;
use rulesync_core::plan::DryRun;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::access::Access;
use crate::args::Args;
use crate::context::Context;
use crate::location::Location;
use crate::serve::{Limits, Server};
use crate::token::Token;
use crate::web;
use crate::web_config::WebConfigFile;

type Failure = Box<dyn std::error::Error>;

/// How long requests to the pages may go on after a shutdown was requested, so that a page that somebody keeps open does
/// not keep the process alive.
const PAGES_GRACE: Duration = Duration::from_secs(2);

/// Runs until a signal, or until a one-shot run is done.
pub(crate) async fn run(args: Args) -> ExitCode {
    match try_run(args).await {
        Ok(code) => code,
        Err(error) => {
            match error.downcast_ref::<ConfigErrors>() {
                Some(errors) => errors.log("Configuration invalid"),
                None => error!(%error, "Stopped by an error"),
            }
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
    let options = Options::new(lifetime)
        .reporter(LogReporter)
        .timeout(Duration::from_millis(args.timeout.as_millis()))
        .release_deletes(args.release_deletes);
    let Some(app) = shutdown.run_until_cancelled(load(&args, options)).await else {
        info!("Stopped before the configuration was loaded");
        return Ok(ExitCode::SUCCESS);
    };
    let app = app?;
    match lifetime {
        Lifetime::Plan => {
            let plan = app.plan(shutdown.cancelled_owned()).await?;
            print(&plan, &mut std::io::stdout().lock())?;
            Ok(if plan.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Lifetime::Once => {
            let summary = app.once(shutdown.cancelled_owned()).await?;
            summary.log_unfinished();
            let objects = summary.status.objects.len();
            info!(changes = summary.applied, objects, in_sync = summary.succeeded(), "Sync finished");
            Ok(if summary.succeeded() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Lifetime::Daemon => serve(app, &args, reload, shutdown).await,
    }
}

async fn load(args: &Args, options: Options) -> Result<App, ConfigErrors> {
    Config::read_with_owner(&args.config, args.owner.as_deref()).await?.validate()?.build(options).await
}

/// Runs the engine and the pages until a signal.
async fn serve(
    app: App,
    args: &Args,
    reload: Arc<Notify>,
    shutdown: CancellationToken,
) -> Result<ExitCode, Failure> {
    let location = Location::new(args.external_url.clone(), args.route_prefix.clone());
    let prefix = location.route_prefix().clone();
    let token = Token::random().ok_or("the system has no random numbers")?;
    let context = Context::new(&app, args.enable_admin_api, token, location, shutdown.clone());
    let (router, tls) = match &args.web_config {
        Some(path) => {
            let file = WebConfigFile::read(path, args.health_unauthenticated).await?;
            let access = Access::new(file.versions(), &prefix, args.health_unauthenticated)?;
            let tls = file.tls();
            tokio::spawn(file.follow(shutdown.clone()));
            (access.guard(web::router(context)), tls)
        }
        None => (web::router(context), None),
    };
    let is_encrypted = tls.is_some();
    let server = Server::start(args.listen_address, router, Limits::default(), tls);
    let mut server = server.map_err(|error| {
        format!("cannot serve on {}: {error}; see --web.listen-address", args.listen_address)
    })?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %server.address(),
        tls = is_encrypted,
        file = %args.config.display(),
        "Started"
    );
    let engine = app.run(reload, shutdown.clone().cancelled_owned());
    let time_over = async {
        shutdown.cancelled().await;
        Instant::now() + PAGES_GRACE
    };
    // The pages are served until the engine has ended, and show how it ends. Without them the engine ends, too.
    let serve = async {
        tokio::select! {
            error = server.failed() => {
                shutdown.cancel();
                Err(format!("the web server failed: {error}"))
            }
            deadline = time_over => Ok(deadline),
        }
    };
    let ((), served) = tokio::join!(engine, serve);
    server.stop(served?).await;
    info!("Stopped");
    Ok(ExitCode::SUCCESS)
}

/// Prints the changes of a plan, one a line: the names in it are chosen by authors.
fn print(plan: &DryRun, out: &mut impl Write) -> std::io::Result<()> {
    for plan in &plan.plans {
        writeln!(out, "{}", Printable(format_args!("{}: {} changes", plan.destination, plan.changes.len())))?;
        plan.lines().try_for_each(|line| writeln!(out, "  {}", Printable(line)))?;
    }
    plan.refusals.iter().try_for_each(|refusal| writeln!(out, "{}", Printable(refusal)))
}

/// Ends the process on SIGTERM and SIGINT, and reloads the configuration on SIGHUP.
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
