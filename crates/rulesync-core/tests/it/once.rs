//! One-shot and dry runs: they end when everything is in sync, and give up on a silent source or ruler.

use std::sync::Arc;
use std::time::Duration;

use rulesync_core::engine::{NamedRuler, NamedSource, Policy, RunError, Summary};
use rulesync_core::naming::NamespacePolicy;
use rulesync_core::plan::HeldReason;
use rulesync_core::{Engine, RulerError};
use tokio::time::Instant;

use crate::inheritance::put;
use crate::world::{MemoryRuler, SourceControl, World, object, route, scripted_source, unavailable};

const PATIENCE: Duration = Duration::from_secs(30);

const TIMEOUT: Duration = Duration::from_secs(300);

/// Runs an engine once while `speak` controls its source; returns the result with the virtual time that it took.
async fn once(
    ruler: &MemoryRuler,
    speak: impl AsyncFnOnce(&SourceControl),
) -> (Result<Summary, RunError>, Duration) {
    let (engine, control) = engine(ruler);
    let start = Instant::now();
    let run = async {
        let result = engine.sync_once(std::future::pending()).await;
        (result, start.elapsed())
    };
    let (result, ()) = tokio::join!(run, speak(&control));
    result
}

/// Returns an engine that has not been run, and the control of its source.
fn engine(ruler: &MemoryRuler) -> (Engine, SourceControl) {
    let (source, control) = scripted_source();
    let setup = rulesync_core::engine::Setup {
        namespace_policy: NamespacePolicy::of("us".parse().unwrap()),
        sources: vec![NamedSource { name: "script".into(), source: Arc::new(source) }],
        rulers: vec![NamedRuler::new("central", Arc::new(ruler.clone()))],
        routes: vec![route("prod")],
        policy: Policy { patience: PATIENCE, timeout: TIMEOUT, ..Policy::default() },
    };
    (Engine::builder("us".parse().unwrap()).setup(setup).build().unwrap(), control)
}

