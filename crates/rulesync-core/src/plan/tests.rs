//! Plans: the changes, their order, and the deletes that are held.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::*;
use crate::desired::tests::{group, object};
use crate::desired::{Desired, Protection, RemovalReason};
use crate::finding::{Code, Finding, Location};
use crate::model::capabilities::{OptionalField, StoredFields};
use crate::model::group::Group;
use crate::model::left_out::LeftOut;
use crate::model::tenant::DestinationId;
use crate::observed::Adoptable;
use crate::overlay::Overlay;
use crate::stored_groups::StoredGroups;

const ALL: Deletes = Deletes { takeover: false, known: true, orphans: true };

/// Plans a whole destination. Deletes that are protected, or that the guard would hold, are marked with the reason.
fn plan(destination: &DestinationId, input: PlanInput<'_>, guard: &DeleteGuard) -> Plan {
    Plan::new(destination, plan_with(input, guard, |change| change.held), input.offered, input.observed)
}

fn destination() -> DestinationId {
    DestinationId { ruler: "r".into(), tenant: Some("t".parse().unwrap()) }
}

fn planned(desired: &Desired, observed: &Observed, deletes: Deletes) -> Plan {
    let classifier = NamespaceClassifier::of("us".parse().unwrap());
    plan(&destination(), input(desired, observed, deletes, &classifier), &DeleteGuard::default())
}

/// An input without foreign groups to adopt.
fn input<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
    deletes: Deletes,
    classifier: &'a NamespaceClassifier,
) -> PlanInput<'a> {
    PlanInput { offered: offered(desired), observed, adoptable: &[], deletes, classifier }
}

/// What is declared, as no answer of a ruler has changed it.
fn offered(desired: &Desired) -> Offered<'_> {
    static NONE: LazyLock<Overlay> = LazyLock::new(Overlay::default);
    Offered { desired, overlay: &NONE }
}

fn observe(entries: &[(&str, &DesiredGroup)]) -> Observed {
    let mut observed = Observed::default();
    for (namespace, group) in entries {
        observed.set(&(*namespace).into(), &group.name, Some(group.fingerprint));
    }
    observed
}

#[test]
fn plan_is_shown_as_a_diff_and_as_json() {
    let (a1, a2, b) = (group("a", "1"), group("a", "2"), group("b", "1"));
    let mut desired = Desired::default();
    desired.upsert(&"us.ns.o".into(), object("o", None, vec![a1, group("new", "1")]));
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
    assert_eq!(json["destination"], "r/t");
    assert_eq!(json["changes"][2]["operation"], "delete_namespace");
    assert_eq!(json["changes"][0]["reason"], "changed");
}

#[test]
fn plan_has_the_bodies_of_what_changes_as_far_as_the_ruler_stores_them() {
    let written = |name: &str, limit| Group { name: name.into(), limit, ..Group::default() };
    let fields = StoredFields::ALL.without(&[OptionalField::Limit]);
    let encode = |group: &Group| DesiredGroup::encode(group, &fields, LeftOut::default()).unwrap();
    let (new, same) = (written("new", 1), written("same", 1));
    let mut desired = Desired::default();
    desired.upsert(&"us.ns.o".into(), object("o", None, vec![encode(&new), encode(&same)]));
    let (gone, also_gone) = (written("gone", 2), written("also gone", 2));
    let observed = observe(&[
        ("us.ns.o", &encode(&same)),
        ("us.ns.p", &encode(&gone)),
        ("us.ns.p", &encode(&also_gone)),
        ("us.ns.p", &encode(&written("unreadable", 2))),
    ]);
    let mut stored = StoredGroups::default();
    stored.add("us.ns.o", &same);
    stored.add("us.ns.p", &gone);
    stored.add("us.ns.p", &also_gone);
    let plan = planned(&desired, &observed, ALL);
    assert_eq!(plan.bodies(&plan.changes[0]), None, "they were not asked for");
    let plan = plan.with_bodies(&stored, fields);
    let bodies: Vec<Bodies> = plan.changes.iter().flat_map(|change| plan.bodies(change).unwrap()).collect();
    let body = |name: &str, before: bool, after: bool| {
        let body = |is_there: bool| is_there.then(|| written(name, 0));
        Bodies { group: name.into(), before: body(before), after: body(after) }
    };
    let expected = [
        body("new", false, true),
        body("gone", true, false),
        body("also gone", true, false),
        body("unreadable", false, false),
    ];
    assert_eq!(bodies, expected);
}

