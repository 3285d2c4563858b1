//! Matchers with every operator: what they do to expressions, and what may be read for them.

use rulesync_expr::promql::MatchOp::{self, Equal, NotEqual, NotRegex, Regex};
use rulesync_expr::promql::means_the_same;
use rulesync_expr::{Mode, logql};

use super::tests::{from, transform};
use super::*;
use crate::model::group::Rule;
use crate::model::language::QueryLanguage::{LogQl, PromQl};
use crate::route::Value;
use crate::route::input::ValueSource;

fn constant(label: &str, op: MatchOp, value: &str) -> QueryMatcher {
    let value = Value::Constant(value.into());
    QueryMatcher { label: label.into(), op, value, mode: Mode::Override }
}

fn route(query_matchers: Vec<QueryMatcher>) -> Route {
    Route { query_matchers, ..Route::all("r", "central", None) }
}

/// Returns an expression as it is sent for an object with the annotation and label `team`, or the error.
fn sent(route: &Route, team: Option<&str>, expr: &str, language: QueryLanguage) -> Result<String, String> {
    let transform = transform(route, team).map_err(|finding| finding.to_string())?;
    let rule = Rule { record: "r".into(), expr: expr.into(), ..Rule::default() };
    let group = Group { name: "g".into(), rules: vec![rule], ..Group::default() };
    let (sent, findings) = transform.apply(&group, "r", None, language);
    match findings.first() {
        Some(finding) => Err(finding.to_string()),
        None => {
            assert!(transform.is_satisfied_by(&sent, None, language), "what is sent may stay");
            assert_eq!(transform.is_satisfied_by(&group, None, language), *sent == group);
            Ok(sent.rules[0].expr.clone())
        }
    }
}

/// The matchers of Alloy's own tests of `extra_query_matchers`, the last of which reads its value from a label.
fn of_alloy() -> Vec<QueryMatcher> {
    let from_label = QueryMatcher {
        label: "label".into(),
        op: Equal,
        value: ValueSource::Label("team".into()).into(),
        mode: Mode::Override,
    };
    vec![constant("cluster", Regex, "prod-.*"), constant("job", Equal, "good"), from_label]
}

