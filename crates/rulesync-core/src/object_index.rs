//! The object index: every object that sources have shown, and its destinations. Pure bookkeeping: events in, commands
//! for destinations out.

mod answer;
mod effects;
mod events;
mod explain;
mod record;
mod report;
mod routing;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

use ahash::RandomState;

use crate::desired::Protection;
use crate::guard::HeldReason;
use crate::intake::{RouteMatch, RoutingTable};
use crate::locations::Locations;
use crate::model::name::{KubernetesNamespace, RulerNamespace, SourceName};
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::naming::Naming;
use crate::object_change::DeclaredState;
use crate::object_text::ObjectText;
use crate::route::input::NamespaceMetadata;
use crate::source::Scope;
pub(crate) use answer::IndexAnswer;
pub(crate) use effects::Effects;
pub(crate) use record::Unreadable;
use record::{Count, Record};
pub(crate) use report::ObjectReport;

/// The known Kubernetes namespaces of each source, by name.
type Namespaces = BTreeMap<SourceName, BTreeMap<KubernetesNamespace, NamespaceMetadata>>;

/// The objects and the metadata of their Kubernetes namespaces.
#[derive(Debug)]
pub(crate) struct ObjectIndex {
    table: RoutingTable,
    /// The records are not in the nodes of the tree, half of which are empty if objects come in order, as from a list.
    objects: BTreeMap<ObjectId, Box<Record>>,
    namespaces: Namespaces,
    counts: HashMap<SourceName, Count>,
    /// The objects that may hide others from snapshots of their sources.
    hiding_others: BTreeSet<ObjectId>,
    /// The number of objects at each destination.
    uses: BTreeMap<DestinationId, usize>,
    /// The hasher of declarations, which distinguishes a change from a repetition.
    hashing: RandomState,
    /// The positions of objects in files.
    locations: Locations,
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

    /// Returns the objects in a scope of a source that it has not sent since a generation of snapshots began.
    pub(crate) fn missing_since(&self, source: &str, scope: &Scope, generation: u32) -> Vec<ObjectId> {
        let missing = |(id, record): &(&ObjectId, &Record)| {
            record.generation < generation && id.source() == source && scope.contains(id)
        };
        let id = |(id, _): (&ObjectId, &Record)| id.clone();
        match scope.namespace() {
            Some(namespace) => self.in_namespace(namespace).filter(missing).map(id).collect(),
            None => self.iter().filter(missing).map(id).collect(),
        }
    }

    /// Iterates over the Kubernetes namespaces that a source has shown.
    pub(crate) fn namespaces_of(&self, source: &str) -> impl Iterator<Item = &KubernetesNamespace> {
        self.namespaces.get(source).into_iter().flat_map(BTreeMap::keys)
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
        self.objects.get(id).is_some_and(|record| record.is_in_ruler())
    }

    /// Returns the reports about all objects, to be completed by the destinations.
    pub(crate) fn reports(&self) -> Vec<ObjectReport> {
        self.iter().map(|(id, record)| self.report(id, record)).collect()
    }

    /// Returns the report about one object, with the destinations that complete it and its namespace at each.
    pub(crate) fn report_of(
        &self,
        id: &ObjectId,
    ) -> Option<(ObjectReport, impl Iterator<Item = (&DestinationId, &RulerNamespace)>)> {
        let (id, record) = self.objects.get_key_value(id)?;
        let places = record.matches.iter().map(|found| (&found.destination, &found.namespace));
        Some((self.report(id, record), places))
    }

    /// Returns the texts of an object as its author wrote them; none if no source declares it.
    pub(crate) fn text_of(&self, id: &ObjectId) -> Option<ObjectText> {
        let (id, record) = self.objects.get_key_value(id)?;
        Some(record.accepted.text(id))
    }

