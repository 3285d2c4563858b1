//! The contents of a status: conditions, numbers, destinations and findings, each within its limits.

use std::collections::BTreeSet;

use rulesync_core::Finding;
use rulesync_core::finding::Severity;
use rulesync_core::status::{ObjectAtDestination, ObjectState, ObjectStatus};
use serde::Serialize;

use super::conditions::{Conditions, evaluation_reason, sync_message, sync_reason};
use super::findings::{self, Found, Meaning};
use super::reason::Reason;
use super::text::{printable, shown};
use crate::crd::{PublishedStatus, StatusDestination, StatusFinding, StatusSummary};

/// The number of destinations that are listed.
pub(super) const MAX_DESTINATIONS: usize = 16;

/// The number of findings that are listed.
pub(super) const MAX_FINDINGS: usize = 20;

/// The number of tenants in the summary.
const MAX_TENANTS: usize = 3;

/// What the summary says of a destination without a tenant, as kubectl does. No tenant has this name.
const NO_TENANT: &str = "<none>";

/// The longest message of a finding, in bytes.
pub(super) const MAX_MESSAGE: usize = 512;

/// The longest hint, and the longest message of a destination, in bytes.
const MAX_NOTE: usize = 256;

/// The longest name of anything, in bytes.
const MAX_NAME: usize = 128;

/// The size in JSON that findings may bring the contents to, in bytes. Only texts that consist of quotes reach it.
const MAX_SIZE: usize = 56 * 1024;

/// Returns the contents of the status of an object, without the times of its conditions, and the conditions.
pub(super) fn of(status: &ObjectStatus, observed_generation: Option<i64>) -> (PublishedStatus, Conditions) {
    let found = findings::of(status);
    let conditions = Conditions::with(status, &found);
    let mut by_problem: Vec<&ObjectAtDestination> = status.destinations.iter().collect();
    by_problem.sort_by_key(|at| std::cmp::Reverse(state(at)));
    let destinations: Vec<StatusDestination> =
        by_problem.iter().take(MAX_DESTINATIONS).copied().map(destination).collect();
    let mut contents = PublishedStatus {
        conditions: conditions.render(observed_generation),
        summary: Some(summary(status, &by_problem)),
        omitted_destinations: omitted(status.destinations.len(), destinations.len()),
        destinations,
        findings: found.iter().take(MAX_FINDINGS).map(finding).collect(),
        omitted_findings: None,
    };
    while size(&contents) > MAX_SIZE && contents.findings.pop().is_some() {}
    contents.omitted_findings = omitted(found.len(), contents.findings.len());
    (contents, conditions)
}

/// Returns what the status says besides evaluation.
pub(super) fn steady(status: &ObjectStatus) -> impl Serialize {
    let ObjectStatus { uid, generation, state, groups, findings, destinations, .. } = status;
    let destinations: Vec<_> = destinations.iter().map(steady_at).collect();
    (uid, generation, state, groups, findings, destinations)
}

/// Returns what the status says besides evaluation of an object at a destination.
fn steady_at(at: &ObjectAtDestination) -> impl Serialize {
    let ObjectAtDestination {
        ruler,
        tenant,
        namespace,
        state,
        delay,
        groups,
        rules,
        refused_groups,
        held_groups,
        findings,
        ..
    } = at;
    let steady = |finding: &&Finding| !Meaning::of(finding).is_about_evaluation();
    let findings: Vec<&Finding> = findings.iter().filter(steady).collect();
    let numbers = (groups, rules, refused_groups, held_groups);
    (ruler, tenant, namespace, state, delay, numbers, findings)
}

fn size(contents: &PublishedStatus) -> usize {
    serde_json::to_vec(contents).map_or(0, |json| json.len())
}

/// Returns the number of items that are not listed, if there are any.
fn omitted(all: usize, listed: usize) -> Option<i64> {
    Some(number(all - listed)).filter(|omitted| *omitted > 0)
}

