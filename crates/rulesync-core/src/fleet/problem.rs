//! What looks wrong in a fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::duplicates::DuplicateRecording;
use super::survey::TenantSurvey;
use crate::claim::OwnerClaim;
use crate::model::tenant::DestinationId;
use crate::naming::Owner;
use crate::observed::UnreadableGroup;

/// Something that looks wrong in a fleet. What it shows comes from rulers, and may be anybody's text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FleetProblem {
    /// An owner that is not among the known ones, such as a cluster that is gone.
    UnknownOwner {
        /// The owner.
        owner: Owner,
        /// Where it has rules or a claim.
        destinations: Vec<DestinationId>,
    },
    /// An owner with rules and without a claim, so that two clusters with this owner would not notice each other.
    Unclaimed {
        /// The owner.
        owner: Owner,
        /// Where it has rules and no claim.
        destinations: Vec<DestinationId>,
    },
    /// An owner that different installations or clusters have claimed in different tenants: a mistake, or a move.
    ClaimsDiffer {
        /// The owner.
        owner: Owner,
        /// The claims, each with its tenants.
        claims: Vec<(OwnerClaim, Vec<DestinationId>)>,
    },
    /// Recording rules of different owners that may write the same series.
    DuplicateRecording {
        /// The tenant.
        destination: DestinationId,
        /// The rules.
        duplicate: DuplicateRecording,
    },
    /// A group that cannot be read.
    Unreadable {
        /// The tenant.
        destination: DestinationId,
        /// The group.
        group: UnreadableGroup,
    },
}

/// Returns what looks wrong in these tenants, in an order that depends on them alone. Without known owners, none is
/// unknown.
pub fn problems(tenants: &[TenantSurvey], known: Option<&BTreeSet<Owner>>) -> Vec<FleetProblem> {
    let mut unknown: BTreeMap<&Owner, Vec<DestinationId>> = BTreeMap::new();
    let mut unclaimed = unknown.clone();
    let mut claims: BTreeMap<&Owner, Vec<(OwnerClaim, Vec<DestinationId>)>> = BTreeMap::new();
    let mut tenants: Vec<&TenantSurvey> = tenants.iter().collect();
    tenants.sort_by_key(|tenant| &tenant.destination);
    for TenantSurvey { destination, owners, .. } in &tenants {
        for (owner, survey) in owners {
            if known.is_some_and(|known| !known.contains(owner)) {
                unknown.entry(owner).or_default().push(destination.clone());
            }
            let Some(claim) = &survey.claim else {
                unclaimed.entry(owner).or_default().push(destination.clone());
                continue;
            };
            let claims = claims.entry(owner).or_default();
            match claims.iter_mut().find(|(other, _)| other == claim) {
                Some((_, destinations)) => destinations.push(destination.clone()),
                None => claims.push((claim.clone(), vec![destination.clone()])),
            }
        }
    }
    let mut problems = Vec::new();
    problems.extend(
        unknown
            .into_iter()
            .map(|(owner, destinations)| FleetProblem::UnknownOwner { owner: owner.clone(), destinations }),
    );
    problems.extend(
        unclaimed
            .into_iter()
            .map(|(owner, destinations)| FleetProblem::Unclaimed { owner: owner.clone(), destinations }),
    );
    let differ = claims.into_iter().filter(|(_, claims)| {
        claims
            .iter()
            .any(|(one, _)| claims.iter().any(|(other, _)| are_of_different_installations(one, other)))
    });
    problems
        .extend(differ.map(|(owner, claims)| FleetProblem::ClaimsDiffer { owner: owner.clone(), claims }));
    for TenantSurvey { destination, duplicates, .. } in &tenants {
        problems.extend(duplicates.iter().map(|duplicate| FleetProblem::DuplicateRecording {
            destination: destination.clone(),
            duplicate: duplicate.clone(),
        }));
    }
    for TenantSurvey { destination, unreadable, .. } in &tenants {
        problems.extend(unreadable.iter().map(|group| FleetProblem::Unreadable {
            destination: destination.clone(),
            group: group.clone(),
        }));
    }
    problems
}

/// Claims written by old versions name no installation.
fn are_of_different_installations(one: &OwnerClaim, other: &OwnerClaim) -> bool {
    one.cluster != other.cluster
        || matches!((&one.installation, &other.installation), (Some(one), Some(other)) if one != other)
}

impl FleetProblem {
    /// Returns what kind of problem it is, in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::UnknownOwner { .. } => "unknown_owner",
            Self::Unclaimed { .. } => "unclaimed",
            Self::ClaimsDiffer { .. } => "claims_differ",
            Self::DuplicateRecording { .. } => "duplicate_recording",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

impl fmt::Display for FleetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOwner { owner, destinations } => {
                write!(
                    f,
                    "{owner} is not a known owner, and has rules or a claim in {}",
                    Few(destinations, ", ")
                )
            }
            Self::Unclaimed { owner, destinations } => {
                write!(f, "{owner} has rules and no claim in {}", Few(destinations, ", "))
            }
            Self::ClaimsDiffer { owner, claims } => {
                write!(f, "{owner} is claimed by different installations: ")?;
                let claims: Vec<String> = claims
                    .iter()
                    .map(|(claim, destinations)| format!("{claim} (in {})", Few(destinations, ", ")))
                    .collect();
                write!(f, "{}", claims.join("; "))
            }
            Self::DuplicateRecording { destination, duplicate } => {
                let DuplicateRecording { record, labels, rules } = duplicate;
                write!(f, "{destination}: {record}")?;
                if !labels.is_empty() {
                    let labels: Vec<String> =
                        labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
                    write!(f, "{{{}}}", labels.join(", "))?;
                }
                let owners: BTreeSet<&Owner> = rules.iter().map(|rule| &rule.owner).collect();
                write!(f, " may be recorded by {} owners at once: {}", owners.len(), Few(rules, "; "))
            }
            Self::Unreadable { destination, group } => {
                write!(f, "{destination}: {group} cannot be read: {}", group.reason)
            }
        }
    }
}

/// Displays the first few of several things, with a text between them, and how many more there are.
struct Few<'a, T>(&'a [T], &'static str);

/// How many things are shown.
const FEW: usize = 5;

impl<T: fmt::Display> fmt::Display for Few<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(all, separator) = self;
        for (index, one) in all.iter().take(FEW).enumerate() {
            write!(f, "{}{one}", if index == 0 { "" } else { separator })?;
        }
        match all.len().saturating_sub(FEW) {
            0 => Ok(()),
            more => write!(f, "{separator}and {more} more"),
        }
    }
}
