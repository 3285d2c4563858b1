//! Runs whose plan is reviewed first: they write nothing before, and nothing but the plan after.

use std::collections::BTreeMap;
use std::sync::Arc;

use rulesync_core::engine::{NamedRuler, NamedSource, Policy, RunError, Setup, Summary};
use rulesync_core::naming::NamespacePolicy;
use rulesync_core::plan::DryRun;
use rulesync_core::{Engine, Group, Rule};

use crate::world::{MemoryRuler, SourceControl, object, route, scripted_source, unavailable};

/// An engine over one object with two groups.
fn engine(ruler: &MemoryRuler) -> (Engine, SourceControl) {
    let (source, control) = scripted_source();
    control.upsert(object("o", &[("a", "1"), ("b", "1")]));
    control.complete();
    let engine = Engine::builder("us".parse().unwrap())
        .source("script", source)
        .ruler("central", ruler.clone())
        .route(route("prod"))
        .bodies(true);
    (engine.build().unwrap(), control)
}

/// Runs it once if `review` approves.
async fn reviewed(
    ruler: &MemoryRuler,
    review: impl AsyncFnOnce(&mut DryRun, &SourceControl) -> bool,
) -> Result<Option<Summary>, RunError> {
    let (engine, control) = engine(ruler);
    engine.sync_reviewed(async |plan| review(plan, &control).await, std::future::pending()).await
}

#[tokio::test(start_paused = true)]
async fn reviewed_run_makes_the_changes_of_its_plan_after_one_list() {
    let ruler = MemoryRuler::default();
    let summary = reviewed(&ruler, async |plan, _| {
        assert_eq!((plan.plans[0].changes.len(), ruler.requests()), (2, vec!["GET prod".to_owned()]));
        true
    });
    let summary = summary.await.unwrap().unwrap();
    assert!(summary.succeeded() && summary.applied == 2, "{summary:#?}");
    assert_eq!(ruler.requests(), ["POST prod us.ns.o/a", "POST prod us.ns.o/b"]);
}

