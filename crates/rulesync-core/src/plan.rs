//! The plan: which changes turn what is into what should be. A pure function; the daemon, dry runs and the CLI use the
//! same one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::SerializeStruct;

use crate::desired::{Desired, DesiredGroup};
use crate::guard::{self, DeleteGuard, HeldReason};
use crate::model::fingerprint::Fingerprint;
use crate::model::object::ObjectId;
use crate::model::tenant::TargetId;
use crate::naming::{Interest, Naming, Territory};
use crate::observed::{Adoptable, Observed};

/// Which deletes are safe at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deletes {
    /// Nothing is, because this process has just become the leader.
    pub takeover: bool,
    /// Of what an object we know of no longer declares: safe once every source has shown all it has.
    pub known: bool,
    /// Of namespaces of ours that no object we know of accounts for: safe once nothing is hidden from us either.
    pub orphans: bool,
}

impl Deletes {
    /// What protects a namespace, which nobody is known for if it is an `orphan`.
    fn protection(self, orphan: bool) -> Option<HeldReason> {
        match self {
            Self { takeover: true, .. } => Some(HeldReason::Takeover),
            Self { known: false, .. } => Some(HeldReason::Snapshot),
            Self { orphans: false, .. } if orphan => Some(HeldReason::Unreadable),
            _ => None,
        }
    }
}

/// What a change does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Creates or replaces a group.
    Put(DesiredGroup),
    /// Deletes a group.
    DeleteGroup(Box<str>),
    /// Deletes a namespace with these groups, all it has.
    DeleteNamespace(Vec<Box<str>>),
}

/// Why a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is declared and not in the ruler.
    Missing,
    /// It is declared otherwise than the ruler has it.
    Changed,
    /// The ruler has it and it is not declared.
    NotDeclared,
    /// It was in order before and somebody changed it in the ruler.
    Drifted,
    /// It lacks what its route enforces now.
    NotAllowed,
    /// It stands under its new name now; this is what a former owner or naming called it.
    Renamed,
    /// An equal group of ours has taken its place.
    Adopted,
    /// It says whose rules these are.
    Claim,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::NotDeclared => "not_declared",
            Self::Drifted => "drifted",
            Self::NotAllowed => "not_allowed",
            Self::Renamed => "renamed",
            Self::Adopted => "adopted",
            Self::Claim => "claim",
        })
    }
}

/// One request to a ruler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The ruler's namespace.
    pub namespace: Arc<str>,
    /// The object it is made for, or was; none if that went while nobody watched.
    pub object: Option<ObjectId>,
    /// What it does.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// Why it is not made now, if it is a delete that is held or protected.
    pub held: Option<HeldReason>,
}

/// The changes for one target, in order: writes before deletes, so that nothing goes unevaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The target.
    #[serde(serialize_with = "as_text")]
    pub target: TargetId,
    /// The changes.
    pub changes: Vec<Change>,
}

/// What a target is planned from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What should be.
    pub desired: &'a Desired,
    /// What is.
    pub observed: &'a Observed,
    /// Groups of others that may be taken over.
    pub adoptable: &'a [Adoptable],
    /// Which deletes are safe.
    pub deletes: Deletes,
    /// What is ours.
    pub territory: &'a Territory,
}

/// Plans a whole target. Deletes that are protected, or that the guard would hold back, are marked with the reason.
pub fn plan(target: &TargetId, situation: Situation<'_>, guard: &DeleteGuard) -> Plan {
    plan_with(target, situation, guard, |change| change.held)
}

/// The same with what else is known to stand in the way of a delete.
pub(crate) fn plan_with(
    target: &TargetId,
    situation: Situation<'_>,
    guard: &DeleteGuard,
    reason: impl Fn(&Change) -> Option<HeldReason>,
) -> Plan {
    let Situation { desired, observed, .. } = situation;
    let mut namespaces: Vec<&Arc<str>> = desired.claims().map(|(namespace, _)| namespace).collect();
    namespaces.extend(
        observed.namespaces().map(|(namespace, _)| namespace).filter(|n| desired.winner(n).is_none()),
    );
    namespaces.sort_unstable();
    let mut changes: Vec<Change> = namespaces
        .into_iter()
        .flat_map(|namespace| plan_namespace(namespace, situation, |_, _| false))
        .collect();
    changes.extend(adoptions(situation));
    changes.sort_by_key(|change| change.is_delete());
    for change in &mut changes {
        change.held = reason(change);
    }
    hold_back(&mut changes, observed.groups(), guard);
    Plan { target: target.clone(), changes }
}

