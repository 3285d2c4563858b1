//! The labels and matchers that a route adds, the sources of their values, and the values that it refuses.

use crate::route::Value;
use rulesync_expr::Mode;
use rulesync_expr::promql::MatchOp;

use super::*;
use crate::model::labels::Labels;
use crate::model::language::QueryLanguage::PromQl;
use crate::model::object::ObjectId;
use crate::route::Permission;
use crate::route::ValueFrom;
use crate::route::input::{NamespaceMetadata, ValueSource};

/// The template of `cases/poison/annotation-becomes-label.yaml`.
const READS_ANOTHER: &str = "{{ query \"secret_metric{namespace='victim'}\" | first | value }}";

fn annotation() -> ValueSource {
    ValueSource::Annotation("team".into())
}

pub(super) fn from(origin: ValueSource, default: Option<&str>, values: &[&str]) -> Value {
    let values = values.iter().map(|value| Pattern::from(*value)).collect::<Vec<_>>();
    let permission = Permission { namespaces: vec!["apps".into()], values, ..Permission::default() };
    let allow = if permission.values.is_empty() { Vec::new() } else { vec![permission] };
    Value::From(ValueFrom { origin, default: default.map(str::to_owned), allow })
}

pub(super) fn label(value: Value, add_if_absent: bool) -> Route {
    let label = ExternalLabel { name: "team".into(), value, add_if_absent };
    Route { external_labels: vec![label], ..Route::all("r", "central", None) }
}

pub(super) fn matcher(value: Value) -> Route {
    let matcher = QueryMatcher { label: "team".into(), op: MatchOp::Equal, value, mode: Mode::Override };
    Route { query_matchers: vec![matcher], ..Route::all("r", "central", None) }
}

/// Returns the transform of an object in the Kubernetes namespace `apps` with this annotation `team`; its Kubernetes
/// namespace has the same as a label and an annotation.
pub(super) fn transform(route: &Route, team: Option<&str>) -> Result<Transform, Box<Finding>> {
    let team: Labels = team.map(|team| ("team", team)).into_iter().collect();
    let namespace = NamespaceMetadata { labels: team.clone(), annotations: team.clone() };
    let input = RoutingInput {
        id: &ObjectId::new(&"k".into(), &"PrometheusRule".into(), "apps", "o"),
        labels: &team,
        annotations: &team,
        tenant: None,
        language: None,
        namespace: Some(&namespace),
        namespace_comes: true,
    };
    Transform::of(route, &input)
}

fn group(json: &str) -> Group {
    serde_json::from_str(json).unwrap()
}

const PLAIN: &str = r#"{"name":"g","rules":[{"alert":"A","expr":"up"}]}"#;
const OF_RULE: &str =
    r#"{"name":"g","rules":[{"alert":"A","expr":"up"},{"alert":"B","expr":"up","labels":{"team":"own"}}]}"#;
const OF_GROUP: &str = r#"{"name":"g","labels":{"team":"own"},"rules":[{"alert":"A","expr":"up"}]}"#;

