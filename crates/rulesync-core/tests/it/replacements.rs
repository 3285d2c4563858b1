//! Successors: a destination, a source or a leader that replaces another begins when that one has ended, with the facts
//! that it knew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rulesync_core::engine::{LeaderTerm, Leadership, NamedRuler, NamedSource};
use rulesync_core::finding::Code;
use rulesync_core::model::ObjectVersion;
use rulesync_core::route::{Permission, Tenancy, ValueSource};
use rulesync_core::source::Scope;
use rulesync_core::{Finding, Group, Route, SourceEvent};
use tokio::time::Instant;

use crate::world::{MemoryRuler, World, id, object, scripted_source};

#[tokio::test(start_paused = true)]
async fn replaced_ruler_is_not_written_before_its_predecessors_requests_have_ended() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.requests();
    // A write hangs until it is given up; everything after it is answered.
    ruler.hang(true);
    world.source.upsert(object("o", &[("g", "2")]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    ruler.hang(false);
    assert_eq!(ruler.requests(), ["POST prod us.ns.o/g"]);
    let mut setup = world.setup.clone();
    setup.rulers = vec![NamedRuler::new("central", Arc::new(ruler.clone()))];
    world.handle.reconfigure(setup).await.unwrap();
    world.source.upsert(object("o", &[("g", "3")]));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(ruler.requests(), Vec::<String>::new(), "the old request may still arrive");
    world.settle().await;
    assert_eq!(ruler.requests(), ["GET prod", "POST prod us.ns.o/g"]);
    assert_eq!(ruler.groups("prod")["us.ns.o"]["g"].rules[0].expr, "3");
    assert_eq!(ruler.most_at_once(), 1);
    world.stop().await;
}

/// Checks that a namespace stays that a new destination could take for an orphan, after this event.
async fn stays(namespace: &str, found: SourceEvent) {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let kept = BTreeMap::from([("g".to_owned(), Group { name: "g".to_owned(), ..Group::default() })]);
    ruler.edit("prod", |groups| drop(groups.insert(namespace.to_owned(), kept)));
    let what = format!("{namespace} after {found:?}");
    world.source.send(found);
    world.source.complete();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(10 * 60)).await;
        assert!(ruler.groups("prod").contains_key(namespace), "{what}");
        let mut setup = world.setup.clone();
        setup.rulers = vec![NamedRuler::new("central", Arc::new(ruler.clone()))];
        world.handle.reconfigure(setup).await.unwrap();
    }
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn new_destination_knows_the_kinds_that_are_not_installed() {
    let kind = "LoggingRule".into();
    stays("us.ns.o_loggingrule", SourceEvent::Kind { kind, installed: false }).await;
}

