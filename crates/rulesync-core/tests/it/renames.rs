//! Objects that take the place of others (`SourceEvent::Renamed`): rules are always evaluated under some name.

use std::time::Duration;

use rulesync_core::{RuleObject, SourceEvent};

use crate::world::{MemoryRuler, World, id, object, unavailable};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// An engine that has written the object `o`.
async fn written(ruler: &MemoryRuler) -> World {
    let world = World::start(ruler);
    world.declare([object("o", &[("g", "1")])]).await;
    world
}

/// Has this object take the place of `o`.
fn rename(world: &World, to: RuleObject) {
    let name = to.id.name().to_string();
    world.source.upsert(to);
    world.source.send(SourceEvent::Renamed { id: id("o"), to: vec![id(&name)] });
}

fn has(ruler: &MemoryRuler, name: &str) -> bool {
    ruler.groups("prod").contains_key(&format!("us.ns.{name}"))
}

#[tokio::test(start_paused = true)]
async fn renamed_object_is_written_before_its_former_name_is_deleted() {
    let ruler = MemoryRuler::default();
    let world = written(&ruler).await;
    ruler.break_group("h", Some(unavailable()));
    rename(&world, object("p", &[("h", "1")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert!(has(&ruler, "o") && !has(&ruler, "p"));
    ruler.break_group("h", None);
    world.until(|_| !has(&ruler, "o")).await;
    assert!(has(&ruler, "p"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn renamed_object_that_is_refused_altogether_keeps_its_former_name_until_it_is_mended() {
    let ruler = MemoryRuler::default();
    let world = written(&ruler).await;
    ruler.refuse("bad");
    rename(&world, object("p", &[("h", "bad")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert!(has(&ruler, "o"));
    world.source.upsert(object("p", &[("h", "1")]));
    world.until(|_| !has(&ruler, "o")).await;
    assert!(has(&ruler, "p"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn renamed_object_that_goes_nowhere_takes_nothing_over() {
    let ruler = MemoryRuler::default();
    let world = written(&ruler).await;
    rename(&world, RuleObject { labels: Default::default(), ..object("p", &[("h", "1")]) });
    world.until(|_| !has(&ruler, "o")).await;
    assert!(!has(&ruler, "p"));
    world.stop().await;
}