/// What Alloy 1.18 makes of expressions, in the tests of its `mimir.rules.kubernetes` and by its rule: the first matcher
/// for a label that is there takes the place of every one on it.
#[test]
fn override_gives_what_alloy_gives_for_promql() {
    let route = route(of_alloy());
    for (expr, of_alloy) in [
        (
            r#"sum by (namespace) (rate(success{"job"="bad"}[10m]) / rate(total{}[10m]))"#,
            r#"sum by (namespace) (rate(success{cluster=~"prod-.*",job="good",label="bar"}[10m]) / rate(total{cluster=~"prod-.*",job="good",label="bar"}[10m]))"#,
        ),
        (
            r#"sum by (namespace) (rate(success{"foo"="bar"}[10m]) / (rate(success{"job"!~"bad"}[10m]) + rate(failure[10m]))) < 0.995"#,
            r#"sum by (namespace) (rate(success{cluster=~"prod-.*",foo="bar",job="good",label="bar"}[10m]) / (rate(success{cluster=~"prod-.*",job="good",label="bar"}[10m]) + rate(failure{cluster=~"prod-.*",job="good",label="bar"}[10m]))) < 0.995"#,
        ),
    ] {
        let ours = sent(&route, Some("bar"), expr, PromQl).unwrap();
        assert!(means_the_same(&ours, of_alloy), "{ours}");
    }
    // Alloy keeps as many as there were.
    let ours = sent(&route, Some("bar"), r#"up{job="a",job!="b",label="c"}"#, PromQl).unwrap();
    assert_eq!(ours, r#"up{job="good",label="bar",cluster=~"prod-.*"}"#);
    // Alloy sends an empty expression.
    let refused = sent(&route, None, "up", PromQl).unwrap_err();
    assert!(refused.contains("label `team` is missing"), "{refused}");
}

/// The same for its `loki.rules.kubernetes`, which has no values from labels.
#[test]
fn override_gives_what_alloy_gives_for_logql() {
    let route = route(of_alloy().into_iter().take(2).collect());
    for (expr, of_alloy) in [
        (
            r#"count_over_time({job="bad", app="test"}[5m]) / count_over_time({app="test"}[5m])"#,
            r#"(count_over_time({job="good", app="test", cluster=~"prod-.*"}[5m]) / count_over_time({app="test", cluster=~"prod-.*", job="good"}[5m]))"#,
        ),
        (
            r#"count_over_time({message="success"} |= "my-log" | json [5m])"#,
            r#"count_over_time({message="success", cluster=~"prod-.*", job="good"} |= "my-log" | json[5m])"#,
        ),
    ] {
        let ours = sent(&route, None, expr, LogQl).unwrap();
        assert!(logql::parse(&ours).is_ok());
        // Alloy prints a whole expression with other spaces, and with parentheses around it.
        let plain = |text: &str| text.replace(' ', "");
        let without_parentheses =
            of_alloy.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(of_alloy);
        assert_eq!(plain(&ours), plain(without_parentheses));
    }
}

#[test]
fn several_matchers_on_one_label_hold_together() {
    let both = route(vec![
        constant("namespace", NotEqual, "kube-system"),
        constant("job", Equal, "a"),
        constant("namespace", NotRegex, "test-.*"),
    ]);
    assert_eq!(
        sent(&both, None, "up{namespace='kube-system'}", PromQl).unwrap(),
        r#"up{namespace!="kube-system",namespace!~"test-.*",job="a"}"#
    );
    assert_eq!(
        sent(&both, None, r#"rate({app="x"}[5m])"#, LogQl).unwrap(),
        r#"rate({app="x",namespace!="kube-system",namespace!~"test-.*",job="a"}[5m])"#
    );
    let requiring: Vec<_> = both
        .query_matchers
        .iter()
        .map(|matcher| QueryMatcher { mode: Mode::Require, ..matcher.clone() })
        .collect();
    let requiring = route(requiring);
    let complete = r#"up{namespace!~"test-.*", namespace!="kube-system", namespace="x", job="a"}"#;
    assert_eq!(sent(&requiring, None, complete, PromQl).as_deref(), Ok(complete));
    let lacking = sent(&requiring, None, "up{namespace!='kube-system', job='a'}", PromQl).unwrap_err();
    assert!(lacking.contains(r#"a selector lacks the matcher namespace!~"test-.*""#), "{lacking}");
}

#[test]
fn selector_that_would_select_everything_is_refused_with_its_position() {
    let excluding = route(vec![constant("team", NotEqual, "a")]);
    for (expr, language) in [("1 + {team='a'}", PromQl), (r#"rate({team="a"}[5m])"#, LogQl)] {
        let error = sent(&excluding, None, expr, language).unwrap_err();
        assert!(error.contains("1:") && error.contains(r#"that team!="a" replaces"#), "{error}");
    }
    assert!(sent(&excluding, None, "{team='a', job='b'}", PromQl).is_ok());
}

#[test]
fn what_is_read_for_a_regular_expression_matches_itself_alone() {
    for op in [Regex, NotRegex] {
        let of = |value: Value| {
            route(vec![QueryMatcher { label: "team".into(), op, value, mode: Mode::Override }])
        };
        let read =
            |team: &str| sent(&of(ValueSource::Annotation("team".into()).into()), Some(team), "up", PromQl);
        assert_eq!(read("a").unwrap(), format!(r#"up{{team{op}"a"}}"#));
        assert_eq!(read("a.b|c-d").unwrap(), format!(r#"up{{team{op}"a\\.b|c-d"}}"#));
        for (broad, says) in
            [(".*", "'*'"), ("a|.+", "'+'"), ("[a-z]", "'['"), ("a|", "empty word"), ("(?i)a", "'('")]
        {
            let error = read(broad).unwrap_err();
            assert!(error.contains("annotation `team` is ") && error.contains(says), "{broad}: {error}");
        }
        // Each word must be permitted.
        let limited = |team| {
            sent(
                &of(from(ValueSource::Annotation("team".into()), Some("(a|b).*"), &["pay*"])),
                team,
                "up",
                PromQl,
            )
        };
        assert_eq!(limited(Some("pay|payments")).unwrap(), format!(r#"up{{team{op}"pay|payments"}}"#));
        let error = limited(Some("pay|victim")).unwrap_err();
        assert!(error.contains(r#"annotation `team` is "victim", which is not allowed there"#), "{error}");
        assert_eq!(limited(None).unwrap(), format!(r#"up{{team{op}"(a|b).*"}}"#), "the administrator's own");
    }
    // For other operators it is a text like any other.
    let equal = QueryMatcher {
        value: ValueSource::Annotation("team".into()).into(),
        ..constant("team", NotEqual, "")
    };
    assert_eq!(sent(&route(vec![equal]), Some("a|.*"), "up", PromQl).unwrap(), r#"up{team!="a|.*"}"#);
}

#[test]
fn restrictions_of_any_operator_keep_templates_from_querying() {
    for op in [Equal, NotEqual, Regex, NotRegex] {
        let transform = transform(&route(vec![constant("team", op, "a")]), None).unwrap();
        let asking: Group = serde_json::from_str(
            r#"{"name":"g","rules":[{"alert":"A","expr":"up","annotations":{"a":"{{ query \"up\" }}"}}]}"#,
        )
        .unwrap();
        let (_, findings) = transform.apply(&asking, "r", None, PromQl);
        assert_eq!(findings.len(), 1, "{op}");
        let (_, findings) = transform.apply(&group_of("info(up)"), "r", None, PromQl);
        assert!(findings[0].message.contains("info()"), "{op}");
        assert!(
            !transform.is_satisfied_by(&group_of("up"), None, PromQl),
            "{op}: a stored version without it"
        );
    }
}

fn group_of(expr: &str) -> Group {
    let rule = Rule { record: "r".into(), expr: expr.into(), ..Rule::default() };
    Group { name: "g".into(), rules: vec![rule], ..Group::default() }
}
