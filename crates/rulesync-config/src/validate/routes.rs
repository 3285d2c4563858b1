//! Routes: each by itself, whether its ruler exists, and whether two of them contradict each other.

use std::sync::Arc;

use rulesync_core::Route;
use rulesync_core::engine::validate_route;
use rulesync_core::model::{ALERTING_RULE, LOGGING_RULE, PROMETHEUS_RULE, RECORDING_RULE, RULE_FILE};
use rulesync_core::route::{QueryMatcher, Tenancy, TenantPattern};

use super::naming::{OwnNaming, naming_of, own_naming};
use super::report::Report;
use super::sources::names;
use super::values::{Entry, label, matcher, patterns, source};
use crate::file::{AllowFile, File, FromFile, Kind, RouteFile, RulerType, SourceType, TenantFile};
use crate::names::listed;
use crate::yaml::Path;

/// Checks the routes. One that cannot be used is none.
pub(super) fn routes(file: &File, report: &mut Report<'_>) -> Vec<Option<Route>> {
    let at = Path::of("routes");
    if file.routes.is_empty() {
        let message =
            "no route is configured: rules would go nowhere, and all that were written would be deleted";
        report.error(&at, message, "add one");
    }
    let names = file
        .routes
        .iter()
        .enumerate()
        .map(|(index, route)| (at.item(index).key("name"), route.name.as_str()));
    report.unique("route", names);
    let mut routes = Vec::new();
    for (index, written) in file.routes.iter().enumerate() {
        let at = at.item(index);
        let before = report.len();
        leads_to_a_ruler(file, written, &at, report);
        takes_known_sources(file, written, &at, report);
        let naming = (written.naming.as_ref(), written.previous_naming.as_slice());
        let OwnNaming { naming, legacy } = own_naming(file, naming, &at, report);
        let route = route(written, &at, report).map(|route| Route { naming, legacy, ..route });
        if let Some(route) = &route {
            needs_namespaces(file, route, &at, report);
        }
        routes.push(route.filter(|_| report.len() == before));
    }
    contradictions(file, &routes, &at, report);
    routes
}

/// Reports a route to a ruler that does not exist, or that has no tenants.
fn leads_to_a_ruler(file: &File, route: &RouteFile, at: &Path, report: &mut Report<'_>) {
    let rulers = Path::of("rulers");
    let RouteFile { name, ruler, tenant, .. } = route;
    let found = file.rulers.iter().position(|other| other.name == *ruler);
    let Some(index) = found else {
        if !is_a_name_unknown("rulers", file.rulers.len(), report) {
            let message = format!("route `{name}`: there is no ruler `{ruler}`");
            report.error(&at.key("ruler"), message, &known_rulers(file));
        }
        return;
    };
    let has_no_tenants = file.rulers.get(index).is_some_and(|ruler| ruler.kind == RulerType::Prometheus);
    if has_no_tenants && tenant.is_some() && !report.is_damaged(&rulers.item(index).key("type")) {
        let message = format!("route `{name}`: the ruler `{ruler}` is a Prometheus and has no tenants");
        report.error_at_key(&at.key("tenant"), message, "remove `tenant`");
    }
}

/// Returns whether some name in a list is not known, because it is damaged: a route may mean that one.
fn is_a_name_unknown(key: &str, length: usize, report: &Report<'_>) -> bool {
    let list = Path::of(key);
    report.is_damaged(&list) || (0..length).any(|index| report.is_damaged(&list.item(index).key("name")))
}

/// Reports sources that do not exist.
fn takes_known_sources(file: &File, route: &RouteFile, at: &Path, report: &mut Report<'_>) {
    if route.sources.is_empty() || is_a_name_unknown("sources", file.sources.len(), report) {
        return;
    }
    let known = names(&file.sources);
    for (index, source) in route.sources.iter().enumerate() {
        if !known.contains(source) {
            let message = format!("route `{}`: there is no source `{source}`", route.name);
            let hint = format!("the sources are {}", listed(known.iter().map(String::as_str)));
            report.error(&at.key("sources").item(index), message, &hint);
        }
    }
}

fn known_rulers(file: &File) -> String {
    let mut names: Vec<&str> = file.rulers.iter().map(|ruler| ruler.name.as_str()).collect();
    names.dedup();
    match names.as_slice() {
        [] => "add it to `rulers`".to_owned(),
        names => format!("the rulers are {}", listed(names.iter().copied())),
    }
}

