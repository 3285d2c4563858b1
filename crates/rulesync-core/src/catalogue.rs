//! Every object the sources have shown, and where each belongs. Pure bookkeeping: events in, orders for targets out.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::ops::Bound;
use std::sync::Arc;

use tokio::time::Instant;

use crate::desired::{Claim, DesiredGroup};
use crate::finding::Finding;
use crate::intake::{self, Route};
use crate::model::group::Group;
use crate::model::labels::Labels;
use crate::model::object::{ObjectId, RuleObject};
use crate::model::packed::{PackedGroup, Unpacker, pack};
use crate::model::tenant::TargetId;
use crate::naming::Naming;
use crate::policy::OnInvalid;
use crate::ruler::Ruler;
use crate::status::{ObjectAtTarget, ObjectState, ObjectStatus};
use crate::target::Order;

/// What follows from an event.
#[derive(Debug, Default)]
pub(crate) struct Consequences {
    /// What to tell which target.
    pub(crate) orders: Vec<(TargetId, Order)>,
    /// What is newly wrong with which object.
    pub(crate) findings: Vec<(ObjectId, Option<TargetId>, Finding)>,
}

/// Where objects go.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) naming: Naming,
    pub(crate) routes: Arc<[Route]>,
    pub(crate) rulers: HashMap<Arc<str>, Arc<dyn Ruler>>,
    /// The most rules of a group, for rulers whose groups are split.
    pub(crate) split: HashMap<Arc<str>, usize>,
    pub(crate) on_invalid: OnInvalid,
}

impl Map {
    /// The namespace of an object at a ruler; none if that ruler is no longer configured.
    fn namespace_of(&self, id: &ObjectId, uid: Option<&str>, target: &TargetId) -> Option<Arc<str>> {
        let ruler = self.rulers.get(&target.ruler)?;
        Some(self.naming.namespace_of(id, uid, ruler.name_rules().max_bytes))
    }
}

/// The objects and the labels of their Kubernetes namespaces.
#[derive(Debug)]
pub(crate) struct Catalogue {
    map: Map,
    objects: BTreeMap<ObjectId, Record>,
    namespaces: BTreeMap<(Arc<str>, String), Labels>,
    counts: HashMap<Arc<str>, Count>,
}

/// How many objects of a source there are, kept up to date so that nobody has to count.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    all: usize,
    selected: usize,
    malformed: usize,
    hiding: usize,
}

#[derive(Debug, Clone, Copy)]
enum Tally {
    In,
    Out,
}

/// What is kept of an object: enough to route it anew and to write its groups again.
#[derive(Debug, Default)]
struct Record {
    /// Of the declaration, to tell a change from a repetition.
    content: u64,
    /// Which run of its source last said it.
    run: u32,
    uid: Option<Box<str>>,
    created: Option<i64>,
    labels: Labels,
    groups: Box<[PackedGroup]>,
    refused: Box<[Box<str>]>,
    findings: Box<[Finding]>,
    /// Why its latest form cannot be read.
    malformed: Option<Box<Finding>>,
    /// Whether it stands for objects of unknown names.
    hides: bool,
    /// Whether any form of it was ever read.
    read: bool,
    targets: Vec<TargetId>,
}

impl Catalogue {
    pub(crate) fn new(map: Map) -> Self {
        Self { map, objects: BTreeMap::new(), namespaces: BTreeMap::new(), counts: HashMap::new() }
    }

