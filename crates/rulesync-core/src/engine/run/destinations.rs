//! The destinations of a run: started when a route leads to them, emptied and ended when none does any more.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Run;
use super::mode::Mode;
use super::names::record_key;
use super::running_destination::RunningDestination;
use crate::apply::LimitedRuler;
use crate::clock::seconds_since_1970;
use crate::concurrency::ConcurrencyLimit;
use crate::destination::{
    Channels, Command, Destination, Progress, RecordRequests, Retirement, Shared, Unrecognized,
};
use crate::engine::setup::NamedRuler;
use crate::guard::HeldReason;
use crate::handover::Handover;
use crate::model::name::RulerName;
use crate::model::tenant::DestinationId;
use crate::object_change::ObjectChange;
use crate::route::Route;

impl Run {
    /// Starts and ends destinations so that there is one for each that a route leads to; returns the new ones.
    /// Destinations whose ruler changed are replaced, all of them if `replace_all`.
    pub(super) fn replace_destinations(&mut self, replace_all: bool) -> Vec<DestinationId> {
        let rulers: HashMap<RulerName, NamedRuler> =
            self.setup.rulers.iter().map(|named| (named.name.clone(), named.clone())).collect();
        // A ruler that has not changed keeps its limit and its destinations.
        let same = |running: &RunningDestination| {
            !replace_all
                && rulers.get(&running.ruler.name).is_some_and(|named| {
                    Arc::ptr_eq(&named.ruler, &running.ruler.ruler)
                        && named.max_in_flight == running.ruler.max_in_flight
                        && named.split_groups == running.ruler.split_groups
                })
        };
        let fixed = self.setup.routes.iter().filter_map(Route::destination);
        let leaving = self.handovers.iter().map(|handover| handover.destination.clone());
        let wanted: BTreeSet<DestinationId> =
            fixed.chain(self.index.destinations().cloned()).chain(leaving).collect();
        // Predecessors, whose last requests must have ended before a successor begins.
        let mut ended: HashMap<DestinationId, CancellationToken> = HashMap::new();
        let all =
            std::mem::take(&mut self.destinations).into_iter().chain(std::mem::take(&mut self.retiring));
        for (id, mut destination) in all {
            self.remember(&id, &destination.classifier);
            if !same(&destination) {
                destination.stop.cancel();
                self.reporters.object_changed(&ObjectChange::DestinationEnded { destination: id.clone() });
                ended.insert(id, destination.ended.clone());
            } else if wanted.contains(&id) {
                destination.classify(self.classifier(&id));
                self.remember(&id, &destination.classifier);
                destination.send(Command::Retire(None));
                self.retiring_since.remove(&id);
                self.destinations.insert(id, destination);
            } else {
                destination.classify(self.classifier(&id));
                destination.send(Command::Retire(Some(self.retirement(&id))));
                self.retiring.insert(id, destination);
            }
        }
        let running = self.destinations.values().chain(self.retiring.values());
        let mut limits: HashMap<String, ConcurrencyLimit> = running
            .map(|destination| (address(&destination.ruler), destination.concurrency.clone()))
            .collect();
        let mut fresh = Vec::new();
        self.known_destinations_changed = true;
        for (id, retiring) in wanted.into_iter().map(|id| (id, false)).chain(self.unrouted_destinations()) {
            if self.destinations.contains_key(&id) || self.retiring.contains_key(&id) {
                continue;
            }
            let Some(named) = rulers.get(&id.ruler) else { continue };
            let concurrency = limits
                .entry(address(named))
                .or_insert_with(|| ConcurrencyLimit::new(named.max_in_flight))
                .clone();
            let mut destination = self.start_destination(&id, named, concurrency, ended.get(&id).cloned());
            if retiring {
                destination.send(Command::Retire(Some(self.retirement(&id))));
                self.retiring.insert(id, destination);
            } else {
                self.remember(&id, &destination.classifier);
                fresh.push(id.clone());
                self.destinations.insert(id, destination);
            }
        }
        fresh
    }

