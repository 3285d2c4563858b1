//! Two clusters with the same owner notice each other before they overwrite each other's rules.

use rulesync_core::engine::{CLAIM_GROUP, EngineBuilder, Installation, OwnerClaim};
use rulesync_core::status::{DestinationState, Status};

use crate::world::{MemoryRuler, World, central, object, resync, route};

fn cluster(name: &str) -> impl FnOnce(EngineBuilder) -> EngineBuilder {
    let name = name.to_owned();
    move |engine| engine.identity(&name)
}

fn start(ruler: &MemoryRuler, name: &str) -> World {
    let world = World::with(ruler, |_| {}, cluster(name));
    world.source.upsert(object("o", &[("g", name)]));
    world
}

fn claimed_by(ruler: &MemoryRuler) -> Option<String> {
    let groups = ruler.groups("prod");
    Some(OwnerClaim::read(groups.get("us")?.get(CLAIM_GROUP)?)?.cluster.to_string())
}

/// A cluster that has written its object and claim; the requests are forgotten.
async fn claimed(ruler: &MemoryRuler) -> World {
    let world = start(ruler, "a");
    world.source.complete();
    world.settle().await;
    ruler.requests();
    world
}

fn is_conflict(status: &Status) -> bool {
    status.destinations[0].state == DestinationState::Conflict
}

