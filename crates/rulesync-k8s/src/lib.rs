//! PrometheusRules in a Kubernetes cluster as a source: [`KubernetesSource`].
//!
//! It watches the rules, and the labels of their Kubernetes namespaces, and writes nothing. It heals by itself: a CRD
//! that is not installed yet is waited for, as are permissions, API servers and etcd; broken and silent watches are
//! started anew, and an expired revision leads to a new list.
//!
//! It needs `list` and `watch` on `prometheusrules.monitoring.coreos.com` and, unless it is told which namespaces to
//! watch, on `namespaces`.
//!
//! One thing it cannot tell: deleting the CRD makes the API server report every object as deleted, just as if each had
//! been. Holding such deletes back is the engine's business.

mod connect;
mod health;
mod resource;
mod source;
mod verdict;
mod watch;

pub use connect::{ConnectError, KubernetesConfig};
pub use source::KubernetesSource;
