//! Objects that move between destinations: the former one keeps their rules until the next one has them.

use std::sync::Arc;
use std::time::Duration;

use rulesync_core::engine::NamedRuler;
use rulesync_core::{Route, RuleObject};

use crate::world::{MemoryRuler, World, object, route, unavailable};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// An object that requests a tenant by its label.
pub(crate) fn of(tenant: &str, groups: &[(&str, &str)]) -> RuleObject {
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
    world.declare([of("a", &[("g", "1"), ("h", "1")])]).await;
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
