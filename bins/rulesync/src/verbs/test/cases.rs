//! What a test file asks for: the rule files, and the test cases with their places.

use rulesync_core::finding::Position;

use super::document::{Content, Node};

/// An entry of `rule_files`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RuleFileEntry {
    pub(super) position: Position,
    pub(super) wanted: Wanted,
}

/// The rules that an entry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Files, by a path or a pattern, or a directory of files.
    Path(String),
    /// An object by its Kubernetes namespace and its name.
    Object { namespace: String, name: String },
}

/// A test case: an alert or an expression at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    pub(super) position: Position,
    /// The name of the group of tests.
    pub(super) group: Option<String>,
    pub(super) subject: Subject,
    /// The time as it is written, and in milliseconds.
    pub(super) time: String,
    millis: Option<u64>,
}

/// What a case tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Alert(String),
    Expression(String),
}

/// Reads the entries of `rule_files`. The error has the position of an entry that is none.
pub(super) fn rule_files(document: &Node) -> Result<Vec<RuleFileEntry>, (Position, String)> {
    let Some(list) = document.get("rule_files") else { return Ok(Vec::new()) };
    if let Content::Mapping(_) = list.content {
        return Err((list.position, "`rule_files` is a list".to_owned()));
    }
    list.items().iter().map(entry).collect()
}

fn entry(node: &Node) -> Result<RuleFileEntry, (Position, String)> {
    let wrong = |message: &str| Err((node.position, message.to_owned()));
    let wanted = match (&node.content, node.entries()) {
        (Content::Scalar(scalar), _) if !scalar.text.is_empty() => Wanted::Path(scalar.text.clone()),
        (_, [(key, value)]) if key.as_text() == Some("object") => {
            match value.as_text().and_then(|text| text.split_once('/')) {
                Some((namespace, name))
                    if !namespace.is_empty() && !name.is_empty() && !name.contains('/') =>
                {
                    Wanted::Object { namespace: namespace.to_owned(), name: name.to_owned() }
                }
                _ => return wrong("an object is written as `object: NAMESPACE/NAME`"),
            }
        }
        _ => return wrong("an entry of `rule_files` is a path, a pattern, or `object: NAMESPACE/NAME`"),
    };
    Ok(RuleFileEntry { position: node.position, wanted })
}

/// The keys of lists of cases, and that of what each case tests.
const LISTS: [(&str, &str); 3] =
    [("alert_rule_test", "alertname"), ("promql_expr_test", "expr"), ("metricsql_expr_test", "expr")];

/// Reads the test cases, in the order of the text.
pub(super) fn cases(document: &Node) -> Vec<Case> {
    let mut cases = Vec::new();
    for test in document.get("tests").map(Node::items).unwrap_or_default() {
        let group = test.get("name").and_then(Node::as_text).filter(|name| !name.is_empty());
        for (list, subject) in LISTS {
            for case in test.get(list).map(Node::items).unwrap_or_default() {
                let text = |key: &str| case.get(key).and_then(Node::as_text).unwrap_or_default().to_owned();
                let (subject, time) = (text(subject), text("eval_time"));
                cases.push(Case {
                    position: case.position,
                    group: group.map(str::to_owned),
                    subject: match list {
                        "alert_rule_test" => Subject::Alert(subject),
                        _ => Subject::Expression(subject),
                    },
                    millis: millis(if time.is_empty() { "0s" } else { &time }),
                    time,
                });
            }
        }
    }
    cases.sort_by_key(|case| case.position);
    cases
}

impl Case {
    /// Returns whether a tool means this case: it names no group of tests where that has no name, and writes times its own
    /// way.
    pub(super) fn is(&self, group: Option<&str>, subject: &Subject, time: &str) -> bool {
        (group.is_none() || group == self.group.as_deref())
            && self.subject == *subject
            && (self.time == time || self.millis.is_some() && self.millis == millis(time))
    }

    /// Returns its name, such as `alert Down at 5m`.
    pub(super) fn name(&self) -> String {
        let time = if self.time.is_empty() { "0s" } else { &self.time };
        match &self.subject {
            Subject::Alert(name) => format!("alert {name} at {time}"),
            Subject::Expression(expr) => format!("expression {} at {time}", one_line(expr)),
        }
    }
}

fn one_line(expr: &str) -> String {
    expr.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns a duration of Prometheus or Go in milliseconds, such as `1h30m`, `5m0s` or `300s`.
fn millis(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    let mut total = 0.0_f64;
    if rest == "0" {
        return Some(0);
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let factor = match &rest[..unit] {
            "ms" => 1.0,
            "s" => 1_000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            "w" => 604_800_000.0,
            "y" => 31_536_000_000.0,
            _ => return None,
        };
        total += number * factor;
        rest = &rest[unit..];
    }
    // Whole milliseconds, far below the limits of both types.
    (!text.trim().is_empty() && total < 1e18).then_some(total.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Node {
        Node::parse(text).unwrap()
    }

    #[test]
    fn case_is_found_by_what_a_tool_says_of_it() {
        let document = parse(
            "tests:
- name: first
  promql_expr_test: [{expr: \"a +\\n  b\", eval_time: 90s}, {expr: up}]
  alert_rule_test: [{alertname: Down, eval_time: 5m}]
- alert_rule_test: [{alertname: Down, eval_time: 300s}]
",
        );
        let cases = cases(&document);
        let names: Vec<String> = cases.iter().map(Case::name).collect();
        assert_eq!(
            names,
            ["expression a + b at 90s", "expression up at 0s", "alert Down at 5m", "alert Down at 300s"]
        );
        let down = Subject::Alert("Down".to_owned());
        let find =
            |group: Option<&str>, time| cases.iter().filter(|case| case.is(group, &down, time)).count();
        assert_eq!((find(Some("first"), "5m"), find(Some("first"), "5m0s"), find(None, "5m")), (1, 1, 2));
        assert_eq!((find(Some("other"), "5m"), find(None, "6m")), (0, 0));
        assert!(cases[1].is(None, &Subject::Expression("up".into()), "0s"));
    }

    #[test]
    fn durations_of_both_tools_are_the_same() {
        for (a, b) in [("90s", "1m30s"), ("1h", "1h0m0s"), ("1d", "24h"), ("1.5s", "1500ms"), ("0", "0s")] {
            assert!(millis(a).is_some() && millis(a) == millis(b), "{a} {b}");
        }
        for none in ["", "5", "m", "1x", "1m 2s x"] {
            assert_eq!(millis(none), None, "{none}");
        }
    }

    #[test]
    fn rule_files_are_paths_and_objects() {
        let read = |text: &str| rule_files(&parse(text));
        let entries = read("rule_files:\n- a.yaml\n- object: shop/api\n- {object: a/b}").unwrap();
        assert_eq!(entries[0].wanted, Wanted::Path("a.yaml".into()));
        assert_eq!(entries[1].wanted, Wanted::Object { namespace: "shop".into(), name: "api".into() });
        assert_eq!((entries[1].position.line, entries.len()), (3, 3));
        assert_eq!(read("tests: []"), Ok(Vec::new()));
        for wrong in [
            "[{object: api}]",
            "[{object: a/b/c}]",
            "[{objekt: a/b}]",
            "[[a]]",
            "['']",
            "{a: b}",
            "[{object: a/b, x: y}]",
        ] {
            assert!(read(&format!("rule_files: {wrong}")).is_err(), "{wrong}");
        }
    }
}
