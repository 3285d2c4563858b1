//! The environment of all destinations: which deletes are safe, and what may have vanished by mistake.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::inventory_writer::InventoryWriter;
use super::mode::Mode;
use super::running_destination::RunningDestination;
use super::{FIRST_LISTS_TIMEOUT, Run};
use crate::environment::Environment;
use crate::model::name::SourceName;
use crate::outcome::Outcome;
use crate::plan::Deletes;
use crate::vanishing::Remaining;

impl Run {
    /// Publishes the facts that all destinations share, if any has changed.
    ///
    /// Commands are sent before the environment that follows from the same event, and destinations handle them in that
    /// order: nothing becomes safe to delete before everything that declares it is known.
    pub(super) fn publish_environment(&mut self) {
        let deletes = self.safe_deletes();
        let suspects = self.sources.iter().filter(|(_, source)| source.is_suspect());
        let environment = Environment {
            version: 0,
            deletes,
            suspects: suspects.map(|(name, _)| name.clone()).collect(),
            vanished: self.vanishing.held().map(|(source, reason)| (source.clone(), reason)).collect(),
            orphans: self.orphans.held(),
            missing_kinds: self.missing_kinds.iter().map(|(_, kind)| Arc::clone(kind)).collect(),
            gone_namespaces: self.gone_namespaces.clone(),
            claimant: self.identity.claimant(),
            policy: self.setup.policy.clone(),
        };
        self.environment.send_if_modified(|current| {
            let environment = Environment { version: current.version, ..environment };
            let changed = environment != **current;
            if changed {
                *current = Arc::new(Environment { version: current.version + 1, ..environment });
            }
            changed
        });
    }

    /// Returns the deletes that sources allow.
    fn safe_deletes(&mut self) -> Deletes {
        let known = self.sources.values().all(|source| source.complete);
        self.listed_once = self.listed_once || (known && self.has_listed_all());
        let orphans = known && self.listed_once && !self.index.hides_objects();
        Deletes { takeover: false, known, orphans }
    }

    /// Returns whether every destination has been listed or had the time for it, except those whose ruler is down.
    fn has_listed_all(&self) -> bool {
        let mut destinations = self.destinations.values().chain(self.retiring.values());
        let inventory_read =
            self.mode != Mode::Forever || self.inventory_writer.as_ref().is_none_or(InventoryWriter::is_read);
        self.started.elapsed() >= FIRST_LISTS_TIMEOUT
            || (inventory_read && destinations.all(RunningDestination::has_listed))
    }

    /// Holds the deletes of objects that vanished together, and ends holds whose time is over.
    pub(super) fn judge_vanishing(&mut self) {
        let nothing = self.vanishing.is_empty() && self.orphans.held().is_none();
        if !std::mem::take(&mut self.destinations_progressed) && nothing {
            // The usual case, after every event.
            return;
        }
        let now = Instant::now();
        let policy = self.setup.policy.delete_guard;
        let index = &self.index;
        let remaining: BTreeMap<SourceName, Remaining> = (self.sources.iter())
            .map(|(name, source)| {
                let objects = index.in_rulers(name);
                let (healthy, poll_interval) = (source.is_healthy(), source.poll_interval());
                (name.clone(), Remaining { objects, healthy, poll_interval })
            })
            .collect();
        let none = Remaining { objects: 0, healthy: false, poll_interval: Duration::ZERO };
        let of = |source: &str| remaining.get(source).copied().unwrap_or(none);
        for (source, held) in self.vanishing.judge(&policy, of, now) {
            let remaining = of(&source).objects;
            self.reporters.report(&Outcome::Vanished { source, held, remaining });
        }
        let waiting = self.destinations.values().chain(self.retiring.values());
        let orphans: usize = waiting.map(|destination| destination.progress.borrow().orphans).sum();
        let remaining: Vec<Remaining> = remaining.into_values().collect();
        self.orphans.judge(&policy, orphans, &remaining, now);
    }
}
