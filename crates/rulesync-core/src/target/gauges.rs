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
    pub(super) groups: Share,
    pub(super) rules: Share,
    pub(super) refused_groups: Share,
    pub(super) refused_rules: Share,
    pub(super) held: Share,
    pub(super) foreign_claims: Share,
    pub(super) failing_rules: Share,
    pub(super) not_loaded_groups: Share,
    pub(super) contested_groups: Share,
    pub(super) normalized_groups: Share,
    pub(super) waiting: Share,
    pub(super) last_success: Gauge,
    pub(super) syncs: Counter,
    pub(super) drift_repaired: Counter,
}

/// This target's share of a gauge that others may add to: all targets of a ruler share the depth of its queue, and
/// without tenant labels they share everything. Dropping it takes the share away.
#[derive(Debug)]
pub(super) struct Share {
    gauge: Gauge,
    value: i64,
}

impl Share {
    fn of(gauge: Gauge) -> Self {
        Self { gauge, value: 0 }
    }

    pub(super) fn set(&mut self, value: usize) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        let before = std::mem::replace(&mut self.value, value);
        if value != before {
            self.gauge.inc_by(value - before);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl Gauges {
    pub(super) fn new(metrics: &Metrics, target: &TargetId) -> Self {
        let labels = metrics.target_labels(target);
        let TargetLabels { ruler, tenant } = &labels;
        let state = |state| TargetStateLabels { ruler: ruler.clone(), tenant: tenant.clone(), state };
        let depth = RulerLabels { ruler: ruler.clone() };
        Self {
            groups: Share::of(metrics.groups.get_or_create_owned(&state("desired"))),
            rules: Share::of(metrics.rules.get_or_create_owned(&state("desired"))),
            refused_groups: Share::of(metrics.groups.get_or_create_owned(&state(REFUSED))),
            refused_rules: Share::of(metrics.rules.get_or_create_owned(&state(REFUSED))),
            held: Share::of(metrics.deletes_held.get_or_create_owned(&labels)),
            foreign_claims: Share::of(metrics.foreign_claims.get_or_create_owned(&labels)),
            failing_rules: Share::of(metrics.failing_rules.get_or_create_owned(&labels)),
            not_loaded_groups: Share::of(metrics.not_loaded_groups.get_or_create_owned(&labels)),
            contested_groups: Share::of(metrics.contested_groups.get_or_create_owned(&labels)),
            normalized_groups: Share::of(metrics.normalized_groups.get_or_create_owned(&labels)),
            waiting: Share::of(metrics.queue_depth.get_or_create_owned(&depth)),
            last_success: metrics.last_success.get_or_create_owned(&labels),
            syncs: metrics.syncs.get_or_create_owned(&labels),
            drift_repaired: metrics.drift_repaired.get_or_create_owned(&labels),
            metrics: metrics.clone(),
            labels,
        }
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
