//! What a tool printed, understood: keys that it does not know, and which cases failed. Pure.

use super::cases::{Case, Subject};

/// A key that a tool does not know, with its line in the file that the tool read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownKey {
    pub(super) line: usize,
    pub(super) key: String,
    /// True if it is a key of a rule file.
    pub(super) is_of_rules: bool,
}

/// A failure that a tool reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TestFailure {
    /// The case, as an index, if it is one of the file.
    pub(super) case: Option<usize>,
    /// What the tool said about it, one line for each line.
    pub(super) lines: Vec<String>,
}

/// Returns the keys that a tool does not know.
pub(super) fn unknown_keys(text: &str) -> Vec<UnknownKey> {
    // Such as `line 3: field fuzzy_compare not found in type main.unitTestFile`.
    let key = |line: &str| {
        let (number, rest) = line.trim().strip_prefix("line ")?.split_once(": field ")?;
        let (key, kind) = rest.split_once(" not found in type ")?;
        let is_of_rules = kind.starts_with("rulefmt.") || kind.starts_with("config.");
        Some(UnknownKey { line: number.parse().ok()?, key: key.to_owned(), is_of_rules })
    };
    text.lines().filter_map(key).collect()
}

/// Lines that say nothing about what is wrong.
const NOISE: [&str; 5] =
    ["FAILED", "SUCCESS", "Unit Testing:", "evaluation_interval set to", "failed to run unit test for file"];

/// Returns the failures, each with its case, if it is about one.
pub(super) fn failures(text: &str, cases: &[Case]) -> Vec<TestFailure> {
    let mut blocks: Vec<Vec<&str>> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        let line = line.strip_prefix('[').filter(|rest| rest.is_empty()).unwrap_or(line);
        if line.trim().is_empty() || NOISE.iter().any(|noise| line.trim_start().starts_with(noise)) {
            continue;
        }
        let only_named = blocks.last().is_some_and(|block| block.iter().all(|line| group(line).is_some()));
        match blocks.last_mut() {
            Some(block) if only_named || !begins(line) => block.push(line),
            _ => blocks.push(vec![line]),
        }
    }
    blocks.into_iter().map(|block| failure(&block, cases)).collect()
}

/// Returns whether a failure begins on a line: what follows is indented further.
fn begins(line: &str) -> bool {
    let indent = line.len() - line.trim_start().len();
    let words = ["name: ", "testGroupName: ", "alertname: ", "groupname: ", "expr: ", "rule: "];
    indent <= 4
        && (indent < 2 || words.iter().any(|word| line.trim_start().starts_with(word)))
        && !matches!(line.trim(), "]" | "],")
}

/// Returns the name of the group of tests that a line consists of.
fn group(line: &str) -> Option<&str> {
    let line = line.trim();
    let name = line.strip_prefix("name: ").or_else(|| line.strip_prefix("testGroupName: "))?;
    Some(name.strip_suffix(',').unwrap_or(name))
}

fn failure(block: &[&str], cases: &[Case]) -> TestFailure {
    let name = block.first().and_then(|line| group(line));
    let subject = block.iter().find_map(|line| subject(line.trim()));
    let case =
        subject.and_then(|(subject, time)| cases.iter().position(|case| case.is(name, &subject, &time)));
    TestFailure { case, lines: block.iter().map(|line| (*line).to_owned()).collect() }
}

/// Returns what a line is about, and the time.
fn subject(line: &str) -> Option<(Subject, String)> {
    let (before, rest) = line.split_once(", time: ")?;
    let time = rest.split(',').next().unwrap_or(rest).trim().to_owned();
    if let Some(expr) = before.strip_prefix("expr: ") {
        // As Go quotes it, which JSON reads but for rare characters.
        let expr = serde_json::from_str(expr).unwrap_or_else(|_| expr.trim_matches('"').to_owned());
        return Some((Subject::Expression(expr), time));
    }
    let (_, name) = before.split_once("alertname: ")?;
    Some((Subject::Alert(name.to_owned()), time))
}

#[cfg(test)]
mod tests {
    use super::super::cases::cases;
    use super::super::document::Node;
    use super::*;

    const TESTS: &str = "tests:
- name: first
  alert_rule_test: [{alertname: Down, eval_time: 5m}]
  promql_expr_test: [{expr: 'a{b=\"c\"}', eval_time: 4m}]
- alert_rule_test: [{alertname: Down, eval_time: 5m}, {alertname: Up, eval_time: 90s}]
";

    fn of(text: &str) -> Vec<(Option<usize>, usize)> {
        let cases = cases(&Node::parse(TESTS).unwrap());
        failures(text, &cases).into_iter().map(|failure| (failure.case, failure.lines.len())).collect()
    }

    #[test]
    fn answer_of_promtool_is_split_into_failures() {
        // As promtool 2.42 prints it.
        let text = "  FAILED:
    name: first,
    alertname: Down, time: 5m, 
        exp:[
            0:
              Labels:{alertname=\"Down\", severity=\"warn\"}
              Annotations:{}
            ], 
        got:[]
    expr: \"a{b=\\\"c\\\"}\", time: 4m,
        exp: {__name__=\"a:b\"} 3E+00
        got: nil
    alertname: Up, time: 1m30s, 
        exp:[], 
        got:[]
    rule: a:b, time: 0s, err: vector contains metrics with the same labelset
Unit Testing:  /tmp/test.yaml


";
        // The alert of the first group comes first in the text.
        assert_eq!(of(text), [(Some(0), 8), (Some(1), 3), (Some(3), 3), (None, 1)]);
    }

    #[test]
    fn answer_of_vmalert_tool_is_split_into_failures() {
        let text = "\nUnit Testing:  /tmp/test.yaml
  FAILED

failed to run unit test for file \"rule_files:\": 
[
testGroupName: first,
    groupname: g, alertname: Down, time: 5m0s, 
        exp:[
            0:
              Labels:{alertname=\"Down\"}
              Annotations:{}
            ], 
        got:[]  
    groupname: g, alertname: Up, time: 1m30s, 
        exp:[], 
        got:[] ]";
        assert_eq!(of(text), [(Some(0), 8), (Some(3), 3)]);
    }

    #[test]
    fn answer_that_is_about_no_case_is_a_failure_all_the_same() {
        assert_eq!(of("  FAILED:\nyaml: line 1: did not find expected node content\n"), [(None, 1)]);
        assert_eq!(
            of("  FAILED:\n1:15: parse error: unexpected\n/tmp/0.yaml: 5:15: x\n"),
            [(None, 1), (None, 1)]
        );
        assert_eq!(of("  SUCCESS\n\n"), []);
    }

    #[test]
    fn answer_names_keys_that_are_not_known() {
        let text = "yaml: unmarshal errors:\n  line 3: field fuzzy_compare not found in type main.unitTestFile\n  \
                    line 6: field query_offset not found in type rulefmt.RuleGroup\n  line 7: cannot unmarshal";
        let key = |line, key: &str, is_of_rules| UnknownKey { line, key: key.to_owned(), is_of_rules };
        assert_eq!(unknown_keys(text), [key(3, "fuzzy_compare", false), key(6, "query_offset", true)]);
    }
}
