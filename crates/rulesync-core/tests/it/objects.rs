//! The states of objects as the engine reports them, and what it tells of some objects and destinations.

use std::time::Duration;

use rulesync_core::finding::Location;
use rulesync_core::status::{DelayReason, ObjectFilter, ObjectState, ObjectStates, ObjectSummary};
use rulesync_core::{RuleObject, RulerError};

use crate::world::{MemoryRuler, World, central, id, object, route, unavailable};

/// A running engine whose objects are followed.
async fn world(ruler: &MemoryRuler) -> (World, ObjectStates) {
    let states = ObjectStates::default();
    let follower = states.clone();
    let world =
        World::with(ruler, |setup| setup.routes.push(route("stage")), |engine| engine.reporter(follower));
    (world, states)
}

fn summary(states: &ObjectStates, name: &str) -> ObjectSummary {
    states.get(&id(name)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn objects_are_followed_through_refusal_mending_and_deletion() {
    let ruler = MemoryRuler::default();
    ruler.refuse("bad");
    let (world, states) = world(&ruler).await;
    let mut subscription = states.subscribe();
    world.declare([object("o", &[("g", "1")]), object("p", &[("g", "1")])]).await;
    assert_eq!(summary(&states, "o").state, ObjectState::Synced);
    assert_eq!(summary(&states, "o").destinations, [central("prod")]);
    assert_eq!(subscription.changed().await.len(), 2);

    world.source.upsert(object("o", &[("g", "bad")]));
    world.settle().await;
    let refused = summary(&states, "o");
    assert_eq!((refused.state, refused.problem), (ObjectState::Refused, true));
    assert_eq!(states.problems(&ObjectFilter::default(), 10).1, 1);
    assert_eq!(subscription.changed().await, [id("o")].into(), "the other has not changed");
    let status = world.handle.objects(vec![id("o"), id("unknown"), id("p")]).await.unwrap();
    let told: Vec<_> = status.iter().map(|object| (object.name.as_str(), object.state)).collect();
    assert_eq!(told, [("o", ObjectState::Refused), ("p", ObjectState::Synced)]);
    let [here] = status[0].destinations.as_slice() else { panic!("{status:?}") };
    assert_eq!((here.groups, here.rules, here.refused_groups), (0, 0, 1));
    assert_eq!(status, world.status().await.objects);

    world.source.upsert(object("o", &[("g", "2")]));
    world.settle().await;
    assert_eq!((summary(&states, "o").state, states.counts().1), (ObjectState::Synced, 0));
    assert!(summary(&states, "o").past.iter().any(|past| past.state == ObjectState::Refused));
    world.source.delete("o");
    world.settle().await;
    assert_eq!(states.get(&id("o")), None);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn object_without_room_is_pending_and_says_that_the_tenant_is_full() {
    let ruler = MemoryRuler::default();
    ruler.limit_groups(Some(3));
    let (world, states) = world(&ruler).await;
    (0..20).for_each(|n| world.source.upsert(object(&format!("o{n}"), &[("g", "1")])));
    world.source.complete();
    tokio::time::sleep(Duration::from_secs(120)).await;
    let delayed = |delay| move |summary: &&ObjectSummary| summary.delay == delay;
    let all = states.page(&ObjectFilter::default(), None, 100).objects;
    // The claim is the third group.
    let synced: Vec<_> = all.iter().filter(|summary| summary.state == ObjectState::Synced).collect();
    assert!((2..=3).contains(&synced.len()), "{synced:#?}");
    assert!(
        synced
            .iter()
            .all(|summary| ruler.groups("prod").contains_key(&format!("us.ns.{}", summary.object.name())))
    );
    let full = all.iter().filter(delayed(Some(DelayReason::LimitExceeded))).count();
    assert_eq!(full, 20 - synced.len(), "those that were not tried, too");
    ruler.limit_groups(None);
    world.settle().await;
    let all = states.page(&ObjectFilter::default(), None, 100).objects;
    assert_eq!(all.iter().filter(delayed(None)).count(), 20);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn object_that_waits_for_its_ruler_says_why() {
    let ruler = MemoryRuler::default();
    let (world, states) = world(&ruler).await;
    world.declare([object("o", &[("g", "1")]), object("p", &[("g", "1")])]).await;
    ruler.fail(Some(unavailable()));
    world.source.upsert(object("o", &[("g", "2")]));
    tokio::time::sleep(Duration::from_secs(120)).await;
    let waiting = summary(&states, "o");
    assert_eq!((waiting.state, waiting.delay), (ObjectState::Pending, Some(DelayReason::RulerUnavailable)));
    assert!(!waiting.problem, "nothing is wrong with the object");
    assert_eq!(summary(&states, "p").delay, None, "the ruler has it");
    let status = world.handle.objects(vec![id("o")]).await.unwrap();
    let message = status[0].destinations[0].delay.as_ref().unwrap().message.clone();
    assert_eq!(message, Some(unavailable().to_string()));
    ruler.fail(None);
    world.settle().await;
    assert_eq!((summary(&states, "o").state, summary(&states, "o").delay), (ObjectState::Synced, None));

    // The ruler answers, and declines.
    ruler.break_group("g", Some(RulerError::protected("locked")));
    world.source.upsert(object("o", &[("g", "3")]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(summary(&states, "o").delay, Some(DelayReason::Failing));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn generation_of_an_object_is_told_and_changes_without_a_request() {
    let ruler = MemoryRuler::default();
    let (world, states) = world(&ruler).await;
    let of = |generation| RuleObject { generation: Some(generation), ..object("o", &[("g", "1")]) };
    world.declare([of(1)]).await;
    let mut subscription = states.subscribe();
    ruler.requests();
    world.source.upsert(of(2));
    world.settle().await;
    assert_eq!(subscription.changed().await, [id("o")].into());
    assert_eq!(world.handle.objects(vec![id("o")]).await.unwrap()[0].generation, Some(2));
    assert_eq!(ruler.counts(), (0, 0, 0));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn held_deletes_of_an_object_are_told_until_they_are_released() {
    let ruler = MemoryRuler::default();
    let (world, states) = world(&ruler).await;
    let names: Vec<String> = (0..30).map(|n| format!("g{n}")).collect();
    let groups = |count: usize| names[..count].iter().map(|name| (name.as_str(), "1")).collect::<Vec<_>>();
    // Groups that vanish with their routes' labels are held; here most objects vanish at once.
    world.declare((0..30).map(|n| object(&format!("o{n}"), &groups(2)))).await;
    (0..29).for_each(|n| world.source.delete(&format!("o{n}")));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let overview = world.handle.overview().await.unwrap();
    let prod = overview.destinations.iter().find(|status| status.tenant.as_deref() == Some("prod")).unwrap();
    assert!(prod.held > 0 && overview.objects.is_empty());
    let plan = world.handle.plan(&central("prod")).await.unwrap();
    assert!(plan.changes.iter().any(|change| change.held.is_some()), "{plan:?}");
    assert!(states.get(&id("o0")).is_none());
    assert_eq!(world.handle.plan(&central("unknown")).await, None);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn sync_now_lists_a_destination_at_once() {
    let ruler = MemoryRuler::default();
    let (world, _) = world(&ruler).await;
    world.declare([object("o", &[("g", "1")])]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    ruler.edit("prod", |groups| drop(groups.remove("us.ns.o")));
    ruler.requests();
    assert_eq!(world.handle.sync_now(&central("unknown")).await, Some(false));
    assert_eq!(world.handle.sync_now(&central("prod")).await, Some(true));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(ruler.groups("prod").contains_key("us.ns.o"), "the edit is repaired");
    let (lists, writes, _) = ruler.counts();
    assert_eq!((lists, writes), (1, 1));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn text_of_an_object_is_its_authors() {
    let ruler = MemoryRuler::default();
    let (world, _) = world(&ruler).await;
    world.declare([object("o", &[("g", "1"), ("h", "2")])]).await;
    let texts = world.handle.texts(vec![id("unknown"), id("o")]).await.unwrap();
    let [text] = texts.as_slice() else { panic!("{texts:?}") };
    assert_eq!(text.id(), &id("o"));
    let at = |group: &str| Location {
        group: Some(group.to_owned()),
        rule: Some(0),
        field: Some("expr".to_owned()),
        ..Location::default()
    };
    let expr = |group| text.field(&at(group)).map(|(text, _)| text);
    assert_eq!((expr("g").as_deref(), expr("h").as_deref(), expr("i")), (Some("1"), Some("2"), None));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ruler_is_asked_what_it_has_of_one_namespace() {
    let ruler = MemoryRuler::default();
    let (world, _) = world(&ruler).await;
    world.declare([object("o", &[("g", "1")]), object("p", &[("g", "1")])]).await;
    ruler.edit("prod", |groups| {
        groups.get_mut("us.ns.o").unwrap().get_mut("g").unwrap().rules[0].expr = "edited".to_owned();
    });
    ruler.requests();
    let stored = world.handle.stored(&central("prod"), "us.ns.o").await.unwrap().unwrap();
    let exprs: Vec<_> = stored
        .iter()
        .map(|(namespace, group)| (namespace.to_string(), group.rules[0].expr.clone()))
        .collect();
    assert_eq!(exprs, [("us.ns.o".to_owned(), "edited".to_owned())]);
    assert_eq!(ruler.counts(), (1, 0, 0), "one request, and nothing is repaired because of it");
    assert!(world.handle.stored(&central("unknown"), "us.ns.o").await.is_none());
    ruler.fail(Some(unavailable()));
    assert!(world.handle.stored(&central("prod"), "us.ns.o").await.unwrap().is_err());
    ruler.fail(None);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn status_has_the_concurrency_limit_of_the_ruler() {
    let ruler = MemoryRuler::default();
    let (world, _) = world(&ruler).await;
    world.declare([object("o", &[("g", "1")])]).await;
    let overview = world.handle.overview().await.unwrap();
    for destination in overview.destinations.iter().chain(&world.status().await.destinations) {
        let limit = destination.concurrency;
        assert!(limit.max > 0 && (1..=limit.max).contains(&limit.allowed), "{limit:?}");
        assert_eq!(limit.in_flight, 0, "nothing is under way");
    }
    world.stop().await;
}
