//! Expressions of public rule sets. All of them parse, except those that Prometheus rejects as well; these are
//! listed here with the reason.

use std::path::PathBuf;
use std::{env, fs};

use rulesync_expr::promql::{self, Options};
use serde::Deserialize;

/// The corpus of public rules, which is not in the repository.
fn corpus() -> PathBuf {
    let shared = env::var_os("RULESYNC_SHARED");
    let shared = shared.expect("this test needs RULESYNC_SHARED; CONTRIBUTING.md says what it is for");
    let corpus = PathBuf::from(shared).join("corpus");
    assert!(
        corpus.is_dir(),
        "RULESYNC_SHARED must be the absolute path of a directory with the corpus: {corpus:?}"
    );
    corpus
}

#[derive(Deserialize)]
struct Entry {
    from: String,
    expr: String,
}

/// Entries of the corpus that are not PromQL: a substring that identifies the entry, the expected error, the reason.
const REJECTED: &[(&str, &str, &str)] = &[
    (
        "histogram_share(",
        r#"1:6: parse error: unknown function with name "histogram_share""#,
        "a function of MetricsQL, unknown to Prometheus",
    ),
    (
        r#""(v[0-9]*\.[0-9]*\.[0-9]*).*""#,
        "1:104: parse error: unknown escape sequence U+002E '.'",
        "one of two backslashes was lost in YAML; Go has no escape \\.",
    ),
    (
        "'description': 'The PromQL expression to evaluate.'",
        "1:15: parse error: unexpected character inside braces: ':'",
        "part of a CRD schema",
    ),
    (
        "'x-kubernetes-int-or-string': True",
        "1:9: parse error: unexpected character inside braces: ':'",
        "part of a CRD schema",
    ),
    (
        r#"{["namespace=\"default\"", "job=\"fooapp\""]}"#,
        "1:78: parse error: unexpected character inside braces: '['",
        "a jsonnet list in place of matchers",
    ),
    (
        "test +",
        "1:7: parse error: unexpected end of input",
        "deliberately invalid, from Prometheus' own tests",
    ),
];

#[test]
#[ignore = "needs RULESYNC_SHARED, the directory of the corpus"]
fn parse_public_rules() {
    let text = fs::read_to_string(corpus().join("promql-rules.json")).unwrap();
    let entries: Vec<Entry> = serde_json::from_str(&text).unwrap();
    assert!(entries.len() > 2000);
    let mut seen = vec![0; REJECTED.len()];
    for Entry { from, expr } in &entries {
        let Err(error) = promql::parse(expr, &Options::default()) else { continue };
        let known = REJECTED
            .iter()
            .position(|(part, message, _)| expr.contains(part) && error.to_string() == *message);
        match known {
            Some(at) => seen[at] += 1,
            None => panic!("wrongly rejected, from {from}:\n{expr}\n{error}"),
        }
    }
    for ((part, _, reason), seen) in REJECTED.iter().zip(seen) {
        assert!(seen > 0, "no longer rejected, or missing: {part} ({reason})");
    }
}

#[test]
#[ignore = "needs RULESYNC_SHARED, the directory of the corpus"]
fn parse_kube_prometheus_rules() {
    let mut count = 0;
    for file in fs::read_dir(corpus().join("kube-prometheus")).unwrap() {
        let path = file.unwrap().path();
        for expr in expressions(&fs::read_to_string(&path).unwrap()) {
            if let Err(error) = promql::parse(&expr, &Options::default()) {
                panic!("{}:\n{expr}\n{error}", path.display());
            }
            count += 1;
        }
    }
    assert!(count > 200, "only {count} found");
}

/// The `expr` fields of a manifest in the styles these files use: a plain scalar on one line, or a `|` block.
fn expressions(yaml: &str) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = yaml.lines().collect();
    let fields = lines.iter().enumerate().filter_map(|(at, line)| {
        let value = line.trim_start().trim_start_matches("- ").strip_prefix("expr: ")?;
        Some((at, line.len() - value.len() - "expr: ".len(), value))
    });
    fields
        .map(|(at, column, value)| match value.trim() {
            "|" | "|-" => {
                let block =
                    lines[at + 1..].iter().take_while(|line| line.trim().is_empty() || indent(line) > column);
                block.copied().collect::<Vec<_>>().join("\n")
            }
            plain => plain.to_owned(),
        })
        .collect()
}
