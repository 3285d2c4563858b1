//! The explanation of an object as text. Pure.

use std::fmt::Write;

use anstyle::Style;
use rulesync_core::Group;
use rulesync_core::explain::{
    DestinationExplanation, ExplainedGroup, ExplainedRequirement, ExplainedTenant, ObjectExplanation,
    RequirementSubject, RouteExplanation, RouteVerdict, StoredState,
};
use rulesync_core::finding::{Finding, Printable};
use serde::Serialize;

use super::lines::{findings, line};
use super::verdict::{self, place};
use crate::changes::yaml::to_yaml;
use crate::terminal::{ADDED, CHANGED, HEADING, MUTED, REMOVED};

const PLAIN: Style = Style::new();

/// Appends the explanation of an object.
pub(super) fn render(text: &mut String, object: &ObjectExplanation, running: bool) {
    line(text, "", HEADING, verdict::of(object));
    // Those of routes stand with them.
    let of_routes = |finding: &&Finding| {
        object
            .routes
            .iter()
            .filter_map(|route| route.finding.as_ref())
            .any(|other| is_about_same(finding, other))
    };
    findings(text, "  ", object.findings.iter().filter(|finding| !of_routes(finding)));
    if !object.routes.is_empty() {
        text.push('\n');
        line(text, "", HEADING, "Routes");
        object.routes.iter().for_each(|route| self::route(text, route));
    }
    for here in &object.destinations {
        text.push('\n');
        destination(text, here, running);
    }
}

/// Returns whether two findings say the same. That of the object may say more of what becomes of its rules.
fn is_about_same(of_object: &Finding, of_route: &Finding) -> bool {
    of_object.code == of_route.code && of_object.message.starts_with(&of_route.message)
}

fn route(text: &mut String, route: &RouteExplanation) {
    let RouteExplanation { route: name, ruler, verdict, requirements, tenant, repeats, finding, .. } = route;
    let (style, what) = match verdict {
        RouteVerdict::Taken => (ADDED, "taken".to_owned()),
        RouteVerdict::NotSelected => (MUTED, "not selected".to_owned()),
        RouteVerdict::Undecided => (CHANGED, "undecided: the Kubernetes namespace is unknown".to_owned()),
        RouteVerdict::NoTenant => (MUTED, "selected, but no tenant is requested".to_owned()),
        RouteVerdict::TenantRefused => (REMOVED, "selected, but the tenant is not allowed".to_owned()),
        RouteVerdict::Refused => (REMOVED, "selected, but refused".to_owned()),
        RouteVerdict::Repeated => {
            let earlier = repeats.as_deref().unwrap_or_default();
            (MUTED, format!("selected, but route `{earlier}` leads there already"))
        }
        RouteVerdict::Conflict => {
            (REMOVED, "selected, but an earlier route writes other rules there".to_owned())
        }
        _ => (PLAIN, "selected".to_owned()),
    };
    let _ =
        writeln!(text, "  {} -> {}: {style}{}{style:#}", Printable(name), Printable(ruler), Printable(what));
    // Labels that are unknown say it already.
    let is_told = |requirement: &&ExplainedRequirement| {
        let unknown = requirements.iter().filter(|other| other.met.is_none()).count();
        requirement.subject != RequirementSubject::NamespaceMetadata || unknown == 1
    };
    let told = requirements.iter().filter(is_told);
    told.for_each(|requirement| self::requirement(text, "    ", requirement));
    if let Some(tenant) = tenant {
        self::tenant(text, tenant);
    }
    findings(text, "    ", finding.iter());
}

fn requirement(text: &mut String, indent: &str, requirement: &ExplainedRequirement) {
    let ExplainedRequirement { subject, wanted, actual, met, .. } = requirement;
    let (style, sign) = sign(*met);
    let subject = match subject {
        RequirementSubject::Source => "sources",
        RequirementSubject::Kind => "kind",
        RequirementSubject::RuleSelector => "rule_selector",
        RequirementSubject::NamespaceSelector => "namespace_selector",
        RequirementSubject::NamespaceMetadata => "Kubernetes namespace",
        RequirementSubject::Namespaces => "namespaces",
        RequirementSubject::Tenants => "tenants",
        _ => "requirement",
    };
    let actual = match (actual, met) {
        (Some(actual), _) => format!("it is {actual:?}"),
        (None, None) => "unknown".to_owned(),
        (None, Some(_)) => "it is missing".to_owned(),
    };
    let shown = Printable(format!("{subject}: {wanted}"));
    let _ = writeln!(text, "{indent}{style}{sign}{style:#} {shown} {MUTED}({}){MUTED:#}", Printable(actual));
}

