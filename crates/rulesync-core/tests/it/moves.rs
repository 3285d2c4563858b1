//! Objects that move between destinations, and destinations that come and go with them.

use rulesync_core::finding::Code;
use std::time::Duration;

use rulesync_core::engine::NamedRuler;
use rulesync_core::route::{Permission, Tenancy, ValueSource};
use rulesync_core::{Route, RuleObject, SourceEvent};
use std::sync::Arc;

use crate::world::{MemoryRuler, World, exposed, id, object, route, unavailable};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// An object that requests a tenant by its label.
fn of(tenant: &str, groups: &[(&str, &str)]) -> RuleObject {
    RuleObject { labels: [("tenant", tenant)].into_iter().collect(), ..object("o", groups) }
}

/// Two routes: `tenant: a` leads to one ruler, `tenant: b` to another.
async fn two(here: &MemoryRuler, there: &MemoryRuler) -> World {
    let ruler = NamedRuler::new("there", Arc::new(there.clone()));
    let world = World::with(
        here,
        |setup| {
            setup.rulers.push(ruler);
            setup.routes = vec![route("a"), Route { ruler: "there".into(), ..route("b") }];
        },
        |engine| engine,
    );
    world.source.upsert(of("a", &[("g", "1"), ("h", "1")]));
    world.source.complete();
    world.settle().await;
    assert_eq!(here.groups("a").len(), 1);
    drop((here.requests(), there.requests()));
    world
}