    /// Returns what is known of an object before it reaches its destinations; none if no source declares it.
    pub(crate) fn declared_state(&self, id: &ObjectId) -> Option<DeclaredState> {
        let record = self.objects.get(id)?;
        let mut hash = self.hashing.build_hasher();
        record.declared_generation.hash(&mut hash);
        record.content.hash(&mut hash);
        record.routing_findings.hash(&mut hash);
        record.malformed.hash(&mut hash);
        for found in &record.matches {
            found.destination.hash(&mut hash);
        }
        let (verdict, destinations) = (record.verdict(), record.matches.len());
        Some(DeclaredState { verdict, destinations, digest: hash.finish() })
    }

    fn report(&self, id: &ObjectId, record: &Record) -> ObjectReport {
        let mut findings = record.accepted.findings.to_vec();
        findings.extend(record.routing_findings.iter().cloned());
        findings.extend(record.malformed.as_ref().map(|unreadable| unreadable.finding.clone()));
        ObjectReport {
            id: id.clone(),
            uid: record.uid().map(str::to_owned),
            generation: record.declared_generation,
            groups: record.accepted.declared_groups(),
            findings,
            verdict: record.verdict(),
            destinations: record.matches.len(),
            locations: self.locations.clone(),
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

    /// Returns the namespaces that an object has, or may have had, at a destination, where the inventory remembers `former`
    /// namings.
    pub(crate) fn possible_namespaces(
        &self,
        id: &ObjectId,
        destination: &DestinationId,
        former: &[Naming],
    ) -> Vec<RulerNamespace> {
        let record = self.objects.get(id);
        let input = record.map_or_else(|| id.into(), |record| record.accepted.naming_input(id));
        self.table.possible_namespaces(&input, destination, former)
    }

    /// Returns those of these namespaces at a ruler that one of the namings gives to an object that a source has shown,
    /// wherever it goes.
    pub(crate) fn recognize<'a>(
        &self,
        ruler: &str,
        namings: impl Iterator<Item = &'a Naming> + Clone,
        namespaces: &HashSet<RulerNamespace>,
    ) -> Vec<RulerNamespace> {
        let names = |(id, record): (&ObjectId, &Record)| {
            let input = record.accepted.naming_input(id);
            let name = |naming| self.table.name_at(ruler, naming, &input);
            namings.clone().filter_map(name).filter(|name| namespaces.contains(name)).collect::<Vec<_>>()
        };
        self.iter().flat_map(names).collect()
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
        self.matches_of(id).iter().map(|route_match| &route_match.destination)
    }

    fn matches_of(&self, id: &ObjectId) -> &[RouteMatch] {
        self.objects.get(id).map(|record| &*record.matches).unwrap_or_default()
    }

    /// Returns the destinations that objects go to, with the namespace of each there.
    pub(crate) fn places_of(&self, objects: &[ObjectId]) -> Vec<(DestinationId, RulerNamespace)> {
        let matches = objects.iter().flat_map(|object| self.matches_of(object));
        matches.map(|found| (found.destination.clone(), found.namespace.clone())).collect()
    }

    /// Iterates over the objects whose rules may be protected at some destination.
    pub(crate) fn protected(&self) -> impl Iterator<Item = &ObjectId> {
        let any = self.counts.values().any(|count| count.malformed > 0 || count.refused > 0);
        let objects = any.then(|| self.iter()).into_iter().flatten();
        objects.filter(|(_, record)| !record.read || !record.refused_by.is_empty()).map(|(id, _)| id)
    }

    fn in_namespace(&self, namespace: &str) -> impl Iterator<Item = (&ObjectId, &Record)> {
        // Identities are ordered by Kubernetes namespace first.
        let first = ObjectId::new(&"".into(), &"".into(), namespace, "");
        let namespace = namespace.to_owned();
        let objects = self.objects.range((Bound::Included(first), Bound::Unbounded));
        let of_namespace = objects.take_while(move |(id, _)| id.namespace() == namespace);
        of_namespace.map(|(id, record)| (id, &**record))
    }

    fn iter(&self) -> impl Iterator<Item = (&ObjectId, &Record)> {
        self.objects.iter().map(|(id, record)| (id, &**record))
    }
}

#[cfg(test)]
mod tests;
