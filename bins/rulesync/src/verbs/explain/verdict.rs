//! The first line of an explanation: where an object is, in one sentence. Pure.

use rulesync_core::explain::{
    DestinationExplanation, ObjectExplanation, RouteExplanation, RouteVerdict, StoredState,
};
use rulesync_core::finding::Finding;
use rulesync_core::status::{EvaluationState, ObjectState};

/// Returns the sentence.
pub(super) fn of(object: &ObjectExplanation) -> String {
    let mut parts: Vec<String> = Vec::new();
    if object.state == Some(ObjectState::Malformed) {
        parts.push(match object.routes.is_empty() {
            true => "cannot be read, and what rulers have of it stays".to_owned(),
            false => "cannot be read, and its last readable version counts".to_owned(),
        });
    }
    let there: Vec<&DestinationExplanation> =
        object.destinations.iter().filter(|here| here.route.is_some() || here.state.is_some()).collect();
    parts.extend(there.iter().map(|here| at(here)));
    let is_unread = object.state == Some(ObjectState::Malformed) && object.routes.is_empty();
    if there.is_empty() && is_unread {
        // Its routes are unknown.
    } else if there.is_empty() {
        parts.push(nowhere(object));
    } else {
        let refused = object.routes.iter().filter(|route| is_refused(route));
        parts.extend(refused.map(|route| format!("is refused by route `{}`", route.route)));
    }
    let mut sentence = format!("{} {}/{} {}", object.kind, object.namespace, object.name, parts.join("; "));
    for left in object.destinations.iter().filter(|here| here.route.is_none() && here.state.is_none()) {
        let groups: usize = left.held.iter().map(|held| held.groups.len()).sum();
        let why = left.held.iter().find_map(|held| held.reason);
        let why = why.map_or_else(|| "to be deleted".to_owned(), |why| why.to_string());
        sentence += &format!(", but {} still has {} of it ({why})", place(left), counted(groups, "group"));
    }
    sentence
}

/// Returns the name of a destination.
pub(super) fn place(here: &DestinationExplanation) -> String {
    match &here.tenant {
        Some(tenant) => format!("{}/{tenant}", here.ruler),
        None => here.ruler.clone(),
    }
}

/// Returns a number with its noun.
pub(super) fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn is_refused(route: &RouteExplanation) -> bool {
    matches!(route.verdict, RouteVerdict::TenantRefused | RouteVerdict::Refused)
}

/// Returns what is the case at a destination.
fn at(here: &DestinationExplanation) -> String {
    let place = place(here);
    let held = here.held.iter().find_map(|held| held.reason);
    let held = held.map(|why| format!(", which still has groups that it does not declare ({why})"));
    let sentence = match here.state {
        None if here.groups.is_empty()
            && (!here.not_sent.is_empty() || here.findings.iter().any(Finding::withholds)) =>
        {
            format!("is refused for {place}")
        }
        None if !here.not_sent.is_empty() => {
            format!("goes to {place}, but for {}", counted(here.not_sent.len(), "refused group"))
        }
        None => format!("goes to {place}"),
        Some(ObjectState::Synced) => match here.evaluation {
            Some(EvaluationState::Healthy) => format!("is in sync at {place}, and evaluates without errors"),
            Some(EvaluationState::Failing) => format!("is in sync at {place}, but some of its rules fail"),
            Some(EvaluationState::NotLoaded) => {
                format!("is stored at {place}, but the ruler does not load some of it")
            }
            _ => format!("is in sync at {place}"),
        },
        Some(ObjectState::Pending) => {
            let why = here.destination_error.as_ref().map(|error| format!(" ({error})")).unwrap_or_default();
            format!("waits to be written to {place}{why}")
        }
        Some(ObjectState::Contested) => format!("does not stay as it is written at {place}"),
        Some(ObjectState::Refused) => refused(here, &place),
        Some(_) => format!("goes to {place}"),
    };
    sentence + &held.unwrap_or_default()
}

/// Returns how much of a refused object the ruler has.
fn refused(here: &DestinationExplanation, place: &str) -> String {
    let stored = here.groups.iter().filter(|group| group.stored == Some(StoredState::Equal)).count();
    let all = here.groups.len() + here.not_sent.len();
    match stored {
        0 => format!("is refused at {place}"),
        _ => format!("is refused in part at {place}, which has {stored} of {}", counted(all, "group")),
    }
}

/// Returns why an object goes nowhere.
fn nowhere(object: &ObjectExplanation) -> String {
    if !object.declared {
        return "is declared by no source any more".to_owned();
    }
    let by = |verdict: RouteVerdict| object.routes.iter().find(|route| route.verdict == verdict);
    if let Some(route) = by(RouteVerdict::TenantRefused) {
        let requested = route.tenant.as_ref().and_then(|tenant| tenant.requested.as_ref());
        let tenant = requested.map(|tenant| format!(" {tenant:?}")).unwrap_or_default();
        format!("requests the tenant{tenant}, which route `{}` does not allow", route.route)
    } else if let Some(route) = by(RouteVerdict::Refused).or_else(|| by(RouteVerdict::Conflict)) {
        format!("is refused by route `{}`", route.route)
    } else if let Some(route) = by(RouteVerdict::Undecided) {
        format!(
            "may be selected by route `{}`, which goes by labels or annotations of the Kubernetes namespace {}: they are \
             unknown here",
            route.route, object.namespace
        )
    } else if let Some(route) = by(RouteVerdict::NoTenant) {
        format!("is selected by route `{}`, but requests no tenant", route.route)
    } else {
        "is not selected by any route".to_owned()
    }
}
