//! The names of own namespaces at the destinations of a run: by which namings, which the inventory remembers, and which
//! namespaces are own ones where their form does not show it.

use super::{Mode, Run};
use crate::destination::{Command, RecordRequest};
use crate::engine::setup::NamedRuler;
use crate::model::name::RulerNamespace;
use crate::model::tenant::DestinationId;
use crate::naming::{NamespaceClassifier, Naming};

impl Run {
    /// Returns the classifier of the namespaces at a destination.
    pub(super) fn classifier(&self, id: &DestinationId) -> NamespaceClassifier {
        self.setup.classifier(id, self.namings_at(id))
    }

    /// Returns the namings that the inventory remembers of a destination.
    pub(super) fn namings_at(&self, id: &DestinationId) -> &[Naming] {
        self.known_destinations.get(id).map_or(&[], Vec::as_slice)
    }

    /// Notes for the inventory that a destination may hold own rules, and under which names.
    pub(super) fn remember(&mut self, id: &DestinationId, classifier: &NamespaceClassifier) {
        self.known_destinations_changed |= !self.known_destinations.contains_key(id);
        let known = self.known_destinations.entry(id.clone()).or_default();
        for naming in self.setup.namings_to_remember(&classifier.present) {
            if !known.contains(naming) {
                known.push(naming.clone());
                self.known_destinations_changed = true;
            }
        }
    }

    /// Tells destinations which of the namespaces that they ask about are those of objects that a source has shown, once
    /// every source has shown all its objects.
    pub(super) fn recognize(&mut self) {
        if !self.sources.values().all(|source| source.complete) {
            return;
        }
        for (id, destination) in self.destinations.iter_mut().chain(&mut self.retiring) {
            let asked = destination.unrecognized.take();
            if asked.is_empty() {
                continue;
            }
            let recognized = self.index.recognize(&id.ruler, destination.classifier.uncertain(), &asked);
            if !recognized.is_empty() {
                destination.send(Command::Recognize(recognized));
            }
        }
    }

    /// Records the namespaces that destinations are about to write and that are named as declared, and tells each which of
    /// its namespaces the inventory has.
    pub(super) fn record_namespaces(&mut self) {
        let Some(inventory) = self.inventory_writer.as_ref().filter(|inventory| inventory.is_read()) else {
            return;
        };
        if !self.leadership.is_leader() {
            return;
        }
        let version = inventory.version();
        for (id, destination) in self.destinations.iter_mut().chain(&mut self.retiring) {
            let request = destination.record_requests.take();
            let is_new = request != RecordRequest::default() || destination.records_version != Some(version);
            if !destination.classifier.needs_records() || !is_new {
                continue;
            }
            let key = record_key(id, &destination.ruler);
            let in_inventory = inventory.stored_namespaces(&key);
            let is_stored = |namespace: &RulerNamespace| in_inventory.contains(namespace);
            let stored = if self.mode == Mode::Plan {
                // Nothing is stored for a plan, and nothing written: what is asked for counts as recorded.
                let mut granted = self.records.stored(&key, is_stored);
                granted.extend(
                    destination.classifier.recorded.iter().flat_map(|recorded| recorded.iter().cloned()),
                );
                granted.retain(|namespace| !request.release.contains(namespace));
                granted.extend(request.record);
                granted
            } else {
                self.known_destinations_changed |= self.records.request(&key, request);
                self.records.stored(&key, is_stored)
            };
            destination.record(stored, inventory.reads());
            destination.records_version = Some(version);
        }
    }

    /// Asks for the records of what a plan counted as recorded, as far as it was approved: the namespaces that it writes,
    /// and those that hold what is declared already.
    pub(super) fn record_approved(&mut self, approved: impl Fn(&DestinationId, &str) -> bool) {
        let Some(inventory) = &self.inventory_writer else { return };
        for (id, destination) in &self.destinations {
            let key = record_key(id, &destination.ruler);
            let in_inventory = inventory.stored_namespaces(&key);
            let planned = self.planned_namespaces.get(id);
            let is_approved = |namespace: &&RulerNamespace| {
                let is_planned = planned.is_some_and(|planned| planned.contains(*namespace));
                !in_inventory.contains(*namespace) && (!is_planned || approved(id, namespace))
            };
            let granted = destination.classifier.recorded.iter().flat_map(|recorded| recorded.iter());
            let record = granted.filter(is_approved).cloned().collect();
            self.records.request(&key, RecordRequest { record, ..RecordRequest::default() });
        }
    }

    /// Forgets former namings of which a destination has no namespace any more: from then on such names are foreign.
    pub(super) fn forget_former_names(&mut self) {
        let environment = self.environment.borrow().version;
        let mut ended = Vec::new();
        for (id, destination) in &self.destinations {
            let has_former = !destination.classifier.former.is_empty();
            if has_former
                && destination.has_no_former_names(environment)
                && self.environment.borrow().deletes.orphans
            {
                ended.push(id.clone());
            }
        }
        for id in ended {
            let present = self.setup.classifier(&id, &[]);
            let kept = self.setup.namings_to_remember(&present.present).cloned().collect();
            self.known_destinations.insert(id.clone(), kept);
            self.known_destinations_changed = true;
            if let Some(destination) = self.destinations.get_mut(&id) {
                destination.classify(present);
            }
        }
    }
}

/// Returns the key of a destination's records in the inventory. They count for one server: another one at a new address may
/// have namespaces of others with the same names.
pub(super) fn record_key(id: &DestinationId, ruler: &NamedRuler) -> String {
    match ruler.ruler.address() {
        Some(address) => format!("{id} {address}"),
        None => id.to_string(),
    }
}