    /// An object is there. Repeating what is known has no consequences.
    pub(crate) fn upsert(
        &mut self,
        object: &RuleObject,
        run: u32,
        seen: Instant,
        live: bool,
    ) -> Consequences {
        let mut consequences = Consequences::default();
        let content = content(object);
        self.tally(&object.id, Tally::Out);
        if let Some(known) = self.objects.get_mut(&object.id) {
            known.run = run;
            let repaired = known.malformed.take().is_some();
            if known.read && known.content == content {
                self.tally(&object.id, Tally::In);
                return consequences;
            }
            if repaired && !known.read {
                self.hold(&object.id, false, &mut consequences);
            }
        }
        let intake::Conversion { groups, refused, findings } = intake::convert(object, self.map.on_invalid);
        let findings: Box<[Finding]> = findings.into();
        for finding in &findings {
            consequences.findings.push((object.id.clone(), None, finding.clone()));
        }
        let known = self.objects.remove(&object.id).unwrap_or_default();
        let uid: Option<Box<str>> = object.uid.as_deref().map(Box::from);
        // Made anew: by some namings it is in another namespace now.
        let earlier: Vec<(TargetId, Arc<str>)> = if known.uid == uid {
            Vec::new()
        } else {
            let name = |target: &TargetId| {
                let before = self.map.namespace_of(&object.id, known.uid.as_deref(), target)?;
                let after = self.map.namespace_of(&object.id, uid.as_deref(), target)?;
                (before != after).then(|| (target.clone(), before))
            };
            known.targets.iter().filter_map(name).collect()
        };
        let record = Record {
            content,
            run,
            uid,
            created: object.created,
            labels: object.labels.clone(),
            // Groups of gigabytes are beyond every ruler; the object then has none here.
            groups: pack(&groups).unwrap_or_default().into(),
            refused: refused.into_iter().map(String::into_boxed_str).collect(),
            findings,
            malformed: None,
            hides: false,
            read: true,
            targets: known.targets,
        };
        self.objects.insert(object.id.clone(), record);
        self.place(&object.id, Some(&groups), true, seen, live, &mut consequences);
        for (target, namespace) in earlier {
            consequences.orders.push((target, Order::Drop { namespace, object: object.id.clone() }));
        }
        self.tally(&object.id, Tally::In);
        consequences
    }

    /// An object is there and cannot be read; what was last known of it stays.
    /// If it `hides` objects of other names, it does so until some form of it is read.
    pub(crate) fn malformed(
        &mut self,
        id: &ObjectId,
        finding: Finding,
        hides: bool,
        run: u32,
    ) -> Consequences {
        let mut consequences = Consequences::default();
        self.tally(id, Tally::Out);
        let record = self.objects.entry(id.clone()).or_default();
        record.run = run;
        let news = record.malformed.as_deref() != Some(&finding);
        record.malformed = Some(Box::new(finding.clone()));
        if !record.read {
            // Without its UID some names cannot be made, so that others must not be taken for orphans.
            record.hides = hides || matches!(self.map.naming, Naming::Alloy(_));
            self.hold(id, true, &mut consequences);
        }
        self.tally(id, Tally::In);
        if news {
            consequences.findings.push((id.clone(), None, finding));
        }
        consequences
    }

    /// An object is gone.
    pub(crate) fn delete(&mut self, id: &ObjectId) -> Consequences {
        let mut consequences = Consequences::default();
        self.tally(id, Tally::Out);
        if let Some(record) = self.objects.remove(id) {
            if !record.read {
                self.hold(id, false, &mut consequences);
            }
            for target in record.targets {
                self.drop_from(id, record.uid.as_deref(), target, &mut consequences);
            }
        }
        consequences
    }

    /// A Kubernetes namespace has these labels, or is gone. Its objects are routed anew.
    pub(crate) fn namespace(
        &mut self,
        source: &Arc<str>,
        name: String,
        labels: Option<Labels>,
        seen: Instant,
    ) -> Consequences {
        let key = (Arc::clone(source), name);
        let unchanged = self.namespaces.get(&key) == labels.as_ref();
        let mut consequences = Consequences::default();
        if unchanged {
            return consequences;
        }
        let in_namespace: Vec<ObjectId> =
            self.objects_in(&key.1).filter(|id| id.source() == &**source).cloned().collect();
        match labels {
            Some(labels) => self.namespaces.insert(key, labels),
            None => self.namespaces.remove(&key),
        };
        for id in in_namespace {
            self.tally(&id, Tally::Out);
            self.place(&id, None, false, seen, true, &mut consequences);
            self.tally(&id, Tally::In);
        }
        consequences
    }