/// Returns the label `team` of each rule as it is sent, or the errors.
fn sent(route: &Route, team: Option<&str>, json: &str) -> Result<Vec<Option<String>>, Vec<String>> {
    let transform = transform(route, team).map_err(|finding| vec![finding.to_string()])?;
    let errors = |findings: &[Finding]| findings.iter().map(ToString::to_string).collect::<Vec<_>>();
    if !transform.refusals().is_empty() {
        return Err(errors(transform.refusals()));
    }
    let group = group(json);
    let (transformed, findings) = transform.apply(&group, "r", None, PromQl);
    if findings.is_empty() {
        Ok(transformed.rules.iter().map(|rule| rule.labels.get("team").cloned()).collect())
    } else {
        Err(errors(&findings))
    }
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

#[test]
fn value_with_a_template_is_refused_from_every_source() {
    let origins = [
        ValueSource::Label("team".into()),
        annotation(),
        ValueSource::NamespaceLabel("team".into()),
        ValueSource::NamespaceAnnotation("team".into()),
    ];
    for origin in origins {
        for odd in [
            READS_ANOTHER,
            "{{ $labels.victim }}",
            "a\nb",
            "\ta\nb",
            "a\u{2028}",
            "a\u{85}",
            "a\u{7f}",
            "\u{feff}",
        ] {
            let route = label(origin.clone().into(), false);
            let errors = sent(&route, Some(odd), PLAIN).unwrap_err();
            let begins = format!("route `r` cannot set the label `team`: {origin} is ");
            assert!(errors.len() == 1 && errors[0].starts_with(&begins), "{odd:?}: {errors:?}");
            // Refused also where the author's own label would win: the value does not count.
            assert!(sent(&label(origin.clone().into(), true), Some(odd), PLAIN).is_err());
            let errors = transform(&matcher(origin.clone().into()), Some(odd)).unwrap_err();
            let begins = format!("route `r` puts no matcher on `team`: {origin} is ");
            assert!(errors.message.starts_with(&begins), "{odd:?}: {errors}");
        }
    }
    let long = format!("{{{{{}", "x".repeat(100_000));
    let errors = sent(&label(annotation().into(), false), Some(&long), PLAIN).unwrap_err();
    assert!(errors[0].len() < 300, "{}", errors[0].len());
}

#[test]
fn templates_of_the_author_and_of_the_administrator_are_unaffected() {
    let own =
        r#"{"name":"g","rules":[{"alert":"A","expr":"up","labels":{"instance":"{{ $labels.instance }}"}}]}"#;
    assert_eq!(sent(&label(annotation().into(), false), Some("payments"), own), Ok(some(&["payments"])));
    let template = "{{ $labels.namespace }}";
    let constant = label(Value::Constant(template.into()), false);
    assert_eq!(sent(&constant, None, OF_RULE), Ok(some(&[template, template])));
    let default = label(from(annotation(), Some(template), &[]), false);
    assert_eq!(sent(&default, None, PLAIN), Ok(some(&[template])));
}

#[test]
fn external_label_overrides_labels_of_rules_and_groups() {
    let route = label(annotation().into(), false);
    assert_eq!(sent(&route, Some("t"), OF_RULE), Ok(some(&["t", "t"])));
    // A rule's label wins over its group's, so that it is enough to set that.
    assert_eq!(sent(&route, Some("t"), OF_GROUP), Ok(some(&["t"])));
}

#[test]
fn external_label_added_if_absent_keeps_labels_of_rules_and_groups() {
    let route = label(annotation().into(), true);
    assert_eq!(sent(&route, Some("t"), OF_RULE), Ok(some(&["t", "own"])));
    assert_eq!(
        sent(&route, Some("t"), OF_GROUP),
        Ok(some(&["own"])),
        "also where the ruler keeps no labels of groups"
    );
    assert_eq!(sent(&route, None, OF_RULE), Ok(vec![None, Some("own".into())]));
}

#[test]
fn external_label_without_a_value_is_not_replaced_by_the_authors() {
    // An empty value counts as none: a ruler removes such a label.
    for team in [None, Some("")] {
        let route = label(annotation().into(), false);
        assert_eq!(sent(&route, team, PLAIN), Ok(vec![None]));
        let warnings: Vec<Finding> = transform(&route, team).unwrap().unset_labels("r").collect();
        let [warning] = warnings.as_slice() else { panic!("one: {warnings:?}") };
        assert!(!warning.is_error());
        assert_eq!(warning.message, "route `r` leaves the label `team` out: annotation `team` is missing");
        let errors = sent(&route, team, OF_RULE).unwrap_err();
        assert!(
            errors.len() == 1
                && errors[0].starts_with("group \"g\", rule 1 \"B\", labels.team: the label `team`"),
            "{errors:?}"
        );
        let errors = sent(&route, team, OF_GROUP).unwrap_err();
        assert!(
            errors.len() == 1 && errors[0].starts_with("group \"g\", labels.team: the label `team`"),
            "{errors:?}"
        );
        let default = label(from(annotation(), Some("nobody"), &[]), false);
        assert_eq!(sent(&default, team, OF_RULE), Ok(some(&["nobody", "nobody"])));
        assert_eq!(sent(&default, team, OF_GROUP), Ok(some(&["nobody"])));
        let errors = transform(&matcher(annotation().into()), team).unwrap_err();
        assert!(errors.message.contains("annotation `team` is missing"), "{errors}");
        let matchers = transform(&matcher(from(annotation(), Some("nobody"), &[])), team).unwrap();
        assert_eq!(matchers.matchers[0].matchers().next(), Some((MatchOp::Equal, "nobody")));
    }
}

#[test]
fn values_are_limited_to_those_that_are_allowed() {
    let route = |values: &[&str]| label(from(annotation(), Some("nobody"), values), false);
    assert_eq!(sent(&route(&["pay*"]), Some("payments"), OF_RULE), Ok(some(&["payments", "payments"])));
    assert_eq!(sent(&route(&["pay*"]), None, PLAIN), Ok(some(&["nobody"])), "the administrator's own");
    for team in ["victim", "Payments", "xpayments"] {
        let errors = sent(&route(&["pay*"]), Some(team), PLAIN).unwrap_err();
        assert!(
            errors[0].contains(&format!("annotation `team` is {team:?}, which is not allowed there")),
            "{errors:?}"
        );
        let errors = transform(&matcher(from(annotation(), None, &["pay*"])), Some(team)).unwrap_err();
        assert!(errors.message.contains("which is not allowed there"), "{errors}");
    }
    let elsewhere =
        Permission { namespaces: vec!["other".into()], values: vec!["*".into()], ..Permission::default() };
    let source = ValueFrom { origin: annotation(), default: None, allow: vec![elsewhere] };
    assert!(sent(&label(Value::From(source), false), Some("payments"), PLAIN).is_err());
}
