//! The claim: a group in the ruler itself that says which installation owns a tenant's rules, so that two clusters
//! that were given the same owner find out before they fight. It is evaluated all the time, and so proves the whole
//! path as a heartbeat.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::dialect::{Dialect, Heartbeat};
use crate::model::group::{Group, Rule};
use crate::naming::Owner;

/// The name of the claim's group. Its namespace is the owner.
pub const CLAIM_GROUP: &str = "rulesync";

/// The rule of the claim, and the metric it records where rulers record.
const CLAIM_RULE: &str = "rulesync_claim";

/// The label that tells clusters apart.
const CLUSTER: &str = "cluster_id";

/// Who claims a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerClaim {
    /// The identity of the cluster, or of whatever else declares the rules.
    pub cluster: Arc<str>,
}

impl OwnerClaim {
    /// The group that says so, in a ruler's language.
    pub fn group(&self, owner: &Owner, dialect: &dyn Dialect) -> Group {
        let labels = BTreeMap::from([
            ("owner".to_owned(), owner.to_string()),
            (CLUSTER.to_owned(), self.cluster.to_string()),
        ]);
        let rule = match dialect.heartbeat() {
            Heartbeat::Record(expr) => {
                Rule { record: CLAIM_RULE.to_owned(), expr, labels, ..Rule::default() }
            }
            Heartbeat::SilentAlert(expr) => {
                Rule { alert: CLAIM_RULE.to_owned(), expr, labels, ..Rule::default() }
            }
        };
        Group { name: CLAIM_GROUP.to_owned(), rules: vec![rule], ..Group::default() }
    }

    /// Reads a claim back; none if the group has no claim in it, as when somebody made one of that name by hand.
    pub fn read(group: &Group) -> Option<Self> {
        let rule = group.rules.iter().find(|rule| rule.name() == CLAIM_RULE)?;
        Some(Self { cluster: rule.labels.get(CLUSTER)?.as_str().into() })
    }
}

impl fmt::Display for OwnerClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cluster {}", self.cluster)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::PromQl;

    #[test]
    fn reads_back_what_it_says() {
        let claim = OwnerClaim { cluster: "8a5a".into() };
        let group = claim.group(&"prod".parse().unwrap(), &PromQl);
        assert_eq!(OwnerClaim::read(&group), Some(claim));
        assert_eq!(group.rules[0].expr, "vector(1)");
        assert_eq!(OwnerClaim::read(&Group::default()), None);
    }
}
