//! Ownership of a destination: whether this installation may write there, by the claim found in it.

use std::sync::Arc;

use crate::claim::{Claimant, OwnerClaim};

/// The ownership of a destination, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ownership {
    /// Claims are switched off, or this installation has no identity to claim with.
    Off,
    /// The identity of this installation is not known yet: nothing is written before.
    Anonymous,
    /// The last list showed no claim.
    Unclaimed { own: Arc<Claimant> },
    /// The last list showed the claim of this installation.
    Own { own: Arc<Claimant> },
    /// The last list showed the claim of another installation.
    Foreign { own: Arc<Claimant>, claim: OwnerClaim },
}

impl Ownership {
    /// Returns whether objects' rules may be written and deleted.
    pub(super) fn may_write(&self) -> bool {
        matches!(self, Self::Off | Self::Own { .. })
    }

    /// Returns the claim to write, if one is missing.
    pub(super) fn to_claim(&self) -> Option<OwnerClaim> {
        match self {
            Self::Unclaimed { own } => Some(own.claim.clone()),
            _ => None,
        }
    }

    /// Returns the foreign claim that prevents writes, and the own one.
    pub(super) fn conflict(&self) -> Option<(&OwnerClaim, &OwnerClaim)> {
        match self {
            Self::Foreign { own, claim } => Some((claim, &own.claim)),
            _ => None,
        }
    }

    /// Returns the ownership after a list that found this claim.
    pub(super) fn found(&self, claim: Option<OwnerClaim>) -> Self {
        let own = match self {
            Self::Off | Self::Anonymous => return self.clone(),
            Self::Unclaimed { own } | Self::Own { own } | Self::Foreign { own, .. } => Arc::clone(own),
        };
        match claim {
            None => Self::Unclaimed { own },
            Some(claim) if claim == own.claim => Self::Own { own },
            // It is overwritten, since this very list showed it.
            Some(claim) if own.takes_over(&claim) => Self::Unclaimed { own },
            Some(claim) => Self::Foreign { own, claim },
        }
    }

    /// Sets the identity of this installation; none if it cannot be known.
    pub(super) fn identify(&mut self, own: Option<Arc<Claimant>>) {
        *self = own.map_or(Self::Off, |own| Self::Unclaimed { own });
    }

    /// Records that the claim was written, or that the ruler refuses it and waiting is pointless.
    pub(super) fn settled(&mut self) {
        if let Self::Unclaimed { own } = self {
            *self = Self::Own { own: Arc::clone(own) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Installation;

    #[test]
    fn ownership_ends_with_a_foreign_claim_until_it_is_removed() {
        let installation = Installation { name: "x".into(), ..Installation::default() };
        let own = |cluster: &str| Claimant::of(Some(&cluster.into()), Some(&installation)).map(Arc::new);
        let foreign_claim = own("b").unwrap().claim.clone();
        let mut ownership = Ownership::Anonymous;
        assert!(!ownership.may_write());
        ownership.identify(own("a"));
        assert!(!ownership.may_write() && ownership.to_claim().is_some());
        ownership.settled();
        assert!(ownership.may_write());
        let foreign = ownership.found(Some(foreign_claim.clone()));
        assert!(!foreign.may_write() && foreign.to_claim().is_none() && foreign.conflict().is_some());
        assert!(foreign.found(None).to_claim().is_some());
        assert!(Ownership::Off.found(Some(foreign_claim)).may_write());
        let second = OwnerClaim { cluster: "a".into(), installation: Some("y".into()) };
        assert!(ownership.found(Some(second)).conflict().is_some(), "another release in the same cluster");
        let older = OwnerClaim { cluster: "a".into(), installation: None };
        assert!(ownership.found(Some(older)).to_claim().is_some());
    }
}
