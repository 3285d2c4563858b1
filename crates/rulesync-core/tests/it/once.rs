//! One-shot runs: they end when everything is in sync, and give up on a silent source or ruler.

use std::sync::Arc;
use std::time::Duration;

use rulesync_core::Engine;
use rulesync_core::engine::{NamedRuler, NamedSource, Policy, RunError, Summary};
use rulesync_core::naming::NamespacePolicy;
use tokio::time::Instant;

use crate::world::{MemoryRuler, SourceControl, object, route, scripted_source};

const PATIENCE: Duration = Duration::from_secs(30);

const TIMEOUT: Duration = Duration::from_secs(300);

/// Runs an engine once while `speak` controls its source; returns the result with the virtual time that it took.
async fn once(
    ruler: &MemoryRuler,
    speak: impl AsyncFnOnce(&SourceControl),
) -> (Result<Summary, RunError>, Duration) {
    let (source, control) = scripted_source();
    let mut engine = Engine::builder("us".parse().unwrap());
    let setup = rulesync_core::engine::Setup {
        namespace_policy: NamespacePolicy::of("us".parse().unwrap()),
        sources: vec![NamedSource { name: "script".into(), source: Arc::new(source) }],
        rulers: vec![NamedRuler::new("central", Arc::new(ruler.clone()))],
        routes: vec![route("prod")],
        policy: Policy { patience: PATIENCE, timeout: TIMEOUT, ..Policy::default() },
    };
    engine = engine.setup(setup);
    let start = Instant::now();
    let run = async {
        let result = engine.build().unwrap().sync_once(std::future::pending()).await;
        (result, start.elapsed())
    };
    let (result, ()) = tokio::join!(run, speak(&control));
    result
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
