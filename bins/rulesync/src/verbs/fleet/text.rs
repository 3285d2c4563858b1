//! A fleet as people read it. Pure.

use std::fmt::Write;

use rulesync_core::finding::Printable;
use rulesync_core::fleet::{FleetProblem, OwnerSurvey, RuleCounts, TenantSurvey};

use crate::connection::Unread;
use crate::table::table;
use crate::terminal::{HEADING, WARNING};

/// What stands where there is nothing.
const NOTHING: &str = "-";

/// What has no owner in its name.
const OTHERS: &str = "(others)";

/// Returns a table with a line for each owner of each tenant, and below it what looks wrong.
pub(super) fn shown(tenants: &[TenantSurvey], unread: &[Unread], problems: &[FleetProblem]) -> String {
    let title = ["DESTINATION", "OWNER", "CLUSTER", "INSTALLATION", "NAMESPACES", "GROUPS", "RULES"];
    let mut text = table(title, 3, tenants.iter().flat_map(rows));
    let wrong: Vec<String> =
        unread.iter().map(Unread::to_string).chain(problems.iter().map(ToString::to_string)).collect();
    if !wrong.is_empty() {
        let count = wrong.len();
        let problems = if count == 1 { "problem" } else { "problems" };
        let _ = writeln!(text, "\n{HEADING}{count} {problems}{HEADING:#}");
    }
    for problem in wrong {
        let _ = writeln!(text, "{WARNING}!{WARNING:#} {}", Printable(problem));
    }
    text
}

fn rows(tenant: &TenantSurvey) -> Vec<[String; 7]> {
    let destination = &tenant.destination;
    let row = |owner: &str, cluster: &str, installation: &str, counts: RuleCounts| {
        let or_nothing = |text: &str| if text.is_empty() { NOTHING } else { text }.to_owned();
        [
            destination.to_string(),
            owner.to_owned(),
            or_nothing(cluster),
            or_nothing(installation),
            counts.namespaces.to_string(),
            counts.groups.to_string(),
            counts.rules.to_string(),
        ]
    };
    let owners = tenant.owners.iter().map(|(owner, OwnerSurvey { claim, counts, .. })| {
        let cluster = claim.as_ref().map_or("", |claim| &claim.cluster);
        let installation = claim.as_ref().and_then(|claim| claim.installation.as_deref());
        row(owner.as_str(), cluster, installation.unwrap_or_default(), *counts)
    });
    let mut rows: Vec<[String; 7]> = owners.collect();
    if tenant.others != RuleCounts::default() {
        rows.push(row(OTHERS, "", "", tenant.others));
    }
    // A tenant that has nothing was looked at, too.
    if rows.is_empty() {
        rows.push(row(NOTHING, "", "", RuleCounts::default()));
    }
    rows
}
