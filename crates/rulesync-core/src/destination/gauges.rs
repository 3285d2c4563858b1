//! The metrics of one destination, looked up once. They exist as long as the destination does.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use crate::metrics::{
    DestinationLabels, DestinationStateLabels, FailureLabels, LimitLabels, Metrics, WriteLabels,
};
use crate::model::tenant::DestinationId;
use crate::plan::Change;
use crate::ruler::{RulerError, TenantLimits};
use crate::series::{Series, SeriesHandle};

/// The state of a group that the ruler refuses.
const REFUSED: &str = "refused";

/// The counters and gauges of a destination.
#[derive(Debug)]
pub(super) struct Gauges {
    pub(super) groups: Share<DestinationStateLabels>,
    pub(super) rules: Share<DestinationStateLabels>,
    pub(super) refused_groups: Share<DestinationStateLabels>,
    pub(super) refused_rules: Share<DestinationStateLabels>,
    pub(super) held: Share<DestinationLabels>,
    pub(super) foreign_claims: Share<DestinationLabels>,
    /// None while the ruler cannot report evaluation: unknown is not the same as no failures.
    evaluation: Option<Evaluated>,
    /// None for what the ruler tells no limit of, as are the two below.
    max_groups: Option<Share<LimitLabels>>,
    group_headroom: Option<Share<LimitLabels>>,
    max_rules_per_group: Option<Share<LimitLabels>>,
    pub(super) contested_groups: Share<DestinationLabels>,
    pub(super) normalized_groups: Share<DestinationLabels>,
    pub(super) waiting: Share<DestinationLabels>,
    last_success: SeriesHandle<DestinationLabels, Gauge>,
    pub(super) syncs: SeriesHandle<DestinationLabels, Counter>,
    pub(super) drift_repaired: SeriesHandle<DestinationLabels, Counter>,
    pub(super) unchanged: SeriesHandle<DestinationLabels, Counter>,
    write_seconds: SeriesHandle<DestinationLabels, Counter<f64, AtomicU64>>,
    writes: HashMap<WriteLabels, SeriesHandle<WriteLabels, Counter>>,
    failures: HashMap<&'static str, SeriesHandle<FailureLabels, Counter>>,
    labels: DestinationLabels,
    metrics: Metrics,
}

/// The metrics of rule evaluation.
#[derive(Debug)]
struct Evaluated {
    failing_rules: Share<DestinationLabels>,
    not_loaded_groups: Share<DestinationLabels>,
}

/// This destination's share of a gauge that others may add to: without tenant labels all destinations of a ruler share
/// one. Dropping it subtracts the share.
#[derive(Debug)]
pub(super) struct Share<L: Clone + Eq + std::hash::Hash> {
    gauge: SeriesHandle<L, Gauge>,
    value: i64,
}

impl<L: Clone + Eq + std::hash::Hash> Share<L> {
    fn of(series: &Series<L, Gauge>, labels: L) -> Self {
        Self { gauge: series.handle(labels), value: 0 }
    }

