//! A ruler that says of its rules what it is told to: how they evaluate, and what limits the tenant has.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{EngineBuilder, NamedRuler};
use rulesync_core::ruler::{EvaluatedGroup, EvaluatedRule, Evaluation, RuleHealth, TenantLimits};
use rulesync_core::status::{EvaluationState, Status};
use rulesync_core::{Capabilities, EncodedGroup, Listing, Ruler, RulerError, TenantId};

use crate::world::{MemoryRuler, World, object, unavailable};

/// The ruler. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Telling {
    stored: MemoryRuler,
    /// The loaded groups, with the health of their only rule.
    loaded: Arc<Mutex<Vec<(&'static str, RuleHealth)>>>,
    pub(crate) limits: Arc<Mutex<Option<TenantLimits>>>,
    /// How often it was asked for the evaluation, and for the limits.
    pub(crate) asked: Arc<Mutex<usize>>,
    pub(crate) asked_for_limits: Arc<Mutex<usize>>,
    fails: Arc<Mutex<bool>>,
}

#[async_trait]
impl Ruler for Telling {
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
            return Err(unavailable());
        }
        for (name, health) in self.loaded.lock().unwrap().iter() {
            let rules = vec![EvaluatedRule { name: "r".to_owned(), health: health.clone() }];
            found(EvaluatedGroup { namespace: "us.ns.o".to_owned(), name: (*name).to_owned(), rules });
        }
        Ok(Evaluation::Read)
    }
    async fn limits(&self, _: Option<&TenantId>) -> Result<Option<TenantLimits>, RulerError> {
        *self.asked_for_limits.lock().unwrap() += 1;
        match *self.fails.lock().unwrap() {
            true => Err(unavailable()),
            false => Ok(*self.limits.lock().unwrap()),
        }
    }
    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_load_delay(Duration::from_secs(20))
    }
}

impl Telling {
    pub(crate) fn load(&self, groups: &[(&'static str, RuleHealth)]) {
        *self.loaded.lock().unwrap() = groups.to_vec();
    }

    pub(crate) fn fail(&self, fails: bool) {
        *self.fails.lock().unwrap() = fails;
    }

    /// An engine that has written the groups `a` and `b`, and has not asked yet.
    pub(crate) async fn synced(&self, build: impl FnOnce(EngineBuilder) -> EngineBuilder) -> World {
        let named = NamedRuler::new("central", Arc::new(self.clone()));
        let world = World::with(&self.stored, |setup| setup.rulers = vec![named], build);
        let status = world.declare([object("o", &[("a", "1"), ("b", "1")])]).await;
        assert_eq!(evaluation(&status), None, "the ruler was not asked yet");
        assert_eq!(status.destinations[0].limits, None, "the rules come first");
        world
    }
}

/// How the rules of the only object evaluate.
pub(crate) fn evaluation(status: &Status) -> Option<EvaluationState> {
    status.objects[0].destinations[0].evaluation
}
