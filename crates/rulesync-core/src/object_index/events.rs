//! The events of sources, as the index takes them: each changes the index and has effects on destinations.

use tokio::time::Instant;

use super::ObjectIndex;
use super::effects::Effects;
use super::record::{Count, Record, Tally, Unreadable};
use super::routing::{Moves, Occasion};
use crate::desired::RemovalReason;
use crate::destination::Command;
use crate::handover::HandoverProgress;
use crate::intake::{Accepted, Declaration, RoutingTable};
use crate::model::name::{KubernetesNamespace, SourceName};
use crate::model::object::{ObjectId, RuleObject};
use crate::model::positions::Positions;
use crate::model::tenant::DestinationId;
use crate::route::input::NamespaceMetadata;

impl ObjectIndex {
    /// Adds or updates an object. Repeating a known object has no effects.
    pub(crate) fn upsert(
        &mut self,
        object: RuleObject,
        generation: u32,
        seen: Instant,
        live: bool,
    ) -> Effects {
        let mut effects = Effects::default();
        let declared_generation = object.generation;
        let (id, declaration, positions) = Declaration::of(object);
        // Comments change positions and nothing else.
        let in_file = !positions.is_empty();
        if in_file {
            self.locations.set(&id, positions, &declaration.groups);
        }
        let content = self.hashing.hash_one(&declaration);
        self.tally(&id, Tally::Out);
        if let Some(known) = self.objects.get_mut(&id) {
            known.generation = generation;
            let repaired = known.malformed.take().is_some();
            let regenerated = known.declared_generation != declared_generation;
            known.declared_generation = declared_generation;
            if repaired || regenerated {
                effects.changed.push(id.clone());
            }
            if known.read && known.content == content {
                self.tally(&id, Tally::In);
                return effects;
            }
            if repaired && !known.read {
                effects.protections.push(id.clone());
            }
        }
        if !in_file {
            self.locations.set(&id, Positions::default(), &declaration.groups);
        }
        let (accepted, groups, _) = Accepted::of(&id, declaration, &self.table);
        for finding in &accepted.findings {
            effects.findings.push((id.clone(), None, finding.clone()));
        }
        let record = self.objects.entry(id.clone()).or_default();
        **record = Record {
            content,
            generation,
            declared_generation,
            accepted,
            malformed: None,
            hides: false,
            hides_others: false,
            read: true,
            ..std::mem::take(&mut **record)
        };
        let removal_reason = RemovalReason::Deselected;
        let occasion = Occasion { changed: true, removal_reason, seen, live, fresh: &[] };
        self.route(&id, Some(&groups), occasion, &mut effects);
        self.tally(&id, Tally::In);
        effects.changed.push(id);
        effects
    }

    /// Records that an object exists and cannot be read; its last readable version stays. If it `hides` objects of
    /// other names, it does so until some version of it is read.
    pub(crate) fn malformed(
        &mut self,
        id: &ObjectId,
        unreadable: Unreadable,
        hides: bool,
        generation: u32,
    ) -> Effects {
        let mut effects = Effects::default();
        self.tally(id, Tally::Out);
        let record = self.objects.entry(id.clone()).or_default();
        record.generation = generation;
        let before = record.malformed.as_deref();
        let finding = unreadable.finding.clone();
        let is_new = before.is_none_or(|before| before.finding != finding);
        let changed = before != Some(&unreadable);
        record.declared_generation = unreadable.version.generation.or(record.declared_generation);
        record.malformed = Some(Box::new(unreadable));
        if !record.read {
            // Some names cannot be made of what is known, so that others must not be taken for orphans.
            record.hides_others = hides;
            record.hides = hides || self.table.hides_names(id.kind());
            effects.protections.push(id.clone());
        }
        self.tally(id, Tally::In);
        if changed {
            effects.changed.push(id.clone());
        }
        if is_new {
            effects.findings.push((id.clone(), None, finding));
        }
        effects
    }

    /// Removes a deleted object.
    pub(crate) fn delete(&mut self, id: &ObjectId) -> Effects {
        self.rename(id, &[])
    }

    /// Removes an object whose rules others have: it leaves its destinations when these have been written.
    pub(crate) fn rename(&mut self, id: &ObjectId, to: &[ObjectId]) -> Effects {
        let mut effects = Effects::default();
        let progress = HandoverProgress::default();
        for (destination, namespace) in self.places_of(to) {
            effects.commands.push((destination, Command::HandOver { namespace, share: progress.share() }));
        }
        self.locations.forget(id);
        self.tally(id, Tally::Out);
        if let Some(record) = self.objects.remove(id) {
            effects.changed.push(id.clone());
            if !record.read || !record.refused_by.is_empty() {
                effects.protections.push(id.clone());
            }
            for route_match in &record.matches {
                let moves = Moves { to, progress: &progress };
                self.leave(id, route_match, moves, RemovalReason::Deleted, &mut effects);
            }
        }
        effects
    }

    /// Sets or removes the metadata of a Kubernetes namespace. Its objects are routed again.
    pub(crate) fn namespace(
        &mut self,
        source: &SourceName,
        name: KubernetesNamespace,
        input: Option<NamespaceMetadata>,
        seen: Instant,
    ) -> Effects {
        let known = self.namespaces.get(source).and_then(|of_source| of_source.get(&name));
        let mut effects = Effects::default();
        if known == input.as_ref() {
            return effects;
        }
        let in_namespace: Vec<ObjectId> = self
            .in_namespace(&name)
            .map(|(id, _)| id)
            .filter(|id| id.source() == &**source)
            .cloned()
            .collect();
        let of_source = self.namespaces.entry(source.clone()).or_default();
        match input {
            Some(input) => of_source.insert(name, input),
            None => of_source.remove(&name),
        };
        for id in in_namespace {
            self.tally(&id, Tally::Out);
            let removal_reason = RemovalReason::NamespaceChanged;
            let occasion = Occasion { changed: false, removal_reason, seen, live: true, fresh: &[] };
            self.route(&id, None, occasion, &mut effects);
            self.tally(&id, Tally::In);
            effects.changed.push(id);
        }
        effects
    }

    /// Routes all objects again, by another table. `fresh` destinations know nothing yet and are sent all their
    /// objects.
    pub(crate) fn reroute(&mut self, table: RoutingTable, fresh: &[DestinationId], seen: Instant) -> Effects {
        self.table = table;
        let mut effects = Effects::default();
        let ids: Vec<ObjectId> = self.objects.keys().cloned().collect();
        for id in ids {
            self.tally(&id, Tally::Out);
            if self.objects.get(&id).is_some_and(|record| !record.read) {
                effects.protections.push(id.clone());
            }
            let removal_reason = RemovalReason::Reconfigured;
            let occasion = Occasion { changed: false, removal_reason, seen, live: false, fresh };
            self.route(&id, None, occasion, &mut effects);
            self.tally(&id, Tally::In);
            effects.changed.push(id);
        }
        effects
    }

    /// Removes an object from the counts before it changes, and adds it again afterwards.
    fn tally(&mut self, id: &ObjectId, direction: Tally) {
        let Some(record) = self.objects.get(id) else { return };
        if !self.counts.contains_key(id.source()) {
            self.counts.insert(id.source().into(), Count::default());
        }
        let Some(count) = self.counts.get_mut(id.source()) else { return };
        count.tally(record, direction);
        match direction {
            Tally::In if record.hides_others => drop(self.hiding_others.insert(id.clone())),
            Tally::In => {}
            Tally::Out => drop(self.hiding_others.remove(id)),
        }
    }
}
