//! The object index: every object that sources have shown, and its destinations. Pure bookkeeping: events in, commands
//! for destinations out.

mod routing;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use ahash::RandomState;
use tokio::time::Instant;

use crate::desired::{Protection, RemovalReason};
use crate::destination::Command;
use crate::finding::Finding;
use crate::guard::HeldReason;
use crate::handover::HandoverProgress;
use crate::intake::{Accepted, Declaration, RouteMatch, RoutingTable};
use crate::locations::Locations;
use crate::model::kind::{self};
use crate::model::object::{ObjectId, RuleObject};
use crate::model::positions::Positions;
use crate::model::tenant::DestinationId;
use crate::naming::Naming;
use crate::route::input::NamespaceMetadata;
use crate::source::Scope;
use crate::status::{ObjectAtDestination, ObjectState, ObjectStatus};
use routing::{Moves, Occasion};

/// The effects of an event.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// Commands for destinations.
    pub(crate) commands: Vec<(DestinationId, Command)>,
    /// Handovers: removals that wait until other destinations have the objects.
    pub(crate) handovers: Vec<Handover>,
    /// Objects whose rules are protected at some destination, or no longer are: see [`ObjectIndex::protects`].
    pub(crate) protections: Vec<ObjectId>,
    /// New findings about objects.
    pub(crate) findings: Vec<(ObjectId, Option<DestinationId>, Finding)>,
}

/// An object leaves a destination for others, which must have it first, so that it does not go unevaluated.
#[derive(Debug)]
pub(crate) struct Handover {
    pub(crate) destination: DestinationId,
    pub(crate) namespace: Arc<str>,
    pub(crate) object: ObjectId,
    /// The objects that others receive: the object itself, unless it was renamed.
    pub(crate) to: Arc<[ObjectId]>,
    /// The progress of those that receive it.
    pub(crate) progress: HandoverProgress,
}

/// The known Kubernetes namespaces of each source, by name.
type Namespaces = BTreeMap<Arc<str>, BTreeMap<String, NamespaceMetadata>>;

/// The objects and the metadata of their Kubernetes namespaces.
#[derive(Debug)]
pub(crate) struct ObjectIndex {
    table: RoutingTable,
    objects: BTreeMap<ObjectId, Record>,
    namespaces: Namespaces,
    counts: HashMap<Arc<str>, Count>,
    /// The objects that may hide others from snapshots of their sources.
    hiding_others: BTreeSet<ObjectId>,
    /// The number of objects at each destination.
    uses: BTreeMap<DestinationId, usize>,
    /// The hasher of declarations, which distinguishes a change from a repetition.
    hashing: RandomState,
    /// The positions of objects in files.
    locations: Locations,
}

/// The number of objects of a source, by state, updated with each change.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    all: usize,
    selected: usize,
    malformed: usize,
    hiding: usize,
    /// Objects with groups that go to a ruler.
    in_rulers: usize,
    /// Objects that request a tenant that they may not have.
    refused: usize,
}

#[derive(Debug, Clone, Copy)]
enum Tally {
    In,
    Out,
}

/// The stored form of an object: enough to route it again and to write its groups again.
#[derive(Debug, Default)]
struct Record {
    /// The hash of the declaration, which distinguishes a change from a repetition.
    content: u64,
    /// The generation of its source's snapshots in which it was last sent.
    generation: u32,
    accepted: Accepted,
    /// The reason why its latest version cannot be read.
    malformed: Option<Box<Finding>>,
    /// True if it may hide objects of unknown names.
    hides: bool,
    /// True if its source reports so. If not, only its own namespace in rulers is unknown.
    hides_others: bool,
    /// True once any version of it has been read.
    read: bool,
    matches: Box<[RouteMatch]>,
    /// The routes that refuse the tenant it requests.
    refused_by: Box<[Arc<str>]>,
    /// The reasons why routes that select it do not take it.
    routing_findings: Box<[Finding]>,
}

/// The report of the index about an object, for a status.
#[derive(Debug)]
pub(crate) struct ObjectReport {
    pub(crate) id: ObjectId,
    findings: Vec<Finding>,
    malformed: bool,
    has_routing_findings: bool,
    locations: Locations,
}