    /// The objects of a source that were not said since its run began.
    pub(crate) fn not_said_since(&self, source: &str, run: u32) -> Vec<ObjectId> {
        self.objects
            .iter()
            .filter(|(id, record)| id.source() == source && record.run < run)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Routes everything anew, by another map. `fresh` are targets that know nothing yet and are told everything.
    pub(crate) fn remap(&mut self, map: Map, fresh: &[TargetId], seen: Instant) -> Consequences {
        self.map = map;
        let mut consequences = Consequences::default();
        let ids: Vec<ObjectId> = self.objects.keys().cloned().collect();
        for id in ids {
            self.tally(&id, Tally::Out);
            if let Some(record) = self.objects.get_mut(&id) {
                record.targets.retain(|target| !fresh.contains(target));
                if !record.read {
                    self.hold(&id, true, &mut consequences);
                }
            }
            self.place(&id, None, false, seen, false, &mut consequences);
            self.tally(&id, Tally::In);
        }
        consequences
    }

    /// What objects say next is news, even if they say the same: it is to be converted otherwise.
    pub(crate) fn forget_contents(&mut self) {
        self.objects.values_mut().for_each(|record| record.content = 0);
    }

    /// Whether something that cannot be read may hide objects we do not know of: then nothing may be taken for an
    /// orphan. A file that never could be parsed is such a thing; it stands for objects of unknown names.
    pub(crate) fn hides_objects(&self) -> bool {
        self.counts.values().any(|count| count.hiding > 0)
    }

    /// The same for what one source declares.
    pub(crate) fn source_hides_objects(&self, source: &str) -> bool {
        self.counts.get(source).is_some_and(|count| count.hiding > 0)
    }

    /// How many objects a source has shown.
    pub(crate) fn count(&self, source: &str) -> usize {
        self.counts.get(source).map_or(0, |count| count.all)
    }

    /// How many objects a source has shown, by state.
    pub(crate) fn counts(&self, source: &str) -> [(&'static str, usize); 3] {
        let count = self.counts.get(source).copied().unwrap_or_default();
        [
            ("selected", count.selected),
            ("not_selected", count.all - count.selected),
            ("malformed", count.malformed),
        ]
    }

    /// The objects for a status, given what the targets say of them.
    pub(crate) fn statuses(
        &self,
        mut at_targets: HashMap<ObjectId, Vec<ObjectAtTarget>>,
    ) -> Vec<ObjectStatus> {
        let status = |(id, record): (&ObjectId, &Record)| {
            let targets = at_targets.remove(id).unwrap_or_default();
            let mut findings = record.findings.to_vec();
            findings.extend(record.malformed.as_deref().cloned());
            let worst = targets.iter().map(|target| target.state).max().unwrap_or(ObjectState::NotSelected);
            ObjectStatus {
                source: id.source().to_owned(),
                kind: id.kind().to_owned(),
                namespace: id.namespace().to_owned(),
                name: id.name().to_owned(),
                state: if record.malformed.is_some() {
                    ObjectState::Malformed
                } else if findings.iter().any(Finding::is_error) && worst != ObjectState::NotSelected {
                    worst.max(ObjectState::Refused)
                } else {
                    worst
                },
                findings,
                targets,
            }
        };
        self.objects.iter().map(status).collect()
    }

    /// Takes an object out of the counts before it changes, and puts it back in afterwards.
    fn tally(&mut self, id: &ObjectId, direction: Tally) {
        let Some(record) = self.objects.get(id) else { return };
        let source: Arc<str> = id.source().into();
        let count = self.counts.entry(source).or_default();
        for (number, counts) in [
            (&mut count.all, true),
            (&mut count.selected, !record.targets.is_empty()),
            (&mut count.malformed, record.malformed.is_some()),
            (&mut count.hiding, record.hides),
        ] {
            match direction {
                Tally::In => *number += usize::from(counts),
                Tally::Out => *number -= usize::from(counts),
            }
        }
    }

    /// Finds an object's targets and tells them. Targets that had it are told anew only if its content is `changed`.
    fn place(
        &mut self,
        id: &ObjectId,
        groups: Option<&[Group]>,
        changed: bool,
        seen: Instant,
        live: bool,
        consequences: &mut Consequences,
    ) {
        let Some(record) = self.objects.get_mut(id) else { return };
        if !record.read {
            return;
        }
        let namespace = self.namespaces.get(&(Arc::from(id.source()), id.namespace().to_owned()));
        let targets = intake::targets(&self.map.routes, id, &record.labels, namespace);
        let before = std::mem::replace(&mut record.targets, targets.clone());
        for target in &targets {
            if !changed && before.contains(target) {
                continue;
            }
            let Some(ruler) = self.map.rulers.get(&target.ruler) else { continue };
            let split = self.map.split.get(&target.ruler).copied();
            let claim = claim(id, record, groups, ruler.as_ref(), split, seen);
            for finding in &claim.findings {
                consequences.findings.push((id.clone(), Some(target.clone()), finding.clone()));
            }
            let max_bytes = ruler.name_rules().max_bytes;
            let namespace = self.map.naming.namespace_of(id, record.uid.as_deref(), max_bytes);
            consequences.orders.push((target.clone(), Order::Claim { namespace, claim, live }));
        }
        let uid = record.uid.clone();
        for target in before {
            if !targets.contains(&target) {
                self.drop_from(id, uid.as_deref(), target, consequences);
            }
        }
    }

    fn drop_from(&self, id: &ObjectId, uid: Option<&str>, target: TargetId, consequences: &mut Consequences) {
        // A ruler that is no longer configured takes no orders.
        if let Some(namespace) = self.map.namespace_of(id, uid, &target) {
            consequences.orders.push((target, Order::Drop { namespace, object: id.clone() }));
        }
    }

    /// Where an unreadable object belongs is not known, so every target keeps what it has for it.
    fn hold(&self, id: &ObjectId, hold: bool, consequences: &mut Consequences) {
        for route in self.map.routes.iter() {
            let target = route.target();
            if let Some(namespace) = self.map.namespace_of(id, None, &target) {
                consequences.orders.push((target, Order::Hold { namespace, hold }));
            }
        }
    }

    fn objects_in(&self, namespace: &str) -> impl Iterator<Item = &ObjectId> {
        // Identities are ordered by Kubernetes namespace first.
        let nothing: Arc<str> = "".into();
        let first = ObjectId::new(&nothing, &nothing, namespace, "");
        let namespace = namespace.to_owned();
        self.objects
            .range((Bound::Included(first), Bound::Unbounded))
            .map(|(id, _)| id)
            .take_while(move |id| id.namespace() == namespace)
    }
}

/// What an object wants of a ruler. Without `groups` at hand, they are unpacked.
fn claim(
    id: &ObjectId,
    record: &Record,
    groups: Option<&[Group]>,
    ruler: &dyn Ruler,
    split: Option<usize>,
    seen: Instant,
) -> Claim {
    let mut wanted = Vec::with_capacity(record.groups.len());
    let mut refused = record.refused.to_vec();
    let mut findings = Vec::new();
    let mut packs = Unpacker::default();
    // Where groups are split, the packs of the object as declared are of no use.
    let split: Option<(Vec<Group>, Vec<PackedGroup>)> = split.and_then(|most| {
        let unpacked: Option<Vec<Group>> = match groups {
            Some(groups) => Some(groups.to_vec()),
            None => record.groups.iter().map(|body| packs.unpack(body).ok()).collect(),
        };
        let groups = unpacked?;
        let names: BTreeSet<String> = groups.iter().map(|group| group.name.clone()).collect();
        if groups.iter().all(|group| group.rules.len() <= most) {
            return None;
        }
        let parts: Vec<Group> = groups
            .into_iter()
            .flat_map(|group| intake::split(group, most, ruler.dialect(), &names))
            .collect();
        let packs = pack(&parts).ok()?;
        Some((parts, packs))
    });
    let (groups, bodies) = match &split {
        Some((parts, packs)) => (Some(parts.as_slice()), packs.as_slice()),
        None => (groups, &*record.groups),
    };
    for (index, body) in bodies.iter().enumerate() {
        let unpacked;
        let group = match groups.and_then(|groups| groups.get(index)) {
            Some(group) => group,
            None => match packs.unpack(body) {
                Ok(group) => {
                    unpacked = group;
                    &unpacked
                }
                Err(_) => continue,
            },
        };
        let mut checked = intake::check(group, ruler);
        findings.append(&mut checked.findings);
        match checked.fingerprint {
            Some(fingerprint) => wanted.push(DesiredGroup {
                name: group.name.as_str().into(),
                fingerprint,
                body: body.clone(),
                rules: u32::try_from(group.rules.len()).unwrap_or(u32::MAX),
            }),
            None => refused.push(group.name.as_str().into()),
        }
    }
    Claim {
        object: id.clone(),
        created: record.created,
        groups: wanted.into(),
        refused: refused.into(),
        findings: findings.into(),
        seen,
    }
}

/// Tells a changed declaration from a repeated one within this process.
fn content(object: &RuleObject) -> u64 {
    let RuleObject { id: _, uid, created, labels, annotations, groups, findings } = object;
    let mut hasher = DefaultHasher::new();
    (uid, created, labels, annotations, groups, findings).hash(&mut hasher);
    hasher.finish()
}
