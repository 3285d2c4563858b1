//! Every metric of the engine, in one place. Names and labels are a public interface (see `README.md`).

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::model::tenant::DestinationId;
use crate::series::Series;

/// The engine's metrics. Clones share their values.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    tenant_labels: bool,
    pub(crate) source_ready: Family<SourceLabels, Gauge>,
    pub(crate) source_objects: Family<SourceStateLabels, Gauge>,
    pub(crate) syncs: Series<DestinationLabels, Counter>,
    pub(crate) sync_failures: Series<FailureLabels, Counter>,
    pub(crate) rules: Series<DestinationStateLabels, Gauge>,
    pub(crate) groups: Series<DestinationStateLabels, Gauge>,
    pub(crate) writes: Series<WriteLabels, Counter>,
    pub(crate) write_seconds: Series<DestinationLabels, Counter<f64, AtomicU64>>,
    pub(crate) unchanged_namespaces: Series<DestinationLabels, Counter>,
    pub(crate) last_success: Series<DestinationLabels, Gauge>,
    pub(crate) drift_repaired: Series<DestinationLabels, Counter>,
    pub(crate) deletes_held: Series<DestinationLabels, Gauge>,
    pub(crate) foreign_claims: Series<DestinationLabels, Gauge>,
    pub(crate) failing_rules: Series<DestinationLabels, Gauge>,
    pub(crate) not_loaded_groups: Series<DestinationLabels, Gauge>,
    pub(crate) contested_groups: Series<DestinationLabels, Gauge>,
    pub(crate) normalized_groups: Series<DestinationLabels, Gauge>,
    pub(crate) limits: Series<LimitLabels, Gauge>,
    pub(crate) limit_headroom: Series<LimitLabels, Gauge>,
    pub(crate) propagation: Histogram,
    pub(crate) queue_depth: Series<DestinationLabels, Gauge>,
    request_duration: Family<RequestLabels, Histogram, fn() -> Histogram>,
    /// Labels of requests that were counted, so that those of a removed ruler can be deleted.
    requests: Arc<Mutex<HashSet<RequestLabels>>>,
    /// Destinations that have series of their own, each with the number of its holders.
    destinations: Arc<Mutex<HashMap<DestinationLabels, usize>>>,
    leader: Gauge,
    config_reload_successful: Gauge,
}

/// `source`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SourceLabels {
    pub(crate) source: String,
}

/// `source`, `state`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SourceStateLabels {
    pub(crate) source: String,
    pub(crate) state: &'static str,
}

/// `ruler`, `tenant`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DestinationLabels {
    pub(crate) ruler: String,
    pub(crate) tenant: String,
}

/// `ruler`, `tenant`, `reason`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct FailureLabels {
    pub(crate) ruler: String,
    pub(crate) tenant: String,
    pub(crate) reason: &'static str,
}

/// `ruler`, `tenant`, `state`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct DestinationStateLabels {
    pub(crate) ruler: String,
    pub(crate) tenant: String,
    pub(crate) state: &'static str,
}

/// `ruler`, `tenant`, `limit`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct LimitLabels {
    pub(crate) ruler: String,
    pub(crate) tenant: String,
    pub(crate) limit: &'static str,
}

/// `ruler`, `tenant`, `operation`, `result`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct WriteLabels {
    pub(crate) ruler: String,
    pub(crate) tenant: String,
    pub(crate) operation: &'static str,
    pub(crate) result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    ruler: String,
    method: &'static str,
    route: &'static str,
    code: String,
}

/// Bounds in seconds, from a loopback answer to the deadline of a request.
const BUCKETS_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

impl Default for Metrics {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Metrics {
    /// Creates metrics at zero. Without `tenant_labels` the label `tenant` is empty everywhere, which limits the number
    /// of series with many tenants.
    pub fn new(tenant_labels: bool) -> Self {
        Self::with(tenant_labels, |_| {})
    }