#[tokio::test(start_paused = true)]
async fn move_keeps_the_old_rules_until_the_new_ones_are_written() {
    let (here, there) = (MemoryRuler::default(), MemoryRuler::default());
    let world = two(&here, &there).await;
    there.fail(Some(unavailable()));
    world.source.upsert(of("b", &[("g", "1"), ("h", "1")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!(here.groups("a").len(), 1, "it is always evaluated somewhere");
    assert!(here.requests().iter().all(|request| request.starts_with("GET")));
    there.fail(None);
    world.until(|_| here.groups("a").is_empty()).await;
    assert_eq!(there.groups("b").len(), 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn move_that_is_reverted_changes_nothing() {
    let (here, there) = (MemoryRuler::default(), MemoryRuler::default());
    let world = two(&here, &there).await;
    there.fail(Some(unavailable()));
    world.source.upsert(of("b", &[("g", "1"), ("h", "1")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    world.source.upsert(of("a", &[("g", "1"), ("h", "1")]));
    tokio::time::sleep(Duration::from_secs(60)).await;
    there.fail(None);
    world.settle().await;
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!((here.groups("a").len(), there.groups("b").len()), (1, 0));
    assert!(here.requests().iter().all(|request| request.starts_with("GET")));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn move_of_a_deleted_object_leaves_no_rules() {
    let (here, there) = (MemoryRuler::default(), MemoryRuler::default());
    let world = two(&here, &there).await;
    there.fail(Some(unavailable()));
    world.source.upsert(of("b", &[("g", "1"), ("h", "1")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    world.source.delete("o");
    world.until(|_| here.groups("a").is_empty()).await;
    there.fail(None);
    world.settle().await;
    assert!(there.groups("b").is_empty());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn move_waits_for_no_refused_group_unless_all_are_refused() {
    let (here, there) = (MemoryRuler::default(), MemoryRuler::default());
    let world = two(&here, &there).await;
    there.refuse("2");
    world.source.upsert(of("b", &[("g", "2"), ("h", "2")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!((here.groups("a").len(), there.groups("b").len()), (1, 0));
    world.source.upsert(of("b", &[("g", "2"), ("h", "1")]));
    world.until(|_| here.groups("a").is_empty()).await;
    assert_eq!(there.groups("b")["us.ns.o"].len(), 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tenant_is_used_from_its_first_object_to_its_last() {
    let ruler = MemoryRuler::default();
    let by_label = Route {
        tenant: Tenancy::Requested {
            from: ValueSource::Label("tenant".into()),
            pattern: "{value}".parse().unwrap(),
        },
        allow: vec![Permission { values: vec!["*".into()], ..Permission::default() }],
        ..Route::all("claims", "central", None)
    };
    let world = World::with_routes(&ruler, vec![by_label]);
    world.source.complete();
    world.settle().await;
    assert_eq!(
        (ruler.requests().len(), world.status().await.destinations.len()),
        (0, 0),
        "no object has requested any"
    );
    world.source.upsert(of("x", &[("g", "1")]));
    world.settle().await;
    assert_eq!(ruler.requests(), ["GET x", "POST x us.ns.o/g"]);
    world.source.upsert(of("y", &[("g", "1")]));
    let status = world.until(|status| status.destinations.len() == 1 && ruler.groups("x").is_empty()).await;
    assert_eq!(status.destinations[0].tenant.as_deref(), Some("y"));
    assert_eq!(ruler.requests(), ["GET y", "POST y us.ns.o/g", "DELETE x us.ns.o"]);
    world.source.upsert(of("x", &[("g", "1")]));
    world.until(|status| status.destinations.len() == 1 && ruler.groups("y").is_empty()).await;
    world.source.delete("o");
    world.until(|status| status.destinations.is_empty()).await;
    assert!(ruler.groups("x").is_empty() && ruler.groups("y").is_empty());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn metrics_of_a_destination_end_with_it() {
    let (ruler, metrics) = (MemoryRuler::default(), rulesync_core::engine::Metrics::default());
    let counted = metrics.clone();
    let requested = Route {
        tenant: Tenancy::Requested { from: ValueSource::Label("tenant".into()), pattern: Default::default() },
        allow: vec![Permission { values: vec!["*".into()], ..Permission::default() }],
        ..Route::all("claimed", "central", None)
    };
    let world = World::with(&ruler, |setup| setup.routes = vec![requested], |engine| engine.metrics(counted));
    world.source.upsert(of("first", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    assert!(exposed(&metrics).contains(r#"tenant="first""#));
    for n in 0..20 {
        world.source.upsert(of(&format!("t{n}"), &[("g", "1")]));
        world.settle().await;
    }
    world.until(|status| status.destinations.len() == 1).await;
    let text = exposed(&metrics);
    let mut tenants: Vec<&str> =
        text.split("tenant=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    assert_eq!(tenants, ["t19"]);
    world.stop().await;
}

/// A route to the tenant in the label, for tenants of this pattern.
fn requested(pattern: &str) -> Route {
    Route {
        tenant: Tenancy::Requested { from: ValueSource::Label("tenant".into()), pattern: Default::default() },
        allow: vec![Permission { values: vec![pattern.into()], ..Permission::default() }],
        ..Route::all("claimed", "central", None)
    }
}

fn expr(ruler: &MemoryRuler, tenant: &str) -> Option<String> {
    Some(ruler.groups(tenant).get("us.ns.o")?["g"].rules[0].expr.clone())
}

#[tokio::test(start_paused = true)]
async fn misspelt_tenant_moves_and_deletes_nothing() {
    let (ruler, inventory) = (MemoryRuler::default(), crate::inheritance::MemoryInventory::default());
    let remember = |engine: rulesync_core::engine::EngineBuilder| engine.inventory(inventory.clone());
    let start = || World::with(&ruler, |setup| setup.routes = vec![requested("own*")], remember);
    let world = start();
    world.source.upsert(of("own", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    crate::world::resync().await;
    ruler.requests();
    world.source.upsert(of("onw", &[("g", "2")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!(expr(&ruler, "own").as_deref(), Some("1"), "unchanged, in its place");
    let status = world.status().await;
    assert_eq!(status.objects[0].state, rulesync_core::status::ObjectState::Refused);
    let finding = status.objects[0].findings.iter().find(|finding| finding.code == Code::Tenant).unwrap();
    assert!(finding.message.contains("its rules stay in central/own"), "{finding}");
    world.stop().await;
    // After a restart its earlier tenant is unknown, so its rules stay wherever it may have been.
    let world = start();
    world.source.upsert(of("onw", &[("g", "2")]));
    world.source.complete();
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!(expr(&ruler, "own").as_deref(), Some("1"));
    // When it is fixed, it is written to its tenant.
    world.source.upsert(of("own-2", &[("g", "3")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!((expr(&ruler, "own-2").as_deref(), expr(&ruler, "own")), (Some("3"), None));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn removed_permission_deletes_the_rules_after_a_window() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![requested("own")]);
    world.source.upsert(of("own", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    let mut setup = world.setup.clone();
    setup.routes = vec![requested("other")];
    world.handle.reconfigure(setup).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4 * 60)).await;
    assert!(expr(&ruler, "own").is_some());
    tokio::time::sleep(Duration::from_secs(2 * 60)).await;
    assert!(expr(&ruler, "own").is_none());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn deleted_object_with_a_refused_tenant_takes_its_rules_with_it() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![requested("own")]);
    world.source.upsert(of("own", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    world.source.upsert(of("onw", &[("g", "1")]));
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.source.delete("o");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(expr(&ruler, "own").is_none());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stored_version_of_a_refused_group_must_satisfy_the_route() {
    // Refused by the ruler, or locally: with a label or a tenant that was allowed before.
    for locally in [false, true] {
        let ruler = MemoryRuler::default();
        let world = World::start(&ruler);
        let mut before = object("o", &[("g", "1"), ("h", "1")]);
        before.groups[0].source_tenants = Some(vec!["prod".to_owned()]);
        world.source.upsert(before);
        world.source.complete();
        world.settle().await;
        let mut setup = world.setup.clone();
        setup.routes[0].external_labels = vec![rulesync_core::route::ExternalLabel {
            name: "team".to_owned(),
            value: rulesync_core::route::Value::Constant("a".to_owned()),
            add_if_absent: false,
        }];
        ruler.refuse("bad");
        let bad = if locally { "" } else { "bad" };
        world.source.upsert(object("o", &[("g", bad), ("h", "1")]));
        tokio::time::sleep(Duration::from_secs(60)).await;
        world.handle.reconfigure(setup).await.unwrap();
        tokio::time::sleep(Duration::from_secs(4 * 60)).await;
        let there = || ruler.groups("prod")["us.ns.o"].keys().cloned().collect::<Vec<_>>();
        assert_eq!(there(), ["g", "h"], "locally: {locally}");
        let status = world.status().await;
        let findings = &status.objects[0].destinations[0].findings;
        assert!(findings.iter().any(|finding| finding.code == Code::NotAllowed), "{findings:?}");
        tokio::time::sleep(Duration::from_secs(3 * 60)).await;
        assert_eq!(there(), ["h"], "locally: {locally}");
        assert_eq!(ruler.groups("prod")["us.ns.o"]["h"].rules[0].labels["team"], "a");
        world.source.upsert(object("o", &[("g", "mended"), ("h", "1")]));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(there(), ["g", "h"]);
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn tenant_without_objects_affects_no_other() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![requested("*")]);
    for (name, tenant) in [("o", "x"), ("p", "y")] {
        let labels = [("tenant", tenant)].into_iter().collect();
        world.source.upsert(RuleObject { labels, ..object(name, &[("g", "1")]) });
    }
    world.source.complete();
    world.settle().await;
    world.source.delete("o");
    let status = world.until(|status| status.destinations.len() == 1).await;
    assert_eq!(
        (status.destinations[0].tenant.as_deref(), status.destinations[0].retiring),
        (Some("y"), false)
    );
    assert_eq!((ruler.groups("x").len(), ruler.groups("y").len()), (0, 1));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn renamed_object_is_written_before_its_legacy_name_is_deleted() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let renamed = |from: &str, to: &str| {
        world.source.send(SourceEvent::Renamed { id: id(from), to: vec![id(to)] });
    };
    let has = |name: &str| ruler.groups("prod").contains_key(&format!("us.ns.{name}"));
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;

    ruler.break_group("h", Some(unavailable()));
    world.source.upsert(object("p", &[("h", "1")]));
    renamed("o", "p");
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert!(has("o") && !has("p"), "it is always evaluated under some name");
    ruler.break_group("h", None);
    world.until(|_| !has("o")).await;
    assert!(has("p"));

    // If all groups are refused under the new name, they stay under the old one.
    ruler.refuse("bad");
    world.source.upsert(object("q", &[("i", "bad")]));
    renamed("p", "q");
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert!(has("p"));
    // When it is fixed, the new name takes over.
    world.source.upsert(object("q", &[("i", "1")]));
    world.until(|_| !has("p")).await;
    assert!(has("q"));
    // An object that goes nowhere takes nothing over.
    let nowhere = RuleObject { labels: Default::default(), ..object("r", &[("j", "1")]) };
    world.source.upsert(nowhere);
    renamed("q", "r");
    world.until(|_| !has("q")).await;
    world.stop().await;
}
