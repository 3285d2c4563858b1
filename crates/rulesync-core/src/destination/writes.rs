//! The writes of a destination: how many namespaces are worked on at once, and when.

use std::sync::Arc;

use tokio::task::JoinError;
use tokio::time::Instant;

use super::Destination;
use crate::apply;

impl Destination {
    /// Starts work as far as the queue, the circuit breaker and the ruler's concurrency limit allow.
    pub(super) fn start_jobs(&mut self) {
        if !self.state.writes() || !self.shared.leadership.may_write() || self.gathering().is_some() {
            return;
        }
        let batches = self.ruler.ruler.capabilities().batches;
        let limit = self.state.availability.breaker.allows(Instant::now(), self.in_flight);
        while self.jobs.len() < limit {
            // One job of this destination waits for a permit already; with hundreds of tenants, more of each would only
            // take up memory.
            if !batches && !self.jobs.is_empty() && self.ruler.concurrency.is_contended() {
                return;
            }
            let Some((namespace, changes)) = self.state.next_job() else { return };
            let (tenant, stops) = (self.state.id.tenant.clone(), self.stops.clone());
            if batches {
                let (ruler, found) =
                    (Arc::clone(&self.ruler.ruler), self.state.groups_with_findings(&namespace));
                self.jobs.spawn(apply::apply_together(ruler, tenant, namespace, changes, found, stops));
            } else {
                self.jobs.spawn(apply::apply(self.ruler.clone(), tenant, namespace, changes, stops));
            }
        }
    }

    /// Returns until when the first batch waits for sources, so that all their objects go into one batch.
    pub(super) fn gathering(&self) -> Option<Instant> {
        let waits = self.ruler.ruler.capabilities().batches && !self.state.everything_is_declared();
        (waits && Instant::now() < self.gathers_until).then_some(self.gathers_until)
    }

    pub(super) fn applied(&mut self, report: Result<apply::Report, JoinError>) {
        match report {
            Ok(report) => self.state.applied(report),
            Err(error) => {
                // A ruler from another crate may panic. The namespace is lost with the task, so everything is rechecked
                // after a new list.
                tracing::error!(%error, destination = %self.state.id, "Write ended unexpectedly");
                self.state.restart();
                self.next_list = Instant::now() + self.state.policy().backoff.wait(1);
            }
        }
    }
}
