//! The limits that a ruler tells: in the status, and in metrics.

use std::time::Duration;

use rulesync_core::engine::Metrics;
use rulesync_core::ruler::TenantLimits;

use crate::telling::Telling;
use crate::world::{exposed, object};

#[tokio::test(start_paused = true)]
async fn limits_are_shown_as_the_ruler_tells_them_and_asked_for_seldom() {
    let told = TenantLimits::default().with_groups(Some(70)).with_rules_per_group(Some(20));
    let (ruler, metrics) = (Telling::default(), Metrics::default());
    *ruler.limits.lock().unwrap() = Some(told);
    let headroom = || {
        let text = exposed(&metrics);
        let mut lines = text.lines().filter(|line| line.starts_with("rulesync_limit_headroom{"));
        lines.next().and_then(|line| line.rsplit(' ').next()?.parse::<i64>().ok())
    };
    let world = ruler.synced(|engine| engine.metrics(metrics.clone())).await;
    assert_eq!(headroom(), None, "the rules come first");
    world.until(|status| status.destinations[0].limits == Some(told)).await;
    assert_eq!(headroom(), Some(68));

    // A failure is no reason to forget them, nor to stop writing.
    ruler.fail(true);
    *ruler.asked_for_limits.lock().unwrap() = 0;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let asked = *ruler.asked_for_limits.lock().unwrap();
    assert!((5..=8).contains(&asked), "{asked} in an hour");
    let status = world.declare([object("o", &[("a", "1"), ("b", "1"), ("c", "1")])]).await;
    assert_eq!((status.destinations[0].limits, headroom()), (Some(told), Some(67)));

    ruler.fail(false);
    *ruler.limits.lock().unwrap() = None;
    world.until(|status| status.destinations[0].limits.is_none()).await;
    assert_eq!(headroom(), None);
    world.stop().await;
}
