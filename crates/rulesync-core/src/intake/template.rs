//! Templates in labels and annotations, which a ruler evaluates when an alert fires: whether they read series, as `{{
//! query "up" }}` does without any matcher, and what a ruler refuses.

use std::collections::{BTreeMap, HashSet};

use rulesync_expr::ErrorKind;
use rulesync_expr::template::{self, Environment, TemplateError};

use crate::finding::{Code, Finding, Location, MAY_KNOW, Position};
use crate::model::group::{Group, Rule};

/// Returns the locations in a group whose templates call `query`.
pub(crate) fn calls(group: &Group) -> impl Iterator<Item = Location> {
    let of_rules = group.rules.iter().enumerate().flat_map(|rule| of_rule(group, rule));
    of_group(group).chain(of_rules).filter(|text| queries(text.text)).map(|text| text.location())
}

/// Returns the findings about templates that a server with this environment refuses. Labels and annotations of
/// recording rules are no templates.
pub(crate) fn faults<'a>(
    group: &'a Group,
    environment: Environment,
    sound: &mut HashSet<&'a str>,
) -> impl Iterator<Item = Finding> {
    let alerts = || group.rules.iter().enumerate().filter(|(_, rule)| !rule.alert.is_empty());
    let of_group = of_group(group).filter(move |_| alerts().next().is_some());
    let of_rules = alerts().flat_map(|rule| of_rule(group, rule));
    of_group.chain(of_rules).filter_map(move |text| {
        if !text.text.contains("{{") || sound.contains(text.text) {
            return None;
        }
        let fault = fault(&text, environment);
        if fault.is_none() {
            sound.insert(text.text);
        }
        fault
    })
}

/// A text that may be a template.
struct Text<'a> {
    group: &'a Group,
    /// The rule that it belongs to, with its index; none if it belongs to the group.
    rule: Option<(usize, &'a Rule)>,
    /// `labels` or `annotations`.
    field: &'static str,
    key: &'a str,
    text: &'a str,
}

impl Text<'_> {
    fn location(&self) -> Location {
        Location {
            group: Some(self.group.name.clone()),
            rule: self.rule.map(|(index, _)| index),
            rule_name: self.rule.map(|(_, rule)| rule.name().to_owned()),
            field: Some(format!("{}.{}", self.field, self.key)),
            ..Location::default()
        }
    }
}

fn of_group(group: &Group) -> impl Iterator<Item = Text<'_>> {
    texts(group, None, "labels", &group.labels)
}

