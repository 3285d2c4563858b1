//! Leader election with a `coordination.k8s.io` Lease: one process writes, the others are on standby.
//!
//! No published crate stops leading when the API server is unavailable. The decisions are in `election`, the requests in
//! `kubernetes`; this module is the loop that connects them.
//!
//! The ruler API has no fencing tokens: a request that was sent in time may arrive late. Since every write is idempotent
//! and changes owned rules only, a late one causes no more than drift, which is repaired.

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

/// A candidate for leadership.
#[derive(Debug)]
pub struct LeaseElection {
    api: KubernetesLease,
    handle: LeadershipHandle,
}

impl LeaseElection {
    /// Creates a candidate with the settings of the lease, and the [`Leadership`] that permits its writes.
    ///
    /// # Errors
    ///
    /// [`LeaseError`] if the durations do not allow a safe election.
    pub fn new(api: KubernetesLease) -> Result<(Self, Leadership), LeaseError> {
        api.settings().validate()?;
        let (handle, leadership) = Leadership::elected();
        Ok((Self { api, handle }, leadership))
    }

    /// Takes part in the election until `shutdown`, and then releases the lease, so that another process can take over at
    /// once. All writes must have ended by then.
    pub async fn run(self, shutdown: CancellationToken) {
        run_election(&self.api, self.api.settings(), &self.handle, shutdown).await;
    }
}

/// Repeats rounds until `shutdown`, and then releases the lease.
async fn run_election(
    api: &dyn LeaseApi,
    settings: &LeaseSettings,
    handle: &LeadershipHandle,
    shutdown: CancellationToken,
) {
    let mut election = Election::new(settings);
    let mut log = ElectionLog::default();
    loop {
        let round = run_round(api, settings, &mut election, handle, &mut log);
        let Some(pause) = shutdown.run_until_cancelled(round).await else { break };
        if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            break;
        }
    }
    handle.step_down();
    if let Some((version, transitions)) = election.renewable() {
        let release = api.put("", transitions, Some(version));
        match tokio::time::timeout(settings.retry_period, release).await {
            Ok(Ok(_)) => info!(lease = settings.name, "Lease released"),
            Ok(Err(error)) => debug!(?error, "Lease cannot be released"),
            Err(_) => debug!("Lease not released in time"),
        }
    }
}

/// Reads the lease unless it can be renewed directly, and writes it if possible. Returns the wait until the next round.
async fn run_round(
    api: &dyn LeaseApi,
    settings: &LeaseSettings,
    election: &mut Election,
    handle: &LeadershipHandle,
    log: &mut ElectionLog,
) -> Duration {
    // Half the deadline leaves time for a second attempt.
    let timeout = settings.renew_deadline / 2;
    let (version, transitions) = match election.renewable() {
        Some((version, transitions)) => (Some(version.to_owned()), transitions),
        None => {
            let found = match tokio::time::timeout(timeout, api.get()).await {
                Ok(Ok(found)) => found,
                Ok(Err(reason)) => return log.unreachable(&settings.name, &reason, election.pause()),
                Err(_) => return log.unreachable(&settings.name, NO_RESPONSE, election.pause()),
            };
            let holder = found.as_ref().map(|record| record.holder.clone()).unwrap_or_default();
            match election.observe(found, Instant::now()) {
                Step::Wait(wait) => {
                    handle.step_down();
                    log.standby(&settings.name, &holder);
                    return wait;
                }
                Step::Create { transitions } => (None, transitions),
                Step::Take { version, transitions } => (Some(version), transitions),
            }
        }
    };
    let start = Instant::now();
    let put = api.put(&settings.identity, transitions, version.as_deref());
    match tokio::time::timeout(timeout, put).await {
        Ok(Ok(record)) => {
            handle.renew(election.written(record, start));
            log.leading(&settings.name);
            election.pause()
        }
        Ok(Err(PutError::Conflict)) => {
            election.forget_version();
            Duration::ZERO
        }
        Ok(Err(PutError::Failed(reason))) => {
            election.forget_version();
            log.unreachable(&settings.name, &reason, election.pause().min(settings.retry_period / 2))
        }
        Err(_) => {
            election.forget_version();
            log.unreachable(&settings.name, NO_RESPONSE, Duration::ZERO)
        }
    }
}

const NO_RESPONSE: &str = "no response in time";

/// Logs each change of the state of the election once.
#[derive(Debug, Default)]
struct ElectionLog {
    /// The last logged state.
    logged: Option<String>,
    /// Set if the last request failed.
    failing: bool,
}

impl ElectionLog {
    fn leading(&mut self, lease: &str) {
        self.failing = false;
        if self.is_new("leading") {
            info!(lease, "Leading: lease held by this process");
        }
    }

    fn standby(&mut self, lease: &str, holder: &str) {
        self.failing = false;
        if self.is_new(holder) {
            info!(lease, holder, "Standby: lease held by another process");
        }
    }

    fn unreachable(&mut self, lease: &str, reason: &str, pause: Duration) -> Duration {
        if !std::mem::replace(&mut self.failing, true) {
            warn!(lease, reason, "Lease unreachable");
        }
        pause
    }

    fn is_new(&mut self, state: &str) -> bool {
        let is_new = self.logged.as_deref() != Some(state);
        self.logged = Some(state.to_owned());
        is_new
    }
}

#[cfg(test)]
mod tests;
