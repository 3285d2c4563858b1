//! Ownership of a destination: whether this installation may write there, by the claim found in it, and the claim that
//! it writes itself.

use std::sync::Arc;

use crate::claim::{CLAIM_GROUP, Claimant, OwnerClaim};
use crate::desired::DesiredGroup;
use crate::model::capabilities::StoredFields;
use crate::model::language::QueryLanguage;
use crate::model::left_out::LeftOut;
use crate::model::name::RulerNamespace;
use crate::naming::Owner;
use crate::plan::{Action, Change, Reason};

/// The number of claims in a row that may be written and missing before the next is looked for at resyncs only.
const MAX_CLAIMS_LOST: u32 = 2;

/// The ownership of a destination, and the claim of this installation.
#[derive(Debug)]
pub(super) struct Ownership {
    state: ClaimState,
    owner: Owner,
    /// The namespace of the claim.
    namespace: RulerNamespace,
    /// The claim that the last list showed, before this installation's identity is known too.
    seen: Option<OwnerClaim>,
    /// The number of claims in a row that were written and not found.
    lost: u32,
    /// The claim of this installation as a group, once it was needed.
    group: Option<DesiredGroup>,
}

/// A change of who has claimed a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OwnershipChange {
    /// Another installation has claimed it.
    Conflict {
        /// The claim of the other installation.
        foreign: OwnerClaim,
        /// The claim of this installation.
        own: OwnerClaim,
    },
    /// The claim of the other installation was deleted.
    ConflictOver,
}

impl Ownership {
    /// Creates the ownership of a destination that was never listed; without `claims`, none are written or respected.
    pub(super) fn new(owner: &Owner, claims: bool) -> Self {
        Self {
            state: if claims { ClaimState::Anonymous } else { ClaimState::Off },
            owner: owner.clone(),
            namespace: owner.as_str().into(),
            seen: None,
            lost: 0,
            group: None,
        }
    }

    /// Returns the namespace of the claim.
    pub(super) fn namespace(&self) -> &RulerNamespace {
        &self.namespace
    }

    /// Returns whether objects' rules may be written and deleted.
    pub(super) fn may_write(&self) -> bool {
        self.state.may_write()
    }

    /// Returns whether the claim is missing and to be written.
    pub(super) fn is_to_claim(&self) -> bool {
        self.state.to_claim().is_some()
    }

    /// Returns whether the claim of this installation was found, or written since.
    pub(super) fn has_claim(&self) -> bool {
        matches!(self.state, ClaimState::Own { .. })
    }

    /// Returns the foreign claim that prevents writes, and the own one.
    pub(super) fn conflict(&self) -> Option<(&OwnerClaim, &OwnerClaim)> {
        self.state.conflict()
    }

    /// Takes the claim that a list has found into account.
    pub(super) fn found(&mut self, claim: Option<OwnerClaim>) -> Option<OwnershipChange> {
        let had_claim = self.has_claim();
        self.seen.clone_from(&claim);
        let change = self.set(self.state.found(claim));
        match self.has_claim() {
            true => self.lost = 0,
            false => self.lost += u32::from(had_claim),
        }
        change
    }

    /// Sets the identity of this installation, none if it will not be known. Only the first one counts. `listed` if the
    /// destination has been listed: then the claim that was found counts, too.
    pub(super) fn identify(
        &mut self,
        claimant: Option<Arc<Claimant>>,
        listed: bool,
    ) -> Option<OwnershipChange> {
        if self.state != ClaimState::Anonymous {
            return None;
        }
        self.state = claimant.map_or(ClaimState::Off, |claimant| ClaimState::Unclaimed { claimant });
        // The last list was read without regard to its claim.
        let seen = self.seen.clone().filter(|_| listed);
        self.set(self.state.found(seen))
    }

    fn set(&mut self, state: ClaimState) -> Option<OwnershipChange> {
        let before = std::mem::replace(&mut self.state, state);
        match (before.conflict(), self.conflict()) {
            (None, Some((foreign, own))) => {
                Some(OwnershipChange::Conflict { foreign: foreign.clone(), own: own.clone() })
            }
            (Some(_), None) => Some(OwnershipChange::ConflictOver),
            _ => None,
        }
    }

    /// Records that the claim was written, or that the ruler refuses it and waiting is pointless.
    pub(super) fn settled(&mut self) {
        self.state.settled();
    }

    /// Returns whether a list should soon show that the claim was stored: another cluster may have claimed the tenant
    /// at the same moment, and only one of the two claims is stored. A ruler that does not store what it accepts is not
    /// asked again and again.
    pub(super) fn is_confirmed_soon(&self) -> bool {
        self.lost < MAX_CLAIMS_LOST
    }

    /// Records that the own claim was deleted, as the last thing in a destination that was emptied.
    pub(super) fn claim_deleted(&mut self) {
        if let ClaimState::Own { claimant } = &self.state {
            self.state = ClaimState::Unclaimed { claimant: Arc::clone(claimant) };
        }
    }