#[tokio::test(start_paused = true)]
async fn new_destination_knows_the_objects_that_were_never_read() {
    let finding = Finding::error(Code::Yaml, "line 3 makes no sense");
    stays(
        "us.ns.o",
        SourceEvent::Malformed { id: id("o"), version: ObjectVersion::default(), finding, hides: false },
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn new_destination_of_an_object_knows_the_objects_that_were_never_read() {
    let ruler = MemoryRuler::default();
    let pattern = "{value}".parse().unwrap();
    let claims = Route {
        tenant: Tenancy::Requested { from: ValueSource::Label("tenant".into()), pattern },
        allow: vec![Permission { values: vec!["*".into()], ..Permission::default() }],
        ..Route::all("claims", "central", None)
    };
    let world = World::with_routes(&ruler, vec![claims]);
    let kept = BTreeMap::from([("g".to_owned(), Group { name: "g".to_owned(), ..Group::default() })]);
    ruler.edit("prod", |groups| drop(groups.insert("us.ns.o".to_owned(), kept)));
    let finding = Finding::error(Code::Yaml, "line 3 makes no sense");
    world.source.send(SourceEvent::Malformed {
        id: id("o"),
        version: ObjectVersion::default(),
        finding,
        hides: false,
    });
    world.source.complete();
    world.settle().await;
    world.source.upsert(object("p", &[("g", "1")]));
    world.settle().await;
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(ruler.groups("prod").keys().collect::<Vec<_>>(), ["us.ns.o", "us.ns.p"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn new_destination_knows_the_suspect_sources() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.upsert(object("p", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    world.source.send(SourceEvent::Unavailable { reason: "the API server does not answer".to_owned() });
    world.source.delete("o");
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_secs(10 * 60)).await;
        assert_eq!(ruler.groups("prod").len(), 2);
        let mut setup = world.setup.clone();
        setup.rulers = vec![NamedRuler::new("central", Arc::new(ruler.clone()))];
        world.handle.reconfigure(setup).await.unwrap();
    }
    world.source.send(SourceEvent::Available);
    world.settle().await;
    assert_eq!(ruler.groups("prod").keys().collect::<Vec<_>>(), ["us.ns.p"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn replaced_source_deletes_nothing_that_the_new_one_may_hide() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("stays", &[("g", "1")]));
    world.source.upsert(object("hidden", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.requests();
    let (source, control) = scripted_source();
    let mut setup = world.setup.clone();
    setup.sources = vec![NamedSource { name: "script".into(), source: Arc::new(source) }];
    world.handle.reconfigure(setup).await.unwrap();
    control.upsert(object("stays", &[("g", "1")]));
    let finding = Finding::error(Code::Yaml, "line 3 makes no sense");
    control.send(SourceEvent::Malformed {
        id: id("file"),
        version: ObjectVersion::default(),
        finding,
        hides: true,
    });
    control.complete();
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(ruler.groups("prod").len(), 2, "the file may hold it");
    control.delete("file");
    world.settle().await;
    assert_eq!(ruler.groups("prod").keys().collect::<Vec<_>>(), ["us.ns.stays"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn snapshot_without_the_file_that_hid_objects_removes_what_it_lacks() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("stays", &[("g", "1")]));
    world.source.upsert(object("goes", &[("g", "1")]));
    world.source.complete();
    let finding = Finding::error(Code::Yaml, "line 3 makes no sense");
    world.source.send(SourceEvent::Malformed {
        id: id("file"),
        version: ObjectVersion::default(),
        finding,
        hides: true,
    });
    world.settle().await;
    assert_eq!(ruler.groups("prod").len(), 2);
    world.source.send(SourceEvent::SnapshotStarted(Scope::Everything));
    world.source.upsert(object("stays", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.groups("prod").keys().collect::<Vec<_>>(), ["us.ns.stays"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn new_leader_with_a_lagging_watch_deletes_nothing_that_the_previous_one_wrote() {
    for shown in [true, false] {
        let ruler = MemoryRuler::default();
        let (handle, leadership) = Leadership::elected();
        let world = World::with(&ruler, |_| {}, |engine| engine.leadership(leadership));
        world.source.complete();
        let before = World::start(&ruler);
        before.source.upsert(object("o", &[("g", "1")]));
        before.source.complete();
        before.settle().await;
        before.stop().await;
        ruler.requests();
        let far = Instant::now() + Duration::from_secs(24 * 60 * 60);
        handle.renew(LeaderTerm { start_before: far, finish_by: far });
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert_eq!(ruler.requests(), ["GET prod"]);
        if shown {
            world.source.upsert(object("o", &[("g", "1")]));
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
        let deleted = if shown { &[][..] } else { &["DELETE prod us.ns.o"] };
        assert_eq!(ruler.requests(), deleted, "shown in time: {shown}");
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn first_leader_deletes_nothing_for_two_minutes_either() {
    let ruler = MemoryRuler::default();
    let before = World::start(&ruler);
    before.source.upsert(object("o", &[("g", "1")]));
    before.source.complete();
    before.settle().await;
    before.stop().await;
    let (handle, leadership) = rulesync_core::engine::Leadership::elected();
    let far = tokio::time::Instant::now() + Duration::from_secs(24 * 60 * 60);
    handle.renew(rulesync_core::engine::LeaderTerm { start_before: far, finish_by: far });
    let world = World::with(&ruler, |_| {}, |engine| engine.leadership(leadership));
    // Its list may lag behind what an earlier leader has seen.
    world.source.complete();
    tokio::time::sleep(Duration::from_secs(110)).await;
    assert_eq!(ruler.groups("prod").len(), 1);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(ruler.groups("prod").is_empty());
    world.stop().await;
}
