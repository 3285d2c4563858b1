//! The metrics of one target, looked up once.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::state::REFUSED;
use crate::metrics::{FailureLabels, Metrics, RulerLabels, TargetLabels, TargetStateLabels, WriteLabels};
use crate::model::tenant::TargetId;
use crate::plan::Change;
use crate::ruler::RulerError;

/// What a target counts and shows.
#[derive(Debug)]
pub(super) struct Gauges {
    metrics: Metrics,
    labels: TargetLabels,
    pub(super) groups: Gauge,
    pub(super) rules: Gauge,
    pub(super) refused_groups: Gauge,
    pub(super) refused_rules: Gauge,
    pub(super) last_success: Gauge,
    pub(super) syncs: Counter,
    pub(super) drift_repaired: Counter,
    queue_depth: Gauge,
    /// This target's share of `queue_depth`, which all targets of a ruler add to.
    waiting: i64,
}

impl Gauges {
    pub(super) fn new(metrics: &Metrics, target: &TargetId) -> Self {
        let labels = metrics.target_labels(target);
        let TargetLabels { ruler, tenant } = &labels;
        let state = |state| TargetStateLabels { ruler: ruler.clone(), tenant: tenant.clone(), state };
        Self {
            groups: metrics.groups.get_or_create_owned(&state("desired")),
            rules: metrics.rules.get_or_create_owned(&state("desired")),
            refused_groups: metrics.groups.get_or_create_owned(&state(REFUSED)),
            refused_rules: metrics.rules.get_or_create_owned(&state(REFUSED)),
            last_success: metrics.last_success.get_or_create_owned(&labels),
            syncs: metrics.syncs.get_or_create_owned(&labels),
            drift_repaired: metrics.drift_repaired.get_or_create_owned(&labels),
            queue_depth: metrics.queue_depth.get_or_create_owned(&RulerLabels { ruler: ruler.clone() }),
            waiting: 0,
            metrics: metrics.clone(),
            labels,
        }
    }

    pub(super) fn set_waiting(&mut self, waiting: usize) {
        let waiting = as_i64(waiting);
        self.queue_depth.inc_by(waiting - std::mem::replace(&mut self.waiting, waiting));
    }

    pub(super) fn wrote(&self, change: &Change, result: Result<(), &RulerError>) {
        let result = match result {
            Ok(()) => "ok",
            Err(error) => {
                self.failed(error);
                error.class()
            }
        };
        let ruler = self.labels.ruler.clone();
        let labels = WriteLabels { ruler, operation: change.operation(), result };
        self.metrics.writes.get_or_create(&labels).inc();
    }

    pub(super) fn failed(&self, error: &RulerError) {
        let TargetLabels { ruler, tenant } = self.labels.clone();
        self.metrics
            .sync_failures
            .get_or_create(&FailureLabels { ruler, tenant, reason: error.class() })
            .inc();
    }

    pub(super) fn propagated(&self, seconds: f64) {
        self.metrics.propagation.observe(seconds);
    }
}

impl Drop for Gauges {
    /// A target that is no more has nothing that waits or should be there.
    fn drop(&mut self) {
        self.set_waiting(0);
        for gauge in [&self.groups, &self.rules, &self.refused_groups, &self.refused_rules] {
            gauge.set(0);
        }
    }
}

pub(super) fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
