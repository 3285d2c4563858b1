//! Failures of the API server, of one object, and of what is missing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rulesync_core::engine::{LeaderTerm, Leadership};
use tokio::time::Instant;

use super::cluster::MemoryCluster;
use super::world::{Made, MemoryRuler, World, pass};
use crate::publish::publisher::sink::FailureKind;
use crate::publish::publisher::{ObjectSelection, PublishSettings};

fn all() -> Made<'static> {
    let objects = Some(ObjectSelection::All);
    Made { settings: PublishSettings { objects, ..PublishSettings::default() }, ..Made::default() }
}

#[tokio::test(start_paused = true)]
async fn server_that_does_not_answer_is_waited_for() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = World::with(&ruler, &cluster, all(), [("a", "up"), ("b", "up")]);
    pass(60).await;
    cluster.fail(|_, _| Some(FailureKind::Unreachable));
    world.declare("a", "refused");
    world.declare("b", "up > 1");
    cluster.requests();
    pass(3_600).await;
    let asked = cluster.requests().len();
    assert!((20..500).contains(&asked), "{asked} requests in an hour");
    cluster.heal();
    pass(120).await;
    assert_eq!(cluster.state("a.us").as_deref(), Some("refused"));
    assert_eq!(cluster.told("a"), ["RulerRejected"]);
    assert_eq!(cluster.state("b.us").as_deref(), Some("synced"));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn server_that_cannot_be_listed_at_first_is_waited_for() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    cluster.fail(|_, _| Some(FailureKind::Failing));
    let world = World::with(&ruler, &cluster, Made::default(), [("a", "refused")]);
    pass(600).await;
    assert_eq!(cluster.counts(["write", "create"]), [0, 0]);
    cluster.heal();
    pass(90).await;
    assert_eq!(cluster.state("a.us").as_deref(), Some("refused"));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn throttled_writes_pause_for_as_long_as_asked() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = World::with(&ruler, &cluster, all(), [("a", "up"), ("b", "up"), ("c", "up")]);
    pass(60).await;
    cluster.requests();
    cluster.fail(|_, _| Some(FailureKind::Throttled));
    for name in ["a", "b", "c"] {
        world.declare(name, "up > 1");
    }
    pass(60).await;
    let times: Vec<Instant> = cluster.times().into_iter().map(|(at, _)| at).collect();
    assert!((1..=12).contains(&times.len()), "{}", times.len());
    // At first several were under way; then one shows whether the pause is over.
    let after_first = times.iter().filter(|at| **at - times[0] > Duration::from_secs(1));
    let after_first: Vec<Instant> = after_first.copied().collect();
    assert!(after_first.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_secs(7)));
    cluster.heal();
    pass(90).await;
    for name in ["a.us", "b.us", "c.us"] {
        assert_eq!(cluster.state(name).as_deref(), Some("synced"));
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn failure_of_one_object_or_namespace_holds_up_no_other() {
    for kind in [
        FailureKind::Denied,
        FailureKind::Failing,
        FailureKind::Gone,
        FailureKind::Conflict,
        FailureKind::Refused,
    ] {
        let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
        let world = World::with(&ruler, &cluster, Made::default(), [("a", "up")]);
        cluster.fail(move |_, namespace| (namespace == "closed").then_some(kind));
        for number in 0..10 {
            world.upsert("PrometheusRule", "closed", &format!("o{number}"), "refused");
        }
        pass(10).await;
        cluster.requests();
        world.declare("a", "refused");
        // After several failures in a row, there is a short pause.
        pass(if kind == FailureKind::Failing { 6 } else { 2 }).await;
        assert_eq!(cluster.state("a.us").as_deref(), Some("refused"), "{kind:?}");
        pass(3_000).await;
        let tried = cluster.requests().iter().filter(|r| r.contains("rule_status closed/")).count();
        assert!(tried <= 400, "{kind:?}: {tried} tries in fifty minutes");
        cluster.heal();
        pass(4_000).await;
        if kind != FailureKind::Gone {
            assert_eq!(cluster.names().len(), 11, "{kind:?}: tried again seldom");
        }
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn missing_kind_is_looked_for_seldom_and_published_once_it_is_there() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    cluster.fail(|kind, _| (kind == "rule_status").then_some(FailureKind::Absent));
    let world = World::with(&ruler, &cluster, all(), [("a", "refused"), ("b", "up")]);
    pass(3_600).await;
    assert_eq!(cluster.told("a"), ["RulerRejected"], "Events are made all the same");
    let asked = cluster.requests().iter().filter(|request| request.contains("rule_status")).count();
    assert!((6..=8).contains(&asked), "{asked} requests in an hour");
    cluster.heal();
    pass(660).await;
    assert_eq!(cluster.names(), ["a.us", "b.us"]);
    // The definition is deleted, and with it all objects; then it is there again.
    cluster.fail(|kind, _| (kind == "rule_status").then_some(FailureKind::Absent));
    cluster.delete_all();
    world.declare("b", "up > 1");
    pass(60).await;
    cluster.heal();
    pass(660).await;
    assert_eq!(cluster.names(), ["a.us", "b.us"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn missing_permission_for_events_is_no_obstacle_for_the_rest() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    cluster.fail(|kind, _| (kind == "event").then_some(FailureKind::Denied));
    let world = World::with(&ruler, &cluster, Made::default(), [("a", "refused")]);
    pass(60).await;
    assert_eq!(cluster.state("a.us").as_deref(), Some("refused"));
    world.declare("a", "refused > 1");
    pass(60).await;
    let [asked] = cluster.counts(["create"]);
    assert_eq!(asked, 1, "it is not tried again for ten minutes");
    cluster.heal();
    pass(600).await;
    world.declare("a", "");
    pass(60).await;
    assert_eq!(cluster.told("a"), ["RuleRefused"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_others_delete_is_written_again() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let world = World::with(&ruler, &cluster, Made::default(), [("a", "refused")]);
    pass(60).await;
    cluster.delete_all();
    pass(3_700).await;
    assert_eq!(cluster.names(), ["a.us"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn leader_alone_publishes_and_the_next_one_writes_nothing_twice() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let (first, second) = (Leadership::elected(), Leadership::elected());
    let term = || {
        let after = |seconds| Instant::now() + Duration::from_secs(seconds);
        LeaderTerm { start_before: after(3_600), finish_by: after(3_605) }
    };
    let start = |leadership: &Leadership| {
        let made = Made { leadership: leadership.clone(), ..all() };
        World::with(&ruler, &cluster, made, [("a", "refused"), ("b", "up")])
    };
    first.0.renew(term());
    let (one, other) = (start(&first.1), start(&second.1));
    pass(900).await;
    let [lists, writes, events] = cluster.counts(["list rule_status", "write", "create"]);
    assert!((lists, events) == (1, 1) && writes >= 2, "{lists} {writes} {events}");
    first.0.step_down();
    pass(10).await;
    second.0.renew(term());
    pass(900).await;
    assert_eq!(cluster.counts(["list rule_status", "write", "create"]), [1, 0, 0]);
    for world in [&one, &other] {
        world.declare("b", "refused");
    }
    pass(2).await;
    assert_eq!(cluster.state("b.us").as_deref(), Some("refused"));
    assert_eq!(cluster.counts(["write", "create"]), [1, 1]);
    one.end().await;
    other.end().await;
}

#[tokio::test(start_paused = true)]
async fn pause_that_the_server_asked_for_is_not_ended_by_answers_to_earlier_requests() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let world = World::with(&ruler, &cluster, all(), names.map(|name| (name, "up")));
    pass(900).await;
    cluster.requests();
    let is_first = AtomicBool::new(true);
    cluster.fail(move |_, _| is_first.swap(false, Ordering::Relaxed).then_some(FailureKind::Throttled));
    names.into_iter().for_each(|name| world.declare(name, "up > 1"));
    pass(60).await;
    let times: Vec<Instant> = cluster.times().into_iter().map(|(at, _)| at).collect();
    let early = times.iter().filter(|at| **at - times[0] < Duration::from_secs(7)).count();
    assert!(early <= 4, "{early} requests before the end of the pause: no more than were under way");
    assert_eq!(times.len(), 9);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn leader_whose_term_ends_waits_for_the_next_one_without_being_busy() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let (leader, leadership) = Leadership::elected();
    let term = |start, finish| {
        let after = |seconds| Instant::now() + Duration::from_secs(seconds);
        LeaderTerm { start_before: after(start), finish_by: after(finish) }
    };
    leader.renew(term(1_000, 2_000));
    let world = World::with(&ruler, &cluster, Made { leadership, ..all() }, [("a", "up")]);
    pass(999).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    // The checks refuse it; what follows waits for half a second, until after the term.
    world.declare("a", "");
    cluster.requests();
    pass(500).await;
    assert_eq!(cluster.requests(), [""; 0]);
    leader.renew(term(1_000, 2_000));
    pass(2).await;
    assert_eq!(cluster.told("a"), ["RuleRefused"], "the term goes on");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn list_that_fails_in_one_namespace_makes_nothing_forgotten_there() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    let namespaces = vec![Some("ns".to_owned()), Some("other".to_owned())];
    let world = World::with(&ruler, &cluster, Made { namespaces, ..Made::default() }, [("a", "refused")]);
    pass(60).await;
    assert_eq!(cluster.state("a.us").as_deref(), Some("refused"));
    for failure in [FailureKind::Failing, FailureKind::Denied] {
        cluster.fail(move |kind, namespace| (kind == "rule_status" && namespace == "ns").then_some(failure));
        pass(3_700).await;
        world.declare("a", "up");
        pass(60).await;
        cluster.heal();
        pass(700).await;
        assert_eq!(cluster.state("a.us").as_deref(), Some("synced"), "{failure:?}");
        world.declare("a", "refused");
        pass(60).await;
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn kind_that_is_not_installed_and_has_no_objects_is_no_obstacle() {
    let (ruler, cluster) = (MemoryRuler::default(), MemoryCluster::default());
    cluster.fail(|kind, _| (kind == "logging_rule").then_some(FailureKind::Absent));
    let world = World::with(&ruler, &cluster, all(), [("a", "up")]);
    pass(3_500).await;
    assert_eq!(cluster.counts(["list rule_status", "list logging_rule"]), [1, 1]);
    cluster.heal();
    world.upsert("LoggingRule", "ns", "l", "up");
    pass(60).await;
    assert_eq!(cluster.logging_rules(), 1);
    world.end().await;
}
