//! The claim: a group in the ruler that names the installation that owns a tenant's rules, so that two clusters with
//! the same owner notice each other before they overwrite each other's rules. The ruler evaluates it like any other
//! group, so it also serves as a heartbeat of the whole path.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::model::group::{Group, Rule};
use crate::model::language::{Heartbeat, QueryLanguage};
use crate::naming::Owner;

/// The name of the claim's group. Its namespace is named by the owner.
pub const CLAIM_GROUP: &str = "rulesync";

/// The name of the claim's rule, and of the metric that it records where rulers record.
const CLAIM_RULE: &str = "rulesync_claim";

/// The label that distinguishes clusters.
const CLUSTER: &str = "cluster_id";

/// The label that distinguishes installations of one cluster.
const INSTALLATION: &str = "installation";

/// The claim of an owner to a tenant: the installation that writes the owner's rules there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerClaim {
    /// The identity of the cluster that the rules are declared in; empty if they are declared in none.
    pub cluster: Arc<str>,
    /// The installation; none in claims written by versions without this field, and where no name is configured.
    pub installation: Option<Arc<str>>,
}

/// The identity of an installation among others of the same owner, besides its cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installation {
    /// Its name, such as `monitoring/rulesync`.
    pub name: Arc<str>,
    /// True if the name alone distinguishes it from all others, in whatever cluster. If it does not, and the cluster
    /// has no known identity, no claim is made.
    pub is_unique: bool,
    /// Earlier names, whose claims it takes over: `INSTALLATION` in the same cluster, `CLUSTER/INSTALLATION` or, for
    /// claims that name no installation, `CLUSTER`.
    pub previous: Vec<String>,
}

/// This installation as a claimant: the claim that it writes and those that it takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claimant {
    pub(crate) claim: OwnerClaim,
    previous: Vec<String>,
}

impl Claimant {
    /// Returns the claimant for an installation in a cluster, as far as both are known; none if that does not
    /// distinguish it from others.
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

    /// Returns whether this claimant may replace a claim found in a tenant: one of the same installation under an
    /// earlier name, or one from before claims named installations.
    pub(crate) fn takes_over(&self, other: &OwnerClaim) -> bool {
        let OwnerClaim { cluster, installation } = &self.claim;
        let same_cluster = other.cluster == *cluster;
        let listed = |name: &str| self.previous.iter().any(|previous| previous == name);
        match &other.installation {
            // The identity of a file source was once written as a cluster.
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
    /// Returns the claim as a group, in a ruler's language.
    pub fn group(&self, owner: &Owner, language: QueryLanguage) -> Group {
        let mut labels = BTreeMap::from([("owner".to_owned(), owner.to_string())]);
        // Rulers treat an empty label as missing.
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

    /// Reads a claim back; none if the group holds no claim, as when somebody made a group of that name by hand.
    pub fn read(group: &Group) -> Option<Self> {
        let rule = group.rules.iter().find(|rule| rule.name() == CLAIM_RULE)?;
        let label = |name| rule.labels.get(name).map(|text| Arc::from(text.as_str()));
        let (cluster, installation) = (label(CLUSTER), label(INSTALLATION));
        (cluster.is_some() || installation.is_some())
            .then(|| Self { cluster: cluster.unwrap_or_else(|| "".into()), installation })
    }

    /// Returns the name by which another installation can take the claim over.
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
    fn claim_is_read_back_from_its_group() {
        for claim in [claim("8a5a", None), claim("8a5a", Some("monitoring/rulesync")), claim("", Some("x"))] {
            let group = claim.group(&"prod".parse().unwrap(), PromQl);
            assert_eq!(group.rules[0].expr, "vector(1)");
            assert!(group.rules[0].labels.values().all(|value| !value.is_empty()));
            assert_eq!(OwnerClaim::read(&group), Some(claim));
        }
        assert_eq!(OwnerClaim::read(&Group::default()), None);
        // A ruler that cannot record holds the claim as an alert that never fires.
        let both = claim("8a5a", Some("x"));
        let group = both.group(&"prod".parse().unwrap(), LogQl);
        assert_eq!((&*group.rules[0].alert, &*group.rules[0].expr), (CLAIM_RULE, "vector(0) > 0"));
        assert_eq!(OwnerClaim::read(&group), Some(both));
    }

    #[test]
    fn claim_has_a_name_for_people_and_for_takeover() {
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
            let claimant = Claimant::of(Some(&"c1".into()), Some(&installation(previous))).unwrap();
            claimant.takes_over(&claim(cluster, other))
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
