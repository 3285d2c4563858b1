//! The namespace policy of an installation: the names that it writes now, those that it wrote earlier, and those that
//! it may take over from others.

use serde::{Deserialize, Serialize};

use super::owner::Owner;
use super::pattern::Pattern;
use super::scheme::Naming;

/// The class of a ruler namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NamespaceClass {
    /// Own, by the present naming.
    Managed,
    /// Own, by an earlier naming: deleted once its successor exists.
    Legacy,
    /// Foreign, with groups that are replaced by equal own groups.
    Adoptable,
    /// The namespace of the owner's claim.
    Claim,
    /// Foreign: never read further, never touched.
    Foreign,
}

/// The names of an installation's ruler namespaces. Rulers and routes may have namings of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespacePolicy {
    /// The owner.
    pub owner: Owner,
    /// The present naming, where neither the ruler nor the route has another.
    pub naming: Naming,
    /// The earlier namings at all rulers, of owners and namings that the configuration still lists.
    pub legacy: Vec<Naming>,
    /// Foreign namespaces whose groups may be replaced by equal own groups.
    pub adopt: Vec<Pattern>,
}

impl NamespacePolicy {
    /// Creates the policy of an owner without legacy or adoptable namespaces.
    pub fn of(owner: Owner) -> Self {
        Self { naming: Naming::Owner(owner.clone()), owner, legacy: Vec::new(), adopt: Vec::new() }
    }
}