#[tokio::test(start_paused = true)]
async fn reviewed_run_hands_a_ruler_that_batches_what_its_plan_has() {
    let ruler = MemoryRuler::default();
    ruler.batch();
    let summary = reviewed(&ruler, async |plan, _| {
        plan.plans[0].changes.retain(|change| change.group() == Some("a"));
        true
    });
    assert_eq!(summary.await.unwrap().unwrap().applied, 1);
    assert_eq!(ruler.groups("prod")["us.ns.o"].keys().collect::<Vec<_>>(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn reviewed_run_writes_nothing_unless_its_plan_is_approved() {
    let ruler = MemoryRuler::default();
    assert!(reviewed(&ruler, async |_, _| false).await.unwrap().is_none());
    ruler.fail(Some(unavailable()));
    let error = reviewed(&ruler, async |_, _| true).await.unwrap_err();
    assert!(matches!(error, RunError::DestinationUnavailable { .. }), "{error}");
    assert_eq!(ruler.counts().1, 0);
}

#[tokio::test(start_paused = true)]
async fn reviewed_run_ignores_what_is_declared_after_the_review() {
    let ruler = MemoryRuler::default();
    let summary = reviewed(&ruler, async |_, control| {
        control.upsert(object("o", &[("a", "2")]));
        control.upsert(object("p", &[("a", "1")]));
        true
    });
    assert!(summary.await.unwrap().unwrap().succeeded());
    let groups = ruler.groups("prod");
    assert_eq!(groups.keys().collect::<Vec<_>>(), ["us.ns.o"]);
    assert_eq!(groups["us.ns.o"]["a"].rules[0].expr, "1");
}

#[tokio::test(start_paused = true)]
async fn reviewed_run_leaves_out_what_its_plan_does_not_have_and_fails() {
    let ruler = MemoryRuler::default();
    assert!(reviewed(&ruler, async |_, _| true).await.unwrap().unwrap().succeeded());
    let edit = |ruler: &MemoryRuler| {
        let limit = |groups: &mut BTreeMap<String, BTreeMap<String, Group>>| {
            groups.get_mut("us.ns.o").unwrap().get_mut("a").unwrap().limit = 7;
        };
        ruler.edit("prod", limit);
    };
    let summary = reviewed(&ruler, async |plan, _| {
        assert!(plan.plans[0].changes.is_empty());
        edit(&ruler);
        // The ruler is listed again meanwhile.
        tokio::time::sleep(Policy::default().resync_interval * 2).await;
        true
    });
    let summary = summary.await.unwrap().unwrap();
    assert!(!summary.succeeded() && summary.applied == 0, "{summary:#?}");
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].limit, 7);
}

#[tokio::test(start_paused = true)]
async fn reviewed_run_leaves_out_what_the_review_has_removed() {
    let ruler = MemoryRuler::default();
    let summary = reviewed(&ruler, async |plan, _| {
        plan.plans[0].changes.retain(|change| change.group() == Some("b"));
        true
    });
    let summary = summary.await.unwrap().unwrap();
    assert!(!summary.succeeded() && summary.applied == 1, "{summary:#?}");
    assert_eq!(ruler.groups("prod")["us.ns.o"].keys().collect::<Vec<_>>(), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn reviewed_run_makes_the_deletes_that_were_released() {
    let ruler = MemoryRuler::default();
    ruler.edit("prod", |groups| {
        let group = |n: usize| (format!("g{n}"), Group { name: format!("g{n}"), ..Group::default() });
        for namespace in ["us.ns.p", "us.ns.q"] {
            groups.entry(namespace.to_owned()).or_default().extend((0..20).map(group));
        }
    });
    let run = async |release: bool| {
        let (source, control) = scripted_source();
        control.upsert(object("o", &[("a", "1")]));
        control.complete();
        let engine = Engine::builder("us".parse().unwrap())
            .source("script", source)
            .ruler("central", ruler.clone())
            .route(route("prod"))
            .release_deletes(release);
        let mut held = 0;
        let review = async |plan: &mut DryRun| {
            held = plan.plans[0].changes.iter().filter(|change| change.held.is_some()).count();
            true
        };
        let summary = engine.build().unwrap().sync_reviewed(review, std::future::pending()).await;
        (held, summary.unwrap().unwrap().succeeded(), ruler.groups("prod").len())
    };
    assert_eq!(run(false).await, (2, false, 3));
    assert_eq!(run(true).await, (0, true, 1));
}

#[tokio::test(start_paused = true)]
async fn reviewed_plan_has_what_the_ruler_has_and_would_have() {
    let ruler = MemoryRuler::default();
    ruler.edit("prod", |groups| {
        let group =
            |name: &str| (name.to_owned(), Group { name: name.to_owned(), limit: 7, ..Group::default() });
        groups.entry("us.ns.o".to_owned()).or_default().extend([group("a")]);
        groups.entry("us.ns.gone".to_owned()).or_default().extend([group("c")]);
        groups.entry("them".to_owned()).or_default().extend([group("d")]);
    });
    let summary = reviewed(&ruler, async |DryRun { plans, .. }, _| {
        let changes = &plans[0].changes;
        let bodies = changes.iter().flat_map(|change| plans[0].bodies(change).unwrap());
        let limits = bodies.map(|body| {
            let limit = |group: Option<Group>| group.map(|group| group.limit);
            (body.group.to_string(), limit(body.before), limit(body.after))
        });
        let expected = [("a", Some(7), Some(0)), ("b", None, Some(0)), ("c", Some(7), None)];
        let expected = expected.map(|(name, before, after)| (name.to_owned(), before, after));
        assert_eq!(limits.collect::<Vec<_>>(), expected);
        true
    });
    assert_eq!(summary.await.unwrap().unwrap().applied, 3);
}

#[tokio::test(start_paused = true)]
async fn reviewed_run_waits_until_groups_of_others_are_adopted() {
    let ruler = MemoryRuler::default();
    let rule = Rule { record: "r".to_owned(), expr: "1".to_owned(), ..Rule::default() };
    ruler.edit("prod", |groups| {
        for name in ["a", "other"] {
            let group = Group { name: name.to_owned(), rules: vec![rule.clone()], ..Group::default() };
            groups.entry("by-hand".to_owned()).or_default().insert(name.to_owned(), group);
        }
    });
    let (source, control) = scripted_source();
    control.upsert(object("o", &[("a", "1")]));
    control.complete();
    let mut policy = NamespacePolicy::of("us".parse().unwrap());
    policy.adopt = vec!["by-*".parse().unwrap()];
    let setup = Setup {
        namespace_policy: policy,
        sources: vec![NamedSource { name: "script".into(), source: Arc::new(source) }],
        rulers: vec![NamedRuler::new("central", Arc::new(ruler.clone()))],
        routes: vec![route("prod")],
        policy: Policy::default(),
    };
    let engine = Engine::builder("us".parse().unwrap()).setup(setup).build().unwrap();
    let summary = engine.sync_reviewed(async |_| true, std::future::pending()).await.unwrap().unwrap();
    assert!(summary.succeeded() && summary.applied == 2, "{summary:#?}");
    let groups = ruler.groups("prod");
    assert_eq!(groups["by-hand"].keys().collect::<Vec<_>>(), ["other"]);
    assert_eq!(groups["us.ns.o"].keys().collect::<Vec<_>>(), ["a"]);
}
