//! For code scanning, such as GitHub's: SARIF 2.1.0, with the codes of findings as rules.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Component, Path};

use rulesync_core::finding::Severity;
use serde_json::{Value, json};

use super::escaped_json;
use crate::report::{Code, Problem, Report};

/// Where the codes are described.
const FINDINGS: &str = "https://github.com/rulesync/rulesync/blob/main/docs/findings.md";

/// The name of the directory that paths are relative to.
const ROOT: &str = "SRCROOT";

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let root = std::env::current_dir()?;
    escaped_json::write(&log(report, &root), out)
}

/// Returns the log of a check in a directory.
fn log(report: &Report, root: &Path) -> Value {
    let mut codes: BTreeMap<&str, Code> = BTreeMap::new();
    for problem in &report.problems {
        codes.insert(problem.code.name, problem.code);
    }
    let index = |code: &Code| codes.keys().position(|name| *name == code.name).unwrap_or_default();
    let results: Value =
        report.problems.iter().map(|problem| result(problem, index(&problem.code), root)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "rulesync",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": codes.values().map(rule).collect::<Value>(),
            }},
            "originalUriBaseIds": {ROOT: {"uri": format!("file://{}/", encode(root))}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.name,
        "shortDescription": {"text": code.description},
        "fullDescription": {"text": code.description},
        "help": {
            "text": format!("{} See {FINDINGS}", code.description),
            "markdown": format!("{} See [the list of findings]({FINDINGS}).", code.description),
        },
        "helpUri": FINDINGS,
    })
}

fn result(problem: &Problem, index: usize, root: &Path) -> Value {
    let mut text = problem.message.clone();
    if let Some(hint) = &problem.hint {
        text.push_str(&format!(" ({hint})"));
    }
    let mut location = json!({});
    if let Some(file) = problem.location.file.as_deref() {
        location["physicalLocation"] = physical(problem, file, root);
    }
    let subject = problem.subject();
    if !subject.is_empty() {
        location["logicalLocations"] = json!([{"fullyQualifiedName": subject}]);
    }
    json!({
        "ruleId": problem.code.name,
        "ruleIndex": index,
        "level": match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {"rulesyncFinding/v1": problem.fingerprint},
    })
}

fn physical(problem: &Problem, file: &str, root: &Path) -> Value {
    let path = Path::new(file);
    let mut physical = match (path.is_absolute(), path.strip_prefix(root)) {
        (false, _) => json!({"artifactLocation": {"uri": encode(path), "uriBaseId": ROOT}}),
        (true, Ok(within)) => json!({"artifactLocation": {"uri": encode(within), "uriBaseId": ROOT}}),
        (true, Err(_)) => json!({"artifactLocation": {"uri": format!("file://{}", encode(path))}}),
    };
    if let Some(position) = problem.location.position {
        let mut region = json!({"startLine": position.line, "startColumn": position.column});
        if let Some(excerpt) = &problem.excerpt {
            let length = excerpt.line.get(excerpt.span.clone()).map_or(0, |word| word.chars().count());
            region["endColumn"] = json!(position.column + length.max(1));
            region["snippet"] = json!({"text": excerpt.line});
        }
        physical["region"] = region;
    }
    physical
}

/// Returns a path as a part of a URI.
fn encode(path: &Path) -> String {
    let part = |part: Component<'_>| match part {
        Component::RootDir => String::new(),
        part => percent_encoding::percent_encode(part.as_os_str().as_encoded_bytes(), PATH).to_string(),
    };
    path.components().map(part).collect::<Vec<_>>().join("/")
}

/// What is encoded in a part of a path.
const PATH: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_is_relative_within_the_directory() {
        assert_eq!(encode(Path::new("a b/ü#.yaml")), "a%20b/%C3%BC%23.yaml");
        assert_eq!(encode(Path::new("/w/repo")), "/w/repo");
        assert_eq!(encode(Path::new("../x.yaml")), "../x.yaml");
    }
}