/// Marks what the guard would hold back if all changes were made at once.
fn hold_back(changes: &mut [Change], owned: usize, guard: &DeleteGuard) {
    let guarded = |change: &&mut Change| change.is_guarded() && change.held.is_none();
    let deleted: usize = changes.iter_mut().filter(guarded).map(|change| change.deletes()).sum();
    let mut namespaces: Vec<Arc<str>> =
        changes.iter_mut().filter(guarded).map(|change| Arc::clone(&change.namespace)).collect();
    namespaces.dedup();
    if namespaces.len() > 1 && guard::exceeds(guard, deleted, owned) {
        changes.iter_mut().filter(guarded).for_each(|change| change.held = Some(HeldReason::Share));
    }
}

/// Plans one namespace. `skip` tells of groups that are not to be offered as they are, because the ruler refused them.
pub(crate) fn plan_namespace(
    namespace: &Arc<str>,
    situation: Situation<'_>,
    skip: impl Fn(&str, Fingerprint) -> bool,
) -> Vec<Change> {
    let Situation { desired, observed, deletes, .. } = situation;
    let change = |object: Option<&ObjectId>, action, reason, held| Change {
        namespace: Arc::clone(namespace),
        object: object.cloned(),
        action,
        reason,
        held,
    };
    let Some(claim) = desired.winner(namespace) else {
        let (expelled, groups): (Vec<Box<str>>, Vec<Box<str>>) = (observed.namespace(namespace))
            .map(|(group, _)| Box::from(group))
            .partition(|group| desired.is_expelled(namespace, group));
        let protection = deletes.protection(!desired.was_dropped(namespace));
        let expel = |group| change(None, Action::DeleteGroup(group), Reason::NotAllowed, protection);
        let mut changes: Vec<Change> = expelled.into_iter().map(expel).collect();
        if groups.is_empty() {
            return changes;
        }
        let held = protection.or_else(|| desired.held(namespace));
        let reason =
            if successor(namespace, situation).is_some() { Reason::Renamed } else { Reason::NotDeclared };
        let delete = Action::DeleteNamespace(groups);
        changes.push(change(desired.object_of(namespace), delete, reason, held));
        return changes;
    };
    let object = Some(&claim.object);
    let mut changes = Vec::new();
    for group in &claim.groups {
        let there = observed.namespace(namespace).find(|(name, _)| *name == &*group.name);
        let reason = match there {
            Some((_, Some(fingerprint))) if fingerprint == group.fingerprint => continue,
            Some(_) => Reason::Changed,
            None => Reason::Missing,
        };
        if !skip(&group.name, group.fingerprint) {
            changes.push(change(object, Action::Put(group.clone()), reason, None));
        }
    }
    let wanted = |name: &str| {
        !claim.expelled.iter().any(|group| &**group == name)
            && (claim.groups.iter().any(|group| &*group.name == name)
                || claim.refused.iter().any(|group| &**group == name))
    };
    let extra: Vec<Box<str>> = observed
        .namespace(namespace)
        .map(|(name, _)| name)
        .filter(|name| !wanted(name))
        .map(Box::from)
        .collect();
    if extra.is_empty() {
        return changes;
    }
    let protection = deletes.protection(false);
    let why = |group: &str| {
        if claim.expelled.iter().any(|name| **name == *group) {
            (Reason::NotAllowed, protection)
        } else {
            // Of what is on its way elsewhere, or stays as it is there, the claim may not be the latest word.
            (Reason::NotDeclared, protection.or_else(|| desired.held(namespace)))
        }
    };
    let all = extra.len() == observed.namespace(namespace).count() && claim.groups.is_empty();
    if all && let Some(first) = extra.first() {
        let (reason, held) = why(first);
        changes.push(change(object, Action::DeleteNamespace(extra), reason, held));
    } else {
        let delete = |group: Box<str>| {
            let (reason, held) = why(&group);
            change(object, Action::DeleteGroup(group), reason, held)
        };
        changes.extend(extra.into_iter().map(delete));
    }
    changes
}