impl ObjectReport {
    /// Returns the status, given the reports of the destinations about the object.
    pub(crate) fn with_destinations(self, mut destinations: Vec<ObjectAtDestination>) -> ObjectStatus {
        let Self { id, mut findings, malformed, has_routing_findings, locations } = self;
        let of_destinations = destinations.iter_mut().flat_map(|destination| &mut destination.findings);
        locations.locate(findings.iter_mut().chain(of_destinations).map(|finding| (&id, finding)));
        let worst = destinations
            .iter()
            .map(|destination| destination.state)
            .max()
            .unwrap_or(ObjectState::NotSelected);
        let refused = findings.iter().any(Finding::withholds)
            && (worst != ObjectState::NotSelected || has_routing_findings);
        ObjectStatus {
            source: id.source().to_owned(),
            kind: id.kind().to_owned(),
            namespace: id.namespace().to_owned(),
            name: id.name().to_owned(),
            state: match malformed {
                true => ObjectState::Malformed,
                false if refused => worst.max(ObjectState::Refused),
                false => worst,
            },
            findings,
            destinations,
        }
    }
}

impl Record {
    fn is_in_ruler(&self) -> bool {
        !self.matches.is_empty() && self.accepted.has_groups()
    }
}

/// Returns the metadata of an object's Kubernetes namespace, and whether it will be known if it is not.
fn namespace_of<'a>(id: &ObjectId, namespaces: &'a Namespaces) -> (Option<&'a NamespaceMetadata>, bool) {
    let of_source = namespaces.get(id.source());
    let comes = of_source.is_some_and(|of_source| !of_source.is_empty());
    (of_source.and_then(|of_source| of_source.get(id.namespace())), comes)
}

impl ObjectIndex {
    pub(crate) fn new(table: RoutingTable) -> Self {
        Self {
            table,
            objects: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            counts: HashMap::new(),
            hiding_others: BTreeSet::new(),
            uses: BTreeMap::new(),
            hashing: RandomState::new(),
            locations: Locations::default(),
        }
    }

    /// Returns the positions of objects in files.
    pub(crate) fn locations(&self) -> &Locations {
        &self.locations
    }

    /// Adds or updates an object. Repeating a known object has no effects.
    pub(crate) fn upsert(
        &mut self,
        object: RuleObject,
        generation: u32,
        seen: Instant,
        live: bool,
    ) -> Effects {
        let mut effects = Effects::default();
        let RuleObject { id, uid, created, labels, tenant, annotations, groups, findings, positions } =
            object;
        // Comments change positions and nothing else.
        let in_file = !positions.is_empty();
        if in_file {
            self.locations.set(&id, positions, &groups);
        }
        let content =
            self.hashing.hash_one((&uid, created, &labels, &tenant, &annotations, &groups, &findings));
        self.tally(&id, Tally::Out);
        if let Some(known) = self.objects.get_mut(&id) {
            known.generation = generation;
            let repaired = known.malformed.take().is_some();
            if known.read && known.content == content {
                self.tally(&id, Tally::In);
                return effects;
            }
            if repaired && !known.read {
                effects.protections.push(id.clone());
            }
        }
        if !in_file {
            self.locations.set(&id, Positions::default(), &groups);
        }
        let declaration = Declaration { uid, created, labels, annotations, tenant, groups, findings };
        let (accepted, groups) = Accepted::of(&id, declaration, &self.table);
        for finding in &accepted.findings {
            effects.findings.push((id.clone(), None, finding.clone()));
        }
        let known = self.objects.remove(&id).unwrap_or_default();
        let (uid, old_uid) = (accepted.uid.as_deref(), known.accepted.uid.as_deref());
        // The object was re-created: with some namings it has another namespace now.
        let earlier: Vec<(DestinationId, Arc<str>)> = if old_uid == uid {
            Vec::new()
        } else {
            let name = |destination: &DestinationId| {
                let before = self.table.namespace_of(&id, old_uid, destination)?;
                let after = self.table.namespace_of(&id, uid, destination)?;
                (before != after).then(|| (destination.clone(), before))
            };
            known.matches.iter().map(|route_match| &route_match.destination).filter_map(name).collect()
        };
        let record = Record {
            content,
            generation,
            accepted,
            malformed: None,
            hides: false,
            hides_others: false,
            read: true,
            matches: known.matches,
            refused_by: known.refused_by,
            routing_findings: known.routing_findings,
        };
        self.objects.insert(id.clone(), record);
        let removal_reason = RemovalReason::Deselected;
        let occasion = Occasion { changed: true, removal_reason, seen, live, fresh: &[] };
        self.route(&id, Some(&groups), occasion, &mut effects);
        for (destination, namespace) in earlier {
            let because = RemovalReason::Moved;
            effects.commands.push((destination, Command::Remove { namespace, object: id.clone(), because }));
        }
        self.tally(&id, Tally::In);
        effects
    }

