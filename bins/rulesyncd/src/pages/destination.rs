//! The page of one destination: what is to be changed there, what is held and why, and how its rules evaluate.

use std::collections::BTreeMap;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use maud::{Markup, html};
use rulesync_core::explain::ObjectText;
use rulesync_core::model::{DestinationId, ObjectId};
use rulesync_core::plan::{Change, HeldReason, Plan, Reason};
use rulesync_core::ruler::TenantLimits;
use rulesync_core::status::DestinationStatus;

use super::action::{self, Note};
use super::findings;
use super::frame::{Frame, Section, answer};
use super::link;
use super::look::{Look, Tone, badge, foreign, number, plain, time, why};
use super::refusal::{self, refusal};
use crate::context::Context;
use crate::question::destination;
use crate::view::action::Action;
use crate::view::destination::{DestinationView, Limit};

/// The number of changes that are shown, of those that are to be made and of those that are held.
const MAX_CHANGES: usize = 100;

/// What an action before has done.
type Asked = Result<Query<Note>, QueryRejection>;

/// The page of a destination without a tenant.
pub(super) async fn without_tenant(
    State(context): State<Context>,
    uri: Uri,
    Path(ruler): Path<String>,
    done: Asked,
) -> Response {
    of(&context, &uri, &ruler, None, done).await
}

/// The page of a destination.
pub(super) async fn of_tenant(
    State(context): State<Context>,
    uri: Uri,
    Path((ruler, tenant)): Path<(String, String)>,
    done: Asked,
) -> Response {
    of(&context, &uri, &ruler, Some(&tenant), done).await
}

async fn of(context: &Context, uri: &Uri, ruler: &str, tenant: Option<&str>, done: Asked) -> Response {
    let frame = Frame::of(context, uri);
    let id = match destination(ruler, tenant) {
        Ok(id) => id,
        Err(why) => return refusal(&frame, StatusCode::NOT_FOUND, "No such destination", &why),
    };
    let turn = match context.turns().page().await {
        Ok(turn) => turn,
        Err(busy) => return refusal::busy(&frame, &busy),
    };
    let view = match DestinationView::of(context, &id).await {
        Ok(Some(view)) => view,
        Ok(None) => return refusal::no_destination(&frame, &id),
        Err(no_answer) => return refusal::unanswered(&frame, &no_answer),
    };
    let refused = view.plan.iter().flat_map(|plan| &plan.refusals).take(MAX_CHANGES);
    let mut refused: Vec<ObjectId> = refused.map(|refusal| refusal.object.clone()).collect();
    refused.dedup();
    let texts = match context.engine().texts(refused).await {
        Ok(texts) => texts,
        Err(no_answer) => return refusal::unanswered(&frame, &no_answer),
    };
    let note = done.map(|Query(note)| note).unwrap_or_default();
    let main = render(&frame, &id, &view, &texts, &note);
    answer(frame.page(Some(Section::Destinations), &plain(&id), &main), turn)
}

fn render(
    frame: &Frame,
    id: &DestinationId,
    DestinationView { status, plan, limit }: &DestinationView,
    texts: &[ObjectText],
    note: &Note,
) -> Markup {
    let tenant = status.tenant.as_deref();
    html! {
        h1 { (foreign(id)) }
        (note.render())
        (facts(frame, status, limit.as_ref()))
        (action::button(frame, Action::Sync, &status.ruler, tenant))
        section aria-labelledby="held" {
            h2 #held { "Held deletes" }
            (held(frame, status, plan.as_ref()))
        }
        section aria-labelledby="plan" {
            h2 #plan { "Plan" }
            (planned(frame, plan.as_ref(), texts))
        }
    }
}

/// Shows what is known of a destination.
pub(super) fn facts(frame: &Frame, status: &DestinationStatus, limit: Option<&Limit>) -> Markup {
    let query =
        link::Query::default().with("ruler", Some(&status.ruler)).with("tenant", status.tenant.as_deref());
    html! {
        dl {
            dt { "State" }
            dd {
                (status.state.badge())
                @if status.retiring { " " (badge("retiring", Tone::Quiet)) " no route leads here any more: what was written here is being deleted" }
            }
            @if let Some(error) = &status.error { dt { "Error" } dd { (foreign(error)) } }
            @if let Some(at) = status.retry_at { dt { "Next attempt" } dd { (time(at, frame.now)) } }
            dt { "Last in sync" }
            dd { @match status.last_success { Some(at) => (time(at, frame.now)), None => "not since this process started" } }
            dt { "Declared" }
            dd {
                (number(status.groups, "group", "groups")) ", " (number(status.rules, "rule", "rules"))
                (counted(status.refused, "refused", Tone::Bad))
                (counted(status.contested, "contested", Tone::Warning))
                @if status.normalized > 0 {
                    "; " (number(status.normalized, "group is", "groups are")) " stored by the ruler in a form of its own, which counts as in sync"
                }
            }
            @if status.pending > 0 {
                dt { "Waiting" } dd { (number(status.pending, "ruler namespace", "ruler namespaces")) " to be written" }
            }
            dt { "Requests" }
            dd {
                (status.concurrency.in_flight) " in flight; the limit is " (status.concurrency.allowed) " now, "
                (status.concurrency.max) " at most, for all tenants of this ruler together"
            }
            dt { "Limits" }
            dd {
                @match limit {
                    None => "none is exceeded.",
                    Some(Limit { objects, message }) => {
                        @let query = query.clone().with("delay", Some("limit_exceeded"));
                        (badge("limit exceeded", Tone::Bad)) " "
                        a href=(frame.root.to(format_args!("objects{query}"))) {
                            (number(*objects, "object waits", "objects wait"))
                        }
                        @if let Some(message) = message { ": " (foreign(message)) }
                    }
                }
                @if let Some(limits) = &status.limits { (told(limits)) }
            }
            dt { "Evaluation" }
            dd {
                @if let Some(error) = &status.evaluation_error { (foreign(error)) }
                @else if status.not_loaded == 0 && status.failing_rules == 0 { "no failures are known" }
                @else {
                    (number(status.not_loaded, "group is", "groups are")) " not loaded, "
                    (number(status.failing_rules, "rule fails", "rules fail"))
                }
            }
            dt { "Objects" }
            dd {
                a href=(frame.root.to(format_args!("objects{query}"))) { "All objects sent here" } ", "
                @let query = query.with("state", Some("problem"));
                a href=(frame.root.to(format_args!("objects{query}"))) { "those with a problem" }
            }
        }
    }
}