/// The namespace that a former one's object has now; none if the namespace is not a former one, or its object is not
/// declared any more.
pub(crate) fn successor<'a>(namespace: &str, situation: Situation<'a>) -> Option<&'a Arc<str>> {
    let Situation { desired, territory, .. } = situation;
    if territory.interest(namespace) != Interest::Former {
        return None;
    }
    let named = territory.parse(namespace)?;
    match &territory.naming {
        Naming::Owner(owner) => desired.claimed(&format!("{owner}.{}.{}", named.namespace, named.name)),
        // The UID is not to be had from the old name.
        alloy @ Naming::Alloy(_) => {
            desired.claims().map(|(namespace, _)| namespace).find(|other| alloy.parse(other) == Some(named))
        }
    }
}

/// Whether everything a namespace should have is in the ruler.
pub(crate) fn in_order(namespace: &str, desired: &Desired, observed: &Observed) -> bool {
    desired.winner(namespace).is_some_and(|claim| {
        claim.refused.is_empty()
            && claim.groups.iter().all(|group| {
                observed.namespace(namespace).any(|there| there == (&*group.name, Some(group.fingerprint)))
            })
    })
}

/// The deletes of groups of others whose equals of ours should exist: in a plan they come after the writes.
fn adoptions(situation: Situation<'_>) -> impl Iterator<Item = Change> {
    let Situation { desired, adoptable, .. } = situation;
    let equals: HashMap<Fingerprint, &ObjectId> = if adoptable.is_empty() {
        HashMap::new()
    } else {
        let winners = desired.claims().filter_map(|(_, claims)| claims.first());
        winners.flat_map(|claim| claim.groups.iter().map(|g| (g.fingerprint, &claim.object))).collect()
    };
    adoptable.iter().filter_map(move |theirs| {
        let object = equals.get(&theirs.fingerprint)?;
        Some(theirs.removal((*object).clone()))
    })
}

impl Change {
    /// Whether it takes something away.
    pub fn is_delete(&self) -> bool {
        !matches!(self.action, Action::Put(_))
    }

    /// How many groups it takes away.
    pub fn deletes(&self) -> usize {
        match &self.action {
            Action::Put(_) => 0,
            Action::DeleteGroup(_) => 1,
            Action::DeleteNamespace(groups) => groups.len(),
        }
    }

    /// Whether the delete guard has a say in it: not where the configuration itself asks for it.
    pub(crate) fn is_guarded(&self) -> bool {
        self.is_delete() && matches!(self.reason, Reason::NotDeclared | Reason::NotAllowed)
    }

    /// The group it is about; none for a whole namespace.
    pub fn group(&self) -> Option<&str> {
        match &self.action {
            Action::Put(group) => Some(&group.name),
            Action::DeleteGroup(group) => Some(group),
            Action::DeleteNamespace(_) => None,
        }
    }

    /// The operation in one word, as metrics and plans name it.
    pub fn operation(&self) -> &'static str {
        match &self.action {
            Action::Put(_) => "put_group",
            Action::DeleteGroup(_) => "delete_group",
            Action::DeleteNamespace(_) => "delete_namespace",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match (&self.action, self.reason) {
            (Action::Put(_), Reason::Missing) => '+',
            (Action::Put(_), _) => '~',
            _ => '-',
        };
        write!(f, "{sign} {}", self.namespace)?;
        match &self.action {
            Action::Put(group) => write!(f, " / {} ({} rules)", group.name, group.rules)?,
            Action::DeleteGroup(group) => write!(f, " / {group}")?,
            Action::DeleteNamespace(groups) => write!(f, " ({} groups)", groups.len())?,
        }
        if let Some(object) = &self.object {
            write!(f, " of {object}")?;
        }
        match (self.held, self.reason) {
            (Some(held), _) => write!(f, " ({held})"),
            (_, Reason::NotAllowed | Reason::Renamed | Reason::Adopted | Reason::Claim) => {
                write!(f, " ({})", self.reason)
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} changes", self.target, self.changes.len())?;
        self.changes.iter().try_for_each(|change| writeln!(f, "  {change}"))
    }
}

impl Serialize for Change {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Change", 6)?;
        fields.serialize_field("operation", self.operation())?;
        fields.serialize_field("reason", &self.reason)?;
        fields.serialize_field("namespace", &*self.namespace)?;
        fields.serialize_field("group", &self.group())?;
        fields.serialize_field("object", &self.object.as_ref().map(ToString::to_string))?;
        fields.serialize_field("held", &self.held)?;
        fields.end()
    }
}