fn route(file: &RouteFile, at: &Path, report: &mut Report<'_>) -> Option<Route> {
    let before = report.len();
    let tenant = tenancy(file, at, report);
    let allow = file.allow.iter().enumerate().filter_map(|(index, entry)| {
        let AllowFile { namespaces, namespace_selector, tenants } = entry;
        let entry =
            Entry { namespaces: namespaces.as_deref(), namespace_selector, key: "tenants", values: tenants };
        entry.permission("allow", &at.key("allow").item(index), report)
    });
    let allow: Vec<_> = allow.collect();
    let labels: Vec<_> = file
        .external_labels
        .iter()
        .enumerate()
        .map(|(index, file)| label(file, &at.key("external_labels").item(index), report))
        .collect();
    let matchers: Vec<_> = file
        .query_matchers
        .iter()
        .enumerate()
        .map(|(index, file)| matcher(file, &at.key("query_matchers").item(index), report))
        .collect();
    repeated_labels(file, at, report);
    conflicting_matchers(file, &matchers, at, report);

    // The engine judges each part by itself, so that each error has a position.
    let empty = || Route::all(&file.name, &file.ruler, None);
    let mut judge = |path: Path, route: Route| {
        if let Err(error) = validate_route(&route) {
            report.error(&path, error.to_string(), "");
        }
    };
    judge(at.key("rule_selector"), Route { rule_selector: (&file.rule_selector).into(), ..empty() });
    judge(
        at.key("namespace_selector"),
        Route { namespace_selector: (&file.namespace_selector).into(), ..empty() },
    );
    for (index, entry) in file.allow.iter().enumerate() {
        let path = at.key("allow").item(index).key("namespace_selector");
        judge(path, Route { namespace_selector: (&entry.namespace_selector).into(), ..empty() });
    }
    for (index, label) in
        labels.iter().enumerate().filter_map(|(index, label)| Some((index, label.as_ref()?)))
    {
        let path = at.key("external_labels").item(index);
        judge(path, Route { external_labels: vec![label.clone()], ..empty() });
    }
    for (index, matcher) in
        matchers.iter().enumerate().filter_map(|(index, matcher)| Some((index, matcher.as_ref()?)))
    {
        let path = at.key("query_matchers").item(index);
        judge(path, Route { query_matchers: vec![matcher.clone()], ..empty() });
    }
    let tenant = tenant?;
    let nothing_allowed = matches!(tenant, Tenancy::Requested { .. }) && file.allow.is_empty();
    if nothing_allowed && !report.is_damaged(&at.key("allow")) {
        let message = format!("route `{}` takes tenants from objects and allows none", file.name);
        let hint = "add `allow` with Kubernetes namespaces and the tenants they may request";
        report.error(&at.key("tenant"), message, hint);
    }
    (report.len() == before).then(|| Route {
        name: file.name.as_str().into(),
        ruler: file.ruler.as_str().into(),
        tenant,
        allow,
        source_tenants: patterns(&file.source_tenants.allow),
        sources: file.sources.iter().map(|name| name.as_str().into()).collect(),
        kinds: file.kinds.iter().flat_map(|kind| kinds(*kind)).map(|kind| Arc::from(*kind)).collect(),
        rule_selector: (&file.rule_selector).into(),
        namespace_selector: (&file.namespace_selector).into(),
        external_labels: labels.into_iter().flatten().collect(),
        query_matchers: matchers.into_iter().flatten().collect(),
        naming: None,
        legacy: Vec::new(),
    })
}

fn tenancy(file: &RouteFile, at: &Path, report: &mut Report<'_>) -> Option<Tenancy> {
    let pattern = match file.tenant_pattern.as_deref().map(str::parse::<TenantPattern>).transpose() {
        Ok(pattern) => pattern,
        Err(error) => {
            report.error(&at.key("tenant_pattern"), format!("`tenant_pattern`: {error}"), "");
            None
        }
    };
    if report.is_damaged(&at.key("tenant")) {
        return None;
    }
    if !matches!(file.tenant, Some(TenantFile::From(_))) && file.tenant_pattern.is_some() {
        let message = "`tenant_pattern` has no meaning where the tenant is fixed";
        report.error_at_key(&at.key("tenant_pattern"), message, "remove it");
    }
    match &file.tenant {
        None => Some(Tenancy::None),
        Some(TenantFile::Fixed(name)) => match name.parse() {
            Ok(tenant) => Some(Tenancy::Fixed(tenant)),
            Err(error) => {
                let error: rulesync_core::model::TenantError = error;
                report.error(&at.key("tenant"), format!("route `{}`: {error}", file.name), "");
                None
            }
        },
        Some(TenantFile::From(FromFile { from, key })) => {
            let from = source(*from, key.as_deref(), "tenant", &at.key("tenant"), report)?;
            Some(Tenancy::Requested { from, pattern: pattern.unwrap_or_default() })
        }
    }
}

