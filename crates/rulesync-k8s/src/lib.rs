//! Objects with rules in a Kubernetes cluster as a source: [`KubernetesSource`].
//!
//! The source watches the rules, and the metadata of their Kubernetes namespaces, and writes nothing. It recovers by itself: it
//! waits for a missing CRD or permission and for an unavailable API server or etcd, restarts broken and silent watches,
//! and lists again when a resource version has expired.
//!
//! It needs `list` and `watch` on `prometheusrules.monitoring.coreos.com`, or on the configured kinds, and, unless
//! Kubernetes namespaces are configured, on `namespaces`. Optional kinds that are not installed are not reported as a
//! problem: those of the Loki operator, and rulesync's own [`LoggingRule`].
//!
//! When a CRD is deleted, the API server reports every object as deleted, as if each had been deleted by itself. The
//! source sends [`rulesync_core::SourceEvent::KindGone`] as soon as it detects that the kind is missing; until then the
//! engine holds such deletes.
//!
//! [`KubernetesInventory`] stores the engine's inventory in a ConfigMap; [`LeaseElection`] elects the one process that
//! writes; a [`Publisher`](publish::Publisher) shows beside the objects what became of them.

mod auth;
mod bounded;
mod connect;
mod crd;
mod failure;
mod health;
mod identity;
mod inventory;
mod kubeconfig;
mod lease;
pub mod publish;
mod resource;
mod source;
mod watch;

pub use connect::{ConnectError, KubernetesConfig, check_kubeconfig};
pub use crd::{
    Condition, LoggingRule, LoggingRuleGroup, LoggingRuleItem, LoggingRuleSpec, LoggingRuleStatus,
    ManifestError, PublishedStatus, RuleStatus, RuleStatusSubject, SourceObject, StatusDestination,
    StatusFinding, StatusSummary, api_version, logging_rule_crd, manifest_files, manifests, rule_status_crd,
};
pub use inventory::{KubernetesInventory, RELEASE_ANNOTATION};
pub use lease::{KubernetesLease, LeaseElection, LeaseError, LeaseSettings};
pub use source::KubernetesSource;