    /// Creates metrics like [`new`](Self::new), with further ones of whoever runs the engine, under the same prefix.
    pub fn with(tenant_labels: bool, further: impl FnOnce(&mut Registry)) -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            tenant_labels,
            source_ready: Family::default(),
            source_objects: Family::default(),
            syncs: Series::default(),
            sync_failures: Series::default(),
            rules: Series::default(),
            groups: Series::default(),
            writes: Series::default(),
            write_seconds: Series::default(),
            unchanged_namespaces: Series::default(),
            last_success: Series::default(),
            drift_repaired: Series::default(),
            deletes_held: Series::default(),
            foreign_claims: Series::default(),
            failing_rules: Series::default(),
            not_loaded_groups: Series::default(),
            contested_groups: Series::default(),
            normalized_groups: Series::default(),
            limits: Series::default(),
            limit_headroom: Series::default(),
            propagation: Histogram::new(BUCKETS_SECONDS),
            queue_depth: Series::default(),
            request_duration: Family::new_with_constructor(|| Histogram::new(BUCKETS_SECONDS)),
            requests: Arc::default(),
            destinations: Arc::default(),
            leader: Gauge::default(),
            config_reload_successful: Gauge::default(),
        };
        // Without leader election this process is the only one.
        metrics.leader.set(1);
        metrics.config_reload_successful.set(1);
        let mut registry = metrics.register();
        further(&mut registry);
        metrics.registry = Arc::new(registry);
        metrics
    }

    /// Writes all metrics, under `rulesync_…`, in the OpenMetrics text format, except for the end marker: a process may
    /// have more metrics of its own.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn encode(&self, writer: &mut impl fmt::Write) -> fmt::Result {
        prometheus_client::encoding::text::encode_registry(writer, &self.registry)
    }

    fn register(&self) -> Registry {
        let mut registry = Registry::with_prefix("rulesync");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running version", version);
        registry.register("leader", "Whether this process writes", self.leader.clone());
        registry.register(
            "source_ready",
            "Whether a source has shown all its objects",
            self.source_ready.clone(),
        );
        registry.register("source_objects", "Objects by source and state", self.source_objects.clone());
        registry.register("syncs", "Times a destination was compared whole", self.syncs.family());
        registry.register("sync_failures", "Requests that failed, by class", self.sync_failures.family());
        registry.register("rules", "Rules by state", self.rules.family());
        registry.register("groups", "Groups by state", self.groups.family());
        registry.register("writes", "Changes offered to rulers", self.writes.family());
        registry.register(
            "write_seconds",
            "Time until rulers answered to changes, with or without success",
            self.write_seconds.family(),
        );
        registry.register(
            "unchanged_namespaces",
            "Comparisons of a namespace that led to no request",
            self.unchanged_namespaces.family(),
        );
        registry.register(
            "last_sync_success_timestamp_seconds",
            "When a destination was last known to be in sync, in seconds since 1970",
            self.last_success.family(),
        );
        registry.register(
            "drift_repaired",
            "Changes by others that were undone",
            self.drift_repaired.family(),
        );
        registry.register(
            "deletes_held",
            "Groups that the delete guard keeps from being deleted",
            self.deletes_held.family(),
        );
        registry.register(
            "foreign_claims",
            "Whether another installation claims a destination for the same owner",
            self.foreign_claims.family(),
        );
        registry.register(
            "evaluation_failing_rules",
            "Rules that fail whenever the ruler evaluates them",
            self.failing_rules.family(),
        );
        registry.register(
            "evaluation_not_loaded_groups",
            "Groups that the ruler has stored and does not load",
            self.not_loaded_groups.family(),
        );
        registry.register(
            "contested_groups",
            "Groups that three lists in a row found changed",
            self.contested_groups.family(),
        );
        registry.register(
            "normalized_groups",
            "Groups that the ruler stores in a form of its own, which counts as in sync",
            self.normalized_groups.family(),
        );
        registry.register("limit", "Limits that the ruler tells a tenant", self.limits.family());
        registry.register(
            "limit_headroom",
            "What is left of a limit besides what should be there; below zero if that is too much",
            self.limit_headroom.family(),
        );
        registry.register(
            "propagation_seconds",
            "From the source sending a change to the ruler accepting it",
            self.propagation.clone(),
        );
        registry.register("queue_depth", "Namespaces that wait for work", self.queue_depth.family());
        registry.register(
            "ruler_request_duration_seconds",
            "Requests to rulers",
            self.request_duration.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "Whether the last reload of the configuration succeeded",
            self.config_reload_successful.clone(),
        );
        registry
    }

    /// Counts one request to a ruler: its method, kind of route and status code, or `error` if there was no answer.
    pub fn observe_request(
        &self,
        ruler: &str,
        method: &'static str,
        route: &'static str,
        code: &str,
        elapsed: Duration,
    ) {
        let labels = RequestLabels { ruler: ruler.to_owned(), method, route, code: code.to_owned() };
        self.request_duration.get_or_create(&labels).observe(elapsed.as_secs_f64());
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if !requests.contains(&labels) {
            requests.insert(labels);
        }
    }

    /// Removes the series of a ruler that is no longer configured.
    pub(crate) fn forget_ruler(&self, ruler: &str) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        for labels in requests.extract_if(|labels| labels.ruler == ruler) {
            self.request_duration.remove(&labels);
        }
    }

    /// Sets whether the last reload of the configuration succeeded.
    pub fn set_config_reload_successful(&self, successful: bool) {
        self.config_reload_successful.set(i64::from(successful));
    }

    /// Sets whether this process is the one that writes.
    pub fn set_leader(&self, leader: bool) {
        self.leader.set(i64::from(leader));
    }

    /// Returns the labels of a destination, which has series from now on until [`Metrics::leave`]. Authors who may
    /// request tenants must not be able to create series without limit: beyond a number, destinations share one.
    pub(crate) fn join(&self, destination: &DestinationId) -> DestinationLabels {
        let tenant = if self.tenant_labels { destination.tenant_str() } else { "" };
        let mut labels =
            DestinationLabels { ruler: destination.ruler.to_string(), tenant: tenant.to_owned() };
        let mut destinations = self.destinations.lock().unwrap_or_else(PoisonError::into_inner);
        if destinations.len() >= MAX_DESTINATIONS && !destinations.contains_key(&labels) {
            labels.tenant = OVERFLOW.to_owned();
            if !destinations.contains_key(&labels) {
                tracing::warn!(
                    tenants = MAX_DESTINATIONS,
                    "Too many tenants for metrics of their own: further ones share the series with the tenant {OVERFLOW}. \
                     Switch the label off with `metrics: {{tenant_labels: false}}`"
                );
            }
        }
        *destinations.entry(labels.clone()).or_default() += 1;
        labels
    }

    /// Removes the series of a destination that has ended.
    pub(crate) fn leave(&self, labels: &DestinationLabels) {
        let mut destinations = self.destinations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = destinations.get_mut(labels) {
            *count -= 1;
            if *count == 0 {
                destinations.remove(labels);
            }
        }
    }
}

/// The number of destinations with series of their own: about 20 each.
const MAX_DESTINATIONS: usize = 2_000;

/// The tenant of the series that all further destinations share. No tenant can have this name.
const OVERFLOW: &str = "{overflow}";

#[cfg(test)]
mod tests;