fn number(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Returns the state of an object at a destination.
fn state(at: &ObjectAtDestination) -> Reason {
    let denied = at.findings.iter().any(|finding| Meaning::of(finding) == Meaning::TenantDenied);
    let accepted = match at.state {
        ObjectState::Malformed => Reason::Malformed,
        ObjectState::Refused if denied => Reason::TenantDenied,
        ObjectState::Refused => Reason::GroupsRefused,
        _ => Reason::Synced,
    };
    let evaluation = Some(evaluation_reason(at)).filter(|reason| reason.is_problem());
    accepted.max(sync_reason(at)).max(evaluation.unwrap_or(Reason::Synced))
}

fn destination(at: &ObjectAtDestination) -> StatusDestination {
    let some = |count: usize| Some(number(count)).filter(|count| *count > 0);
    StatusDestination {
        ruler: shown(Some(&at.ruler), MAX_NAME),
        tenant: shown(at.tenant.as_deref(), MAX_NAME + 32),
        namespace: shown(Some(&at.namespace), MAX_NOTE),
        state: Some(state(at).word().to_owned()),
        message: shown(sync_message(at).as_deref(), MAX_NOTE),
        groups: Some(number(at.groups)),
        rules: Some(number(at.rules)),
        refused_groups: some(at.refused_groups),
        failing_rules: some(at.failing_rules),
        held_groups: some(at.held_groups),
    }
}

fn summary(status: &ObjectStatus, by_problem: &[&ObjectAtDestination]) -> StatusSummary {
    let sum = |count: fn(&ObjectAtDestination) -> usize| status.destinations.iter().map(count).sum::<usize>();
    let refused = match status.state {
        ObjectState::Refused if status.destinations.is_empty() => status.groups,
        _ => sum(|at| at.refused_groups),
    };
    // What the rulers have of an object that cannot be read says nothing of what it declares.
    let declared = |count| Some(number(count)).filter(|_| status.state != ObjectState::Malformed);
    StatusSummary {
        groups: declared(status.groups),
        rules: Some(number(sum(|at| at.rules))),
        refused_groups: declared(refused),
        failing_rules: Some(number(sum(|at| at.failing_rules))),
        destinations: Some(number(status.destinations.len())),
        tenants: tenants(by_problem),
    }
}

/// Returns the first tenants and the number of others, such as `team-a,team-b,team-c,+2`; none if the object goes nowhere.
fn tenants(by_problem: &[&ObjectAtDestination]) -> Option<String> {
    let mut known = BTreeSet::new();
    let tenants = by_problem.iter().map(|at| at.tenant.as_deref().unwrap_or(NO_TENANT));
    let tenants = tenants.filter(|tenant| known.insert(*tenant));
    let mut shown: Vec<String> = tenants.map(|tenant| printable(tenant, MAX_NAME)).collect();
    let more = shown.len().saturating_sub(MAX_TENANTS);
    shown.truncate(MAX_TENANTS);
    if more > 0 {
        shown.push(format!("+{more}"));
    }
    Some(shown.join(",")).filter(|text| !text.is_empty())
}

/// Returns a finding as it is published, each text within its limit.
pub(super) fn finding(found: &Found<'_>) -> StatusFinding {
    let location = &found.finding.location;
    StatusFinding {
        code: Some(found.finding.code.name().to_owned()),
        severity: Some(
            match found.finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            }
            .to_owned(),
        ),
        ruler: shown(found.destination.map(|at| &*at.ruler), MAX_NAME),
        tenant: shown(found.destination.and_then(|at| at.tenant.as_deref()), MAX_NAME + 32),
        group: shown(location.group.as_deref(), MAX_NAME),
        rule: location.rule.map(number),
        rule_name: shown(location.rule_name.as_deref(), MAX_NAME),
        field: shown(location.path.as_deref().or(location.field.as_deref()), MAX_NAME),
        line: location.position.map(|position| number(position.line)),
        column: location.position.map(|position| number(position.column)),
        message: Some(printable(&found.finding.message, MAX_MESSAGE)),
        hint: shown(found.finding.hint.as_deref(), MAX_NOTE),
    }
}

#[cfg(test)]
mod tests;