fn of_rule<'a>(group: &'a Group, rule: (usize, &'a Rule)) -> impl Iterator<Item = Text<'a>> {
    texts(group, Some(rule), "labels", &rule.1.labels).chain(texts(
        group,
        Some(rule),
        "annotations",
        &rule.1.annotations,
    ))
}

fn texts<'a>(
    group: &'a Group,
    rule: Option<(usize, &'a Rule)>,
    field: &'static str,
    texts: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = Text<'a>> {
    texts.iter().map(move |(key, text)| Text { group, rule, field, key, text })
}

/// Returns whether a template calls the function `query`. It can be called only by its name, so a template that cannot
/// be parsed, or that another ruler may parse differently, counts if it contains the word. Unknown names do not prevent
/// parsing.
fn queries(text: &str) -> bool {
    const QUERY: &str = "query";
    text.contains(QUERY)
        && template::parse("", text, &Environment::ANY)
            .map_or(true, |template| template.functions().any(|(name, _)| name == QUERY))
}

fn fault(text: &Text<'_>, environment: Environment) -> Option<Finding> {
    // The name that Prometheus gives it.
    let name = format!("__alert_{}", text.rule.map_or_else(String::new, |(_, rule)| rule.alert.clone()));
    let error = template::parse(&name, text.text, &environment).err()?;
    let position = error.position();
    let position = Some(Position { line: position.line, column: position.column });
    let finding = match error.kind() {
        // Rulers may be newer than this parser, or have functions of their own.
        ErrorKind::UnknownFunction => Finding::warning,
        _ => Finding::suspicion,
    };
    let finding = finding(Code::Template, error.explanation()).at(Location { position, ..text.location() });
    Some(match hint(&error, environment) {
        Some(hint) => finding.hint(hint),
        None => finding,
    })
}

fn hint(error: &TemplateError, environment: Environment) -> Option<String> {
    match error.kind() {
        ErrorKind::UndefinedVariable => {
            Some(format!("the ruler sets {}", environment.variables().join(", ")))
        }
        ErrorKind::UnknownFunction => Some(MAY_KNOW.to_owned()),
        _ => error.hint().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::Code;
    use std::collections::HashSet;

    use super::{faults, queries};
    use crate::finding::Finding;
    use crate::model::group::Group;
    use rulesync_expr::template::Environment;

    #[test]
    fn template_calls_of_query_are_found_wherever_they_are() {
        for text in [
            r#"{{ query "up" }}"#,
            r#"x {{- with query "secret" -}} {{ . | first | value }}{{ end }}"#,
            r#"{{ "up" | query | first | value }}"#,
            r#"{{ $x := "}}" }}{{ $x | query }}"#,
            r#"{{ "}}" | query }}"#,
            r#"{{/* " */}}{{ query "x" }}"#,
            r#"{{- /* ` */ -}}{{ query "x" }}"#,
            "{{ `\\` | query }}",
            r#"{{ '"' }}{{ query "x" }}"#,
            r#"{{ (query "up") }}"#,
            "{{\nquery `up`}}",
            r#"{{ if true }}{{ range query "up" }}{{ end }}{{ end }}"#,
            r#"{{ "open }} query"#,
            r#"{{ define "a" }}{{ query "x" }}{{ end }}"#,
            r#"{{ block "a" (query "x") }}{{ end }}"#,
            r#"{{ template "a" query "x" }}"#,
            r#"{{ if false }}{{ else if query "x" }}{{ end }}"#,
            r#"{{ $f := query }}{{ call query "x" }}"#,
            r#"{{ (query "x" | first).Value }}"#,
            r#"{{ query.x }}"#,
            r#"{{ newer $other | query }}"#,
            "{{- query `x` -}}",
            "{{/* a */}}{{/* b */ -}}\n{{query `x`}}",
        ] {
            assert!(queries(text), "{text}");
        }
    }

    #[test]
    fn template_that_cannot_be_parsed_calls_query_if_it_contains_the_word() {
        for text in [
            "{{ query",
            "{{ .x }} {{ query \"up\" ",
            "{{ if }}{{ query `up` }}",
            "{{ end }}{{ query `up` }}",
            "{{/* x */ query `up` }}",
            "{{ $x # query }}",
            "a slow query {{ $value",
        ] {
            assert!(queries(text), "{text}");
        }
    }

    #[test]
    fn template_words_that_are_no_calls_are_ignored() {
        for text in [
            "a slow query",
            "{{ $value }} slow query",
            "{{ $labels.query }} and {{ .query }} and {{ $query := 1 }}{{ $query }}",
            r#"{{ "query" }} {{ $labels.x | reReplaceAll "query" "q" }}"#,
            "{{ queryEscape }} {{ myquery }} {{ query_x }}",
            "{{/* query */}}",
            "}} query {{ $value }}",
            "a slow query {{ $anything }} {{ newer 1 }}",
            "{{ `{{ query }}` }}",
            "{{ \"}} {{ query\" }}",
            "{{ $value",
        ] {
            assert!(!queries(text), "{text}");
        }
    }

    fn group(json: serde_json::Value) -> Group {
        serde_json::from_value(json).unwrap()
    }

    fn all(group: &Group, environment: Environment) -> Vec<Finding> {
        faults(group, environment, &mut HashSet::new()).collect()
    }

    #[test]
    fn template_faults_are_located() {
        let group = group(serde_json::json!({
            "name": "g",
            "labels": {"a": "{{ $nosuch }}", "b": "plain"},
            "rules": [
                {"alert": "A", "expr": "up", "annotations": {
                    "broken": "fine\n{{ $value",
                    "fine": "{{ $labels.job }} is at {{ $value | humanize }}",
                    "later": "{{ newer $value }}",
                }},
                {"record": "r", "expr": "up", "labels": {"a": "{{ not a template"}},
                {"alert": "B", "expr": "up", "labels": {"dash": "{{ $labels.foo-bar }}"}},
            ],
        }));
        let shown: Vec<String> =
            all(&group, Environment::PROMETHEUS).iter().map(|finding| finding.to_string()).collect();
        assert_eq!(
            shown,
            [
                "group \"g\", labels.a, 1:4: the variable `$nosuch` is not defined (the ruler sets $labels, \
                 $externalLabels, $externalURL, $value)",
                "group \"g\", rule 0 \"A\", annotations.broken, 2:1: an action is not closed: `}}` is missing",
                "group \"g\", rule 0 \"A\", annotations.later, 1:4: there is no function `newer` (the ruler may know \
                 it)",
                "group \"g\", rule 2 \"B\", labels.dash, 1:15: `-` cannot follow a name (a label whose name has other \
                 characters is read by `index $labels \"the-name\"`)",
            ]
        );
        assert!(
            all(&group, Environment::PROMETHEUS).iter().all(|f| !f.withholds() && f.code == Code::Template)
        );
        let is_expected = |finding: &Finding| finding.is_error();
        let expected: Vec<bool> = all(&group, Environment::PROMETHEUS).iter().map(is_expected).collect();
        assert_eq!(expected, [true, true, false, true], "a newer ruler may have the function");
    }

    #[test]
    fn template_environments_differ_between_rulers() {
        let group = group(serde_json::json!({"name": "g", "rules": [
            {"alert": "A", "expr": "up", "annotations": {"a": "{{ $externalURL }}", "b": "{{ $expr | quotesEscape }}"}},
        ]}));
        let count = |environment| all(&group, environment).len();
        assert_eq!(count(Environment::PROMETHEUS), 1);
        assert_eq!(count(Environment::LOKI_RULES), 2);
        assert_eq!(count(Environment::VMALERT), 0);
    }

    #[test]
    fn labels_of_a_group_without_alerts_are_no_templates() {
        let group = group(serde_json::json!({
            "name": "g", "labels": {"a": "{{ $nosuch }}"}, "rules": [{"record": "r", "expr": "up"}],
        }));
        assert_eq!(all(&group, Environment::PROMETHEUS).len(), 0);
    }
}
