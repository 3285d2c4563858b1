//! A fleet as programs read it: the form of `-o json` and `-o yaml`; docs/cli/fleet.md describes it.

use std::collections::BTreeMap;

use rulesync_core::engine::OwnerClaim;
use rulesync_core::fleet::{FleetProblem, RuleCounts, TenantSurvey};
use rulesync_core::model::DestinationId;
use serde::Serialize;

use crate::connection::Unread;

/// All tenants, and what looks wrong.
#[derive(Debug, Serialize)]
pub(super) struct FleetDocument<'a> {
    tenants: Vec<TenantDocument<'a>>,
    /// Rulers and tenants that could not be read.
    unread: &'a [Unread],
    problems: Vec<ProblemDocument<'a>>,
}

#[derive(Debug, Serialize)]
struct TenantDocument<'a> {
    destination: String,
    owners: Vec<OwnerDocument<'a>>,
    /// What has no owner in its name.
    others: RuleCounts,
}

#[derive(Debug, Serialize)]
struct OwnerDocument<'a> {
    owner: &'a str,
    claim: Option<ClaimDocument<'a>>,
    #[serde(flatten)]
    counts: RuleCounts,
}

#[derive(Debug, Serialize)]
struct ClaimDocument<'a> {
    /// None for an installation outside of clusters.
    cluster: Option<&'a str>,
    installation: Option<&'a str>,
}

/// A problem: its kind, its text, and what it is about, as far as it has it.
#[derive(Debug, Default, Serialize)]
struct ProblemDocument<'a> {
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    destinations: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<RuleDocument<'a>>,
}

#[derive(Debug, Serialize)]
struct RuleDocument<'a> {
    owner: &'a str,
    namespace: &'a str,
    group: &'a str,
    rule: usize,
}

impl<'a> FleetDocument<'a> {
    pub(super) fn new(
        tenants: &'a [TenantSurvey],
        unread: &'a [Unread],
        problems: &'a [FleetProblem],
    ) -> Self {
        Self {
            tenants: tenants.iter().map(TenantDocument::new).collect(),
            unread,
            problems: problems.iter().map(ProblemDocument::new).collect(),
        }
    }
}

impl<'a> TenantDocument<'a> {
    fn new(tenant: &'a TenantSurvey) -> Self {
        let owners = tenant.owners.iter().map(|(owner, survey)| OwnerDocument {
            owner: owner.as_str(),
            claim: survey.claim.as_ref().map(ClaimDocument::new),
            counts: survey.counts,
        });
        Self { destination: tenant.destination.to_string(), owners: owners.collect(), others: tenant.others }
    }
}

impl<'a> ClaimDocument<'a> {
    fn new(OwnerClaim { cluster, installation }: &'a OwnerClaim) -> Self {
        Self {
            cluster: Some(&**cluster).filter(|cluster| !cluster.is_empty()),
            installation: installation.as_deref(),
        }
    }
}

impl<'a> ProblemDocument<'a> {
    fn new(problem: &'a FleetProblem) -> Self {
        let shown = |destinations: &[DestinationId]| destinations.iter().map(ToString::to_string).collect();
        let document = Self { kind: problem.kind(), message: problem.to_string(), ..Self::default() };
        match problem {
            FleetProblem::UnknownOwner { owner, destinations }
            | FleetProblem::Unclaimed { owner, destinations } => {
                Self { owner: Some(owner.as_str()), destinations: shown(destinations), ..document }
            }
            FleetProblem::ClaimsDiffer { owner, claims } => {
                let mut destinations: Vec<DestinationId> =
                    claims.iter().flat_map(|(_, destinations)| destinations).cloned().collect();
                destinations.sort();
                Self { owner: Some(owner.as_str()), destinations: shown(&destinations), ..document }
            }
            FleetProblem::DuplicateRecording { destination, duplicate } => {
                let rules = duplicate.rules.iter().map(|rule| RuleDocument {
                    owner: rule.owner.as_str(),
                    namespace: &rule.namespace,
                    group: &rule.group,
                    rule: rule.rule,
                });
                Self {
                    destinations: vec![destination.to_string()],
                    record: Some(&duplicate.record),
                    labels: Some(&duplicate.labels),
                    rules: rules.collect(),
                    ..document
                }
            }
            FleetProblem::Unreadable { destination, .. } => {
                Self { destinations: vec![destination.to_string()], ..document }
            }
            _ => document,
        }
    }
}