    /// Records that an object exists and cannot be read; its last readable version stays. If it `hides` objects of
    /// other names, it does so until some version of it is read.
    pub(crate) fn malformed(
        &mut self,
        id: &ObjectId,
        finding: Finding,
        hides: bool,
        generation: u32,
    ) -> Effects {
        let mut effects = Effects::default();
        self.tally(id, Tally::Out);
        let record = self.objects.entry(id.clone()).or_default();
        record.generation = generation;
        let is_new = record.malformed.as_deref() != Some(&finding);
        record.malformed = Some(Box::new(finding.clone()));
        if !record.read {
            // Without its UID some names cannot be made, so that others must not be taken for orphans. Files have none.
            record.hides_others = hides;
            record.hides =
                hides || (matches!(self.table.naming, Naming::Alloy(_)) && id.kind() != kind::RULE_FILE);
            effects.protections.push(id.clone());
        }
        self.tally(id, Tally::In);
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
            if !record.read || !record.refused_by.is_empty() {
                effects.protections.push(id.clone());
            }
            for RouteMatch { destination, .. } in &record.matches {
                self.leave(destination);
                let because = RemovalReason::Deleted;
                let moves = Moves { to, progress: &progress };
                self.drop_from(
                    id,
                    record.accepted.uid.as_deref(),
                    destination,
                    (Some(moves), because),
                    &mut effects,
                );
            }
        }
        effects
    }

    /// Sets or removes the metadata of a Kubernetes namespace. Its objects are routed again.
    pub(crate) fn namespace(
        &mut self,
        source: &Arc<str>,
        name: String,
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
        let of_source = self.namespaces.entry(Arc::clone(source)).or_default();
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
        }
        effects
    }

    /// Returns the objects in a scope of a source that it has not sent since a generation of snapshots began.
    pub(crate) fn missing_since(&self, source: &str, scope: &Scope, generation: u32) -> Vec<ObjectId> {
        let missing = |(id, record): &(&ObjectId, &Record)| {
            record.generation < generation && id.source() == source && scope.contains(id)
        };
        let id = |(id, _): (&ObjectId, &Record)| id.clone();
        match scope.namespace() {
            Some(namespace) => self.in_namespace(namespace).filter(missing).map(id).collect(),
            None => self.objects.iter().filter(missing).map(id).collect(),
        }
    }

    /// Iterates over the Kubernetes namespaces that a source has shown.
    pub(crate) fn namespaces_of(&self, source: &str) -> impl Iterator<Item = &String> {
        self.namespaces.get(source).into_iter().flat_map(BTreeMap::keys)
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
        }
        effects
    }

    /// Has every object converted when it is sent next, even if it is unchanged.
    pub(crate) fn forget_contents(&mut self) {
        self.objects.values_mut().for_each(|record| record.content = 0);
    }

    /// Returns whether something unreadable may hide unknown objects: then nothing may be taken for an orphan. A file
    /// that was never parsed is an example; it hides objects of unknown names.
    pub(crate) fn hides_objects(&self) -> bool {
        self.counts.values().any(|count| count.hiding > 0)
    }

    /// Returns whether something unreadable may hide unknown objects of one source.
    pub(crate) fn source_hides_objects(&self, source: &str) -> bool {
        self.counts.get(source).is_some_and(|count| count.hiding > 0)
    }

    /// Iterates over what a source cannot read and what may declare objects that its snapshots therefore lack, each
    /// with the generation of the snapshot that last had it.
    pub(crate) fn hiding_others(&self, source: &str) -> impl Iterator<Item = (&ObjectId, u32)> {
        let of_source = self.hiding_others.iter().filter(move |id| id.source() == source);
        of_source.filter_map(|id| self.objects.get(id).map(|record| (id, record.generation)))
    }

    /// The number of objects that a source has shown.
    pub(crate) fn count(&self, source: &str) -> usize {
        self.counts.get(source).map_or(0, |count| count.all)
    }

    /// The numbers of objects that a source has shown, by state.
    pub(crate) fn counts(&self, source: &str) -> [(&'static str, usize); 3] {
        let count = self.counts.get(source).copied().unwrap_or_default();
        [
            ("selected", count.selected),
            ("not_selected", count.all - count.selected),
            ("malformed", count.malformed),
        ]
    }

    /// The number of objects of a source with groups in a ruler.
    pub(crate) fn in_rulers(&self, source: &str) -> usize {
        self.counts.get(source).map_or(0, |count| count.in_rulers)
    }

    /// Returns whether an object has groups in a ruler.
    pub(crate) fn is_in_ruler(&self, id: &ObjectId) -> bool {
        self.objects.get(id).is_some_and(Record::is_in_ruler)
    }

    /// Returns the reports about all objects, to be completed by the destinations.
    pub(crate) fn reports(&self) -> Vec<ObjectReport> {
        let report = |(id, record): (&ObjectId, &Record)| {
            let mut findings = record.accepted.findings.to_vec();
            findings.extend(record.routing_findings.iter().cloned());
            findings.extend(record.malformed.as_deref().cloned());
            ObjectReport {
                id: id.clone(),
                findings,
                malformed: record.malformed.is_some(),
                has_routing_findings: !record.routing_findings.is_empty(),
                locations: self.locations.clone(),
            }
        };
        self.objects.iter().map(report).collect()
    }

    /// Removes an object from the counts before it changes, and adds it again afterwards.
    fn tally(&mut self, id: &ObjectId, direction: Tally) {
        let Some(record) = self.objects.get(id) else { return };
        if !self.counts.contains_key(id.source()) {
            self.counts.insert(id.source().into(), Count::default());
        }
        let Some(count) = self.counts.get_mut(id.source()) else { return };
        for (number, counts) in [
            (&mut count.all, true),
            (&mut count.selected, !record.matches.is_empty()),
            (&mut count.malformed, record.malformed.is_some()),
            (&mut count.hiding, record.hides),
            (&mut count.in_rulers, record.is_in_ruler()),
            (&mut count.refused, !record.refused_by.is_empty()),
        ] {
            match direction {
                Tally::In => *number += usize::from(counts),
                Tally::Out => *number -= usize::from(counts),
            }
        }
        match direction {
            Tally::In if record.hides_others => drop(self.hiding_others.insert(id.clone())),
            Tally::In => {}
            Tally::Out => drop(self.hiding_others.remove(id)),
        }
    }

    /// Iterates over the destinations of objects.
    pub(crate) fn destinations(&self) -> impl Iterator<Item = &DestinationId> {
        self.uses.keys()
    }

    /// Returns whether any object is at a destination.
    pub(crate) fn uses(&self, destination: &DestinationId) -> bool {
        self.uses.contains_key(destination)
    }

    /// Returns the namespace that an object has, or had, at a destination.
    pub(crate) fn namespace_at(&self, id: &ObjectId, destination: &DestinationId) -> Option<Arc<str>> {
        let uid = self.objects.get(id).and_then(|record| record.accepted.uid.as_deref());
        self.table.namespace_of(id, uid, destination)
    }

    /// Returns why the rules of an object at a destination are protected although the object does not go there, if so:
    /// it cannot be read, and its destinations are unknown; or it requests a tenant that it may not have, and may have
    /// been here before. In the second case its rules must satisfy what its route enforces.
    pub(crate) fn protects(&self, id: &ObjectId, destination: &DestinationId) -> Option<Protection> {
        let record = self.objects.get(id)?;
        if !record.read {
            return Some(HeldReason::Unreadable.into());
        }
        let (namespace, comes) = namespace_of(id, &self.namespaces);
        let input = record.accepted.input(id, namespace, comes);
        let transform =
            record.refused_by.iter().find_map(|route| self.table.transform(route, &input, destination))?;
        Some(Protection { because: HeldReason::TenantRefused, enforced: Some(Arc::new(transform)) })
    }

    /// Iterates over the destinations that an object goes to.
    pub(crate) fn destinations_of(&self, id: &ObjectId) -> impl Iterator<Item = &DestinationId> {
        let matches = self.objects.get(id).map(|record| &*record.matches).unwrap_or_default();
        matches.iter().map(|route_match| &route_match.destination)
    }

    /// Returns the destinations that objects go to, with the namespace of each there.
    pub(crate) fn places_of(&self, objects: &[ObjectId]) -> Vec<(DestinationId, Arc<str>)> {
        let location = |object, destination| {
            Some((DestinationId::clone(destination), self.namespace_at(object, destination)?))
        };
        let of = |object| {
            self.destinations_of(object).filter_map(move |destination| location(object, destination))
        };
        objects.iter().flat_map(of).collect()
    }

    /// Iterates over the objects whose rules may be protected at some destination.
    pub(crate) fn protected(&self) -> impl Iterator<Item = &ObjectId> {
        let any = self.counts.values().any(|count| count.malformed > 0 || count.refused > 0);
        let objects = any.then(|| self.objects.iter()).into_iter().flatten();
        objects.filter(|(_, record)| !record.read || !record.refused_by.is_empty()).map(|(id, _)| id)
    }

    fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = (&ObjectId, &Record)> {
        // Identities are ordered by Kubernetes namespace first.
        let nothing: Arc<str> = "".into();
        let first = ObjectId::new(&nothing, &nothing, namespace, "");
        let namespace = namespace.to_owned();
        let objects = self.objects.range((Bound::Included(first), Bound::Unbounded));
        objects.take_while(move |(id, _)| id.namespace() == namespace)
    }
}

#[cfg(test)]
mod tests;
