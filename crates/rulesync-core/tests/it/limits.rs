//! The limits that a ruler tells: in the status, and in metrics.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{Metrics, NamedRuler};
use rulesync_core::ruler::TenantLimits;
use rulesync_core::{EncodedGroup, Listing, Ruler, RulerError, TenantId};

use crate::world::{MemoryRuler, World, exposed, object};

type Answer = Result<Option<TenantLimits>, RulerError>;

/// A ruler that tells limits.
#[derive(Debug, Clone)]
struct Telling {
    stored: MemoryRuler,
    limits: Arc<Mutex<Answer>>,
    asked: Arc<Mutex<usize>>,
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
    async fn limits(&self, _: Option<&TenantId>) -> Answer {
        *self.asked.lock().unwrap() += 1;
        self.limits.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn limits_are_shown_as_the_ruler_tells_them_and_asked_for_seldom() {
    let told = TenantLimits::default().with_groups(Some(70)).with_rules_per_group(Some(20));
    let ruler = Telling {
        stored: MemoryRuler::default(),
        limits: Arc::new(Mutex::new(Ok(Some(told)))),
        asked: Arc::default(),
    };
    let named = NamedRuler::new("central", Arc::new(ruler.clone()));
    let metrics = Metrics::default();
    let world = World::with(
        &ruler.stored,
        |setup| setup.rulers = vec![named],
        |engine| engine.metrics(metrics.clone()),
    );
    let headroom = || {
        let text = exposed(&metrics);
        let mut lines = text.lines().filter(|line| line.starts_with("rulesync_limit_headroom{"));
        lines.next().and_then(|line| line.rsplit(' ').next()?.parse::<i64>().ok())
    };
    let status = world.declare([object("o", &[("a", "1"), ("b", "1")])]).await;
    assert_eq!((status.destinations[0].limits, headroom()), (None, None), "the rules come first");
    world.until(|status| status.destinations[0].limits == Some(told)).await;
    assert_eq!(headroom(), Some(68));

    // A failure is no reason to forget them, nor to stop writing.
    *ruler.limits.lock().unwrap() = Err(crate::world::unavailable());
    *ruler.asked.lock().unwrap() = 0;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let asked = *ruler.asked.lock().unwrap();
    assert!((5..=8).contains(&asked), "{asked} in an hour");
    let status = world.declare([object("o", &[("a", "1"), ("b", "1"), ("c", "1")])]).await;
    assert_eq!((status.destinations[0].limits, headroom()), (Some(told), Some(67)));

    *ruler.limits.lock().unwrap() = Ok(None);
    world.until(|status| status.destinations[0].limits.is_none()).await;
    assert_eq!(headroom(), None);
    world.stop().await;
}
