//! The formats of `check` are what their schemas say, whatever is in names and texts.

use std::collections::HashMap;

use roxmltree::{Document, Node};
use rulesync_core::finding::is_hidden;
use serde_json::Value;

use crate::check::{check, directory};

const SARIF: &str = include_str!("../data/sarif-2.1.0-rtm.5.json");
const GITLAB: &str = include_str!("../data/gitlab-code-quality.json");
pub(crate) const JUNIT: &str = include_str!("../data/junit-10.xsd");

/// A file whose name and texts try to be taken for something else.
const HOSTILE: (&str, &str) = (
    "a b#?%&<\u{1b}[2J>,:.yaml",
    "groups:\n  - name: \"x\\e[2J\\n::error::<b>&\\\"'|]]>\\u202e\"\n    rules:\n      - {alert: '@all #1 `x` <img>', expr: 'up{\"}'}\n      - {alert: A, expr: up, colour: red}\n  - name: x\n",
);

fn files() -> tempfile::TempDir {
    let examples = |file: &str| {
        std::fs::read_to_string(format!("{}/../../examples/cli/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    directory(&[
        HOSTILE,
        ("rules/api.yaml", &examples("rules/api.yaml")),
        ("rules/orders.yaml", &examples("rules/orders.yaml")),
        ("rules/logs.yaml", &examples("rules/logs.yaml")),
        ("rendered.yaml", &examples("rendered.yaml")),
        ("binary.yaml", "a: \u{0}\u{7f}"),
        ("empty.yaml", ""),
    ])
}

fn printed(format: &str, args: &[&str]) -> String {
    let files = files();
    let output = check(files.path()).args(["-o", format]).args(args).output().unwrap();
    assert!(output.status.code() == Some(1) && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().replace(files.path().to_str().unwrap(), "/repository")
}

/// Returns the errors of a value by a schema.
fn errors(schema: &str, value: &Value) -> Vec<String> {
    // A bracket that only the regular expressions of browsers take as it is.
    let schema = schema.replace("{2}]?$", r"{2}\\]?$");
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn formats_let_no_character_through_that_does_not_show_as_itself() {
    for format in ["text", "json", "yaml", "markdown", "sarif", "github", "gitlab", "junit"] {
        let text = printed(format, &[]);
        let hidden = text.chars().find(|c| *c != '\n' && *c != '\u{2060}' && is_hidden(*c));
        assert_eq!(hidden, None, "{format}: {text}");
    }
    let colored = printed("text", &["--color", "always"]);
    assert!(colored.contains("\u{1b}[") && !colored.contains("\u{1b}[2J"), "{colored}");
}

#[test]
fn sarif_is_valid_by_the_published_schema() {
    let log: Value = serde_json::from_str(&printed("sarif", &[])).unwrap();
    assert_eq!(errors(SARIF, &log), [""; 0]);
    let run = &log["runs"][0];
    assert_eq!(run["originalUriBaseIds"]["SRCROOT"]["uri"], "file:///repository/");
    let results = run["results"].as_array().unwrap();
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(place["uriBaseId"], "SRCROOT");
        assert!(!place["uri"].as_str().unwrap().contains([' ', '#', '<', ':']), "{place}");
    }
    let mut prints: Vec<&Value> =
        results.iter().map(|result| &result["partialFingerprints"]["rulesyncFinding/v1"]).collect();
    let all = prints.len();
    prints.sort_by_key(|print| print.as_str());
    prints.dedup();
    assert!(all > 6 && prints.len() == all, "{prints:?}");

    // The schema is one that can fail.
    let mut broken = log.clone();
    broken["runs"][0]["results"][0]["level"] = "fatal".into();
    assert!(!errors(SARIF, &broken).is_empty());
}

#[test]
fn sarif_of_another_directory_has_the_same_fingerprints_when_lines_move() {
    let prints = |text: &str| -> Vec<Value> {
        let files = directory(&[("a.yaml", text)]);
        let output = check(files.path()).args(["-o", "sarif"]).output().unwrap();
        let log: Value = serde_json::from_slice(&output.stdout).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().iter();
        results.map(|result| result["partialFingerprints"].clone()).collect()
    };
    let text = "groups: [{name: g, rules: [{alert: A, expr: up =}]}]\n";
    let moved = format!("# a comment\n\n{text}");
    assert_eq!(prints(text).len(), 1);
    assert_eq!(prints(text), prints(&moved));
}

#[test]
fn gitlab_report_is_valid_by_its_documentation() {
    let report: Value = serde_json::from_str(&printed("gitlab", &[])).unwrap();
    assert_eq!(errors(GITLAB, &report), [""; 0]);
    assert!(report.as_array().unwrap().len() > 6);
    let mut broken = report.clone();
    broken[0]["severity"] = "error".into();
    assert!(!errors(GITLAB, &broken).is_empty());
}

#[test]
fn github_commands_are_one_line_each() {
    let text = printed("github", &[]);
    let (commands, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("::"));
    assert!(commands.len() > 6 && rest.len() == 1 && rest[0].starts_with("Checked "), "{text}");
    for command in commands {
        let (properties, _) = command[2..].split_once("::").unwrap();
        let (word, properties) = properties.split_once(' ').unwrap();
        assert!(["error", "warning"].contains(&word), "{command}");
        assert!(properties.split(',').all(|pair| pair.split_once('=').is_some()), "{command}");
    }
}

#[test]
fn junit_report_is_valid_by_the_schema_of_jenkins() {
    let text = printed("junit", &[]);
    let schema = Schema::new(JUNIT);
    assert_eq!(schema.errors(&text), [""; 0]);
    let document = Document::parse(&text).unwrap();
    let suites = document.root_element();
    let number = |node: Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse::<usize>().unwrap();
    let count = |name: &str| suites.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!((number(suites, "tests"), number(suites, "failures")), (count("testcase"), count("failure")));
    assert!(count("failure") > 6);
    for (right, wrong) in [
        ("</testcase>", "</test>"),
        ("failures=", "failed="),
        ("time=\"0\"", "time=\"soon\""),
        ("<failure ", "<failure x=\"\" "),
        ("<testcase ", "text<testcase "),
    ] {
        assert!(!schema.errors(&text.replacen(right, wrong, 1)).is_empty(), "{wrong}");
    }
}

/// As much of XML Schema as `junit-10.xsd` uses: which elements and attributes an element may have, how often, which are
/// required, and the pattern of times.
pub(crate) struct Schema<'a> {
    document: Document<'a>,
}

impl<'a> Schema<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { document: Document::parse(text).unwrap() }
    }

    pub(crate) fn errors(&self, text: &str) -> Vec<String> {
        let mut errors = Vec::new();
        match Document::parse(text) {
            Ok(document) => self.element(document.root_element(), &mut errors),
            Err(error) => errors.push(error.to_string()),
        }
        errors
    }

    /// Returns the definition with a name at the top of the schema.
    fn named(&self, kind: &str, name: &str) -> Option<Node<'_, 'a>> {
        let mut all = self.document.root_element().children();
        all.find(|node| node.tag_name().name() == kind && node.attribute("name") == Some(name))
    }

    fn element(&self, element: Node<'_, '_>, errors: &mut Vec<String>) {
        let name = element.tag_name().name();
        let Some(declared) = self.named("element", name) else {
            return errors.push(format!("unknown element {name}"));
        };
        let Some(kind) = declared.children().find(|node| node.tag_name().name() == "complexType") else {
            // A text.
            if element.children().any(|child| child.is_element()) || element.attributes().next().is_some() {
                errors.push(format!("{name} is a text"));
            }
            return;
        };
        let attributes: HashMap<&str, Node<'_, '_>> = kind
            .children()
            .filter(|node| node.tag_name().name() == "attribute")
            .map(|node| (node.attribute("name").unwrap(), node))
            .collect();
        for attribute in element.attributes() {
            match attributes.get(attribute.name()) {
                None => errors.push(format!("{name} has no attribute {}", attribute.name())),
                Some(declared) if declared.attribute("type") == Some("SUREFIRE_TIME") => {
                    if attribute.value().parse::<f64>().is_err() {
                        errors.push(format!("{} is no time", attribute.value()));
                    }
                }
                Some(_) => {}
            }
        }
        for (required, _) in attributes.iter().filter(|(_, node)| node.attribute("use") == Some("required")) {
            if element.attribute(*required).is_none() {
                errors.push(format!("{name} lacks {required}"));
            }
        }
        let may_have: Vec<&str> = kind.descendants().filter_map(|node| node.attribute("ref")).collect();
        for child in element.children().filter(Node::is_element) {
            if !may_have.contains(&child.tag_name().name()) {
                errors.push(format!("{name} cannot have {}", child.tag_name().name()));
            }
            self.element(child, errors);
        }
        let has_text = element
            .children()
            .any(|child| child.is_text() && !child.text().unwrap_or_default().trim().is_empty());
        if has_text && kind.attribute("mixed") != Some("true") {
            errors.push(format!("{name} has a text"));
        }
    }
}