/// What the ruler says that the tenant may have.
fn told(limits: &TenantLimits) -> Markup {
    let at_most = |limit: Option<u64>, one: &'static str, many: &'static str| {
        let number = |limit: u64| number(usize::try_from(limit).unwrap_or(usize::MAX), one, many);
        html! {
            @match limit {
                Some(limit) => (number(limit)),
                None => { "any number of " (many) }
            }
        }
    };
    html! {
        " The ruler allows the tenant " (at_most(limits.groups, "group", "groups"))
        ", and a group " (at_most(limits.rules_per_group, "rule", "rules")) "."
    }
}

/// Shows the number of groups that something is the matter with.
fn counted(groups: usize, what: &str, tone: Tone) -> Markup {
    html! { @if groups > 0 { ", " (number(groups, "group", "groups")) " " (badge(what, tone)) } }
}

fn held(frame: &Frame, status: &DestinationStatus, plan: Option<&Plan>) -> Markup {
    let mut reasons: BTreeMap<HeldReason, Vec<&Change>> = BTreeMap::new();
    for change in plan.iter().flat_map(|plan| &plan.changes) {
        if let Some(reason) = change.held {
            reasons.entry(reason).or_default().push(change);
        }
    }
    let is_releasable = status.holds.iter().any(|held| held.reason.is_releasable());
    html! {
        @if status.holds.is_empty() && reasons.is_empty() { p { "No deletes are held." } }
        @for held in &status.holds {
            p {
                (number(held.groups, "group", "groups")) " in " (number(held.namespaces, "namespace", "namespaces"))
                ": " (why(held.reason)) ". "
                @match held.until {
                    Some(until) => { "Deleted " (time(until, frame.now)) "." }
                    None if held.reason.is_releasable() => "Kept until released or declared again.",
                    None => "Kept as long as that is so.",
                }
            }
        }
        @if is_releasable { (action::button(frame, Action::ReleaseDeletes, &status.ruler, status.tenant.as_deref())) }
        @for (reason, changes) in &reasons {
            (table(frame, &format!("Not deleted: {}", why(*reason)), changes))
        }
    }
}

fn planned(frame: &Frame, plan: Option<&Plan>, texts: &[ObjectText]) -> Markup {
    let Some(plan) = plan else {
        return html! { p { "There is no plan yet: the ruler has not been listed, or does not answer." } };
    };
    let changes: Vec<&Change> = plan.expected().filter(|change| change.held.is_none()).collect();
    html! {
        @if changes.is_empty() { p { (badge("No changes", Tone::Good)) " The ruler has all that it accepts." } }
        @else { (table(frame, "Changes to make, in order", &changes)) }
        @if !plan.refusals.is_empty() {
            h3 { "Refused, or expected to be" }
            ul.findings {
                @for refusal in plan.refusals.iter().take(MAX_CHANGES) {
                    li.finding {
                        (frame.object(&refusal.object))
                        @let text = texts.iter().find(|text| *text.id() == refusal.object);
                        (findings::list(std::iter::once(&refusal.finding), text, 1))
                    }
                }
            }
            @if plan.refusals.len() > MAX_CHANGES { p.dim { "and " (plan.refusals.len() - MAX_CHANGES) " more" } }
        }
    }
}

fn table(frame: &Frame, caption: &str, changes: &[&Change]) -> Markup {
    html! {
        table {
            caption { (caption) }
            thead {
                tr {
                    th scope="col" { "Ruler namespace" }
                    th scope="col" { "Groups" }
                    th scope="col" { "Operation" }
                    th.optional scope="col" { "Object" }
                }
            }
            tbody {
                @for change in changes.iter().take(MAX_CHANGES) {
                    tr {
                        th scope="row" { (foreign(&change.namespace)) }
                        td { (groups(change)) }
                        td { (operation(change)) " " small { (reason(change.reason)) } }
                        td.optional { @if let Some(object) = &change.object { (frame.object(object)) } }
                    }
                }
            }
        }
        @if changes.len() > MAX_CHANGES { p.dim { "and " (changes.len() - MAX_CHANGES) " more; the API has all" } }
    }
}

/// The number of groups that are named of one change.
const MAX_GROUPS: usize = 10;

fn groups(change: &Change) -> Markup {
    let left = change.groups().count().saturating_sub(MAX_GROUPS);
    html! {
        @for (index, group) in change.groups().take(MAX_GROUPS).enumerate() {
            @if index > 0 { ", " }
            (foreign(group))
        }
        @if left > 0 { " and " (left) " more" }
    }
}

fn operation(change: &Change) -> &'static str {
    match (change.is_delete(), change.reason) {
        (true, _) => "delete",
        (false, Reason::Missing) => "create",
        (false, _) => "replace",
    }
}

fn reason(reason: Reason) -> String {
    reason.to_string().replace('_', " ")
}
