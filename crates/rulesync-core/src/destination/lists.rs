//! The lists of a destination: when one is due, and what follows from its end. Writes go on meanwhile.

use tokio::task::JoinError;
use tokio::time::Instant;

use super::Destination;
use crate::apply;
use crate::observed::{Listed, Listing};
use crate::policy::jittered;
use crate::ruler::RulerError;

impl Destination {
    /// Starts a list if one is due and nothing forbids it. Writes go on meanwhile.
    pub(super) fn start_list(&mut self) {
        if self.list_time().is_none_or(|at| Instant::now() < at) {
            return;
        }
        let early = Instant::now() < self.next_list;
        let (previous, suspects) = self.state.begin_list(early);
        let ruler = self.ruler.clone();
        let tenant = self.state.id.tenant.clone();
        let classifier = self.state.classifier();
        let names_foreign = classifier.needs_records();
        let bodies = self.state.plans_bodies();
        self.list.spawn(async move {
            let classify = move |namespace: &str| classifier.classify(namespace);
            let mut listing = Listing::new(ruler.ruler.capabilities().fields, &classify, &previous)
                .suspecting(&suspects)
                .naming_foreign(names_foreign);
            if bodies {
                listing = listing.storing();
            }
            let permit = ruler.concurrency.acquire(tenant.as_ref()).await;
            let result = ruler.ruler.list(tenant.as_ref(), &mut listing).await;
            apply::judge(&permit, result.as_ref().err());
            result.map(|()| listing.into_listed())
        });
    }

    pub(super) fn listed(&mut self, listed: Result<Result<Listed, RulerError>, JoinError>) {
        let result = match listed {
            Ok(result) => result,
            // Given up because another process leads now.
            Err(error) if error.is_cancelled() => return,
            // A ruler from another crate may panic: that counts as an answer that cannot be read.
            Err(error) => Err(RulerError::unreadable(format!("listing ended unexpectedly: {error}"))),
        };
        match result {
            Ok(listed) => {
                self.state.end_list(listed);
                self.next_list = Instant::now() + jittered(self.state.policy().resync_interval);
            }
            Err(error) => self.next_list = Instant::now() + self.state.list_failed(error),
        }
    }

    /// Returns when to list next, unless the end of something under way decides that.
    pub(super) fn list_time(&self) -> Option<Instant> {
        let probing = self.state.availability.breaker.until().is_some() && !self.jobs.is_empty();
        // Before its records are known, own namespaces would look foreign.
        if probing || !self.list.is_empty() || !self.led || self.state.awaits_records() {
            return None;
        }
        let early = self.state.view.next_list().map_or(self.next_list, |early| early.min(self.next_list));
        Some(self.state.availability.breaker.until().map_or(early, |breaker| breaker.max(early)))
    }
}
