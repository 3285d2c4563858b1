//! The identity of an installation, which the cluster of its sources completes.

use std::sync::Arc;

use crate::claim::{Claimant, Installation};

/// The identity of this installation, which claims tenants.
#[derive(Debug)]
pub(super) struct Identity {
    installation: Option<Installation>,
    /// None while it is not settled; none within if nothing distinguishes this installation from others.
    claimant: Option<Option<Arc<Claimant>>>,
}

impl Identity {
    /// Returns the identity, settled if the embedding program has set the `cluster`.
    pub(super) fn new(cluster: Option<Arc<str>>, installation: Option<Installation>) -> Self {
        let mut identity = Self { installation, claimant: None };
        if cluster.is_some() {
            identity.settle(cluster);
        }
        identity
    }

    /// Settles the identity of the cluster, or that it has none. The first one counts.
    pub(super) fn settle(&mut self, cluster: Option<Arc<str>>) {
        self.claimant
            .get_or_insert_with(|| Claimant::of(cluster.as_ref(), self.installation.as_ref()).map(Arc::new));
    }

    /// Returns the claimant that this installation is, if that is settled.
    #[expect(clippy::option_option, reason = "not settled is not the same as never to be known")]
    pub(super) fn claimant(&self) -> Option<Option<Arc<Claimant>>> {
        self.claimant.clone()
    }
}
