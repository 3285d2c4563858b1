//! Objects that move between targets, and targets that come and go with them.

use std::time::Duration;

use rulesync_core::{NamedRuler, Origin, Permission, Route, RuleObject, Tenancy};
use std::sync::Arc;

use crate::world::{MemoryRuler, World, object, route, unavailable};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// An object that claims a tenant by its label.
fn of(tenant: &str, groups: &[(&str, &str)]) -> RuleObject {
    RuleObject { labels: [("tenant", tenant)].into_iter().collect(), ..object("o", groups) }
}

/// `tenant: a` leads to one ruler, `tenant: b` to another.
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
    world.teller.upsert(of("a", &[("g", "1"), ("h", "1")]));
    world.teller.complete();
    world.settle().await;
    assert_eq!(here.groups("a").len(), 1);
    drop((here.requests(), there.requests()));
    world
}

#[tokio::test(start_paused = true)]
async fn the_old_place_has_it_until_the_new_one_does() {
    let (here, there) = (MemoryRuler::default(), MemoryRuler::default());
    let world = two(&here, &there).await;
    there.fail(Some(unavailable()));
    world.teller.upsert(of("b", &[("g", "1"), ("h", "1")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!(here.groups("a").len(), 1, "it is evaluated somewhere all the time");
    assert!(here.requests().iter().all(|request| request.starts_with("GET")));
    there.fail(None);
    world.until(|_| here.groups("a").is_empty()).await;
    assert_eq!(there.groups("b").len(), 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_before_having_left_has_never_been_away() {
    let (here, there) = (MemoryRuler::default(), MemoryRuler::default());
    let world = two(&here, &there).await;
    there.fail(Some(unavailable()));
    world.teller.upsert(of("b", &[("g", "1"), ("h", "1")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    world.teller.upsert(of("a", &[("g", "1"), ("h", "1")]));
    tokio::time::sleep(Duration::from_secs(60)).await;
    there.fail(None);
    world.settle().await;
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!((here.groups("a").len(), there.groups("b").len()), (1, 0));
    assert!(here.requests().iter().all(|request| request.starts_with("GET")));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_while_it_moves_is_gone_from_both() {
    let (here, there) = (MemoryRuler::default(), MemoryRuler::default());
    let world = two(&here, &there).await;
    there.fail(Some(unavailable()));
    world.teller.upsert(of("b", &[("g", "1"), ("h", "1")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    world.teller.delete("o");
    world.until(|_| here.groups("a").is_empty()).await;
    there.fail(None);
    world.settle().await;
    assert!(there.groups("b").is_empty());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_group_holds_up_no_move_but_a_refused_object_stays() {
    let (here, there) = (MemoryRuler::default(), MemoryRuler::default());
    let world = two(&here, &there).await;
    there.refuse("2");
    world.teller.upsert(of("b", &[("g", "2"), ("h", "2")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!((here.groups("a").len(), there.groups("b").len()), (1, 0));
    world.teller.upsert(of("b", &[("g", "2"), ("h", "1")]));
    world.until(|_| here.groups("a").is_empty()).await;
    assert_eq!(there.groups("b")["us.ns.o"].len(), 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_comes_with_its_first_object_and_goes_with_its_last() {
    let ruler = MemoryRuler::default();
    let by_label = Route {
        tenant: Tenancy::Claimed {
            from: Origin::Label("tenant".into()),
            pattern: "{value}".parse().unwrap(),
        },
        allow: vec![Permission { values: vec!["*".into()], ..Permission::default() }],
        ..Route::all("claims", "central", None)
    };
    let world = World::with_routes(&ruler, vec![by_label]);
    world.teller.complete();
    world.settle().await;
    assert_eq!(
        (ruler.requests().len(), world.status().await.targets.len()),
        (0, 0),
        "nobody has claimed any"
    );
    world.teller.upsert(of("x", &[("g", "1")]));
    world.settle().await;
    assert_eq!(ruler.requests(), ["GET x", "POST x us.ns.o/g"]);
    world.teller.upsert(of("y", &[("g", "1")]));
    let status = world.until(|status| status.targets.len() == 1 && ruler.groups("x").is_empty()).await;
    assert_eq!(status.targets[0].tenant.as_deref(), Some("y"));
    assert_eq!(ruler.requests(), ["GET y", "POST y us.ns.o/g", "DELETE x us.ns.o"]);
    world.teller.upsert(of("x", &[("g", "1")]));
    world.until(|status| status.targets.len() == 1 && ruler.groups("y").is_empty()).await;
    world.teller.delete("o");
    world.until(|status| status.targets.is_empty()).await;
    assert!(ruler.groups("x").is_empty() && ruler.groups("y").is_empty());
    world.stop().await;
}
