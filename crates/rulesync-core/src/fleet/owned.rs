//! What an owner has in a tenant, and how it is deleted: rules first, the claim last, so that what an interruption leaves
//! is still found.

use std::collections::BTreeMap;

use super::survey::{RuleCounts, claim_of};
use crate::claim::OwnerClaim;
use crate::model::capabilities::StoredFields;
use crate::model::fingerprint::Fingerprint;
use crate::model::name::{GroupName, RulerNamespace};
use crate::naming::Owner;
use crate::observed::UnreadableGroup;
use crate::stored_groups::StoredGroups;

/// Everything that an owner has in a tenant: the namespaces that it [owns](Owner::owns), and its claim. Two of them are
/// equal if the same is there.
///
/// Namespaces that are named as declared or by Grafana Alloy have no owner in their names, and are never among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRules {
    owner: Owner,
    claim: Option<OwnerClaim>,
    namespaces: BTreeMap<RulerNamespace, BTreeMap<GroupName, Option<Content>>>,
}

/// The content of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Content {
    fingerprint: Fingerprint,
    rules: usize,
}

/// One delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedDelete<'a> {
    /// A namespace with all its groups.
    Namespace {
        /// The namespace.
        namespace: &'a RulerNamespace,
        /// Its groups.
        groups: Vec<&'a str>,
    },
    /// A group by itself: the claim. Whatever else is in its namespace belongs to others.
    Group {
        /// The namespace.
        namespace: &'a str,
        /// The group.
        group: &'static str,
    },
}

impl OwnedRules {
    /// Selects what an owner has from the groups of a tenant. `unreadable` are those that cannot be read; `fields` are
    /// those that the ruler stores. A claim that cannot be read is nobody's.
    pub fn of(
        owner: &Owner,
        stored: &StoredGroups,
        unreadable: &[UnreadableGroup],
        fields: &StoredFields,
    ) -> Self {
        let mut rules = Self { owner: owner.clone(), claim: None, namespaces: BTreeMap::new() };
        for (namespace, group) in stored.iter() {
            if owner.owns(namespace) {
                let content =
                    Content { fingerprint: Fingerprint::of(&group, fields), rules: group.rules.len() };
                let groups = rules.namespaces.entry(namespace.clone()).or_default();
                groups.insert(group.name.as_str().into(), Some(content));
            } else if let Some((_, claim)) =
                claim_of(namespace, &group).filter(|(claimant, _)| claimant == owner)
            {
                rules.claim = Some(claim);
            }
        }
        for UnreadableGroup { namespace, group, .. } in
            unreadable.iter().filter(|group| owner.owns(&group.namespace))
        {
            rules.namespaces.entry(namespace.clone()).or_default().insert(group.clone(), None);
        }
        rules
    }

    /// Returns the claim.
    pub fn claim(&self) -> Option<&OwnerClaim> {
        self.claim.as_ref()
    }

    /// Returns whether the owner has nothing, not even a claim.
    pub fn is_empty(&self) -> bool {
        self.claim.is_none() && self.namespaces.is_empty()
    }

    /// Returns how much it is, without the claim.
    pub fn counts(&self) -> RuleCounts {
        let groups = || self.namespaces.values().flat_map(BTreeMap::values);
        RuleCounts {
            namespaces: self.namespaces.len(),
            groups: groups().count(),
            rules: groups().flatten().map(|content| content.rules).sum(),
        }
    }

    /// Iterates over the deletes that remove all of it, in the order in which they are to be made.
    pub fn deletes(&self) -> impl Iterator<Item = OwnedDelete<'_>> {
        let namespaces = self.namespaces.iter().map(|(namespace, groups)| OwnedDelete::Namespace {
            namespace,
            groups: groups.keys().map(|group| &**group).collect(),
        });
        let claim = self
            .claim
            .as_ref()
            .map(|_| OwnedDelete::Group { namespace: self.owner.as_str(), group: crate::claim::CLAIM_GROUP });
        namespaces.chain(claim)
    }
}
