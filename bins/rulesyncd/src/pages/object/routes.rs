//! What each route makes of an object, and why.

use maud::{Markup, html};
use rulesync_core::explain::{
    ExplainedPermission, ExplainedRequirement, ExplainedTenant, RequirementSubject, RouteExplanation,
    RouteVerdict,
};

use crate::pages::findings;
use crate::pages::look::{Look, Tone, badge, foreign, more};

/// The number of routes that are shown; those that take the object come first.
const MAX_ROUTES: usize = 50;

/// The number of routes, up to which all are open where none takes the object.
const MAX_OPEN: usize = 5;

/// The number of permissions that are shown of a route.
const MAX_PERMISSIONS: usize = 20;

impl Look for RouteVerdict {
    fn look(&self) -> (&'static str, Tone) {
        match self {
            Self::Taken => ("matches", Tone::Good),
            Self::NotSelected => ("does not match", Tone::Quiet),
            Self::Undecided => ("waiting for its namespace", Tone::Busy),
            Self::NoTenant => ("no tenant", Tone::Warning),
            Self::TenantRefused => ("tenant refused", Tone::Bad),
            Self::Refused => ("refused", Tone::Bad),
            Self::Repeated => ("same as another route", Tone::Quiet),
            Self::Conflict => ("conflict", Tone::Warning),
            _ => ("unknown", Tone::Warning),
        }
    }
}

/// Shows what each route makes of an object.
pub(super) fn render(routes: &[RouteExplanation]) -> Markup {
    let mut shown: Vec<&RouteExplanation> = routes.iter().collect();
    shown.sort_by_key(|route| route.verdict == RouteVerdict::NotSelected);
    // Then the question is why.
    let is_nowhere =
        shown.len() <= MAX_OPEN && shown.iter().all(|one| one.verdict == RouteVerdict::NotSelected);
    html! {
        @if shown.is_empty() { p { "It could not be read, so no route was evaluated." } }
        @for route in shown.iter().take(MAX_ROUTES) { (one(route, is_nowhere)) }
        (more(shown.len().saturating_sub(MAX_ROUTES), "more route", "more routes"))
    }
}

fn one(route: &RouteExplanation, open: bool) -> Markup {
    let is_open = open || !matches!(route.verdict, RouteVerdict::NotSelected | RouteVerdict::Repeated);
    html! {
        details open[is_open] {
            summary {
                (route.verdict.badge()) " Route " b { (foreign(&route.route)) } " to ruler " b { (foreign(&route.ruler)) }
            }
            @if let Some(earlier) = &route.repeats {
                p { "Route " (foreign(earlier)) " leads to the same destination, with the same rules." }
            }
            @if let Some(finding) = &route.finding { (findings::list(std::iter::once(finding), None, 1)) }
            @if route.requirements.is_empty() { p { "The route selects every object." } }
            @else { (requirements("What the route requires", &route.requirements)) }
            @if let Some(tenant) = &route.tenant { (of_tenant(tenant)) }
        }
    }
}

fn requirements(caption: &str, all: &[ExplainedRequirement]) -> Markup {
    html! {
        table {
            caption { (caption) }
            thead {
                tr {
                    th scope="col" { "Requirement" }
                    th scope="col" { "Required" }
                    th scope="col" { "Actual" }
                    th scope="col" { "Met" }
                }
            }
            tbody {
                @for requirement in all {
                    tr {
                        th scope="row" { (subject(requirement.subject)) }
                        td { code { (foreign(&requirement.wanted)) } }
                        td {
                            @match &requirement.actual {
                                Some(actual) => code { (foreign(actual)) },
                                None => span.dim { "missing or unknown" },
                            }
                        }
                        td { (met(requirement.met)) }
                    }
                }
            }
        }
    }
}

fn subject(subject: RequirementSubject) -> &'static str {
    match subject {
        RequirementSubject::Source => "source",
        RequirementSubject::Kind => "kind",
        RequirementSubject::RuleSelector => "label of the object",
        RequirementSubject::NamespaceSelector => "label of its namespace",
        RequirementSubject::NamespaceMetadata => "namespace",
        RequirementSubject::Namespaces => "namespace",
        RequirementSubject::Tenants => "tenant",
        _ => "other",
    }
}

fn met(met: Option<bool>) -> Markup {
    match met {
        Some(true) => badge("yes", Tone::Good),
        Some(false) => badge("no", Tone::Bad),
        None => badge("unknown", Tone::Busy),
    }
}

fn of_tenant(tenant: &ExplainedTenant) -> Markup {
    html! {
        dl {
            dt { "Tenant" }
            dd {
                @match &tenant.tenant {
                    Some(name) => (foreign(name)),
                    None if tenant.from.is_some() => "refused",
                    None => "none: no tenant header is sent",
                }
            }
            dt { "Chosen by" }
            dd {
                @match &tenant.from {
                    None => "the configuration",
                    Some(from) => {
                        (foreign(from))
                        @match &tenant.requested {
                            Some(requested) => { ": " code { (foreign(requested)) } }
                            None => ", which is missing",
                        }
                    }
                }
            }
            @if tenant.from.is_some() {
                dt { "Permitted by" }
                dd {
                    @match tenant.permitted_by {
                        Some(entry) => { "entry " (entry) " of " code { "allow" } }
                        None => { "no entry of " code { "allow" } }
                    }
                }
            }
        }
        @for (number, permission) in tenant.permissions.iter().enumerate().take(MAX_PERMISSIONS) {
            (of_permission(number, permission))
        }
        (more(tenant.permissions.len().saturating_sub(MAX_PERMISSIONS), "more permission", "more permissions"))
    }
}

fn of_permission(number: usize, permission: &ExplainedPermission) -> Markup {
    html! {
        details {
            summary {
                "Entry " (number) " of " code { "allow" }
                @if permission.permits() { " permits it" } @else { " does not permit it" }
            }
            (requirements("What the permission requires", &permission.requirements))
        }
    }
}
