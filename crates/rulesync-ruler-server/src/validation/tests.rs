use super::*;
use crate::{
    model::kind::{Kind, NameScheme},
    yaml::decode,
};

fn errors_of(kind: Kind, yaml: &str) -> String {
    let posted = decode::decode(yaml.as_bytes()).expect("a group");
    error_text(&posted, &Profile::of(kind), false).unwrap_or_default()
}

fn rule(text: &str) -> String {
    errors_of(Kind::Mimir, &format!("name: g1\nrules:\n- {text}\n"))
}

#[test]
fn validate_reports_every_rule_error() {
    for (yaml, text) in [
        ("{alert: A, expr: up}", ""),
        (
            "{alert: A, expr: 'sum('}",
            r#"3:20: group "g1", rule 0, "A": could not parse expression: 1:5: parse error: unclosed left parenthesis"#,
        ),
        ("{alert: A}", r#"0:0: group "g1", rule 0, "A": field 'expr' must be set in rule"#),
        (
            "{record: r, alert: A, expr: up}",
            r#"3:12: 3:22: group "g1", rule 0, "A": only one of 'record' and 'alert' must be set"#,
        ),
        ("{expr: up}", r#"0:0: 0:0: group "g1", rule 0, "": one of 'record' or 'alert' must be set"#),
        ("{record: a b, expr: up}", r#"3:12: group "g1", rule 0, "a b": invalid recording rule name: a b"#),
        (
            "{record: r, expr: up, for: 1m}",
            r#"3:12: group "g1", rule 0, "r": invalid field 'for' in recording rule"#,
        ),
        (
            "{record: r, expr: up, keep_firing_for: 1m}",
            r#"3:12: group "g1", rule 0, "r": invalid field 'keep_firing_for' in recording rule"#,
        ),
        (
            "{record: r, expr: up, annotations: {a: b}}",
            r#"3:12: group "g1", rule 0, "r": invalid field 'annotations' in recording rule"#,
        ),
        ("{record: r, expr: up, labels: {a: '{{ nope }}'}}", ""),
        ("{alert: A, expr: up, labels: {a-b: c}}", r#"group "g1", rule 0, "A": invalid label name: a-b"#),
        (
            "{alert: A, expr: up, labels: {__name__: c}}",
            r#"group "g1", rule 0, "A": invalid label name: __name__"#,
        ),
        (
            "{alert: A, expr: up, annotations: {a-b: c}}",
            r#"group "g1", rule 0, "A": invalid annotation name: a-b"#,
        ),
        (
            "{alert: A, expr: up, annotations: {a: '{{ $value'}}",
            r#"group "g1", rule 0, "A": annotation "a": template: __alert_A:1: unclosed action"#,
        ),
        (
            // The variable is looked up before the missing end is noticed.
            "{alert: A, expr: up, annotations: {a: '{{ $x'}}",
            r#"group "g1", rule 0, "A": annotation "a": template: __alert_A:1: undefined variable "$x""#,
        ),
        (
            "{alert: A, expr: up, labels: {a: '{{ nope }}'}}",
            r#"group "g1", rule 0, "A": label "a": template: __alert_A:1: function "nope" not defined"#,
        ),
        ("{alert: A, expr: up, annotations: {a: '{{ .NoField }}'}}", ""),
        ("{alert: A, expr: up, annotations: {a: '{{ ($x := 1) }}{{ $x | }}'}}", ""),
        ("{alert: A, expr: up, annotations: {a: '{{ template \"b\" . }}{{ $value = 1 }}'}}", ""),
        (
            "{alert: A, expr: up, annotations: {a: '{{ if true }}{{ $x := 1 }}{{ else }}{{ $x }}{{ end }}'}}",
            "",
        ),
        (
            "{alert: A, expr: up, annotations: {a: '{{ tmpl \"b\" . }}'}}",
            r#"group "g1", rule 0, "A": annotation "a": template: __alert_A:1: function "tmpl" not defined"#,
        ),
        (
            "{alert: A, expr: up, annotations: {a: '{{ $labels.a-b }}'}}",
            r#"group "g1", rule 0, "A": annotation "a": template: __alert_A:1: bad character U+002D '-'"#,
        ),
        (
            "{alert: A, expr: up, annotations: {a: '{{ if $value == 1 }}b{{ end }}'}}",
            r#"group "g1", rule 0, "A": annotation "a": template: __alert_A:1: unexpected "=" in if"#,
        ),
        (
            "{alert: A, expr: up, annotations: {a: '{{ $value | 1 }}'}}",
            r#"group "g1", rule 0, "A": annotation "a": template: __alert_A:1: non executable command in pipeline stage 2"#,
        ),
        (
            "{alert: A, expr: up, annotations: {a: '{{ break }}'}}",
            r#"group "g1", rule 0, "A": annotation "a": template: __alert_A:1: {{break}} outside {{range}}"#,
        ),
        (
            "{alert: A, expr: up, annotations: {a: '{{ define \"b\" }}{{ $labels }}{{ end }}'}}",
            r#"group "g1", rule 0, "A": annotation "a": template: __alert_A:1: undefined variable "$labels""#,
        ),
    ] {
        assert_eq!(rule(yaml), text, "{yaml}");
    }
}

#[test]
fn validate_reports_braces_in_record_name_twice() {
    let errors = rule("{record: 'a{b}', expr: up}");
    let both = [
        r#"3:12: group "g1", rule 0, "a{b}": invalid recording rule name: a{b}"#,
        r#"3:12: group "g1", rule 0, "a{b}": braces present in the recording rule name; should it be in expr?: a{b}"#,
    ];
    assert_eq!(errors, both.join(", "));
}

#[test]
fn validate_cortex_has_no_positions_or_expression_errors() {
    let yaml = "name: g\nrules:\n- {alert: A, expr: 'sum('}\n- {expr: up}\n";
    assert_eq!(
        errors_of(Kind::Cortex, yaml),
        r#", 0:0: 0:0: group "g", rule 1, "": one of 'record' or 'alert' must be set"#
    );
    assert_eq!(errors_of(Kind::Cortex, "name: g\nrules:\n- {alert: A, expr: 'sum('}\n"), "");
}

#[test]
fn validate_reports_group_errors() {
    assert_eq!(errors_of(Kind::Mimir, ""), "invalid rules configuration: rule group name must not be empty");
    assert_eq!(
        errors_of(Kind::Cortex, "rules: []"),
        "invalid rules config: rule group name must not be empty"
    );
    assert_eq!(
        errors_of(Kind::Mimir, "name: g1"),
        "invalid rules configuration: rule group 'g1' has no rules"
    );
    let rules = "rules: [{alert: A, expr: up}]";
    let federated = format!("name: gfed\nsource_tenants: [a]\n{rules}");
    assert!(
        errors_of(Kind::Mimir, &federated)
            .contains("'gfed' is a federated rule group, but rules federation is disabled")
    );
    assert_eq!(errors_of(Kind::Cortex, &federated), "");
    let delays = format!("name: g\nquery_offset: 1m\nevaluation_delay: 2m\n{rules}");
    assert!(errors_of(Kind::Mimir, &delays).contains("set, but to different values"));
    assert_eq!(errors_of(Kind::Mimir, &delays.replace("2m", "60s")), "");
}

#[test]
fn validate_utf8_scheme_accepts_any_name() {
    let posted = decode::decode("name: g\nrules:\n- {record: ä.b, expr: up, labels: {a-b: c}}\n".as_bytes())
        .expect("a group");
    let profile = Profile { name_scheme: NameScheme::Utf8, ..Profile::of(Kind::Mimir) };
    assert_eq!(error_text(&posted, &profile, false), None);
}

#[test]
fn validate_experimental_functions_are_configurable() {
    let posted = decode::decode(b"name: g\nrules:\n- {record: r, expr: 'limitk(1, up)'}\n").expect("a group");
    let mut profile = Profile::of(Kind::Mimir);
    assert_eq!(error_text(&posted, &profile, false), None);
    if let Dialect::PromQl(style) = &mut profile.dialect {
        style.experimental = false;
    }
    assert!(
        error_text(&posted, &profile, false).is_some_and(|text| text.contains("could not parse expression"))
    );
}

#[test]
fn validate_limits_count_a_replaced_group_twice() {
    let posted = decode::decode(b"name: g\ninterval: 10s\nrules: [{}, {}, {}]").expect("a group");
    let limit = |limits: Limits, stored: usize| over_limit(&posted, &limits, || stored);
    assert_eq!(limit(Limits::default(), 1000), None);
    let limits = || Limits { groups: 2, ..Limits::default() };
    assert_eq!(limit(limits(), 1), None);
    assert_eq!(
        limit(limits(), 2).as_deref(),
        Some("per-user rule groups limit (limit: 2 actual: 3) exceeded")
    );
    let rules = Limits { rules_per_group: 2, ..Limits::default() };
    assert_eq!(
        limit(rules, 0).as_deref(),
        Some("per-user rules per rule group limit (limit: 2 actual: 3) exceeded")
    );
    let interval = Limits { min_interval: std::time::Duration::from_secs(30), ..Limits::default() };
    let text = "per-user minimum rule evaluation interval limit (limit: 30s actual: 10s) exceeded";
    assert_eq!(limit(interval, 0).as_deref(), Some(text));
}

#[test]
fn validate_loki_messages() {
    let rule = |text: &str| errors_of(Kind::Loki, &format!("name: g1\nrules:\n- {text}\n"));
    for (yaml, text) in [
        ("{alert: A b, expr: '1 > 0'}", ""),
        ("{alert: A}", "field 'expr' must be set in rule"),
        ("{record: r, alert: A, expr: '1'}", "only one of 'record' and 'alert' must be set"),
        ("{expr: '1'}", "one of 'record' or 'alert' must be set"),
        ("{record: 'a{b}', expr: '1'}", "invalid recording rule name: a{b}"),
        ("{record: ä, expr: '1'}", "invalid recording rule name: ä"),
        ("{record: r, expr: '1', for: 1m}", "invalid field 'for' in recording rule"),
        ("{record: r, expr: '1', annotations: {a: b}}", "invalid field 'annotations' in recording rule"),
        ("{record: r, expr: '1', keep_firing_for: 1m}", ""),
        ("{alert: A, expr: '1', labels: {a-b: c}}", "invalid label name: a-b"),
        ("{alert: A, expr: '1', labels: {__name__: c}}", "invalid label name: __name__"),
        ("{alert: A, expr: '1', annotations: {a-b: c}}", "invalid annotation name: a-b"),
        (
            "{alert: A, expr: '1', annotations: {u: '{{ $externalURL }}'}}",
            r#"annotation "u": template: __alert_A:1: undefined variable "$externalURL""#,
        ),
        ("{alert: A, expr: '1', annotations: {u: '{{ externalURL }}'}}", ""),
        ("{record: r, expr: '1', labels: {a: '{{ nope }}'}}", ""),
        // Only the first error of a rule is reported.
        ("{expr: '', labels: {a-b: c}}", "one of 'record' or 'alert' must be set"),
    ] {
        assert_eq!(rule(yaml), text, "{yaml}");
    }
    let two = errors_of(Kind::Loki, "rules: [{alert: A}, {alert: B, expr: '1'}, {expr: '1'}]");
    let words = [
        "group 0: Groupname must not be empty",
        "field 'expr' must be set in rule",
        "one of 'record' or 'alert' must be set",
    ];
    assert_eq!(two, words.join(", "));
    assert_eq!(errors_of(Kind::Loki, "name: g1"), "", "a group needs no rules");
}

#[test]
fn validate_loki_reports_expression_errors_with_rule_name() {
    for (field, rule_name) in [("alert", "alert 'X'"), ("record", "record 'X'")] {
        for (expr, error) in [
            ("up", "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"),
            ("rate({a=\"b\"})", "parse error at line 1, col 13: syntax error: unexpected )"),
            (
                "sum_over_time({a=\"b\"} [5m])",
                "parse error : invalid aggregation sum_over_time without unwrap",
            ),
        ] {
            let errors = errors_of(Kind::Loki, &format!("name: g\nrules: [{{{field}: X, expr: '{expr}'}}]"));
            assert_eq!(errors, format!("could not parse expression for {rule_name} in group 'g': {error}"));
        }
    }
    // A log query is accepted, though it can never be evaluated.
    assert_eq!(errors_of(Kind::Loki, "name: g\nrules: [{alert: X, expr: '{a=\"b\"}'}]"), "");
}