#[tokio::test(start_paused = true)]
async fn claim_is_written_first() {
    let ruler = MemoryRuler::default();
    let world = start(&ruler, "a");
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.requests(), ["GET prod", "POST prod us/rulesync", "POST prod us.ns.o/g"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn claim_is_looked_at_soon_after_it_was_written_and_not_written_again() {
    let ruler = MemoryRuler::default();
    let world = claimed(&ruler).await;
    resync().await;
    resync().await;
    assert_eq!(ruler.counts(), (3, 0, 0), "one list soon after the claim was written, then the usual ones");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn claim_is_found_after_a_restart_and_not_written_again() {
    let ruler = MemoryRuler::default();
    claimed(&ruler).await.stop().await;
    let again = start(&ruler, "a");
    again.source.complete();
    again.settle().await;
    assert_eq!(ruler.requests(), ["GET prod"]);
    again.stop().await;
}

/// A second cluster that finds the claim of another.
async fn second(ruler: &MemoryRuler) -> (World, Status) {
    let second = start(ruler, "b");
    second.source.upsert(object("other", &[("g", "b")]));
    second.source.complete();
    let status = second.until(is_conflict).await;
    (second, status)
}

#[tokio::test(start_paused = true)]
async fn claim_stops_a_second_cluster() {
    let ruler = MemoryRuler::default();
    let first = claimed(&ruler).await;
    let (second, status) = second(&ruler).await;
    let error = status.destinations[0].error.clone().unwrap();
    assert!(error.contains("cluster a") && error.contains("this is cluster b"), "{error}");
    resync().await;
    resync().await;
    let (_, posts, deletes) = ruler.counts();
    assert_eq!((posts, deletes), (0, 0));
    assert_eq!(expr(&ruler), "a");
    first.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn claim_that_is_removed_lets_the_second_cluster_write_and_claim() {
    let ruler = MemoryRuler::default();
    let first = claimed(&ruler).await;
    let (second, _) = second(&ruler).await;
    first.stop().await;
    ruler.edit("prod", |groups| drop(groups.remove("us")));
    second.settle().await;
    assert_eq!((expr(&ruler).as_str(), claimed_by(&ruler).as_deref()), ("b", Some("b")));
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn claims_of_two_clusters_at_the_same_moment_are_settled_within_seconds() {
    for seed in 0..20 {
        fastrand::seed(seed);
        let ruler = MemoryRuler::default();
        let worlds = [start(&ruler, "a"), start(&ruler, "b")];
        worlds.iter().for_each(|world| world.source.complete());
        tokio::time::sleep(std::time::Duration::from_secs(15)).await;
        let mut conflicts = 0;
        for world in &worlds {
            conflicts +=
                usize::from(world.status().await.destinations[0].state == DestinationState::Conflict);
        }
        assert_eq!(conflicts, 1, "seed {seed}");
        resync().await;
        ruler.requests();
        resync().await;
        let (_, posts, deletes) = ruler.counts();
        assert_eq!((posts, deletes), (0, 0), "seed {seed}: no cluster overwrites the other");
        let holder = claimed_by(&ruler).unwrap();
        assert_eq!(ruler.groups("prod")["us.ns.o"]["g"].rules[0].expr, holder, "seed {seed}");
        for world in worlds {
            world.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn claim_that_is_refused_stops_nothing() {
    let ruler = MemoryRuler::default();
    ruler.refuse("vector(1)");
    let world = start(&ruler, "a");
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.requests(), ["GET prod", "POST prod us/rulesync", "POST prod us.ns.o/g"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn claims_that_are_switched_off_are_neither_written_nor_respected() {
    let ruler = MemoryRuler::default();
    claimed(&ruler).await.stop().await;
    let second = World::with(&ruler, |setup| setup.policy.claim = false, cluster("b"));
    second.source.upsert(object("o", &[("g", "b")]));
    second.source.complete();
    second.settle().await;
    assert_eq!(ruler.requests(), ["GET prod", "POST prod us.ns.o/g"]);
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn cluster_without_an_identity_makes_no_claim() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![route("prod")]);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    assert_eq!(claimed_by(&ruler), None);
    world.stop().await;
}

fn release(name: &str, previous: &[&str]) -> impl FnOnce(EngineBuilder) -> EngineBuilder {
    let installation = Installation {
        name: name.into(),
        is_unique: false,
        previous: previous.iter().map(|name| (*name).to_owned()).collect(),
    };
    move |engine| engine.identity("a").installation(installation)
}

fn start_release(ruler: &MemoryRuler, name: &str, previous: &[&str]) -> World {
    let world = World::with(ruler, |_| {}, release(name, previous));
    world.source.upsert(object("o", &[("g", name)]));
    world.source.complete();
    world
}

fn expr(ruler: &MemoryRuler) -> String {
    ruler.groups("prod")["us.ns.o"]["g"].rules[0].expr.clone()
}

/// A cluster with a release that has written.
async fn first_release(ruler: &MemoryRuler) -> World {
    let first = start_release(ruler, "monitoring/one", &[]);
    first.settle().await;
    first
}

#[tokio::test(start_paused = true)]
async fn claim_stops_another_release_of_the_same_cluster() {
    let ruler = MemoryRuler::default();
    let first = first_release(&ruler).await;
    let second = start_release(&ruler, "monitoring/two", &[]);
    let status = second.until(is_conflict).await;
    let error = status.destinations[0].error.clone().unwrap();
    for part in [
        "installation monitoring/one",
        "this is cluster a, installation monitoring/two",
        "previous_installations: [\"a/monitoring/one\"]",
    ] {
        assert!(error.contains(part), "{error}");
    }
    resync().await;
    assert_eq!(expr(&ruler), "monitoring/one");
    first.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn claim_is_taken_over_by_a_renamed_release_and_stops_the_former_one() {
    let ruler = MemoryRuler::default();
    first_release(&ruler).await.stop().await;
    let renamed = start_release(&ruler, "monitoring/two", &["monitoring/one"]);
    renamed.settle().await;
    assert_eq!((expr(&ruler).as_str(), claimed_by(&ruler).as_deref()), ("monitoring/two", Some("a")));
    renamed.stop().await;
    // The first release notices when it comes back.
    let first = start_release(&ruler, "monitoring/one", &[]);
    first.until(is_conflict).await;
    first.stop().await;
}

#[tokio::test(start_paused = true)]
async fn claim_without_an_installation_is_taken_over_in_its_cluster() {
    let ruler = MemoryRuler::default();
    claimed(&ruler).await.stop().await;
    let newer = start_release(&ruler, "monitoring/one", &[]);
    newer.settle().await;
    assert_eq!(expr(&ruler), "monitoring/one");
    newer.stop().await;
    let claim = OwnerClaim::read(&ruler.groups("prod")["us"][CLAIM_GROUP]).unwrap();
    assert_eq!(claim.name(), "a/monitoring/one");
}

#[tokio::test(start_paused = true)]
async fn owners_with_a_common_prefix_never_touch_each_other() {
    let ruler = MemoryRuler::default();
    let owned = |owner: &'static str| {
        let world = World::with(
            &ruler,
            |setup| {
                setup.namespace_policy = rulesync_core::naming::NamespacePolicy::of(owner.parse().unwrap())
            },
            cluster(owner),
        );
        for n in 0..20 {
            world.source.upsert(object(&format!("o{n}"), &[("g", owner)]));
        }
        world.source.complete();
        world
    };
    let (prod, eu) = (owned("prod"), owned("prod-eu"));
    prod.settle().await;
    eu.settle().await;
    ruler.requests();
    (0..20).for_each(|n| prod.source.delete(&format!("o{n}")));
    prod.until(|status| status.destinations[0].state == DestinationState::Holding).await;
    prod.handle.release_deletes(&central("prod")).await;
    prod.settle().await;
    assert!(ruler.requests().iter().all(|r| !r.contains("prod-eu")), "only its own namespaces");
    let left = ruler.groups("prod");
    assert_eq!(left.len(), 22, "twenty namespaces and two claims: {:?}", left.keys());
    assert!(left.keys().all(|name| name.starts_with("prod-eu") || name == "prod"));
    prod.stop().await;
    eu.stop().await;
}
