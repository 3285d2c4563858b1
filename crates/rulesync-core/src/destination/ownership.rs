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
    Unclaimed { claimant: Arc<Claimant> },
    /// The last list showed the claim of this installation.
    Own { claimant: Arc<Claimant> },
    /// The last list showed the claim of another installation.
    Foreign { claimant: Arc<Claimant>, claim: OwnerClaim },
}

impl Ownership {
    /// Returns whether objects' rules may be written and deleted.
    pub(super) fn may_write(&self) -> bool {
        matches!(self, Self::Off | Self::Own { .. })
    }

    /// Returns the claim to write, if one is missing.
    pub(super) fn to_claim(&self) -> Option<OwnerClaim> {
        match self {
            Self::Unclaimed { claimant } => Some(claimant.claim.clone()),
            _ => None,
        }
    }

    /// Returns the foreign claim that prevents writes, and the own one.
    pub(super) fn conflict(&self) -> Option<(&OwnerClaim, &OwnerClaim)> {
        match self {
            Self::Foreign { claimant, claim } => Some((claim, &claimant.claim)),
            _ => None,
        }
    }

    /// Returns the ownership after a list that found this claim.
    pub(super) fn found(&self, claim: Option<OwnerClaim>) -> Self {
        let claimant = match self {
            Self::Off | Self::Anonymous => return self.clone(),
            Self::Unclaimed { claimant } | Self::Own { claimant } | Self::Foreign { claimant, .. } => {
                Arc::clone(claimant)
            }
        };
        match claim {
            None => Self::Unclaimed { claimant },
            Some(claim) if claim == claimant.claim => Self::Own { claimant },
            // It is overwritten, since this very list showed it.
            Some(claim) if claimant.takes_over(&claim) => Self::Unclaimed { claimant },
            Some(claim) => Self::Foreign { claimant, claim },
        }
    }

    /// Sets the identity of this installation; none if it cannot be known.
    pub(super) fn identify(&mut self, claimant: Option<Arc<Claimant>>) {
        *self = claimant.map_or(Self::Off, |claimant| Self::Unclaimed { claimant });
    }

    /// Records that the claim was written, or that the ruler refuses it and waiting is pointless.
    pub(super) fn settled(&mut self) {
        if let Self::Unclaimed { claimant } = self {
            *self = Self::Own { claimant: Arc::clone(claimant) };
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
        let claimant = |cluster: &str| Claimant::of(Some(&cluster.into()), Some(&installation)).map(Arc::new);
        let foreign_claim = claimant("b").unwrap().claim.clone();
        let mut ownership = Ownership::Anonymous;
        assert!(!ownership.may_write());
        ownership.identify(claimant("a"));
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