    /// Starts and ends destinations when only routes or the inventory may have brought new ones; these are sent at once
    /// which deletes are safe.
    pub(super) fn adjust_destinations(&mut self) {
        self.replace_destinations(false);
        self.finish_starting();
    }

    /// Sends new destinations the message that all declarations for them have been sent.
    pub(super) fn finish_starting(&mut self) {
        for destination in self.destinations.values_mut().chain(self.retiring.values_mut()) {
            if std::mem::take(&mut destination.fresh) {
                destination.send(Command::DeclarationsSent);
            }
        }
    }

    /// Returns whether every destination is done.
    pub(super) fn all_done(&self) -> bool {
        let version = self.environment.borrow().version;
        self.destinations.values().all(|destination| destination.is_done(version))
    }

    /// Returns the destinations that may hold own rules and that no route leads to. One-shot runs leave them to the
    /// daemon.
    fn unrouted_destinations(&self) -> Vec<(DestinationId, bool)> {
        let wanted = |id: &DestinationId| self.is_wanted(id);
        let unrouted = self.known_destinations.keys().filter(|id| self.mode == Mode::Forever && !wanted(id));
        unrouted.map(|id| (id.clone(), true)).collect()
    }

    /// Returns whether a route leads to a destination whatever objects there are, or because of an object.
    pub(super) fn is_wanted(&self, id: &DestinationId) -> bool {
        self.setup.routes.iter().any(|route| route.destination().as_ref() == Some(id))
            || self.index.uses(id)
            || self.handovers.iter().any(|handover| handover.destination == *id)
    }

    /// Returns whether a route may lead to a destination if there were an object for it.
    pub(super) fn may_be_led_to(&self, id: &DestinationId) -> bool {
        self.setup.routes.iter().any(|route| route.may_lead_to(id))
    }

    /// Starts a destination that an object goes to, or ends its retirement.
    pub(super) fn ensure_destination(&mut self, id: &DestinationId) {
        if self.destinations.contains_key(id) {
            return;
        }
        if let Some(mut destination) = self.retiring.remove(id) {
            destination.send(Command::Retire(None));
            self.known_destinations_changed |= self.retiring_since.remove(id).is_some();
            self.destinations.insert(id.clone(), destination);
            return;
        }
        let Some(named) = self.setup.rulers.iter().find(|named| named.name == id.ruler).cloned() else {
            return;
        };
        let mut running = self.destinations.values().chain(self.retiring.values());
        let shared = running.find(|destination| address(&destination.ruler) == address(&named));
        let concurrency = shared.map_or_else(
            || ConcurrencyLimit::new(named.max_in_flight),
            |destination| destination.concurrency.clone(),
        );
        let mut destination = self.start_destination(id, &named, concurrency, None);
        destination.fresh = false;
        destination.send(Command::DeclarationsSent);
        self.remember(id, &destination.classifier);
        self.destinations.insert(id.clone(), destination);
    }

    /// Retires destinations without objects.
    pub(super) fn leave_destinations(&mut self) {
        if !std::mem::take(&mut self.check_unused) {
            return;
        }
        let unwanted: Vec<DestinationId> =
            self.destinations.keys().filter(|id| !self.is_wanted(id)).cloned().collect();
        for id in unwanted {
            if let Some(mut destination) = self.destinations.remove(&id) {
                destination.send(Command::Retire(Some(self.retirement(&id))));
                self.retiring.insert(id, destination);
            }
        }
    }

    /// Returns how a destination that nothing leads to is to be emptied. The time since when no route leads to it is
    /// stored outside the process, so that a restart does not restart the window.
    fn retirement(&mut self, id: &DestinationId) -> Retirement {
        if self.may_be_led_to(id) {
            return Retirement::Unused;
        }
        let now = seconds_since_1970();
        let since = *self.retiring_since.entry(id.clone()).or_insert(now);
        self.known_destinations_changed = true;
        let waited = Duration::from_secs(now.saturating_sub(since));
        let window = self.setup.policy.delete_guard.window;
        Retirement::NoRoute { until: Instant::now() + window.saturating_sub(waited) }
    }

