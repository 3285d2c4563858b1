//! Tenants that objects request: destinations come and go with them, and what is not permitted leaves things as they are.

use std::time::Duration;

use rulesync_core::engine::Metrics;
use rulesync_core::finding::Code;
use rulesync_core::route::{Permission, Tenancy, ValueSource};
use rulesync_core::status::ObjectState;
use rulesync_core::{Route, RuleObject};

use crate::inventory::MemoryInventory;
use crate::moves::of;
use crate::world::{MemoryRuler, World, exposed, object, resync};

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

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
async fn tenant_that_no_object_requests_is_not_asked() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![requested("*")]);
    world.declare([]).await;
    assert_eq!((ruler.requests().len(), world.status().await.destinations.len()), (0, 0));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tenant_is_used_from_its_first_object_until_another_has_it() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![requested("*")]);
    world.declare([of("x", &[("g", "1")])]).await;
    assert_eq!(ruler.requests(), ["GET x", "POST x us.ns.o/g"]);
    world.source.upsert(of("y", &[("g", "1")]));
    let status = world.until(|status| status.destinations.len() == 1 && ruler.groups("x").is_empty()).await;
    assert_eq!(status.destinations[0].tenant.as_deref(), Some("y"));
    assert_eq!(ruler.requests(), ["GET y", "POST y us.ns.o/g", "DELETE x us.ns.o"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tenant_that_was_left_can_be_requested_again_and_ends_with_its_last_object() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![requested("*")]);
    world.declare([of("x", &[("g", "1")])]).await;
    for (tenant, former) in [("y", "x"), ("x", "y")] {
        world.source.upsert(of(tenant, &[("g", "1")]));
        world.until(|status| status.destinations.len() == 1 && ruler.groups(former).is_empty()).await;
        assert!(expr(&ruler, tenant).is_some());
    }
    world.source.delete("o");
    world.until(|status| status.destinations.is_empty()).await;
    assert!(ruler.groups("x").is_empty() && ruler.groups("y").is_empty());
    world.stop().await;
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
async fn metrics_of_a_destination_end_with_it() {
    let (ruler, metrics) = (MemoryRuler::default(), Metrics::default());
    let counted = metrics.clone();
    let routes = vec![requested("*")];
    let world = World::with(&ruler, |setup| setup.routes = routes, |engine| engine.metrics(counted));
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

/// An engine of which an object with rules in `own` has asked for a tenant that it may not have.
struct Misspelt {
    ruler: MemoryRuler,
    inventory: MemoryInventory,
    world: World,
}

impl Misspelt {
    async fn new() -> Self {
        let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
        let world = Self::start(&ruler, &inventory);
        world.declare([of("own", &[("g", "1")])]).await;
        resync().await;
        world.source.upsert(of("onw", &[("g", "2")]));
        tokio::time::sleep(HALF_AN_HOUR).await;
        Self { ruler, inventory, world }
    }

    fn start(ruler: &MemoryRuler, inventory: &MemoryInventory) -> World {
        let routes = vec![requested("own*")];
        World::with(ruler, |setup| setup.routes = routes, |engine| engine.inventory(inventory.clone()))
    }

    /// Ends the engine, and starts one that knows of no earlier tenant.
    async fn restart(mut self) -> Self {
        self.world.stop().await;
        self.world = Self::start(&self.ruler, &self.inventory);
        self.world.source.upsert(of("onw", &[("g", "2")]));
        self.world.source.complete();
        tokio::time::sleep(HALF_AN_HOUR).await;
        self
    }
}

#[tokio::test(start_paused = true)]
async fn misspelt_tenant_leaves_the_rules_as_they_are_and_says_where() {
    let it = Misspelt::new().await;
    assert_eq!(expr(&it.ruler, "own").as_deref(), Some("1"));
    let status = it.world.status().await;
    assert_eq!(status.objects[0].state, ObjectState::Refused);
    let finding = status.objects[0].findings.iter().find(|finding| finding.code == Code::Tenant).unwrap();
    assert!(finding.message.contains("its rules stay in central/own"), "{finding}");
    it.world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn misspelt_tenant_leaves_the_rules_over_a_restart_wherever_they_may_be() {
    let it = Misspelt::new().await.restart().await;
    assert_eq!(expr(&it.ruler, "own").as_deref(), Some("1"));
    it.world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn misspelt_tenant_that_is_mended_after_a_restart_moves_the_rules() {
    let it = Misspelt::new().await.restart().await;
    it.world.source.upsert(of("own-2", &[("g", "3")]));
    tokio::time::sleep(HALF_AN_HOUR).await;
    assert_eq!((expr(&it.ruler, "own-2").as_deref(), expr(&it.ruler, "own")), (Some("3"), None));
    it.world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn removed_permission_deletes_the_rules_after_a_window() {
    let ruler = MemoryRuler::default();
    let mut world = World::with_routes(&ruler, vec![requested("own")]);
    world.declare([of("own", &[("g", "1")])]).await;
    world.reload(|setup| setup.routes = vec![requested("other")]).await;
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
    world.declare([of("own", &[("g", "1")])]).await;
    world.source.upsert(of("onw", &[("g", "1")]));
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.source.delete("o");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(expr(&ruler, "own").is_none());
    world.stop().await;
}
