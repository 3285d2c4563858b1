//! Whether a target is ours to write to, by the claim that stands in it.

use std::sync::Arc;

use crate::claim::OwnerClaim;

/// What is known of a target's claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ownership {
    /// Claims are switched off, or nobody knows who we are.
    Off,
    /// Who we are is not known yet: nothing is written before.
    Anonymous,
    /// Nobody has claimed it, as far as the last list tells.
    Unclaimed { us: Arc<str> },
    /// It is ours.
    Ours { us: Arc<str> },
    /// Somebody else's.
    Foreign { us: Arc<str>, claim: OwnerClaim },
}

impl Ownership {
    /// Whether objects' rules may be written and deleted.
    pub(super) fn may_write(&self) -> bool {
        matches!(self, Self::Off | Self::Ours { .. })
    }

    /// The claim to be written, if one is.
    pub(super) fn to_claim(&self) -> Option<OwnerClaim> {
        match self {
            Self::Unclaimed { us } => Some(OwnerClaim { cluster: Arc::clone(us) }),
            _ => None,
        }
    }

    /// The foreign claim that stands in the way.
    pub(super) fn conflict(&self) -> Option<(&OwnerClaim, &Arc<str>)> {
        match self {
            Self::Foreign { us, claim } => Some((claim, us)),
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
            Some(claim) if claim.cluster == us => Self::Ours { us },
            Some(claim) => Self::Foreign { us, claim },
        }
    }

    /// We are this; none if that cannot be known.
    pub(super) fn identify(&mut self, us: Option<Arc<str>>) {
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

    #[test]
    fn a_foreign_claim_stops_us_until_it_goes() {
        let theirs = OwnerClaim { cluster: "b".into() };
        let mut ownership = Ownership::Anonymous;
        assert!(!ownership.may_write());
        ownership.identify(Some("a".into()));
        assert!(!ownership.may_write() && ownership.to_claim().is_some());
        ownership.settled();
        assert!(ownership.may_write());
        let foreign = ownership.found(Some(theirs));
        assert!(!foreign.may_write() && foreign.to_claim().is_none() && foreign.conflict().is_some());
        assert!(foreign.found(None).to_claim().is_some());
        assert!(Ownership::Off.found(Some(OwnerClaim { cluster: "b".into() })).may_write());
    }
}
