//! Rulers under pressure: limits, outages, changes of leader, and rulers that store groups in a form of their own.

use std::time::Duration;

use proptest::prelude::*;
use rulesync_core::RulerError;
use rulesync_core::engine::{LeaderTerm, Leadership, OnInvalid};
use rulesync_core::status::DestinationState;
use tokio::time::Instant;

use crate::world::{MemoryRuler, World, object, resync, route, unavailable};

fn upsert_all(world: &World, objects: std::ops::Range<usize>, expr: &str) {
    objects.for_each(|n| world.source.upsert(object(&format!("o{n}"), &[("g", expr)])));
}

#[tokio::test(start_paused = true)]
async fn limit_of_groups_lets_deletes_pass_first_and_retries_seldom() {
    let ruler = MemoryRuler::default();
    ruler.limit_groups(Some(100));
    let world = World::start(&ruler);
    upsert_all(&world, 0..300, "1");
    world.source.complete();
    world.until(|status| status.destinations[0].state == DestinationState::Failing).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    ruler.requests();
    resync().await;
    let (_, posts, _) = ruler.counts();
    assert!(posts < 120, "{posts} writes that could not succeed, in five minutes, for 200 groups");
    (0..30).for_each(|n| world.source.delete(&format!("o{n}")));
    world.until(|_| !ruler.groups("prod").contains_key("us.ns.o0")).await;
    resync().await;
    assert_eq!(ruler.groups("prod").len(), 100, "the deletes made room");
    ruler.limit_groups(None);
    world.settle().await;
    assert_eq!(ruler.groups("prod").len(), 270);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn outage_ends_in_one_write_for_each_change() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    upsert_all(&world, 0..500, "1");
    world.source.complete();
    world.settle().await;
    ruler.fail(Some(unavailable()));
    for round in 0..30 {
        upsert_all(&world, 0..500, &round.to_string());
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let (gets, posts, _) = ruler.counts();
    assert!(gets + posts < 600 + 200, "{gets} lists and {posts} writes in half an hour, after the first 500");
    ruler.fail(None);
    world.settle().await;
    let (_, posts, deletes) = ruler.counts();
    assert_eq!((posts, deletes), (500, 0), "each once, in its last form");
    assert!(ruler.most_at_once() <= 9, "eight writes and a list: {}", ruler.most_at_once());
    assert!(ruler.groups("prod").values().all(|groups| groups["g"].rules[0].expr == "29"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn tenant_with_thousands_of_changes_delays_no_other() {
    let ruler = MemoryRuler::default();
    let world = World::with_routes(&ruler, vec![route("prod"), route("stage")]);
    world.source.complete();
    world.settle().await;
    upsert_all(&world, 0..5000, "1");
    world.until(|status| status.destinations[0].pending > 4000).await;
    ruler.requests();
    let labels = [("tenant", "stage")].into_iter().collect();
    world.source.upsert(rulesync_core::RuleObject { labels, ..object("single", &[("g", "1")]) });
    world.until(|_| ruler.groups("stage").len() == 1).await;
    let before: Vec<String> = ruler.requests();
    let single = before.iter().position(|request| request.starts_with("POST stage")).unwrap();
    // Up to a hundred milliseconds pass between two polls; the request itself comes within a few of the others.
    assert!(single < 8 * 101 + 16, "{single} requests of the other tenant came first");
    assert!(
        world.status().await.destinations.iter().any(|destination| destination.pending > 1000),
        "the other is not done"
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn group_that_always_fails_delays_no_other_of_its_object() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.break_group("b", Some(RulerError::denied("a gateway dislikes it")));
    world.source.upsert(object("o", &[("a", "2"), ("b", "2"), ("c", "2")]));
    world.until(|_| ruler.groups("prod")["us.ns.o"].contains_key("c")).await;
    world.source.upsert(object("other", &[("a", "1")]));
    world.until(|_| ruler.groups("prod").contains_key("us.ns.other")).await;
    let status = world.status().await;
    assert_eq!(status.destinations[0].state, DestinationState::Failing);
    assert_eq!(status.destinations[0].error, None, "the ruler is not down");
    ruler.break_group("b", None);
    world.settle().await;
    assert_eq!(ruler.groups("prod")["us.ns.o"].len(), 3);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn standby_makes_no_requests_and_a_new_leader_lists_before_it_writes() {
    let ruler = MemoryRuler::default();
    let elected = || Leadership::elected();
    let (first_lease, first) = elected();
    let (second_lease, second) = elected();
    let worlds =
        [first, second].map(|leadership| World::with(&ruler, |_| {}, |engine| engine.leadership(leadership)));
    for world in &worlds {
        upsert_all(world, 0..10, "1");
        world.source.complete();
    }
    let far = Instant::now() + Duration::from_secs(1_000_000);
    first_lease.renew(LeaderTerm { start_before: far, finish_by: far });
    worlds[0].settle().await;
    assert_eq!(ruler.counts(), (1, 10, 0));
    resync().await;
    assert_eq!(ruler.counts(), (1, 0, 0), "the standby makes no requests");
    let status = worlds[1].status().await;
    assert!(status.ready() && status.destinations[0].state == DestinationState::Standby);
    // The first leader dies in the middle of writes whose end the second has not seen.
    upsert_all(&worlds[0], 0..5, "2");
    upsert_all(&worlds[1], 0..10, "2");
    worlds[0].until(|_| ruler.groups("prod")["us.ns.o4"]["g"].rules[0].expr == "2").await;
    ruler.requests();
    first_lease.step_down();
    second_lease.renew(LeaderTerm { start_before: far, finish_by: far });
    worlds[1].settle().await;
    let requests = ruler.requests();
    assert_eq!(requests[0], "GET prod");
    assert_eq!(requests.len(), 6, "only missing groups: {requests:?}");
    assert_eq!(worlds[0].status().await.destinations[0].state, DestinationState::Standby);
    for world in worlds {
        world.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn leader_whose_term_expires_gives_up_requests_under_way() {
    let ruler = MemoryRuler::default();
    let (handle, leadership) = Leadership::elected();
    let world = World::with(&ruler, |_| {}, |engine| engine.leadership(leadership));
    upsert_all(&world, 0..10, "1");
    world.source.complete();
    let soon = |start, finish| {
        let after = |seconds| Instant::now() + Duration::from_secs(seconds);
        LeaderTerm { start_before: after(start), finish_by: after(finish) }
    };
    handle.renew(soon(10, 15));
    world.settle().await;
    ruler.hang(true);
    upsert_all(&world, 0..10, "2");
    tokio::time::sleep(Duration::from_secs(11)).await;
    ruler.hang(false);
    ruler.requests();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(ruler.requests(), Vec::<String>::new(), "nothing begins any more");
    assert!(ruler.groups("prod").values().all(|groups| groups["g"].rules[0].expr == "1"));
    handle.renew(soon(1000, 1000));
    world.settle().await;
    assert!(ruler.groups("prod").values().all(|groups| groups["g"].rules[0].expr == "2"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn invalid_rules_are_omitted_where_the_policy_allows_it() {
    let ruler = MemoryRuler::default();
    ruler.refuse("bad");
    ruler.refuse("worse");
    let rules = |exprs: &[&str]| {
        let rules: Vec<serde_json::Value> =
            exprs.iter().map(|expr| serde_json::json!({"record": "r", "expr": expr})).collect();
        let groups = serde_json::json!([{"name": "g", "rules": rules}]);
        let groups = serde_json::from_value(groups).unwrap();
        rulesync_core::RuleObject { groups, ..object("o", &[]) }
    };
    let world = World::with(&ruler, |setup| setup.policy.on_invalid = OnInvalid::Rule, |engine| engine);
    world.source.upsert(rules(&["1", "bad", "2", "worse", "3"]));
    world.source.complete();
    let status = world.settle().await;
    let exprs = || -> Vec<String> {
        ruler.groups("prod")["us.ns.o"]["g"].rules.iter().map(|rule| rule.expr.clone()).collect()
    };
    assert_eq!(exprs(), ["1", "2", "3"]);
    assert_eq!(ruler.counts(), (1, 3, 0));
    let findings = &status.objects[0].destinations[0].findings;
    let at: Vec<Option<usize>> = findings.iter().map(|finding| finding.location.rule).collect();
    assert_eq!(at, [Some(1), Some(3)], "numbered as the author did");
    resync().await;
    assert_eq!(ruler.counts(), (1, 0, 0), "and not offered again");
    world.source.upsert(rules(&["1", "mended", "2"]));
    world.settle().await;
    assert_eq!(exprs(), ["1", "mended", "2"]);
    // Rules that are refused before they are offered keep their numbers too.
    world.source.upsert(rules(&["", "1", "bad", "2", "", "worse"]));
    let status = world.settle().await;
    assert_eq!(exprs(), ["1", "2"]);
    let numbers = |findings: &[rulesync_core::Finding]| -> Vec<Option<usize>> {
        findings.iter().map(|finding| finding.location.rule).collect()
    };
    assert_eq!(numbers(&status.objects[0].findings), [Some(0), Some(4)]);
    assert_eq!(numbers(&status.objects[0].destinations[0].findings), [Some(2), Some(5)]);
    world.source.upsert(rules(&["bad"]));
    world.settle().await;
    assert_eq!(exprs(), ["1", "2"], "a group of nothing is no group");
    world.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A server's own form of a group is written a few times at most, and any other difference once per resync.
    #[test]
    fn normalization_by_any_ruler_ends_in_no_further_writes(
        habit in 0..7_u8,
        exprs in prop::collection::vec("[ -~\\n\u{e9}]{1,30}", 1..4),
        limit in 0..5_i64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let ruler = MemoryRuler::default();
            ruler.normalise(move |group| match habit {
                0 => {}
                1 => group.rules.iter_mut().for_each(|rule| rule.expr = format!("  {}\n", rule.expr)),
                2 => group.rules.iter_mut().for_each(|rule| rule.expr = rule.expr.to_lowercase()),
                3 => group.limit = 0,
                4 => group.rules.iter_mut().for_each(|rule| drop(rule.labels.insert("added".into(), "x".into()))),
                5 => group.interval = "1m".parse().unwrap(),
                _ => group.rules.truncate(1),
            });
            let world = World::start(&ruler);
            for (n, expr) in exprs.iter().enumerate() {
                let mut declared = object(&format!("o{n}"), &[("g", expr.as_str())]);
                declared.groups[0].limit = Some(limit);
                world.source.upsert(declared);
            }
            world.source.complete();
            world.settle().await;
            for _ in 0..4 {
                resync().await;
            }
            let (_, posts, deletes) = ruler.counts();
            // Lower case is another expression, unless all of it was.
            let by_itself = match habit {
                2 => exprs.iter().all(|expr| expr.to_lowercase() == *expr),
                3 => true,
                4 | 5 => false,
                _ => true,
            };
            let most = if by_itself { 3 } else { 7 };
            assert!(posts <= most * exprs.len() && deletes == 0, "{posts} writes");
            resync().await;
            resync().await;
            let (_, posts, deletes) = ruler.counts();
            let most = if by_itself { 0 } else { 3 * exprs.len() };
            assert!(posts <= most && deletes == 0, "{posts} writes");
            let status = world.status().await;
            // A blank expression is refused before it is offered.
            let offered = exprs.iter().any(|expr| !expr.trim().is_empty());
            let contested = status.destinations[0].state == DestinationState::Contested;
            assert!(by_itself || habit == 2 || contested == offered);
            assert!(status.destinations[0].normalized == 0 || habit == 3);
            world.stop().await;
        });
    }
}
