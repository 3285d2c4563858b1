//! The claim: a group in the ruler itself that says which installation owns a tenant's rules, so that two clusters
//! that were given the same owner find out before they fight. It is evaluated all the time, and so proves the whole
//! path as a heartbeat.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::model::group::{Group, Rule};
use crate::model::language::{Heartbeat, QueryLanguage};
use crate::naming::Owner;

/// The name of the claim's group. Its namespace is the owner.
pub const CLAIM_GROUP: &str = "rulesync";

/// The rule of the claim, and the metric it records where rulers record.
const CLAIM_RULE: &str = "rulesync_claim";

/// The label that tells clusters apart.
const CLUSTER: &str = "cluster_id";

/// The label that tells installations of one cluster apart.
const INSTALLATION: &str = "installation";

/// Who claims a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerClaim {
    /// The identity of the cluster that the rules are declared in; empty if they are declared in none.
    pub cluster: Arc<str>,
    /// Which installation it is; none in claims of versions that did not say, and where nobody has given it a name.
    pub installation: Option<Arc<str>>,
}

/// What tells an installation from others of the same owner, besides its cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installation {
    /// Its name, such as `monitoring/rulesync`.
    pub name: Arc<str>,
    /// Whether the name alone tells it from all others, in whatever cluster. If not, and the cluster cannot be told
    /// from others, no claim is made.
    pub is_unique: bool,
    /// Names it had before, whose claims it takes over: `INSTALLATION` in the same cluster, `CLUSTER/INSTALLATION` or,
    /// for claims that name no installation, `CLUSTER`.
    pub previous: Vec<String>,
}

/// Who this installation is to the claims of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claimant {
    pub(crate) claim: OwnerClaim,
    previous: Vec<String>,
}

impl Claimant {
    /// Who an installation in a cluster is, as far as both are known; none if that does not tell it from others.
    pub(crate) fn of(cluster: Option<&Arc<str>>, installation: Option<&Installation>) -> Option<Self> {
        let cluster = match (cluster, installation) {
            (Some(cluster), _) => Arc::clone(cluster),
            (None, Some(installation)) if installation.is_unique => "".into(),
            (None, _) => return None,
        };
        let previous = installation.map(|installation| installation.previous.clone()).unwrap_or_default();
        let installation = installation.map(|installation| Arc::clone(&installation.name));
        Some(Self { claim: OwnerClaim { cluster, installation }, previous })
    }

    /// Whether a claim that stands in a tenant may be replaced by this one's: it is of the same installation under a
    /// name it had before, or of the time when claims named no installation.
    pub(crate) fn takes_over(&self, other: &OwnerClaim) -> bool {
        let OwnerClaim { cluster, installation } = &self.claim;
        let same_cluster = other.cluster == *cluster;
        let listed = |name: &str| self.previous.iter().any(|previous| previous == name);
        match &other.installation {
            // A file's identity was once written as a cluster.
            None => {
                (installation.is_some() && same_cluster)
                    || installation.as_ref() == Some(&other.cluster)
                    || listed(&other.cluster)
            }
            Some(name) => (same_cluster && listed(name)) || listed(&other.name()),
        }
    }
}

impl OwnerClaim {
    /// The group that says so, in a ruler's language.
    pub fn group(&self, owner: &Owner, language: QueryLanguage) -> Group {
        let mut labels = BTreeMap::from([("owner".to_owned(), owner.to_string())]);
        // To rulers an empty label is none.
        if !self.cluster.is_empty() {
            labels.insert(CLUSTER.to_owned(), self.cluster.to_string());
        }
        if let Some(installation) = &self.installation {
            labels.insert(INSTALLATION.to_owned(), installation.to_string());
        }
        let rule = match language.heartbeat() {
            Heartbeat::Record(expr) => {
                Rule { record: CLAIM_RULE.to_owned(), expr: expr.to_owned(), labels, ..Rule::default() }
            }
            Heartbeat::SilentAlert(expr) => {
                Rule { alert: CLAIM_RULE.to_owned(), expr: expr.to_owned(), labels, ..Rule::default() }
            }
        };
        Group { name: CLAIM_GROUP.to_owned(), rules: vec![rule], ..Group::default() }
    }

