//! Leader election on a `coordination.k8s.io` Lease: one process writes, others stand by.
//!
//! Written here because no crate on the registry stops leading when the API server is away. The rules are in
//! `election`, the requests in `kubernetes`; this is the loop between them.
//!
//! The ruler API has no fencing token: a request that was sent in time may arrive late. Every write is idempotent and
//! only ever concerns what is ours, so a late one does no more harm than drift, which is repaired.

mod api;
mod election;
mod kubernetes;
mod settings;

use std::time::Duration;

use rulesync_core::engine::{Leadership, LeadershipHandle};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use api::{LeaseApi, PutError};
use election::{Election, Step};
pub use kubernetes::KubernetesLease;
pub use settings::{LeaseError, LeaseSettings};

/// A candidate, and its way to the handle.
#[derive(Debug)]
pub struct LeaseElection {
    api: KubernetesLease,
    settings: LeaseSettings,
    handle: LeadershipHandle,
}

impl LeaseElection {
    /// A candidate, and what it is to be asked before every write.
    ///
    /// # Errors
    ///
    /// [`LeaseError`] if the times make no safe election.
    pub fn new(api: KubernetesLease, settings: LeaseSettings) -> Result<(Self, Leadership), LeaseError> {
        settings.validate()?;
        let (handle, leadership) = Leadership::elected();
        Ok((Self { api, settings, handle }, leadership))
    }

    /// Stands for election until `shutdown`, and then gives the lease back, so that another can take over at once.
    /// Nothing may be written any more by then.
    pub async fn run(self, shutdown: CancellationToken) {
        run_election(&self.api, &self.settings, &self.handle, shutdown).await;
    }
}

/// The loop: look, decide, write, wait.
async fn run_election(
    api: &dyn LeaseApi,
    settings: &LeaseSettings,
    handle: &LeadershipHandle,
    shutdown: CancellationToken,
) {
    let mut election = Election::new(settings);
    let mut log = ElectionLog::default();
    loop {
        let turn = turn(api, settings, &mut election, handle, &mut log);
        let Some(pause) = shutdown.run_until_cancelled(turn).await else { break };
        if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            break;
        }
    }
    handle.step_down();
    if let Some((version, transitions)) = election.to_renew() {
        let release = api.put("", transitions, Some(version));
        match tokio::time::timeout(settings.retry_period, release).await {
            Ok(Ok(_)) => info!(lease = settings.name, "Lease given back"),
            Ok(Err(error)) => debug!(?error, "Lease was not given back"),
            Err(_) => debug!("Lease was not given back in time"),
        }
    }
}

/// One look at the lease, and what follows from it; the answer is how long to wait.
async fn turn(
    api: &dyn LeaseApi,
    settings: &LeaseSettings,
    election: &mut Election,
    handle: &LeadershipHandle,
    log: &mut ElectionLog,
) -> Duration {
    // Half the deadline leaves time for a second try.
    let patience = settings.renew_deadline / 2;
    let (version, transitions) = match election.to_renew() {
        Some((version, transitions)) => (Some(version.to_owned()), transitions),
        None => {
            let found = match tokio::time::timeout(patience, api.get()).await {
                Ok(Ok(found)) => found,
                Ok(Err(reason)) => return log.trouble(&settings.name, &reason, election.pause()),
                Err(_) => return log.trouble(&settings.name, "no answer in time", election.pause()),
            };
            let holder = found.as_ref().map(|record| record.holder.clone()).unwrap_or_default();
            match election.look(found, Instant::now()) {
                Step::Wait(wait) => {
                    handle.step_down();
                    log.standing_by(&settings.name, &holder);
                    return wait;
                }
                Step::Create { transitions } => (None, transitions),
                Step::Take { version, transitions } => (Some(version), transitions),
            }
        }
    };
    let start = Instant::now();
    let put = api.put(&settings.identity, transitions, version.as_deref());
    match tokio::time::timeout(patience, put).await {
        Ok(Ok(record)) => {
            handle.renew(election.wrote(record, start));
            log.leading(&settings.name);
            election.pause()
        }
        Ok(Err(PutError::Conflict)) => {
            election.must_look();
            Duration::ZERO
        }
        Ok(Err(PutError::Failed(reason))) => {
            election.must_look();
            log.trouble(&settings.name, &reason, election.pause().min(settings.retry_period / 2))
        }
        Err(_) => {
            election.must_look();
            log.trouble(&settings.name, "no answer in time", Duration::ZERO)
        }
    }
}

/// Says what has changed, once.
#[derive(Debug, Default)]
struct ElectionLog {
    said: Option<String>,
    troubled: bool,
}

impl ElectionLog {
    fn leading(&mut self, lease: &str) {
        self.troubled = false;
        if self.news("leading") {
            info!(lease, "Leading: this process writes");
        }
    }

    fn standing_by(&mut self, lease: &str, holder: &str) {
        self.troubled = false;
        if self.news(holder) {
            info!(lease, holder, "Standing by: another process writes");
        }
    }

    fn trouble(&mut self, lease: &str, reason: &str, pause: Duration) -> Duration {
        if !std::mem::replace(&mut self.troubled, true) {
            warn!(lease, reason, "Lease is out of reach");
        }
        pause
    }

    fn news(&mut self, what: &str) -> bool {
        let news = self.said.as_deref() != Some(what);
        self.said = Some(what.to_owned());
        news
    }
}

#[cfg(test)]
mod tests;
