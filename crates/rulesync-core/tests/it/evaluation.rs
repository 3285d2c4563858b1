//! The evaluation of rules in the status: loaded, failing, not loaded.

use std::time::Duration;

use rulesync_core::engine::Metrics;
use rulesync_core::ruler::RuleHealth;
use rulesync_core::status::{EvaluationState, ObjectState};

use crate::telling::{Telling, evaluation};
use crate::world::exposed;

const BOTH: [(&str, RuleHealth); 2] = [("a", RuleHealth::Healthy), ("b", RuleHealth::Healthy)];

#[tokio::test(start_paused = true)]
async fn evaluation_shows_groups_that_are_not_loaded() {
    let ruler = Telling::default();
    let world = ruler.synced(|engine| engine).await;
    // As in a tenant that is frozen: groups are stored and not loaded.
    ruler.load(&BOTH[..1]);
    let status = world.until(|status| evaluation(status) == Some(EvaluationState::NotLoaded)).await;
    assert_eq!(status.destinations[0].not_loaded, 1);
    assert_eq!(status.objects[0].state, ObjectState::Synced, "the ruler has it as declared");
    assert!(status.objects[0].destinations[0].findings[0].to_string().contains("does not load it"));
    ruler.load(&BOTH);
    let status = world.until(|status| evaluation(status) == Some(EvaluationState::Healthy)).await;
    assert_eq!(status.destinations[0].not_loaded, 0);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn evaluation_shows_rules_that_fail() {
    let ruler = Telling::default();
    let world = ruler.synced(|engine| engine).await;
    ruler.load(&[("a", RuleHealth::Healthy), ("b", RuleHealth::Failing("too many series".to_owned()))]);
    let status = world.until(|status| evaluation(status) == Some(EvaluationState::Failing)).await;
    assert_eq!((status.destinations[0].not_loaded, status.destinations[0].failing_rules), (0, 1));
    assert!(status.objects[0].destinations[0].findings[0].to_string().ends_with("too many series"));
    ruler.load(&BOTH);
    let status = world.until(|status| evaluation(status) == Some(EvaluationState::Healthy)).await;
    assert_eq!(status.destinations[0].failing_rules, 0);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn evaluation_is_asked_for_once_per_interval_while_all_rules_are_healthy() {
    let ruler = Telling::default();
    ruler.load(&BOTH);
    let world = ruler.synced(|engine| engine).await;
    world.until(|status| evaluation(status) == Some(EvaluationState::Healthy)).await;
    let before = *ruler.asked.lock().unwrap();
    tokio::time::sleep(Duration::from_secs(60 * 60)).await;
    let asked = *ruler.asked.lock().unwrap() - before;
    assert!((10..=14).contains(&asked), "{asked} in an hour");
    world.stop().await;
}

/// How many of the metrics of evaluation are exposed.
fn shown(metrics: &Metrics) -> usize {
    let text = exposed(metrics);
    let is_shown = |name: &&str| text.lines().any(|line| line.starts_with(&format!("{name}{{")));
    ["rulesync_evaluation_failing_rules", "rulesync_evaluation_not_loaded_groups"]
        .iter()
        .filter(|name| is_shown(name))
        .count()
}

#[tokio::test(start_paused = true)]
async fn evaluation_metrics_are_missing_until_the_ruler_was_asked() {
    let (ruler, metrics) = (Telling::default(), Metrics::default());
    ruler.load(&BOTH);
    let world = ruler.synced(|engine| engine.metrics(metrics.clone())).await;
    assert_eq!(shown(&metrics), 0);
    world.until(|status| evaluation(status) == Some(EvaluationState::Healthy)).await;
    assert_eq!(shown(&metrics), 2);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn evaluation_metrics_are_missing_while_the_ruler_cannot_report_them() {
    let (ruler, metrics) = (Telling::default(), Metrics::default());
    ruler.load(&BOTH);
    let world = ruler.synced(|engine| engine.metrics(metrics.clone())).await;
    world.until(|status| evaluation(status) == Some(EvaluationState::Healthy)).await;
    ruler.fail(true);
    world.until(|status| status.destinations[0].evaluation_error.is_some()).await;
    assert_eq!(shown(&metrics), 0);
    ruler.fail(false);
    world.until(|status| status.destinations[0].evaluation_error.is_none()).await;
    assert_eq!(shown(&metrics), 2);
    world.stop().await;
}
