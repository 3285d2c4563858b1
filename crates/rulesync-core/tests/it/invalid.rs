//! An invalid group delays no other, keeps its version in the ruler, and is reported with its location.

use rulesync_core::engine::OnInvalid;
use rulesync_core::finding::Code;
use rulesync_core::model::ObjectVersion;
use rulesync_core::status::ObjectState;
use rulesync_core::{Finding, RuleObject, SourceEvent};

use crate::inheritance::put;
use crate::world::{MemoryRuler, World, id, object, resync};

#[tokio::test(start_paused = true)]
async fn invalid_group_does_not_affect_a_thousand_others() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.declare([object("o500", &[("good", "1"), ("bad", "fine so far")])]).await;
    ruler.refuse("broken(");
    for n in 0..1000 {
        let bad = if n == 500 { "broken(" } else { "1" };
        world.source.upsert(object(&format!("o{n}"), &[("good", "1"), ("bad", bad)]));
    }
    let status = world.settle().await;
    let groups = ruler.groups("prod");
    assert_eq!(groups.values().map(|namespace| namespace.len()).sum::<usize>(), 2000);
    assert_eq!(groups["us.ns.o500"]["bad"].rules[0].expr, "fine so far");
    assert_eq!(status.destinations[0].refused, 1);
    let bad: Vec<_> = status.objects.iter().filter(|object| object.state != ObjectState::Synced).collect();
    let [bad] = bad.as_slice() else { panic!("one object is refused: {bad:#?}") };
    assert_eq!((bad.name.as_str(), bad.state), ("o500", ObjectState::Refused));
    let finding = bad.destinations[0].findings.iter().find(|finding| finding.is_error()).unwrap();
    assert_eq!(finding.location.group.as_deref(), Some("bad"));
    assert_eq!((finding.location.rule, finding.location.rule_name.as_deref()), (Some(0), Some("r")));
    ruler.requests();
    resync().await;
    assert_eq!(ruler.counts(), (1, 0, 0), "a refused group is not offered again while nothing changes");
    world.source.upsert(object("o500", &[("good", "1"), ("bad", "mended")]));
    let status = world.settle().await;
    assert_eq!(status.destinations[0].refused, 0);
    assert_eq!(ruler.requests(), ["POST prod us.ns.o500/bad"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn invalid_group_refused_locally_keeps_its_stored_version() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("good", "1"), ("bad", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.requests();
    world.source.upsert(object("o", &[("good", "2"), ("bad", " ")]));
    let status = world.settle().await;
    assert_eq!(ruler.requests(), ["POST prod us.ns.o/good"]);
    assert_eq!(ruler.groups("prod")["us.ns.o"].len(), 2);
    assert_eq!(status.objects[0].state, ObjectState::Refused);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn group_with_a_name_that_the_ruler_cannot_hold_is_never_offered() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let long = "x".repeat(190);
    world.source.upsert(object("o", &[("good", "1"), ("/bad", "1"), (&long, "1")]));
    world.source.complete();
    let status = world.settle().await;
    assert_eq!(ruler.requests(), ["GET prod", "POST prod us.ns.o/good"]);
    let findings = &status.objects[0].destinations[0].findings;
    let reported: Vec<_> = findings
        .iter()
        .map(|finding| {
            (finding.code.name(), finding.location.group.as_deref(), finding.location.field.as_deref())
        })
        .collect();
    let of = |group| ("group-name", Some(group), Some("name"));
    assert_eq!(reported, [of("/bad"), of(&long)]);
    assert_eq!(status.objects[0].state, ObjectState::Refused);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn suspicion_becomes_a_warning_if_the_ruler_accepts_and_is_reported_once_if_it_refuses() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    ruler.refuse("min(up");
    world.source.upsert(object("newer", &[("g", "sum(up")]));
    world.source.upsert(object("wrong", &[("g", "min(up")]));
    world.source.complete();
    let status = world.settle().await;
    let reported = |name: &str| {
        let object = status.objects.iter().find(|object| object.name == name).unwrap();
        let findings = &object.destinations[0].findings;
        let reported: Vec<_> = findings
            .iter()
            .map(|finding| (finding.code.name(), finding.is_error(), finding.offered))
            .collect();
        (object.state, reported)
    };
    assert_eq!(reported("newer"), (ObjectState::Synced, vec![("promql", false, false)]));
    assert_eq!(reported("wrong"), (ObjectState::Refused, vec![("refused", true, false)]));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn namespace_of_two_objects_belongs_to_the_older_one() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let mut old = object("o", &[("a", "old")]);
    old.created = Some(1);
    let mut young = object("o", &[("a", "young")]);
    young.created = Some(2);
    young.id = rulesync_core::ObjectId::new(&"script".into(), &"Other".into(), "ns", "o");
    world.source.upsert(young);
    world.source.upsert(old);
    world.source.complete();
    let status = world.settle().await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules[0].expr, "old");
    assert_eq!(status.objects.iter().filter(|o| o.state == ObjectState::Refused).count(), 1);
    world.source.send(SourceEvent::Delete(id("o")));
    world.settle().await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules[0].expr, "young");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn object_without_a_valid_namespace_is_refused_and_foreign_namespaces_stay() {
    let ruler = MemoryRuler::default();
    let foreign = ["us.", "us..x", "us.UPPER.x", "us.ns.b extra", "us.ns.c\nd", "us.ns"];
    let group = rulesync_core::Group { name: "g".to_owned(), ..rulesync_core::Group::default() };
    for namespace in foreign {
        let groups = [("g".to_owned(), group.clone())].into();
        ruler.edit("prod", |all| drop(all.insert(namespace.to_owned(), groups)));
    }
    let world = World::start(&ruler);
    world.source.upsert(object("good", &[("g", "1")]));
    for name in ["Upper", "with space", "a/b", "_x", ""] {
        world.source.upsert(object(name, &[("g", "1")]));
    }
    world.source.complete();
    let status = world.settle().await;
    let refused = status.objects.iter().filter(|object| object.state == ObjectState::Refused);
    assert_eq!(refused.count(), 5);
    let upper = status.objects.iter().find(|object| object.name == "Upper").unwrap();
    assert_eq!((upper.findings[0].code.name(), upper.destinations.len()), ("name", 0));
    assert_eq!(ruler.requests(), ["GET prod", "POST prod us.ns.good/g"]);
    resync().await;
    assert!(foreign.iter().all(|namespace| ruler.groups("prod").contains_key(*namespace)));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn malformed_object_hides_only_itself() {
    let ruler = MemoryRuler::default();
    put(&ruler, "us.ns.orphan", "1");
    put(&ruler, "us.ns.odd", "1");
    let world = World::start(&ruler);
    let finding = Finding::error(Code::Spec, "odd");
    world.source.send(SourceEvent::Malformed {
        id: id("odd"),
        version: ObjectVersion::default(),
        finding,
        hides: false,
    });
    world.source.complete();
    resync().await;
    let left: Vec<String> = ruler.groups("prod").into_keys().collect();
    assert_eq!(left, ["us.ns.odd"]);
    world.stop().await;
}

/// An object with one group of recording rules.
fn rules(exprs: &[&str]) -> RuleObject {
    let rules: Vec<serde_json::Value> =
        exprs.iter().map(|expr| serde_json::json!({"record": "r", "expr": expr})).collect();
    let groups = serde_json::from_value(serde_json::json!([{"name": "g", "rules": rules}])).unwrap();
    RuleObject { groups, ..object("o", &[]) }
}

/// A ruler that refuses two expressions, and an engine that leaves invalid rules out.
fn omitting(ruler: &MemoryRuler) -> World {
    ruler.refuse("bad");
    ruler.refuse("worse");
    World::with(ruler, |setup| setup.policy.on_invalid = OnInvalid::Rule, |engine| engine)
}

/// The expressions of the rules in the ruler.
fn exprs(ruler: &MemoryRuler) -> Vec<String> {
    ruler.groups("prod")["us.ns.o"]["g"].rules.iter().map(|rule| rule.expr.clone()).collect()
}

fn numbers(findings: &[Finding]) -> Vec<Option<usize>> {
    findings.iter().map(|finding| finding.location.rule).collect()
}

#[tokio::test(start_paused = true)]
async fn invalid_rules_are_omitted_and_not_offered_again() {
    let ruler = MemoryRuler::default();
    let world = omitting(&ruler);
    let status = world.declare([rules(&["1", "bad", "2", "worse", "3"])]).await;
    assert_eq!(exprs(&ruler), ["1", "2", "3"]);
    assert_eq!(ruler.counts(), (1, 3, 0));
    let findings = &status.objects[0].destinations[0].findings;
    assert_eq!(numbers(findings), [Some(1), Some(3)], "numbered as the author did");
    resync().await;
    assert_eq!(ruler.counts(), (1, 0, 0));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn invalid_rules_that_are_mended_are_written() {
    let ruler = MemoryRuler::default();
    let world = omitting(&ruler);
    world.declare([rules(&["1", "bad", "2"])]).await;
    assert_eq!(exprs(&ruler), ["1", "2"]);
    world.declare([rules(&["1", "mended", "2"])]).await;
    assert_eq!(exprs(&ruler), ["1", "mended", "2"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn invalid_rules_refused_locally_or_by_the_ruler_keep_the_numbers_of_their_author() {
    let ruler = MemoryRuler::default();
    let world = omitting(&ruler);
    let status = world.declare([rules(&["", "1", "bad", "2", "", "worse"])]).await;
    assert_eq!(exprs(&ruler), ["1", "2"]);
    assert_eq!(numbers(&status.objects[0].findings), [Some(0), Some(4)]);
    assert_eq!(numbers(&status.objects[0].destinations[0].findings), [Some(2), Some(5)]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn invalid_rules_alone_leave_the_stored_version() {
    let ruler = MemoryRuler::default();
    let world = omitting(&ruler);
    world.declare([rules(&["1", "2"])]).await;
    world.declare([rules(&["bad"])]).await;
    assert_eq!(exprs(&ruler), ["1", "2"], "a group of nothing is no group");
    world.stop().await;
}
