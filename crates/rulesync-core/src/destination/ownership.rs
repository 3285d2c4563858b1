//! Whether a destination is ours to write to, by the claim that stands in it.

use std::sync::Arc;

use crate::claim::{Claimant, OwnerClaim};

/// What is known of a destination's claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ownership {
    /// Claims are switched off, or nobody knows who we are.
    Off,
    /// Who we are is not known yet: nothing is written before.
    Anonymous,
    /// Nobody has claimed it, as far as the last list tells.
    Unclaimed { us: Arc<Claimant> },
    /// It is ours.
    Ours { us: Arc<Claimant> },
    /// Somebody else's.
    Foreign { us: Arc<Claimant>, claim: OwnerClaim },
}

impl Ownership {
    /// Whether objects' rules may be written and deleted.
    pub(super) fn may_write(&self) -> bool {
        matches!(self, Self::Off | Self::Ours { .. })
    }

    /// The claim to be written, if one is.
    pub(super) fn to_claim(&self) -> Option<OwnerClaim> {
        match self {
            Self::Unclaimed { us } => Some(us.claim.clone()),
            _ => None,
        }
    }

    /// The foreign claim that stands in the way.
    pub(super) fn conflict(&self) -> Option<(&OwnerClaim, &OwnerClaim)> {
        match self {
            Self::Foreign { us, claim } => Some((claim, &us.claim)),
            _ => None,
        }
    }

    /// What follows from a list that found this claim.
    pub(super) fn found(&self, claim: Option<OwnerClaim>) -> Self {
        let us = match self {
            Self::Off | Self::Anonymous => return self.clone(),
            Self::Unclaimed { us } | Self::Ours { us } | Self::Foreign { us, .. } => Arc::clone(us),
        };
        match claim {
            None => Self::Unclaimed { us },
            Some(claim) if claim == us.claim => Self::Ours { us },
            // It is written over, on the word of this very list.
            Some(claim) if us.takes_over(&claim) => Self::Unclaimed { us },
            Some(claim) => Self::Foreign { us, claim },
        }
    }

    /// We are this; none if that cannot be known.
    pub(super) fn identify(&mut self, us: Option<Arc<Claimant>>) {
        *self = us.map_or(Self::Off, |us| Self::Unclaimed { us });
    }

    /// The claim was written, or the ruler will not have one: it is no use to wait for it.
    pub(super) fn settled(&mut self) {
        if let Self::Unclaimed { us } = self {
            *self = Self::Ours { us: Arc::clone(us) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Installation;

    #[test]
    fn a_foreign_claim_stops_us_until_it_goes() {
        let installation = Installation { name: "x".into(), ..Installation::default() };
        let us = |cluster: &str| Claimant::of(Some(&cluster.into()), Some(&installation)).map(Arc::new);
        let theirs = us("b").unwrap().claim.clone();
        let mut ownership = Ownership::Anonymous;
        assert!(!ownership.may_write());
        ownership.identify(us("a"));
        assert!(!ownership.may_write() && ownership.to_claim().is_some());
        ownership.settled();
        assert!(ownership.may_write());
        let foreign = ownership.found(Some(theirs.clone()));
        assert!(!foreign.may_write() && foreign.to_claim().is_none() && foreign.conflict().is_some());
        assert!(foreign.found(None).to_claim().is_some());
        assert!(Ownership::Off.found(Some(theirs)).may_write());
        let second = OwnerClaim { cluster: "a".into(), installation: Some("y".into()) };
        assert!(ownership.found(Some(second)).conflict().is_some(), "another release in the same cluster");
        let older = OwnerClaim { cluster: "a".into(), installation: None };
        assert!(ownership.found(Some(older)).to_claim().is_some());
    }
}
