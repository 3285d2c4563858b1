//! A ruler that takes whole namespaces is sent all pending changes at once, and gives no reasons.

use std::time::Duration;

use rulesync_core::SourceEvent;
use rulesync_core::engine::{OnInvalid, Policy};
use rulesync_core::status::ObjectState;

use crate::world::{MemoryRuler, World, id, object, resync};

/// An engine with a ruler that batches, and this limit of concurrent namespaces.
fn start(ruler: &MemoryRuler, on_invalid: OnInvalid) -> World {
    ruler.batch();
    World::with(
        ruler,
        |setup| {
            setup.rulers[0].max_in_flight = 1_000;
            setup.policy = Policy { on_invalid, ..Policy::default() };
        },
        |engine| engine,
    )
}

/// The writes since the last call, in order of their namespaces.
fn writes(ruler: &MemoryRuler) -> Vec<String> {
    let mut requests = ruler.requests();
    requests.retain(|request| !request.starts_with("GET"));
    requests.sort();
    requests
}

#[tokio::test(start_paused = true)]
async fn batch_contains_all_pending_changes_once_everything_is_declared() {
    let ruler = MemoryRuler::default();
    let world = start(&ruler, OnInvalid::Group);
    for n in 0..300 {
        world.source.upsert(object(&format!("o{n:03}"), &[("a", "1"), ("b", "1"), ("c", "1")]));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(writes(&ruler), [""; 0], "there may be more to come");
    world.source.complete();
    world.settle().await;
    let written = writes(&ruler);
    assert_eq!((written.len(), written[0].as_str()), (300, "WRITE prod us.ns.o000 a b c"));
    assert_eq!(ruler.most_at_once(), 300);
    // Changes of one namespace are sent together, and the other namespaces are not touched. Deletes wait for the guard
    // first.
    world.source.upsert(object("o007", &[("a", "2"), ("c", "1"), ("d", "1")]));
    world.source.send(SourceEvent::Delete(id("o008")));
    world.settle().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let expected = ["WRITE prod us.ns.o007 -b", "WRITE prod us.ns.o007 a d", "WRITE prod us.ns.o008 -"];
    assert_eq!(writes(&ruler), expected);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn batch_does_not_wait_long_for_a_source_without_a_complete_snapshot() {
    let ruler = MemoryRuler::default();
    let world = start(&ruler, OnInvalid::Group);
    world.source.upsert(object("o", &[("a", "1")]));
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(writes(&ruler), [""; 0]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(writes(&ruler), ["WRITE prod us.ns.o a"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn batch_refusal_without_a_reason_is_explained_by_local_findings() {
    let ruler = MemoryRuler::default();
    ruler.refuse("sum(up");
    ruler.refuse("odd");
    let world = start(&ruler, OnInvalid::Group);
    world
        .source
        .upsert(object("o", &[("good", "1"), ("known", "sum(up"), ("unknown", "odd"), ("well", "2")]));
    world.source.complete();
    let status = world.settle().await;
    assert_eq!(writes(&ruler), ["WRITE prod us.ns.o good known! unknown well"]);
    let stored: Vec<String> = ruler.groups("prod").remove("us.ns.o").unwrap().into_keys().collect();
    assert_eq!((stored, status.objects[0].state), (vec!["good".into(), "well".into()], ObjectState::Refused));
    let mut reported: Vec<String> = status.objects[0].destinations[0]
        .findings
        .iter()
        .filter(|finding| finding.is_error())
        .map(ToString::to_string)
        .collect();
    reported.sort();
    assert_eq!(
        reported,
        [
            r#"group "known", rule 0 "r", spec.groups[1].rules[0].expr, 1:7: refused by the ruler: unclosed left parenthesis (the other groups are synced)"#,
            r#"group "unknown", rule 0 "r", spec.groups[2].rules[0]: refused by the ruler: cannot parse (the other groups are synced)"#,
        ]
    );
    resync().await;
    assert_eq!(writes(&ruler), [""; 0], "neither is offered again");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn batch_omits_rules_found_invalid_locally_or_by_the_ruler() {
    let ruler = MemoryRuler::default();
    ruler.refuse("sum(up");
    ruler.refuse("odd");
    let world = start(&ruler, OnInvalid::Rule);
    let mut object = object("o", &[("g", "1")]);
    let rule = object.groups[0].rules.as_ref().unwrap()[0].clone();
    let of = |expr: &str| rulesync_core::model::DeclaredRule { expr: expr.to_owned(), ..rule.clone() };
    object.groups[0].rules = Some(["1", "odd", "2", "sum(up"].map(of).into());
    world.source.upsert(object);
    world.source.complete();
    let status = world.settle().await;
    // Without the rule that has a finding, the group has none.
    assert_eq!(writes(&ruler), ["WRITE prod us.ns.o g", "WRITE prod us.ns.o g!", "WRITE prod us.ns.o g!"]);
    let stored = &ruler.groups("prod")["us.ns.o"]["g"];
    assert_eq!(stored.rules.iter().map(|rule| rule.expr.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    let errors = status.objects[0].destinations[0].findings.iter().filter(|finding| finding.is_error());
    let mut at: Vec<_> = errors.map(|finding| finding.location.rule).collect();
    at.sort_unstable();
    assert_eq!(at, [Some(1), Some(3)]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn batch_includes_the_claim() {
    let ruler = MemoryRuler::default();
    ruler.batch();
    let world = World::with(&ruler, |_| {}, |engine| engine.identity("a"));
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    assert_eq!(writes(&ruler), ["WRITE prod us rulesync", "WRITE prod us.ns.o g"]);
    assert_eq!(ruler.most_at_once(), 2, "they are written concurrently");
    resync().await;
    assert_eq!(writes(&ruler), [""; 0]);
    world.stop().await;
}