#[test]
fn basis_tells_whether_anything_was_declared_or_changed_since() {
    let basis = |declared: &[DesiredGroup], observed: &Observed| {
        let mut desired = Desired::default();
        desired.upsert(&"us.ns.o".into(), object("o", None, declared.to_vec()));
        planned(&desired, observed, ALL).basis
    };
    let (a, b, other) = (group("a", "1"), group("b", "1"), group("a", "2"));
    let before = observe(&[("us.ns.o", &a), ("us.ns.p", &b)]);
    let first = basis(&[a.clone(), b.clone()], &before);
    let in_another_order = observe(&[("us.ns.p", &b), ("us.ns.o", &a)]);
    assert_eq!(basis(&[b.clone(), a.clone()], &in_another_order), first);
    let declared = basis(&[other.clone(), b.clone()], &before);
    assert!(declared.desired != first.desired && declared.observed == first.observed);
    let mut unreadable = before.clone();
    unreadable.set(&"us.ns.p".into(), "b", None);
    for moved in [observe(&[("us.ns.o", &a)]), observe(&[("us.ns.o", &a), ("us.ns.q", &b)]), unreadable] {
        let moved = basis(&[a.clone(), b.clone()], &moved);
        assert!(moved.desired == first.desired && moved.observed != first.observed);
    }
}

#[test]
fn approval_has_the_changes_of_a_plan_that_are_not_held() {
    let g = group("g", "1");
    let mut desired = Desired::default();
    desired.upsert(&"us.ns.o".into(), object("o", None, vec![g.clone()]));
    let observed = observe(&[("us.ns.gone", &g), ("us.ns.gone", &group("h", "1")), ("us.ns.kept", &g)]);
    let mut plan = planned(&desired, &observed, ALL);
    plan.changes[2].held = Some(HeldReason::SourceEmpty);
    let approval = Approval::of(&plan);
    let approved: Vec<bool> = plan.changes.iter().map(|change| approval.approves(change)).collect();
    assert_eq!(approved, [true, true, false]);
    let whole = plan.changes[1].clone();
    let delete = |group: &str| Change { action: Action::DeleteGroup(group.into()), ..whole.clone() };
    assert!(approval.approves(&delete("h")), "a part of what is deleted");
    assert!(!approval.approves(&delete("other")));
    let written = Change { action: Action::Put(g), ..plan.changes[1].clone() };
    assert!(!approval.approves(&written), "the plan deletes it");
    plan.changes[2].held = Some(HeldReason::Moving);
    assert!(Approval::of(&plan).approves(&plan.changes[2]), "the writes of the plan make it safe");
    assert!(Approval::Everything.approves(&delete("other")) && !Approval::Nothing.approves(&delete("g")));
}