/// Returns whether a time is the expected one, or at most a moment longer.
fn is_about(time: Duration, expected: Duration) -> bool {
    (expected..expected + Duration::from_secs(2)).contains(&time)
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_ends_when_everything_is_in_sync() {
    let ruler = MemoryRuler::default();
    let (summary, time) = once(&ruler, async |control| {
        control.upsert(object("o", &[("a", "1"), ("b", "1")]));
        control.complete();
    })
    .await;
    let summary = summary.unwrap();
    assert!(summary.succeeded() && summary.applied == 2, "{summary:#?}");
    assert!(time < Duration::from_secs(2), "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn plan_holds_the_deletes_that_a_sync_holds() {
    let ruler = MemoryRuler::default();
    for orphan in ["us.ns.a", "us.ns.b", "us.ns.c"] {
        put(&ruler, orphan, "1");
    }
    for (declared, held) in [(vec![], Some(HeldReason::SourceEmpty)), (vec!["a", "b"], None)] {
        let declare = |control: &SourceControl| {
            declared.iter().for_each(|name| control.upsert(object(name, &[("g", "1")])));
            control.complete();
        };
        let (engine, control) = engine(&ruler);
        declare(&control);
        let plan = engine.plan(std::future::pending()).await.unwrap();
        let planned: Vec<Option<HeldReason>> =
            plan.plans[0].changes.iter().map(|change| change.held).collect();
        assert_eq!(planned, vec![held; 3 - declared.len()]);
        let (summary, _) = once(&ruler, async |control| declare(control)).await;
        assert_eq!(summary.unwrap().applied, if held.is_some() { 0 } else { 1 });
    }
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_gives_up_on_a_silent_source() {
    let (result, time) = once(&MemoryRuler::default(), async |_| {}).await;
    let error = result.unwrap_err().to_string();
    assert!(error.contains("it has sent nothing for 30s"), "{error}");
    assert!(is_about(time, PATIENCE), "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_waits_for_a_long_snapshot() {
    let ruler = MemoryRuler::default();
    let (summary, _) = once(&ruler, async |control| {
        for n in 0..6 {
            control.upsert(object(&format!("o{n}"), &[("a", "1")]));
            tokio::time::sleep(PATIENCE * 2 / 3).await;
        }
        control.complete();
    })
    .await;
    assert_eq!(summary.unwrap().applied, 6);
    let (result, time) = once(&ruler, async |control| {
        tokio::time::sleep(PATIENCE * 2 / 3).await;
        control.upsert(object("o", &[("a", "1")]));
    })
    .await;
    assert!(result.is_err() && is_about(time, PATIENCE * 5 / 3), "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_gives_up_on_a_ruler_without_progress_and_reports_the_rest() {
    let ruler = MemoryRuler::default();
    let (summary, time) = once(&ruler, async |control| {
        // It was listed, and does not answer any more.
        tokio::time::sleep(Duration::from_secs(1)).await;
        ruler.delay(TIMEOUT * 10);
        control.upsert(object("o", &[("a", "1")]));
        control.complete();
    })
    .await;
    let summary = summary.unwrap();
    assert!(!summary.succeeded() && summary.applied == 0);
    assert!((TIMEOUT..TIMEOUT * 6 / 5).contains(&time), "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_gives_up_on_a_ruler_that_asks_for_a_long_pause() {
    let ruler = MemoryRuler::default();
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    ruler.fail(Some(RulerError::unavailable("too many requests").with_retry_after(year)));
    let (engine, _control) = emptied(&ruler, false);
    let before = Instant::now();
    let summary = engine.sync_once(std::future::pending()).await.unwrap();
    assert!(!summary.succeeded());
    assert!(before.elapsed() <= Duration::from_secs(16 * 60), "{:?}", before.elapsed());
}

/// An engine for one run over an object with a group that the ruler takes, and one that it refuses.
fn half_refused(ruler: &MemoryRuler) -> (Engine, SourceControl) {
    ruler.refuse("broken(");
    let (source, control) = scripted_source();
    control.upsert(object("o", &[("a", "1"), ("bad", "broken(")]));
    control.complete();
    let engine = Engine::builder("us".parse().unwrap())
        .source("script", source)
        .ruler("central", ruler.clone())
        .route(route("prod"));
    (engine.build().unwrap(), control)
}

#[tokio::test(start_paused = true)]
async fn dry_run_shows_changes_and_refusals_and_only_lists() {
    let ruler = MemoryRuler::default();
    let (engine, _control) = half_refused(&ruler);
    let dry_run = engine.plan(std::future::pending()).await.unwrap();
    assert_eq!(dry_run.plans[0].changes.len(), 2);
    assert!(!dry_run.is_clean());
    insta::assert_snapshot!(dry_run.plans[0], @r#"
    central/prod: 2 changes
      + us.ns.o / a (1 rules) of PrometheusRule ns/o
      ! PrometheusRule ns/o: group "bad", rule 0 "r", spec.groups[1].rules[0].expr, 1:8: unclosed left parenthesis
    "#);
    assert_eq!(ruler.requests(), ["GET prod"]);
}

#[tokio::test(start_paused = true)]
async fn dry_run_fails_when_the_ruler_is_down() {
    let ruler = MemoryRuler::default();
    ruler.fail(Some(unavailable()));
    let (engine, _control) = half_refused(&ruler);
    let error = engine.plan(std::future::pending()).await.unwrap_err();
    assert!(matches!(error, RunError::DestinationUnavailable { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_fails_when_a_group_is_refused_and_writes_the_others() {
    let ruler = MemoryRuler::default();
    let (engine, _control) = half_refused(&ruler);
    let summary = engine.sync_once(std::future::pending()).await.unwrap();
    assert_eq!((summary.applied, summary.status.destinations[0].refused), (1, 1));
    assert!(!summary.succeeded());
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_fails_when_the_ruler_is_down() {
    let ruler = MemoryRuler::default();
    ruler.fail(Some(unavailable()));
    let (engine, _control) = half_refused(&ruler);
    assert!(!engine.sync_once(std::future::pending()).await.unwrap().succeeded());
}

/// An engine for one run over an empty source.
fn emptied(ruler: &MemoryRuler, release: bool) -> (Engine, SourceControl) {
    let (source, control) = scripted_source();
    control.complete();
    let engine = Engine::builder("us".parse().unwrap())
        .source("script", source)
        .ruler("central", ruler.clone())
        .route(route("prod"))
        .release_deletes(release);
    (engine.build().unwrap(), control)
}

/// A ruler with the rules of nine objects.
async fn nine() -> MemoryRuler {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.declare((0..9).map(|n| object(&format!("o{n}"), &[("g", "1")]))).await;
    world.stop().await;
    ruler
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_holds_deletes_of_an_empty_source() {
    let (engine, _control) = emptied(&nine().await, false);
    let summary = engine.sync_once(std::future::pending()).await.unwrap();
    assert!(!summary.succeeded() && summary.applied == 0);
    assert_eq!(summary.status.destinations[0].holds[0].reason, HeldReason::SourceEmpty);
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_deletes_what_is_released() {
    let ruler = nine().await;
    let (engine, _control) = emptied(&ruler, true);
    let summary = engine.sync_once(std::future::pending()).await.unwrap();
    assert!(summary.succeeded(), "{:?}", summary.status.destinations);
    assert!(ruler.groups("prod").is_empty());
}
