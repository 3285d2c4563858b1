//! What one tenant has, by owner.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use serde::Serialize;

use super::duplicates::{DuplicateRecording, Recordings};
use crate::claim::{CLAIM_GROUP, OwnerClaim};
use crate::model::group::Group;
use crate::model::language::QueryLanguage;
use crate::model::tenant::DestinationId;
use crate::naming::Owner;
use crate::observed::UnreadableGroup;
use crate::stored_groups::StoredGroups;

/// What a ruler has for one tenant, by owner. Made from its groups, which are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantSurvey {
    /// The ruler and the tenant.
    pub destination: DestinationId,
    /// The owners that have claimed the tenant, or have namespaces in it that are named by owner.
    pub owners: BTreeMap<Owner, OwnerSurvey>,
    /// What has no owner in its name: namespaces that are named as declared or by Grafana Alloy, and those of other tools.
    pub others: RuleCounts,
    /// Groups that cannot be read.
    pub unreadable: Vec<UnreadableGroup>,
    /// Recording rules of different owners that may write the same series.
    pub duplicates: Vec<DuplicateRecording>,
}

/// What one owner has in a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerSurvey {
    /// Its claim; none if it has made none, as without an installation.
    pub claim: Option<OwnerClaim>,
    /// Its rules, without the claim.
    pub counts: RuleCounts,
}

/// Numbers of namespaces, groups and rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RuleCounts {
    /// Ruler namespaces.
    pub namespaces: usize,
    /// Groups, also those that cannot be read.
    pub groups: usize,
    /// Rules of the groups that can be read.
    pub rules: usize,
}

impl AddAssign for RuleCounts {
    fn add_assign(&mut self, other: Self) {
        self.namespaces += other.namespaces;
        self.groups += other.groups;
        self.rules += other.rules;
    }
}

impl TenantSurvey {
    /// Surveys the groups of a tenant. `unreadable` are those that cannot be read; `language` is that of the ruler.
    pub fn of(
        destination: DestinationId,
        stored: &StoredGroups,
        unreadable: &[UnreadableGroup],
        language: QueryLanguage,
    ) -> Self {
        let mut survey = Self {
            destination,
            owners: BTreeMap::new(),
            others: RuleCounts::default(),
            unreadable: unreadable.to_vec(),
            duplicates: Vec::new(),
        };
        let mut namespaces = BTreeSet::new();
        let mut recordings = Recordings::new(language);
        for (namespace, group) in stored.iter() {
            if let Some((owner, claim)) = claim_of(namespace, &group) {
                survey.owners.entry(owner).or_default().claim = Some(claim);
                continue;
            }
            let owner = Owner::of(namespace);
            if let Some(owner) = &owner {
                recordings.add(owner, namespace, &group);
            }
            let is_first = namespaces.insert(namespace.clone());
            survey.count(owner, is_first, group.rules.len());
        }
        for UnreadableGroup { namespace, .. } in unreadable {
            let is_first = namespaces.insert(namespace.clone());
            survey.count(Owner::of(namespace), is_first, 0);
        }
        survey.duplicates = recordings.duplicates();
        survey
    }

    fn count(&mut self, owner: Option<Owner>, is_first_of_namespace: bool, rules: usize) {
        let counts = match owner {
            Some(owner) => &mut self.owners.entry(owner).or_default().counts,
            None => &mut self.others,
        };
        *counts += RuleCounts { namespaces: usize::from(is_first_of_namespace), groups: 1, rules };
    }
}

/// Returns the claim that a group is, with the owner that its namespace is named by.
pub(super) fn claim_of(namespace: &str, group: &Group) -> Option<(Owner, OwnerClaim)> {
    let owner: Owner = namespace.parse().ok().filter(|_| group.name == CLAIM_GROUP)?;
    Some((owner, OwnerClaim::read(group)?))
}
