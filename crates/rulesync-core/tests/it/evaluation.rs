//! The evaluation of rules in the status: loaded, failing, not loaded.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{Metrics, NamedRuler};
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

fn evaluation(status: &Status) -> Option<EvaluationState> {
    status.objects[0].destinations[0].evaluation
}

#[tokio::test(start_paused = true)]
async fn evaluation_shows_groups_that_are_not_loaded_and_rules_that_fail() {
    let ruler = Evaluating::default();
    let named = NamedRuler::new("central", Arc::new(ruler.clone()));
    let world = World::with(&ruler.stored, |setup| setup.rulers = vec![named], |engine| engine);
    world.source.upsert(object("o", &[("a", "1"), ("b", "1")]));
    world.source.complete();
    let status = world.settle().await;
    assert_eq!(evaluation(&status), None, "the ruler was not asked yet");
    *ruler.loaded.lock().unwrap() = vec![("a", RuleHealth::Healthy)];
    // The tenant is frozen: groups are stored and not loaded.
    let status = world.until(|status| evaluation(status) == Some(EvaluationState::NotLoaded)).await;
    assert_eq!(status.destinations[0].not_loaded, 1);
    assert_eq!(status.objects[0].state, ObjectState::Synced, "the ruler has it as declared");
    assert!(status.objects[0].destinations[0].findings[0].to_string().contains("does not load it"));
    *ruler.loaded.lock().unwrap() =
        vec![("a", RuleHealth::Healthy), ("b", RuleHealth::Failing("too many series".to_owned()))];
    let status = world.until(|status| evaluation(status) == Some(EvaluationState::Failing)).await;
    assert_eq!((status.destinations[0].not_loaded, status.destinations[0].failing_rules), (0, 1));
    assert!(status.objects[0].destinations[0].findings[0].to_string().ends_with("too many series"));
    *ruler.loaded.lock().unwrap() = vec![("a", RuleHealth::Healthy), ("b", RuleHealth::Healthy)];
    world.until(|status| evaluation(status) == Some(EvaluationState::Healthy)).await;
    // Seldom: once per interval while all rules are healthy.
    let before = *ruler.asked.lock().unwrap();
    tokio::time::sleep(Duration::from_secs(60 * 60)).await;
    let asked = *ruler.asked.lock().unwrap() - before;
    assert!((10..=14).contains(&asked), "{asked} in an hour");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn evaluation_metrics_are_missing_while_the_ruler_cannot_report_them() {
    let (ruler, metrics) = (Evaluating::default(), Metrics::default());
    let named = NamedRuler::new("central", Arc::new(ruler.clone()));
    let counted = metrics.clone();
    let world =
        World::with(&ruler.stored, |setup| setup.rulers = vec![named], |engine| engine.metrics(counted));
    world.source.upsert(object("o", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    let shown = |name: &str| exposed(&metrics).lines().any(|line| line.starts_with(&format!("{name}{{")));
    let names = ["rulesync_evaluation_failing_rules", "rulesync_evaluation_not_loaded_groups"];
    assert!(!names.iter().any(|name| shown(name)), "the ruler was not asked yet");
    *ruler.loaded.lock().unwrap() = vec![("a", RuleHealth::Healthy)];
    world.until(|status| evaluation(status) == Some(EvaluationState::Healthy)).await;
    assert!(names.iter().all(|name| shown(name)));
    *ruler.fails.lock().unwrap() = true;
    world.until(|status| status.destinations[0].evaluation_error.is_some()).await;
    assert!(!names.iter().any(|name| shown(name)));
    *ruler.fails.lock().unwrap() = false;
    world.until(|status| status.destinations[0].evaluation_error.is_none()).await;
    assert!(names.iter().all(|name| shown(name)));
    world.stop().await;
}
