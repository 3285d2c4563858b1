//! Objects with rules in a Kubernetes cluster as a source: [`KubernetesSource`].
//!
//! It watches the rules, and the labels of their Kubernetes namespaces, and writes nothing. It heals by itself: a CRD
//! that is not installed yet is waited for, as are permissions, API servers and etcd; broken and silent watches are
//! started anew, and an expired revision leads to a new list.
//!
//! It needs `list` and `watch` on `prometheusrules.monitoring.coreos.com`, or whichever kinds it is told to watch, and,
//! unless it is told which namespaces to watch, on `namespaces`. Kinds that a cluster need not have are waited for
//! without a word: the Loki operator's, and our own [`LoggingRule`].
//!
//! Deleting the CRD makes the API server report every object as deleted, just as if each had been. The source says so
//! as soon as it sees that the kind is gone ([`rulesync_core::SourceEvent::KindGone`]); holding such deletes back until
//! then is the engine's business.
//!
//! [`KubernetesInventory`] keeps the engine's inventory in a ConfigMap; [`LeaseElection`] lets one of several processes
//! write.

mod auth;
mod bounded;
mod connect;
mod crd;
mod health;
mod identity;
mod inventory;
mod kubeconfig;
mod lease;
mod resource;
mod source;
mod verdict;
mod watch;

pub use connect::{ConnectError, KubernetesConfig};
pub use crd::{
    LoggingRule, LoggingRuleCondition, LoggingRuleGroup, LoggingRuleItem, LoggingRuleSpec, LoggingRuleStatus,
    ManifestError, logging_rule_crd, manifests,
};
pub use inventory::{KubernetesInventory, RELEASE_ANNOTATION};
pub use lease::{KubernetesLease, LeaseElection, LeaseError, LeaseSettings};
pub use source::KubernetesSource;
