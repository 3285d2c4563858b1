//! Every metric of the engine, in one place. Names and labels are a public interface (see `README.md`).

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::model::tenant::TargetId;

/// The engine's metrics. Clones share their values.
#[derive(Debug, Clone)]
pub struct Metrics {
    tenant_labels: bool,
    pub(crate) source_ready: Family<SourceLabels, Gauge>,
    pub(crate) source_objects: Family<SourceStateLabels, Gauge>,
    pub(crate) syncs: Family<TargetLabels, Counter>,
    pub(crate) sync_failures: Family<FailureLabels, Counter>,
    pub(crate) rules: Family<TargetStateLabels, Gauge>,
    pub(crate) groups: Family<TargetStateLabels, Gauge>,
    pub(crate) writes: Family<WriteLabels, Counter>,
    pub(crate) last_success: Family<TargetLabels, Gauge>,
    pub(crate) drift_repaired: Family<TargetLabels, Counter>,
    pub(crate) deletes_held: Family<TargetLabels, Gauge>,
    pub(crate) foreign_claims: Family<TargetLabels, Gauge>,
    pub(crate) failing_rules: Family<TargetLabels, Gauge>,
    pub(crate) not_loaded_groups: Family<TargetLabels, Gauge>,
    pub(crate) contested_groups: Family<TargetLabels, Gauge>,
    pub(crate) normalized_groups: Family<TargetLabels, Gauge>,
    pub(crate) propagation: Histogram,
    pub(crate) queue_depth: Family<RulerLabels, Gauge>,
    request_duration: Family<RequestLabels, Histogram, fn() -> Histogram>,
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

/// `ruler`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RulerLabels {
    pub(crate) ruler: String,
}

/// `ruler`, `tenant`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct TargetLabels {
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
pub(crate) struct TargetStateLabels {
    pub(crate) ruler: String,
    pub(crate) tenant: String,
    pub(crate) state: &'static str,
}

/// `ruler`, `operation`, `result`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct WriteLabels {
    pub(crate) ruler: String,
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

/// Seconds, from a loopback answer to the deadline of a request.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

impl Default for Metrics {
    fn default() -> Self {
        Self::new(true)
    }
}

impl Metrics {
    /// Metrics at zero. Without `tenant_labels` the label `tenant` is empty everywhere, which keeps the number of
    /// series small with many tenants.
    pub fn new(tenant_labels: bool) -> Self {
        let metrics = Self {
            tenant_labels,
            source_ready: Family::default(),
            source_objects: Family::default(),
            syncs: Family::default(),
            sync_failures: Family::default(),
            rules: Family::default(),
            groups: Family::default(),
            writes: Family::default(),
            last_success: Family::default(),
            drift_repaired: Family::default(),
            deletes_held: Family::default(),
            foreign_claims: Family::default(),
            failing_rules: Family::default(),
            not_loaded_groups: Family::default(),
            contested_groups: Family::default(),
            normalized_groups: Family::default(),
            propagation: Histogram::new(SECONDS),
            queue_depth: Family::default(),
            request_duration: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            leader: Gauge::default(),
            config_reload_successful: Gauge::default(),
        };
        // Without leader election there is no one else.
        metrics.leader.set(1);
        metrics.config_reload_successful.set(1);
        metrics
    }

    /// Registers everything under `rulesync_…`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("rulesync");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running version", version);
        registry.register("leader", "Whether this process writes", self.leader.clone());
        registry.register("source_ready", "Whether a source has shown all it has", self.source_ready.clone());
        registry.register("source_objects", "Objects by source and state", self.source_objects.clone());
        registry.register("syncs", "Times a target was compared whole", self.syncs.clone());
        registry.register("sync_failures", "Requests that failed, by class", self.sync_failures.clone());
        registry.register("rules", "Rules by state", self.rules.clone());
        registry.register("groups", "Groups by state", self.groups.clone());
        registry.register("writes", "Changes offered to rulers", self.writes.clone());
        registry.register(
            "last_sync_success_timestamp_seconds",
            "When a target was last known to be in order, in seconds since 1970",
            self.last_success.clone(),
        );
        registry.register(
            "drift_repaired",
            "Changes by others that were undone",
            self.drift_repaired.clone(),
        );
        registry.register(
            "deletes_held",
            "Groups that the delete guard keeps from being deleted",
            self.deletes_held.clone(),
        );
        registry.register(
            "foreign_claims",
            "Whether another installation claims a target for our owner",
            self.foreign_claims.clone(),
        );
        registry.register(
            "evaluation_failing_rules",
            "Rules that fail whenever the ruler evaluates them",
            self.failing_rules.clone(),
        );
        registry.register(
            "evaluation_not_loaded_groups",
            "Groups that the ruler has stored and does not load",
            self.not_loaded_groups.clone(),
        );
        registry.register(
            "contested_groups",
            "Groups that were found changed at three looks in a row",
            self.contested_groups.clone(),
        );
        registry.register(
            "normalized_groups",
            "Groups that the ruler keeps in a form of its own, which counts as in sync",
            self.normalized_groups.clone(),
        );
        registry.register(
            "propagation_seconds",
            "From the source saying a change to the ruler accepting it",
            self.propagation.clone(),
        );
        registry.register("queue_depth", "Namespaces that wait to be looked at", self.queue_depth.clone());
        registry.register(
            "ruler_request_duration_seconds",
            "Requests to rulers",
            self.request_duration.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "Whether the last reading of the configuration succeeded",
            self.config_reload_successful.clone(),
        );
    }

    /// One request to a ruler: its method, kind of route and status code, or `error` if there was no answer.
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
    }

    /// Whether the last reading of the configuration succeeded.
    pub fn set_config_reload_successful(&self, successful: bool) {
        self.config_reload_successful.set(i64::from(successful));
    }

    /// Whether this process is the one that writes.
    pub fn set_leader(&self, leader: bool) {
        self.leader.set(i64::from(leader));
    }

    pub(crate) fn target_labels(&self, target: &TargetId) -> TargetLabels {
        let tenant = if self.tenant_labels { target.tenant_str() } else { "" };
        TargetLabels { ruler: target.ruler.to_string(), tenant: tenant.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_design() {
        let metrics = Metrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        metrics.observe_request("central", "POST", "namespace", "202", Duration::from_millis(3));
        metrics
            .writes
            .get_or_create(&WriteLabels { ruler: "central".into(), operation: "put_group", result: "ok" })
            .inc();
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for expected in [
            r#"rulesync_build_info{version="0.1.0"} 1"#,
            "rulesync_leader 1",
            r#"rulesync_ruler_request_duration_seconds_count{ruler="central",method="POST",route="namespace",code="202"} 1"#,
            r#"rulesync_writes_total{ruler="central",operation="put_group",result="ok"} 1"#,
            "rulesync_propagation_seconds_count 0",
            "rulesync_config_last_reload_successful 1",
        ] {
            assert!(text.lines().any(|line| line == expected), "{expected} in\n{text}");
        }
    }
}
