//! What is deleted of an owner, and what was, as people read it. Pure.

use std::fmt::Write;

use rulesync_core::Owner;
use rulesync_core::finding::Printable;
use rulesync_core::fleet::{OwnedRules, RuleCounts};
use rulesync_core::model::DestinationId;

use crate::terminal::{HEADING, REMOVED};

/// What an owner has in a tenant.
pub(super) type Shown<'a> = (&'a DestinationId, &'a OwnedRules);

/// Returns what is to be deleted, tenant by tenant, what is not because another cluster has it, and what nobody can know.
pub(super) fn plan(
    owner: &Owner,
    cluster: Option<&str>,
    looked_at: usize,
    chosen: &[Shown<'_>],
    spared: &[Shown<'_>],
) -> String {
    let mut text = String::new();
    let tenants = |count: usize| numbered(count, "tenant");
    for (destination, rules) in chosen {
        let line = format!("{destination}: {}, {}", counts(rules.counts()), claimed(rules));
        let _ = writeln!(text, "{REMOVED}-{REMOVED:#} {}", Printable(line));
    }
    for (destination, rules) in spared {
        let line = format!("{destination}: stays, {}", claimed(rules));
        let _ = writeln!(text, "  {}", Printable(line));
    }
    if chosen.is_empty() {
        let of_cluster =
            cluster.map(|cluster| format!(" that cluster {cluster} has claimed")).unwrap_or_default();
        let line = format!("{owner} has nothing{of_cluster} in {}", tenants(looked_at));
        let _ = writeln!(text, "{}", Printable(line));
        return text;
    }
    let total = format!("Purge {owner}: {} in {}", counts(sum(chosen)), tenants(chosen.len()));
    let _ = writeln!(text, "{HEADING}{total}{HEADING:#}");
    let _ = writeln!(
        text,
        "A daemon that still runs for {owner} writes its rules again: nothing here shows whether one does.\n\
         Rules in namespaces without an owner in their name (named as declared, or as by Grafana Alloy) are not deleted."
    );
    text
}

/// Returns what is asked before anything is deleted.
pub(super) fn question(owner: &Owner, chosen: &[Shown<'_>], unread: usize) -> String {
    let unread = match unread {
        0 => String::new(),
        unread => format!("; {} could not be read", numbered(unread, "tenant")),
    };
    format!("Delete {} of {owner} from {}{unread}?", counts(sum(chosen)), numbered(chosen.len(), "tenant"))
}

/// Returns what was deleted from a tenant.
pub(super) fn deleted(destination: &DestinationId, rules: &OwnedRules) -> String {
    let claim = if rules.claim().is_some() { " and the claim" } else { "" };
    format!("- {destination}: deleted {}{claim}", counts(rules.counts()))
}

fn claimed(rules: &OwnedRules) -> String {
    rules.claim().map_or_else(|| "without a claim".to_owned(), |claim| format!("claimed by {claim}"))
}

fn sum(tenants: &[Shown<'_>]) -> RuleCounts {
    let mut sum = RuleCounts::default();
    tenants.iter().for_each(|(_, rules)| sum += rules.counts());
    sum
}

fn counts(counts: RuleCounts) -> String {
    let RuleCounts { namespaces, groups, rules, .. } = counts;
    let [namespaces, groups, rules] = [(namespaces, "namespace"), (groups, "group"), (rules, "rule")]
        .map(|(count, what)| numbered(count, what));
    format!("{namespaces}, {groups}, {rules}")
}

fn numbered(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