    /// Returns the change that writes the claim, if it is missing.
    pub(super) fn write(&mut self, language: QueryLanguage, fields: &StoredFields) -> Option<Change> {
        let claim = self.state.to_claim()?;
        if self.group.is_none() {
            let group = claim.group(&self.owner, language);
            self.group = DesiredGroup::encode(&group, fields, LeftOut::default());
        }
        Some(self.change(Action::Put(self.group.clone()?)))
    }

    /// Returns the change that deletes the own claim, if there is one.
    pub(super) fn delete(&self) -> Option<Change> {
        self.has_claim().then(|| self.change(Action::DeleteGroup(CLAIM_GROUP.into())))
    }

    fn change(&self, action: Action) -> Change {
        Change { namespace: self.namespace.clone(), object: None, action, reason: Reason::Claim, held: None }
    }
}

/// The state of the claim of a destination, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ClaimState {
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

impl ClaimState {
    /// Returns whether objects' rules may be written and deleted.
    fn may_write(&self) -> bool {
        matches!(self, Self::Off | Self::Own { .. })
    }

    /// Returns the claim to write, if one is missing.
    fn to_claim(&self) -> Option<OwnerClaim> {
        match self {
            Self::Unclaimed { claimant } => Some(claimant.claim.clone()),
            _ => None,
        }
    }

    /// Returns the foreign claim that prevents writes, and the own one.
    fn conflict(&self) -> Option<(&OwnerClaim, &OwnerClaim)> {
        match self {
            Self::Foreign { claimant, claim } => Some((claim, &claimant.claim)),
            _ => None,
        }
    }

    /// Returns the ownership after a list that found this claim.
    fn found(&self, claim: Option<OwnerClaim>) -> Self {
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

    /// Records that the claim was written, or that the ruler refuses it and waiting is pointless.
    fn settled(&mut self) {
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
        let owner: Owner = "us".parse().unwrap();
        let mut ownership = Ownership::new(&owner, true);
        assert!(!ownership.may_write());
        assert_eq!(ownership.identify(claimant("a"), false), None);
        assert!(!ownership.may_write() && ownership.is_to_claim());
        ownership.settled();
        assert!(ownership.may_write() && ownership.delete().is_some());
        let change = ownership.found(Some(foreign_claim.clone()));
        assert!(matches!(change, Some(OwnershipChange::Conflict { .. })), "{change:?}");
        assert!(!ownership.may_write() && !ownership.is_to_claim() && ownership.delete().is_none());
        assert_eq!(ownership.found(None), Some(OwnershipChange::ConflictOver));
        assert!(ownership.is_to_claim());
        let second = OwnerClaim { cluster: "a".into(), installation: Some("y".into()) };
        assert!(ownership.found(Some(second)).is_some(), "another release in the same cluster");
        let older = OwnerClaim { cluster: "a".into(), installation: None };
        ownership.found(Some(older));
        assert!(ownership.is_to_claim(), "a claim without installation is taken over");
        ownership.settled();
        ownership.claim_deleted();
        assert!(!ownership.may_write() && ownership.is_to_claim(), "the destination may be needed again");
        assert!(ownership.found(Some(foreign_claim.clone())).is_some(), "others may claim it now");
        let mut without_claims = Ownership::new(&owner, false);
        assert_eq!(without_claims.found(Some(foreign_claim)), None);
        assert!(without_claims.may_write());
    }

    #[test]
    fn claim_seen_before_the_identity_counts_once_it_is_known() {
        let claimant = |cluster: &str| Claimant::of(Some(&cluster.into()), None).map(Arc::new);
        let listed = |claim: &str| {
            let mut ownership = Ownership::new(&"us".parse().unwrap(), true);
            assert_eq!(ownership.found(claimant(claim).map(|other| other.claim.clone())), None);
            ownership
        };
        let mut foreign = listed("b");
        assert!(matches!(foreign.identify(claimant("a"), true), Some(OwnershipChange::Conflict { .. })));
        assert_eq!(foreign.identify(claimant("b"), true), None, "the first identity counts");
        let mut own = listed("a");
        assert_eq!(own.identify(claimant("a"), true), None);
        assert!(own.has_claim());
        let mut unlisted = listed("b");
        assert_eq!(unlisted.identify(claimant("a"), false), None, "that list was discarded");
        assert!(unlisted.is_to_claim());
    }

    #[test]
    fn claim_that_is_lost_twice_in_a_row_is_not_confirmed_soon() {
        let mut ownership = Ownership::new(&"us".parse().unwrap(), true);
        ownership.identify(Claimant::of(Some(&"a".into()), None).map(Arc::new), false);
        let own = ownership.state.to_claim();
        for _ in 0..2 {
            assert!(ownership.is_confirmed_soon());
            ownership.settled();
            ownership.found(None);
        }
        assert!(!ownership.is_confirmed_soon());
        ownership.found(own);
        assert!(ownership.is_confirmed_soon(), "it was found");
    }
}