/// Reports labels that a route adds again.
fn repeated_labels(file: &RouteFile, at: &Path, report: &mut Report<'_>) {
    let labels = file.external_labels.iter().enumerate();
    report.unique(
        "external label",
        labels
            .map(|(index, label)| (at.key("external_labels").item(index).key("label"), label.label.as_str())),
    );
}

/// Reports matchers on one label that do not go together.
fn conflicting_matchers(
    file: &RouteFile,
    matchers: &[Option<QueryMatcher>],
    at: &Path,
    report: &mut Report<'_>,
) {
    let place = |index| at.key("query_matchers").item(index).key("label");
    for (index, later) in matchers.iter().enumerate() {
        let Some(later) = later else { continue };
        let mut earlier = matchers.iter().take(index).enumerate();
        let found = earlier.find_map(|(other, earlier)| Some((other, later.conflict(earlier.as_ref()?)?)));
        if let Some((other, conflict)) = found {
            let message = format!(
                "route `{}`: two matchers on `{}` {conflict} (the other is on line {})",
                file.name,
                later.label,
                report.line(&place(other))
            );
            report.error(&place(index), message, "");
        }
    }
}

/// Reports a route that looks at more of Kubernetes namespaces than any source delivers.
fn needs_namespaces(file: &File, route: &Route, at: &Path, report: &mut Report<'_>) {
    let sources = Path::of("sources");
    let delivers = file.sources.iter().enumerate().any(|(index, source)| {
        let watches_all = source.namespaces.as_ref().is_none_or(Vec::is_empty);
        // A source whose type is not known may be one.
        report.is_damaged(&sources.item(index).key("type"))
            || source.kind == SourceType::Kubernetes && watches_all
    });
    if route.needs_namespaces() && !delivers && !report.is_damaged(&sources) {
        let message = format!(
            "route `{}` looks at labels or annotations of Kubernetes namespaces, but no source delivers these",
            route.name
        );
        let hint =
            "watch all namespaces with a source of the type `kubernetes`, or select namespaces by name";
        report.error(at, message, hint);
    }
}

/// Reports routes that would write different rules to one place.
fn contradictions(file: &File, routes: &[Option<Route>], at: &Path, report: &mut Report<'_>) {
    let routes: Vec<(usize, Route)> = routes
        .iter()
        .enumerate()
        .filter_map(|(index, route)| Some((index, with_naming(file, route.as_ref()?)?)))
        .collect();
    for (position, (index, first)) in routes.iter().enumerate() {
        let Some(later) = routes.get(position + 1..) else { continue };
        for (other, second) in later.iter().filter(|(_, second)| first.contradicts(second)) {
            let differ = if first.naming == second.naming {
                "transform rules differently"
            } else {
                "have different namings"
            };
            let message = format!(
                "routes `{}` (line {}) and `{}` lead to the same tenants of one ruler and {differ}: objects that go by both would be written in two ways",
                first.name,
                report.line(&at.item(*index)),
                second.name
            );
            let hint = "let their selectors require different values of one label, or let their kinds differ";
            report.error(&at.item(*other), message, hint);
        }
    }
}

/// Returns a route with the naming that applies to it; none if that is not valid.
fn with_naming(file: &File, route: &Route) -> Option<Route> {
    let naming = match &route.naming {
        Some(naming) => naming.clone(),
        None => naming_of(file, &route.ruler)?,
    };
    Some(Route { naming: Some(naming), ..route.clone() })
}

fn kinds(kind: Kind) -> &'static [&'static str] {
    match kind {
        // A plain rule file holds what a PrometheusRule does.
        Kind::PrometheusRule => &[PROMETHEUS_RULE, RULE_FILE],
        Kind::AlertingRule => &[ALERTING_RULE],
        Kind::RecordingRule => &[RECORDING_RULE],
        Kind::LoggingRule => &[LOGGING_RULE],
    }
}
