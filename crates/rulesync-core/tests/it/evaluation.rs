//! The evaluation of rules in the status: loaded, failing, not loaded.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{EngineBuilder, Metrics, NamedRuler};
use rulesync_core::ruler::{EvaluatedGroup, EvaluatedRule, Evaluation, RuleHealth};
use rulesync_core::status::{EvaluationState, ObjectState, Status};
use rulesync_core::{Capabilities, EncodedGroup, Listing, Ruler, RulerError, TenantId};

use crate::world::{MemoryRuler, World, exposed, object};

/// A ruler that reports the evaluation that it is told to.
#[derive(Debug, Clone, Default)]
struct Evaluating {
    stored: MemoryRuler,
    /// The loaded groups, with the health of their only rule.
    loaded: Arc<Mutex<Vec<(&'static str, RuleHealth)>>>,
    asked: Arc<Mutex<usize>>,
    fails: Arc<Mutex<bool>>,
}

#[async_trait]
impl Ruler for Evaluating {
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        self.stored.list(tenant, listing).await
    }
    async fn write_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        self.stored.write_group(tenant, namespace, group).await
    }
    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        self.stored.delete_group(tenant, namespace, group).await
    }
    async fn evaluation(
        &self,
        _: Option<&TenantId>,
        namespaces: &[&str],
        found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        assert_eq!(namespaces, ["us.ns.o"], "only own namespaces are asked for");
        *self.asked.lock().unwrap() += 1;
        if *self.fails.lock().unwrap() {
            return Err(crate::world::unavailable());
        }
        for (name, health) in self.loaded.lock().unwrap().iter() {
            let rules = vec![EvaluatedRule { name: "r".to_owned(), health: health.clone() }];
            found(EvaluatedGroup { namespace: "us.ns.o".to_owned(), name: (*name).to_owned(), rules });
        }
        Ok(Evaluation::Read)
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_load_delay(Duration::from_secs(20))
    }
}

impl Evaluating {
    fn load(&self, groups: &[(&'static str, RuleHealth)]) {
        *self.loaded.lock().unwrap() = groups.to_vec();
    }

    fn fail(&self, fails: bool) {
        *self.fails.lock().unwrap() = fails;
    }

    /// An engine that has written the groups `a` and `b`, and has not asked yet.
    async fn synced(&self, build: impl FnOnce(EngineBuilder) -> EngineBuilder) -> World {
        let named = NamedRuler::new("central", Arc::new(self.clone()));
        let world = World::with(&self.stored, |setup| setup.rulers = vec![named], build);
        let status = world.declare([object("o", &[("a", "1"), ("b", "1")])]).await;
        assert_eq!(evaluation(&status), None, "the ruler was not asked yet");
        world
    }
}

fn evaluation(status: &Status) -> Option<EvaluationState> {
    status.objects[0].destinations[0].evaluation
}

const BOTH: [(&str, RuleHealth); 2] = [("a", RuleHealth::Healthy), ("b", RuleHealth::Healthy)];

#[tokio::test(start_paused = true)]
async fn evaluation_shows_groups_that_are_not_loaded() {
    let ruler = Evaluating::default();
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
    let ruler = Evaluating::default();
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
    let ruler = Evaluating::default();
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
    let (ruler, metrics) = (Evaluating::default(), Metrics::default());
    ruler.load(&BOTH);
    let world = ruler.synced(|engine| engine.metrics(metrics.clone())).await;
    assert_eq!(shown(&metrics), 0);
    world.until(|status| evaluation(status) == Some(EvaluationState::Healthy)).await;
    assert_eq!(shown(&metrics), 2);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn evaluation_metrics_are_missing_while_the_ruler_cannot_report_them() {
    let (ruler, metrics) = (Evaluating::default(), Metrics::default());
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