    /// Reads a claim back; none if the group has no claim in it, as when somebody made one of that name by hand.
    pub fn read(group: &Group) -> Option<Self> {
        let rule = group.rules.iter().find(|rule| rule.name() == CLAIM_RULE)?;
        let label = |name| rule.labels.get(name).map(|text| Arc::from(text.as_str()));
        let (cluster, installation) = (label(CLUSTER), label(INSTALLATION));
        (cluster.is_some() || installation.is_some())
            .then(|| Self { cluster: cluster.unwrap_or_else(|| "".into()), installation })
    }

    /// The name by which another installation can take it over.
    pub fn name(&self) -> String {
        match &self.installation {
            Some(installation) if self.cluster.is_empty() => installation.to_string(),
            Some(installation) => format!("{}/{installation}", self.cluster),
            None => self.cluster.to_string(),
        }
    }
}

impl fmt::Display for OwnerClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.installation {
            Some(installation) if self.cluster.is_empty() => write!(f, "installation {installation}"),
            Some(installation) => write!(f, "cluster {}, installation {installation}", self.cluster),
            None => write!(f, "cluster {}", self.cluster),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::language::QueryLanguage::{LogQl, PromQl};

    fn claim(cluster: &str, installation: Option<&str>) -> OwnerClaim {
        OwnerClaim { cluster: cluster.into(), installation: installation.map(Arc::from) }
    }

    #[test]
    fn reads_back_what_it_says() {
        for claim in [claim("8a5a", None), claim("8a5a", Some("monitoring/rulesync")), claim("", Some("x"))] {
            let group = claim.group(&"prod".parse().unwrap(), PromQl);
            assert_eq!(group.rules[0].expr, "vector(1)");
            assert!(group.rules[0].labels.values().all(|value| !value.is_empty()));
            assert_eq!(OwnerClaim::read(&group), Some(claim));
        }
        assert_eq!(OwnerClaim::read(&Group::default()), None);
        // A ruler that cannot record has it as an alert that never fires.
        let both = claim("8a5a", Some("x"));
        let group = both.group(&"prod".parse().unwrap(), LogQl);
        assert_eq!((&*group.rules[0].alert, &*group.rules[0].expr), (CLAIM_RULE, "vector(0) > 0"));
        assert_eq!(OwnerClaim::read(&group), Some(both));
    }

    #[test]
    fn is_called_by_what_it_says() {
        for (claim, name, shown) in [
            (claim("c", None), "c", "cluster c"),
            (claim("c", Some("ns/x")), "c/ns/x", "cluster c, installation ns/x"),
            (claim("", Some("x")), "x", "installation x"),
        ] {
            assert_eq!((claim.name().as_str(), claim.to_string().as_str()), (name, shown));
        }
    }

    #[test]
    fn claims_of_the_same_installation_are_taken_over_and_no_others() {
        let installation = |previous: &[&str]| Installation {
            name: "monitoring/rulesync".into(),
            is_unique: false,
            previous: previous.iter().map(|name| (*name).to_owned()).collect(),
        };
        let takes = |previous: &[&str], cluster: &str, other: Option<&str>| {
            let us = Claimant::of(Some(&"c1".into()), Some(&installation(previous))).unwrap();
            us.takes_over(&claim(cluster, other))
        };
        assert!(takes(&[], "c1", None), "from before claims named installations");
        assert!(!takes(&[], "c2", None) && !takes(&[], "c1", Some("old/rulesync")));
        assert!(takes(&["old/rulesync"], "c1", Some("old/rulesync")), "a renamed release");
        assert!(
            !takes(&["old/rulesync"], "c2", Some("old/rulesync")),
            "that is another's in another cluster"
        );
        assert!(takes(&["c0/monitoring/rulesync"], "c0", Some("monitoring/rulesync")), "a rebuilt cluster");
        assert!(takes(&["c0"], "c0", None) && !takes(&["c0"], "c0", Some("monitoring/rulesync")));
        let without_name = Claimant::of(Some(&"c1".into()), None).unwrap();
        assert!(!without_name.takes_over(&claim("c1", Some("monitoring/rulesync"))));
        assert_eq!(
            Claimant::of(None, Some(&installation(&[]))),
            None,
            "every cluster may have one of that name"
        );
        let unique = Installation { is_unique: true, ..installation(&[]) };
        let file = Claimant::of(None, Some(&unique)).unwrap();
        assert!(file.takes_over(&claim("monitoring/rulesync", None)), "once written as a cluster");
        assert!(!file.takes_over(&claim("other", None)));
    }
}