fn sign(met: Option<bool>) -> (Style, char) {
    match met {
        Some(true) => (ADDED, '+'),
        Some(false) => (REMOVED, '-'),
        None => (CHANGED, '?'),
    }
}

fn tenant(text: &mut String, tenant: &ExplainedTenant) {
    let ExplainedTenant { tenant, from, requested, permitted_by, permissions, .. } = tenant;
    let told = match (from, requested) {
        (None, _) => match tenant {
            Some(tenant) => format!("tenant: {tenant}, by the configuration"),
            None => "tenant: none is named, by the configuration".to_owned(),
        },
        (Some(from), None) => format!("tenant: {from} is missing"),
        (Some(from), Some(value)) => match (tenant, permitted_by) {
            (Some(tenant), Some(number)) => {
                format!("tenant: {tenant}, requested by {from}, permitted by `allow[{number}]`")
            }
            _ => format!("tenant: {from} requests {value:?}, which no entry of `allow` permits"),
        },
    };
    line(text, "    ", PLAIN, told);
    let shown: Vec<(usize, _)> = match permitted_by {
        Some(number) => permissions.iter().enumerate().filter(|(index, _)| index == number).collect(),
        None => permissions.iter().enumerate().collect(),
    };
    for (index, permission) in shown {
        line(text, "      ", PLAIN, format_args!("allow[{index}]"));
        permission
            .requirements
            .iter()
            .for_each(|requirement| self::requirement(text, "        ", requirement));
    }
    if permissions.is_empty() && requested.is_some() {
        line(text, "      ", MUTED, "`allow` is empty");
    }
}

fn destination(text: &mut String, here: &DestinationExplanation, running: bool) {
    line(text, "", HEADING, place(here));
    let mut field = |name: &str, value: String| {
        let _ = writeln!(
            text,
            "  {:<13}{}",
            if name.is_empty() { String::new() } else { format!("{name}:") },
            Printable(value)
        );
    };
    let naming = here.naming.as_ref().map(|naming| format!(" (naming {naming})")).unwrap_or_default();
    field("Namespace", format!("{}{naming}", here.namespace));
    if here.has_uid && !running {
        field("", "in a cluster, it ends in the UID of the object, which files do not tell".to_owned());
    }
    if let Some(route) = &here.route {
        field("Route", route.clone());
    }
    if let Some(state) = here.state {
        field("State", word(&state));
    }
    let is_stored = here.groups.iter().any(|group| group.stored == Some(StoredState::Equal));
    if running && is_stored {
        let evaluation = here.evaluation.map(|evaluation| word(&evaluation));
        field("Evaluation", evaluation.unwrap_or_else(|| "not known yet, or not supported".to_owned()));
    }
    if let Some(state) = here.destination_state {
        let error = here.destination_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
        field("Destination", format!("{}{error}", word(&state)));
    }
    for ExplainedGroup { group, stored, .. } in &here.groups {
        let stored = match stored {
            Some(StoredState::Equal) => ", the same in the ruler",
            Some(StoredState::Differs) => ", another version in the ruler",
            Some(StoredState::Missing) => ", missing in the ruler",
            _ => "",
        };
        field("Group", format!("{} ({}){stored}", group.name, verdict::counted(group.rules.len(), "rule")));
    }
    for group in &here.not_sent {
        field("Not sent", format!("{group}: the version that the ruler has stays"));
    }
    for held in &here.held {
        let reason = held.reason.map_or_else(|| "to be deleted".to_owned(), |reason| reason.to_string());
        field("Undeclared", format!("{}: {reason}", held.groups.join(", ")));
    }
    findings(text, "  ", here.findings.iter());
    if !here.groups.is_empty() {
        rules(text, &here.groups);
    }
}

/// The groups of an object, as a rule file has them.
#[derive(Serialize)]
struct RuleFile<'a> {
    groups: Vec<&'a Group>,
}

fn rules(text: &mut String, groups: &[ExplainedGroup]) {
    line(text, "  ", PLAIN, "Sent:");
    let file = RuleFile { groups: groups.iter().map(|group| &group.group).collect() };
    to_yaml(&file).lines().for_each(|yaml| line(text, "    ", PLAIN, yaml));
}

/// Returns the word of a state, as in the status.
fn word(state: &impl Serialize) -> String {
    match serde_json::to_value(state) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        _ => String::new(),
    }
}