fn as_text<T: fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::desired::LeftBecause;
    use crate::desired::tests::{claim, group};

    const ALL: Deletes = Deletes { takeover: false, known: true, orphans: true };

    fn target() -> TargetId {
        TargetId { ruler: "r".into(), tenant: Some("t".parse().unwrap()) }
    }

    fn planned(desired: &Desired, observed: &Observed, deletes: Deletes) -> Plan {
        let territory = Territory::of("us".parse().unwrap());
        let situation = Situation { desired, observed, adoptable: &[], deletes, territory: &territory };
        plan(&target(), situation, &DeleteGuard::default())
    }

    fn observe(entries: &[(&str, &DesiredGroup)]) -> Observed {
        let mut observed = Observed::default();
        for (namespace, group) in entries {
            observed.set(&(*namespace).into(), &group.name, Some(group.fingerprint));
        }
        observed
    }

    #[test]
    fn prints_as_a_diff_and_as_json() {
        let (a1, a2, b) = (group("a", "1"), group("a", "2"), group("b", "1"));
        let mut desired = Desired::default();
        desired.claim(&"us.ns.o".into(), claim("o", None, vec![a1, group("new", "1")]));
        let observed = observe(&[("us.ns.o", &a2), ("us.ns.o", &b), ("us.ns.gone", &b)]);
        let plan = planned(&desired, &observed, ALL);
        insta::assert_snapshot!(plan, @r"
        r/t: 4 changes
          ~ us.ns.o / a (1 rules) of K ns/o
          + us.ns.o / new (1 rules) of K ns/o
          - us.ns.gone (1 groups)
          - us.ns.o / b of K ns/o
        ");
        let json = serde_json::to_value(&plan).unwrap();
        assert_eq!(json["target"], "r/t");
        assert_eq!(json["changes"][2]["operation"], "delete_namespace");
        assert_eq!(json["changes"][0]["reason"], "changed");
    }

    #[test]
    fn deletes_wait_until_they_are_safe() {
        let g = group("g", "1");
        let mut desired = Desired::default();
        let dropped = claim("dropped", None, vec![g.clone()]);
        desired.claim(&"us.ns.dropped".into(), dropped.clone());
        desired.drop_claim(&"us.ns.dropped".into(), &dropped.object, LeftBecause::Deleted);
        desired.hold(
            &"us.ns.held".into(),
            &claim("held", None, vec![]).object,
            Some(HeldReason::Unreadable.into()),
        );
        let observed = observe(&[("us.ns.dropped", &g), ("us.ns.orphan", &g), ("us.ns.held", &g)]);
        let deleted = |deletes| -> Vec<String> {
            let plan = planned(&desired, &observed, deletes);
            let made = plan.changes.iter().filter(|change| change.held.is_none());
            made.map(|change| change.namespace.to_string()).collect()
        };
        assert_eq!(deleted(Deletes::default()), Vec::<String>::new());
        assert_eq!(deleted(Deletes { orphans: false, ..ALL }), ["us.ns.dropped"]);
        assert_eq!(deleted(ALL), ["us.ns.dropped", "us.ns.orphan"]);
    }

    #[test]
    fn a_refused_group_keeps_what_the_ruler_has() {
        let mut desired = Desired::default();
        let mut kept = claim("o", None, vec![]);
        kept.refused = Box::new(["g".into()]);
        desired.claim(&"us.ns.o".into(), kept);
        let observed = observe(&[("us.ns.o", &group("g", "1"))]);
        assert_eq!(planned(&desired, &observed, ALL).changes, []);
    }

    #[test]
    fn an_object_without_groups_takes_one_delete() {
        let mut desired = Desired::default();
        desired.claim(&"us.ns.o".into(), claim("o", None, vec![]));
        let observed = observe(&[("us.ns.o", &group("a", "1")), ("us.ns.o", &group("b", "1"))]);
        let plan = planned(&desired, &observed, ALL);
        assert_eq!(plan.changes.len(), 1);
        assert_eq!(plan.changes[0].operation(), "delete_namespace");
    }

    #[test]
    fn a_plan_shows_what_the_guard_would_hold_back() {
        let (desired, g) = (Desired::default(), group("g", "1"));
        let names: Vec<String> = (0..12).map(|n| format!("us.ns.o{n}")).collect();
        let held = |count: usize| {
            let entries: Vec<(&str, &DesiredGroup)> =
                names[..count].iter().map(|name| (name.as_str(), &g)).collect();
            let plan = planned(&desired, &observe(&entries), ALL);
            assert_eq!(
                plan.to_string().matches("(held: too large a share").count(),
                plan.changes.iter().filter(|c| c.held.is_some()).count()
            );
            plan.changes.iter().filter(|change| change.held.is_some()).count()
        };
        assert_eq!((held(9), held(12)), (0, 12));
    }

    #[test]
    fn former_names_go_once_there_is_a_successor() {
        let mut desired = Desired::default();
        desired.claim(&"us.ns.o".into(), claim("o", None, vec![group("g", "1")]));
        let observed = observe(&[("old.ns.o", &group("g", "1")), ("old.ns.gone", &group("g", "1"))]);
        let territory = Territory {
            former: vec![crate::Naming::Owner("old".parse().unwrap())],
            ..Territory::of("us".parse().unwrap())
        };
        let situation = Situation {
            desired: &desired,
            observed: &observed,
            adoptable: &[],
            deletes: ALL,
            territory: &territory,
        };
        insta::assert_snapshot!(plan(&target(), situation, &DeleteGuard::default()), @r"
        r/t: 3 changes
          + us.ns.o / g (1 rules) of K ns/o
          - old.ns.gone (1 groups)
          - old.ns.o (1 groups) (renamed)
        ");
        assert!(!in_order("us.ns.o", &desired, &observed));
    }

    /// Carries a plan out on a model of the ruler.
    fn apply(observed: &mut Observed, plan: &Plan) {
        for change in &plan.changes {
            match &change.action {
                Action::Put(group) => observed.set(&change.namespace, &group.name, Some(group.fingerprint)),
                Action::DeleteGroup(group) => observed.remove(&change.namespace, group),
                Action::DeleteNamespace(_) => observed.remove_namespace(&change.namespace),
            }
        }
    }

    type World = Vec<(u8, Vec<(u8, u8)>)>;

    fn world() -> impl Strategy<Value = World> {
        prop::collection::vec((0..4_u8, prop::collection::vec((0..4_u8, 0..3_u8), 0..4)), 0..5)
    }

    fn namespaces(world: World) -> std::collections::BTreeMap<Arc<str>, Vec<DesiredGroup>> {
        let groups = |groups: Vec<(u8, u8)>| -> Vec<DesiredGroup> {
            let unique: std::collections::BTreeMap<u8, u8> = groups.into_iter().collect();
            unique.into_iter().map(|(name, expr)| group(&format!("g{name}"), &expr.to_string())).collect()
        };
        world.into_iter().map(|(name, list)| (format!("us.ns.o{name}").into(), groups(list))).collect()
    }

    proptest! {
        #[test]
        fn carrying_a_plan_out_leaves_nothing_to_do(should in world(), is in world()) {
            let mut desired = Desired::default();
            for (namespace, groups) in namespaces(should) {
                desired.claim(&namespace, claim(&namespace, None, groups));
            }
            let mut observed = Observed::default();
            for (namespace, groups) in namespaces(is) {
                groups.iter().for_each(|g| observed.set(&namespace, &g.name, Some(g.fingerprint)));
            }
            let first = planned(&desired, &observed, ALL);
            apply(&mut observed, &first);
            prop_assert_eq!(planned(&desired, &observed, ALL).changes, []);
            prop_assert_eq!(observed.groups(), desired.groups());
        }
    }
}
