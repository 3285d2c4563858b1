//! Facts that all destinations of a run share: which deletes are safe, which sources are suspect, who writes. They are
//! one value, of which destinations always have the latest version.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::claim::Claimant;
use crate::desired::Desired;
use crate::guard::HeldReason;
use crate::model::name::{KubernetesNamespace, SourceName};
use crate::naming::NamespaceClassifier;
use crate::plan::Deletes;
use crate::policy::Policy;

/// Facts that all destinations of a run share.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Environment {
    /// The number of changes, which shows whether a destination has taken a change into account.
    pub(crate) version: u64,
    /// The deletes that sources allow.
    pub(crate) deletes: Deletes,
    /// Sources that may not see all their objects.
    pub(crate) suspects: BTreeSet<SourceName>,
    /// Sources from which most objects vanished together.
    pub(crate) vanished: BTreeMap<SourceName, HeldReason>,
    /// The reason why orphaned namespaces are held, if they are.
    pub(crate) orphans: Option<HeldReason>,
    /// Kinds that are not installed where objects come from.
    pub(crate) missing_kinds: BTreeSet<Arc<str>>,
    /// Kubernetes namespaces that were deleted within the delete guard's window.
    pub(crate) gone_namespaces: GoneNamespaces,
    /// The claimant that this installation is. None while that is not settled; none within if nothing distinguishes it
    /// from others.
    pub(crate) claimant: Option<Option<Arc<Claimant>>>,
    /// Times and limits.
    pub(crate) policy: Policy,
}

impl Environment {
    /// Returns an environment in which nothing but the policy is known, and nothing may be deleted.
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Returns whether the deletes of a ruler's namespace are explained because its Kubernetes namespace was deleted.
    pub(crate) fn explains(
        &self,
        namespace: &str,
        desired: &Desired,
        classifier: &NamespaceClassifier,
    ) -> bool {
        if self.gone_namespaces.is_empty() {
            return false;
        }
        let declared =
            desired.object_of(namespace).map(|object| self.gone_namespaces.contains(object.namespace()));
        declared.unwrap_or_else(|| {
            classifier.parse(namespace).is_some_and(|named| self.gone_namespaces.contains(named.namespace))
        })
    }
}

/// Kubernetes namespaces that were deleted recently, which explains the deletion of their objects.
///
/// Cheap to clone, because each version of the environment has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GoneNamespaces(Arc<BTreeMap<KubernetesNamespace, Instant>>);

impl GoneNamespaces {
    /// Records that a Kubernetes namespace was deleted, or that it exists. Deletions are remembered for a `window`.
    pub(crate) fn update(&mut self, name: &str, gone: bool, window: Duration, now: Instant) {
        if self.0.is_empty() && !gone {
            // The usual case, once for each Kubernetes namespace of a snapshot.
            return;
        }
        let namespaces = Arc::make_mut(&mut self.0);
        namespaces.retain(|_, at| *at + window > now);
        match gone {
            true => drop(namespaces.insert(name.into(), now)),
            false => drop(namespaces.remove(name)),
        }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether there is a namespace that is not among `others`.
    pub(crate) fn has_more_than(&self, others: &Self) -> bool {
        self.0.keys().any(|name| !others.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn deleted_namespaces_are_remembered_for_a_window_or_until_they_exist_again() {
        let (window, second, now) = (Duration::from_secs(300), Duration::from_secs(1), Instant::now());
        let gone = |after: Duration| {
            let mut namespaces = GoneNamespaces::default();
            namespaces.update("ns", true, window, now);
            namespaces.update("another", true, window, now + after);
            namespaces
        };
        assert!(gone(window - second).contains("ns") && !gone(window).contains("ns"));
        let mut namespaces = gone(second);
        namespaces.update("ns", false, window, now + second);
        assert!(!namespaces.contains("ns") && namespaces.contains("another"));
        assert!(gone(second).has_more_than(&namespaces) && !namespaces.has_more_than(&gone(second)));
    }
}
