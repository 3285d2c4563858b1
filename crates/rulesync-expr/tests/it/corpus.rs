//! Expressions of public rule sets. All of them parse, save those that Prometheus refuses as well: these are
//! listed here, each with the reason.

use std::fs;
use std::path::Path;

use rulesync_expr::promql::{self, Options};
use serde::Deserialize;

const SHARED: &str = env!("RULESYNC_SHARED_DIR");

#[derive(Deserialize)]
struct Entry {
    from: String,
    expr: String,
}

/// What the corpus holds that is not PromQL: how to know it, what we say, and why that is right.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "histogram_share(",
        r#"1:6: parse error: unknown function with name "histogram_share""#,
        "a function of MetricsQL, unknown to Prometheus",
    ),
    (
        r#""(v[0-9]*\.[0-9]*\.[0-9]*).*""#,
        "1:104: parse error: unknown escape sequence U+002E '.'",
        "the backslash has lost its partner on the way out of YAML; Go has no escape \\.",
    ),
    (
        "'description': 'The PromQL expression to evaluate.'",
        "1:15: parse error: unexpected character inside braces: ':'",
        "a piece of a CRD's schema",
    ),
    (
        "'x-kubernetes-int-or-string': True",
        "1:9: parse error: unexpected character inside braces: ':'",
        "a piece of a CRD's schema",
    ),
    (
        r#"{["namespace=\"default\"", "job=\"fooapp\""]}"#,
        "1:78: parse error: unexpected character inside braces: '['",
        "a jsonnet list where matchers should be",
    ),
    ("test +", "1:7: parse error: unexpected end of input", "broken on purpose, from Prometheus' own tests"),
];

#[test]
#[cfg_attr(not(rulesync_shared), ignore = "needs ../shared or RULESYNC_SHARED")]
fn public_rules() {
    let text = fs::read_to_string(Path::new(SHARED).join("corpus/promql-rules.json")).unwrap();
    let entries: Vec<Entry> = serde_json::from_str(&text).unwrap();
    assert!(entries.len() > 2000);
    let mut seen = vec![0; REFUSED.len()];
    for Entry { from, expr } in &entries {
        let Err(error) = promql::parse(expr, &Options::default()) else { continue };
        let known = REFUSED
            .iter()
            .position(|(mark, message, _)| expr.contains(mark) && error.to_string() == *message);
        match known {
            Some(at) => seen[at] += 1,
            None => panic!("wrongly refused, from {from}:\n{expr}\n{error}"),
        }
    }
    for ((mark, _, reason), seen) in REFUSED.iter().zip(seen) {
        assert!(seen > 0, "no longer refused, or gone: {mark} ({reason})");
    }
}

#[test]
#[cfg_attr(not(rulesync_shared), ignore = "needs ../shared or RULESYNC_SHARED")]
fn kube_prometheus() {
    let mut count = 0;
    for file in fs::read_dir(Path::new(SHARED).join("corpus/kube-prometheus")).unwrap() {
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

/// The `expr` fields of a manifest as these files write them: plain on one line, or as a `|` block.
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