    fn start_destination(
        &mut self,
        id: &DestinationId,
        named: &NamedRuler,
        concurrency: ConcurrencyLimit,
        predecessor: Option<CancellationToken>,
    ) -> RunningDestination {
        let classifier = Arc::new(self.classifier(id));
        let (record_requests, unrecognized) = (RecordRequests::default(), Unrecognized::default());
        let limited = LimitedRuler { ruler: Arc::clone(&named.ruler), concurrency: concurrency.clone() };
        let shared = Shared {
            ruler: Arc::clone(&named.ruler),
            classifier: Arc::clone(&classifier),
            record_requests: record_requests.clone(),
            unrecognized: unrecognized.clone(),
            leadership: self.leadership.clone(),
            claims: self.setup.policy.claim,
            reporters: self.reporters.clone(),
            metrics: self.metrics.clone(),
            release_deletes: self.release_deletes,
            approval: self.approval.clone(),
            bodies: self.bodies,
            evaluates: self.mode == Mode::Forever,
            progressed: Arc::clone(&self.progressed),
        };
        let (commands, receiver) = mpsc::unbounded_channel();
        let (sender, progress) = watch::channel(Progress::default());
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let end = ended.clone().drop_guard();
        let environment = self.environment.subscribe();
        let channels = Channels { commands: receiver, environment, progress: sender };
        let (own, in_flight, stopped) = (id.clone(), named.max_in_flight, stop.clone());
        self.tasks.spawn(async move {
            let _end = end;
            if let Some(predecessor) = predecessor {
                predecessor.cancelled().await;
            }
            Destination::new(own, limited, in_flight, shared, channels, stopped).run().await;
        });
        let mut destination = RunningDestination {
            ruler: named.clone(),
            classifier,
            record_requests,
            records_version: None,
            records_read: 0,
            unrecognized,
            concurrency,
            commands,
            progress,
            sent: 0,
            stop,
            ended,
            fresh: true,
        };
        for command in self.index.protected().flat_map(|object| self.protections(object, id)) {
            destination.send(command);
        }
        for Handover { namespace, object, .. } in
            self.handovers.iter().filter(|other| other.destination == *id)
        {
            let (namespace, object) = (namespace.clone(), object.clone());
            destination.send(Command::Protect {
                namespace,
                object,
                protection: Some(HeldReason::Moving.into()),
            });
        }
        destination
    }

    /// Ends destinations that no route leads to once they hold no own rules.
    pub(super) fn retire(&mut self) {
        let (known, known_destinations_changed) =
            (&mut self.known_destinations, &mut self.known_destinations_changed);
        let (since, records) = (&mut self.retiring_since, &mut self.records);
        let environment = self.environment.borrow().version;
        let reporters = &self.reporters;
        self.retiring.retain(|id, destination| {
            let done = destination.is_retired(environment);
            if done {
                reporters.object_changed(&ObjectChange::DestinationEnded { destination: id.clone() });
                destination.stop.cancel();
                known.remove(id);
                since.remove(id);
                records.forget(&record_key(id, &destination.ruler));
                *known_destinations_changed = true;
            }
            !done
        });
    }
}

/// Returns the key by which rulers share a concurrency limit.
fn address(named: &NamedRuler) -> String {
    named.ruler.address().map_or_else(|| named.name.to_string(), |address| format!("@{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::described_ruler::DescribedRuler;

    #[test]
    fn rulers_share_a_concurrency_limit_by_address_only() {
        let address = |name: &str, address: Option<&str>| {
            let ruler = DescribedRuler::default();
            let ruler = match address {
                Some(address) => ruler.with_address(address),
                None => ruler,
            };
            super::address(&NamedRuler::new(name, Arc::new(ruler)))
        };
        assert_eq!(address("a", Some("http://one")), address("b", Some("http://one")));
        assert_ne!(address("a", Some("http://one")), address("a", Some("http://two")));
        assert_ne!(address("a", None), address("b", None));
        assert_ne!(address("a", None), address("b", Some("a")), "a name is no address");
    }
}