    pub(super) fn set(&mut self, value: usize) {
        self.set_signed(i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn set_signed(&mut self, value: i64) {
        let before = std::mem::replace(&mut self.value, value);
        if value != before {
            self.gauge.inc_by(value - before);
        }
    }
}

impl<L: Clone + Eq + std::hash::Hash> Drop for Share<L> {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Gauges {
    pub(super) fn new(metrics: &Metrics, destination: &DestinationId) -> Self {
        let labels = metrics.join(destination);
        let DestinationLabels { ruler, tenant } = &labels;
        let state = |state| DestinationStateLabels { ruler: ruler.clone(), tenant: tenant.clone(), state };
        Self {
            groups: Share::of(&metrics.groups, state("desired")),
            rules: Share::of(&metrics.rules, state("desired")),
            refused_groups: Share::of(&metrics.groups, state(REFUSED)),
            refused_rules: Share::of(&metrics.rules, state(REFUSED)),
            held: Share::of(&metrics.deletes_held, labels.clone()),
            foreign_claims: Share::of(&metrics.foreign_claims, labels.clone()),
            evaluation: None,
            max_groups: None,
            group_headroom: None,
            max_rules_per_group: None,
            contested_groups: Share::of(&metrics.contested_groups, labels.clone()),
            normalized_groups: Share::of(&metrics.normalized_groups, labels.clone()),
            waiting: Share::of(&metrics.queue_depth, labels.clone()),
            last_success: metrics.last_success.handle(labels.clone()),
            syncs: metrics.syncs.handle(labels.clone()),
            drift_repaired: metrics.drift_repaired.handle(labels.clone()),
            unchanged: metrics.unchanged_namespaces.handle(labels.clone()),
            write_seconds: metrics.write_seconds.handle(labels.clone()),
            writes: HashMap::new(),
            failures: HashMap::new(),
            labels,
            metrics: metrics.clone(),
        }
    }

    /// Counts a change that was offered to the ruler, and the time until it answered.
    pub(super) fn wrote(&mut self, change: &Change, result: Result<(), &RulerError>, elapsed: Duration) {
        let result = match result {
            Ok(()) => "ok",
            Err(error) => {
                self.failed(error);
                error.kind().as_str()
            }
        };
        self.write_seconds.inc_by(elapsed.as_secs_f64());
        let DestinationLabels { ruler, tenant } = self.labels.clone();
        let labels = WriteLabels { ruler, tenant, operation: change.operation(), result };
        let series = &self.metrics.writes;
        self.writes.entry(labels).or_insert_with_key(|labels| series.handle(labels.clone())).inc();
    }

    pub(super) fn failed(&mut self, error: &RulerError) {
        let DestinationLabels { ruler, tenant } = self.labels.clone();
        let (series, reason) = (&self.metrics.sync_failures, error.kind().as_str());
        let held = self.failures.entry(reason);
        held.or_insert_with(|| series.handle(FailureLabels { ruler, tenant, reason })).inc();
    }

    pub(super) fn propagated(&self, seconds: f64) {
        self.metrics.propagation.observe(seconds);
    }

    /// Records that everything was in sync at this time, in seconds since 1970.
    pub(super) fn succeeded(&self, at: u64) {
        self.last_success.set(at.cast_signed());
    }

    /// Sets the numbers of failing rules and of groups that are not loaded, if the ruler reports them.
    pub(super) fn evaluated(&mut self, known: Option<(usize, usize)>) {
        let Some((failing_rules, not_loaded_groups)) = known else {
            self.evaluation = None;
            return;
        };
        let evaluation = self.evaluation.get_or_insert_with(|| Evaluated {
            failing_rules: Share::of(&self.metrics.failing_rules, self.labels.clone()),
            not_loaded_groups: Share::of(&self.metrics.not_loaded_groups, self.labels.clone()),
        });
        evaluation.failing_rules.set(failing_rules);
        evaluation.not_loaded_groups.set(not_loaded_groups);
    }

    /// Sets the limits that the ruler tells, and what is left of them besides this number of groups.
    pub(super) fn limits(&mut self, limits: Option<TenantLimits>, groups: usize) {
        let TenantLimits { groups: max_groups, rules_per_group } = limits.unwrap_or_default();
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (max_groups, max_rules) = (max_groups.map(signed), rules_per_group.map(signed));
        let headroom = max_groups.map(|max| max.saturating_sub_unsigned(groups as u64));
        let Metrics { limits, limit_headroom, .. } = &self.metrics;
        for (share, series, limit, value) in [
            (&mut self.max_groups, limits, "groups", max_groups),
            (&mut self.group_headroom, limit_headroom, "groups", headroom),
            (&mut self.max_rules_per_group, limits, "rules_per_group", max_rules),
        ] {
            let DestinationLabels { ruler, tenant } = &self.labels;
            let labels = || LimitLabels { ruler: ruler.clone(), tenant: tenant.clone(), limit };
            match value {
                Some(value) => {
                    share.get_or_insert_with(|| Share::of(series, labels())).set_signed(value);
                }
                None => *share = None,
            }
        }
    }
}

impl Drop for Gauges {
    fn drop(&mut self) {
        self.metrics.leave(&self.labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Action, Reason};

    fn destination(tenant: &str) -> DestinationId {
        DestinationId { ruler: "central".into(), tenant: Some(tenant.parse().unwrap()) }
    }

    /// Returns the lines of the metrics about destinations.
    fn lines(metrics: &Metrics) -> Vec<String> {
        let mut text = String::new();
        metrics.encode(&mut text).unwrap();
        let of_ruler = text.lines().filter(|line| line.contains(r#"ruler="central""#));
        of_ruler.map(str::to_owned).collect()
    }

    fn value(metrics: &Metrics, name: &str, labels: &[&str]) -> Option<f64> {
        let lines = lines(metrics);
        let line = lines.iter().find(|line| {
            line.starts_with(&format!("rulesync_{name}{{")) && labels.iter().all(|label| line.contains(label))
        });
        line?.rsplit(' ').next()?.parse().ok()
    }

    #[test]
    fn gauges_of_a_destination_end_with_it_and_leave_the_shares_of_others() {
        let metrics = Metrics::default();
        let [mut a, mut b] = ["a", "b"].map(|tenant| Gauges::new(&metrics, &destination(tenant)));
        a.groups.set(5);
        a.groups.set(3);
        a.waiting.set(7);
        b.waiting.set(2);
        assert_eq!(value(&metrics, "groups", &[r#"tenant="a""#, r#"state="desired""#]), Some(3.0));
        let waiting = |metrics: &Metrics, tenant: &str| {
            value(metrics, "queue_depth", &[&format!(r#"tenant="{tenant}""#)])
        };
        assert_eq!((waiting(&metrics, "a"), waiting(&metrics, "b")), (Some(7.0), Some(2.0)));
        a.succeeded(1_700_000_000);
        let success = || value(&metrics, "last_sync_success_timestamp_seconds", &[r#"tenant="a""#]);
        assert_eq!(success(), Some(1_700_000_000.0));
        drop(a);
        assert_eq!((success(), value(&metrics, "groups", &[r#"tenant="a""#])), (None, None));
        assert_eq!((waiting(&metrics, "a"), waiting(&metrics, "b")), (None, Some(2.0)));

        let metrics = Metrics::new(false);
        let [mut a, mut b] = ["a", "b"].map(|tenant| Gauges::new(&metrics, &destination(tenant)));
        a.waiting.set(7);
        b.waiting.set(2);
        assert_eq!(waiting(&metrics, ""), Some(9.0), "without labels of tenants they share one");
        drop(a);
        assert_eq!(waiting(&metrics, ""), Some(2.0));
    }

    #[test]
    fn writes_and_failures_are_counted_by_result() {
        let metrics = Metrics::default();
        let mut gauges = Gauges::new(&metrics, &destination("a"));
        let change = Change {
            namespace: "us.ns.o".into(),
            object: None,
            action: Action::DeleteGroup("g".into()),
            reason: Reason::NotDeclared,
            held: None,
        };
        gauges.wrote(&change, Ok(()), Duration::from_millis(500));
        let error = RulerError::limit("full".to_owned());
        (0..2).for_each(|_| gauges.wrote(&change, Err(&error), Duration::from_millis(250)));
        gauges.failed(&error);
        let result = |result: &str| value(&metrics, "writes_total", &[&format!(r#"result="{result}""#)]);
        assert_eq!((result("ok"), result(error.kind().as_str())), (Some(1.0), Some(2.0)));
        assert_eq!(value(&metrics, "sync_failures_total", &[]), Some(3.0));
        assert_eq!(value(&metrics, "write_seconds_total", &[r#"tenant="a""#]), Some(1.0));
        gauges.propagated(0.25);
        let mut text = String::new();
        metrics.encode(&mut text).unwrap();
        assert!(text.contains("rulesync_propagation_seconds_count 1"), "{text}");
    }

    #[test]
    fn limits_that_are_not_told_have_no_series() {
        let metrics = Metrics::default();
        let mut gauges = Gauges::new(&metrics, &destination("a"));
        let limit = |name: &str, limit: &str| value(&metrics, name, &[&format!(r#"limit="{limit}""#)]);
        let all = || {
            (limit("limit", "groups"), limit("limit_headroom", "groups"), limit("limit", "rules_per_group"))
        };
        gauges.limits(None, 3);
        assert_eq!(all(), (None, None, None));
        let told = TenantLimits::default().with_groups(Some(70)).with_rules_per_group(Some(20));
        gauges.limits(Some(told), 3);
        assert_eq!(all(), (Some(70.0), Some(67.0), Some(20.0)));
        gauges.limits(Some(told.with_rules_per_group(None)), 71);
        assert_eq!(all(), (Some(70.0), Some(-1.0), None));
        gauges.limits(None, 71);
        assert_eq!(all(), (None, None, None));
    }

    #[test]
    fn evaluation_that_is_unknown_has_no_series() {
        let metrics = Metrics::default();
        let mut gauges = Gauges::new(&metrics, &destination("a"));
        let both = || {
            ["evaluation_failing_rules", "evaluation_not_loaded_groups"]
                .map(|name| value(&metrics, name, &[]))
        };
        gauges.evaluated(Some((2, 1)));
        assert_eq!(both(), [Some(2.0), Some(1.0)]);
        gauges.evaluated(None);
        assert_eq!(both(), [None, None]);
    }
}