#[test]
fn plan_never_touches_foreign_namespaces() {
    let a = group("a", "1");
    let mut desired = Desired::default();
    desired.upsert(&"them.ns.o".into(), object("o", None, vec![a.clone()]));
    let observed = observe(&[("them", &a), ("them.ns.p", &a), ("us", &a), ("us.ns.gone", &a)]);
    insta::assert_snapshot!(planned(&desired, &observed, ALL), @r"
    r/t: 1 changes
      - us.ns.gone (1 groups)
    ");
}

#[test]
fn plan_lists_refusals_and_suspicions_about_groups_that_are_written() {
    let about = |finding: Finding, group: &str| {
        let location =
            Location { group: Some(group.to_owned()), field: Some("expr".to_owned()), ..Location::default() };
        finding.at(location).hint("fix it")
    };
    let mut it = object("o", None, vec![group("suspect", "1"), group("taken", "1"), group("good", "1")]);
    it.refused = ["withheld".into()].into();
    it.findings = [
        about(Finding::suspicion(Code::Promql, "cannot be read"), "suspect"),
        about(Finding::suspicion(Code::Promql, "cannot be read either"), "taken"),
        about(Finding::error(Code::Poison, "freezes a tenant"), "withheld"),
        about(Finding::warning(Code::UnknownKey, "is not known"), "good"),
    ]
    .into();
    let mut desired = Desired::default();
    desired.upsert(&"us.ns.o".into(), it);
    let plan = planned(&desired, &observe(&[("us.ns.o", &group("taken", "1"))]), ALL);
    insta::assert_snapshot!(plan, @r#"
    r/t: 2 changes
      + us.ns.o / good (1 rules) of K ns/o
      ! K ns/o: group "suspect", expr: cannot be read (fix it)
      ! K ns/o: group "withheld", expr: freezes a tenant (fix it)
    "#);
    let object = plan.refusals[0].object.clone();
    for (finding, count) in [
        (about(Finding::suspicion(Code::RecordingField, "`for` has no meaning"), "good"), 1),
        (about(Finding::suspicion(Code::RecordingField, "`for` has no meaning"), "taken"), 0),
        (about(Finding::warning(Code::UnknownKey, "is not known"), "good"), 0),
        (Finding::error(Code::Duration, "of the whole object"), 1),
    ] {
        let findings = [finding];
        let dry_run = DryRun::new(vec![plan.clone()], [(&object, findings.as_slice())]);
        assert_eq!(dry_run.refusals.len(), count, "{}", findings[0]);
        assert!(!dry_run.is_clean());
    }
    assert!(DryRun::new(Vec::new(), []).is_clean());
}

#[test]
fn dry_run_lists_refusals_in_the_order_of_objects() {
    let mut desired = Desired::default();
    for n in (0..9).rev() {
        let mut it = object(&format!("o{n}"), None, Vec::new());
        it.findings = ["b", "a"].map(|text| Finding::error(Code::Poison, text)).into();
        desired.upsert(&format!("us.ns.o{n}").as_str().into(), it);
    }
    let plan = planned(&desired, &Observed::default(), ALL);
    let dry_run = DryRun::new(vec![plan], []);
    let order = dry_run.plans[0].refusals.iter();
    let order: Vec<_> =
        order.map(|refusal| format!("{} {}", refusal.object.name(), refusal.finding.message)).collect();
    let expected: Vec<_> = (0..9).flat_map(|n| ["b", "a"].map(|text| format!("o{n} {text}"))).collect();
    assert_eq!(order, expected);
}

#[test]
fn plan_makes_only_safe_deletes() {
    let g = group("g", "1");
    let mut desired = Desired::default();
    let dropped = object("dropped", None, vec![g.clone()]);
    desired.upsert(&"us.ns.dropped".into(), dropped.clone());
    desired.remove(&"us.ns.dropped".into(), &dropped.id, RemovalReason::Deleted);
    desired.protect(
        &"us.ns.held".into(),
        &object("held", None, vec![]).id,
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
fn plan_leaves_the_stored_version_of_a_refused_group() {
    let mut desired = Desired::default();
    let mut kept = object("o", None, vec![]);
    kept.refused = Box::new(["g".into()]);
    desired.upsert(&"us.ns.o".into(), kept);
    let observed = observe(&[("us.ns.o", &group("g", "1"))]);
    assert_eq!(planned(&desired, &observed, ALL).changes, []);
}

#[test]
fn plan_deletes_the_namespace_of_an_object_without_groups_at_once() {
    let mut desired = Desired::default();
    desired.upsert(&"us.ns.o".into(), object("o", None, vec![]));
    let observed = observe(&[("us.ns.o", &group("a", "1")), ("us.ns.o", &group("b", "1"))]);
    let plan = planned(&desired, &observed, ALL);
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(plan.changes[0].operation(), "delete_namespace");
}

#[test]
fn plan_marks_deletes_that_the_guard_would_hold() {
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
fn plan_deletes_legacy_namespaces_with_a_successor() {
    let mut desired = Desired::default();
    desired.upsert(&"us.ns.o".into(), object("o", None, vec![group("g", "1")]));
    let observed = observe(&[("old.ns.o", &group("g", "1")), ("old.ns.gone", &group("g", "1"))]);
    let classifier = NamespaceClassifier {
        legacy: vec![crate::naming::Naming::Owner("old".parse().unwrap())],
        ..NamespaceClassifier::of("us".parse().unwrap())
    };
    let input = input(&desired, &observed, ALL, &classifier);
    insta::assert_snapshot!(plan(&destination(), input, &DeleteGuard::default()), @r"
    r/t: 3 changes
      + us.ns.o / g (1 rules) of K ns/o
      - old.ns.gone (1 groups)
      - old.ns.o (1 groups) (renamed)
    ");
    assert!(!in_order("us.ns.o", offered(&desired), &observed));
}

#[test]
fn successor_of_a_legacy_namespace_is_that_of_its_own_object() {
    let alloy = |prefix: &str| Naming::Alloy(crate::naming::AlloyNaming::new(prefix, "/").unwrap());
    let uid = "00000000-0000-0000-0000-000000000001";
    let mut desired = Desired::default();
    let (of_o, of_p): (RulerNamespace, RulerNamespace) =
        (format!("new/ns/o/{uid}").into(), format!("new/ns/p/{uid}").into());
    desired.upsert(&of_o, object("o", None, vec![group("g", "1")]));
    desired.upsert(&of_p, object("p", None, vec![group("g", "1")]));
    let classifier = NamespaceClassifier {
        present: vec![alloy("new")],
        legacy: vec![alloy("old")],
        ..NamespaceClassifier::of("us".parse().unwrap())
    };
    let observed = Observed::default();
    let input = input(&desired, &observed, ALL, &classifier);
    let successor = |name: &str| successor(&format!("old/ns/{name}/{uid}"), input);
    assert_eq!(successor("o"), Some(&of_o));
    assert_eq!(successor("p"), Some(&of_p));
    assert_eq!(successor("gone"), None, "its deletion is one like any other");
    assert_eq!(super::successor(&of_o, input), None, "it is no legacy name");
}

#[test]
fn plan_marks_held_deletes_and_never_those_of_a_single_namespace() {
    let g = group("g", "1");
    let many: Vec<String> = (0..12).map(|n| format!("us.ns.o{n}")).collect();
    let several: Vec<(&str, &DesiredGroup)> = many.iter().map(|name| (name.as_str(), &g)).collect();
    let desired = Desired::default();
    let held = |plan: Plan| plan.changes.iter().filter(|c| c.held == Some(HeldReason::Share)).count();
    assert_eq!(held(planned(&desired, &observe(&several), ALL)), 12);
    let groups: Vec<DesiredGroup> = (0..12).map(|n| group(&format!("g{n}"), "1")).collect();
    let one: Vec<(&str, &DesiredGroup)> = groups.iter().map(|group| ("us.ns.o", group)).collect();
    assert_eq!(held(planned(&desired, &observe(&one), ALL)), 0);
    // Protected deletes do not count.
    let protected = planned(&desired, &observe(&several), Deletes { known: false, ..ALL });
    assert!(protected.changes.iter().all(|change| change.held == Some(HeldReason::Snapshot)));
}

#[test]
fn plan_deletes_only_disallowed_groups_of_a_protected_object() {
    let (kept, lacks) = (group("kept", "1"), group("lacks", "1"));
    let (namespace, object): (RulerNamespace, _) = ("us.ns.o".into(), object("o", None, vec![]).id);
    let enforced = Some(Arc::default());
    let mut desired = Desired::default();
    desired.protect(&namespace, &object, Some(Protection { because: HeldReason::TenantRefused, enforced }));
    let mut overlay = Overlay::default();
    overlay.expel(&namespace, None, "lacks");
    let observed = observe(&[("us.ns.o", &kept), ("us.ns.o", &lacks)]);
    let classifier = NamespaceClassifier::of("us".parse().unwrap());
    let offered = Offered { desired: &desired, overlay: &overlay };
    let input = PlanInput { offered, ..input(&desired, &observed, ALL, &classifier) };
    let planned = plan(&destination(), input, &DeleteGuard::default()).changes;
    let [expelled, protected] = &planned[..] else { panic!("{planned:?}") };
    assert_eq!((expelled.group(), expelled.reason, expelled.held), (Some("lacks"), Reason::NotAllowed, None));
    assert_eq!(protected.held, Some(HeldReason::TenantRefused));
}

#[test]
fn reasons_have_one_name_in_logs_and_in_json() {
    for (reason, name) in [
        (Reason::Missing, "missing"),
        (Reason::Changed, "changed"),
        (Reason::NotDeclared, "not_declared"),
        (Reason::Drifted, "drifted"),
        (Reason::NotAllowed, "not_allowed"),
        (Reason::Renamed, "renamed"),
        (Reason::Adopted, "adopted"),
        (Reason::Claim, "claim"),
    ] {
        assert_eq!(reason.to_string(), name);
        assert_eq!(serde_json::to_value(reason).unwrap(), name);
    }
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

fn namespaces(world: World) -> std::collections::BTreeMap<RulerNamespace, Vec<DesiredGroup>> {
    let groups = |groups: Vec<(u8, u8)>| -> Vec<DesiredGroup> {
        let unique: std::collections::BTreeMap<u8, u8> = groups.into_iter().collect();
        unique.into_iter().map(|(name, expr)| group(&format!("g{name}"), &expr.to_string())).collect()
    };
    world.into_iter().map(|(name, list)| (format!("us.ns.o{name}").into(), groups(list))).collect()
}

proptest! {
    #[test]
    fn plan_leaves_nothing_to_do_when_it_is_carried_out(should in world(), is in world()) {
        let mut desired = Desired::default();
        for (namespace, groups) in namespaces(should) {
            desired.upsert(&namespace, object(&namespace, None, groups));
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

#[test]
fn plan_never_replaces_a_foreign_group_where_an_object_declares_it() {
    let equal = group("g", "1");
    let names: Vec<String> = (0..8).map(|number| format!("n{number}")).collect();
    let mut desired = Desired::default();
    for name in &names {
        desired.upsert(&name.as_str().into(), object(name, None, vec![equal.clone()]));
    }
    let foreign =
        |name: &str| Adoptable { namespace: name.into(), group: "g".into(), fingerprint: equal.fingerprint };
    let adoptable: Vec<Adoptable> =
        names.iter().map(|name| foreign(name)).chain([foreign("undeclared")]).collect();
    let (observed, classifier) = (Observed::default(), NamespaceClassifier::of("us".parse().unwrap()));
    let input = PlanInput { adoptable: &adoptable, ..input(&desired, &observed, ALL, &classifier) };
    let changes = plan(&destination(), input, &DeleteGuard::default()).changes;
    let namespaces: Vec<&str> = changes.iter().map(|change| &*change.namespace).collect();
    assert_eq!(namespaces, ["undeclared"]);
}
