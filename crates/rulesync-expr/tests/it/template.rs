//! Comparison with Go: a table made by running Go 1.26's `text/template/parse`, with the functions of Prometheus
//! v0.316 and Loki 3.7, on rule templates, common mistakes in them, the inputs of Go's own tests, seeded mutations and
//! generated templates. Where Prometheus' own `ParseTest` was run, its results were the same.

mod shape;

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;
use rulesync_expr::template::{self, Environment};
use serde::Deserialize;

static TABLE: &[u8] = include_bytes!("../data/templates.jsonl.gz");

/// A template and Go's results.
#[derive(Deserialize)]
struct Row {
    /// The group the template belongs to, by origin.
    set: String,
    env: String,
    text: String,
    /// The error; empty if the template is valid.
    #[serde(default)]
    error: String,
    /// The functions it calls, as `name@offset` in bytes.
    #[serde(default)]
    functions: Vec<String>,
    /// The hash of its tree.
    #[serde(default)]
    tree: String,
}

fn table() -> Vec<Row> {
    let mut text = String::new();
    GzDecoder::new(TABLE).read_to_string(&mut text).expect("the table is valid gzip");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

fn environment(name: &str) -> Environment {
    match name {
        "prometheus" => Environment::PROMETHEUS,
        "loki" => Environment::LOKI_RULES,
        "logql" => Environment::LOGQL,
        other => panic!("unknown environment {other}"),
    }
}

const NAME: &str = "__alert_A";

#[test]
fn template_errors_match_go() {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut differing = Vec::new();
    for Row { set, env, text, error, .. } in table() {
        let found = template::parse(NAME, &text, &environment(&env));
        let found = found.err().map(|error| error.to_string()).unwrap_or_default();
        if found != error {
            differing.push(format!("{env} {text:?}\n  Go:    {error}\n  found: {found}"));
        }
        let (accepted, rejected) = counts.entry(set).or_default();
        *if error.is_empty() { accepted } else { rejected } += 1;
    }
    assert!(
        differing.is_empty(),
        "{} differ:\n{}",
        differing.len(),
        differing[..differing.len().min(20)].join("\n")
    );
    let counts: Vec<String> = counts
        .iter()
        .map(|(set, (accepted, rejected))| format!("{set}: {accepted} accepted, {rejected} rejected"))
        .collect();
    assert_eq!(counts, COUNTS);
}

/// The number of rows per set, so that the table is not shortened by accident.
const COUNTS: [&str; 5] = [
    "broken: 16 accepted, 668 rejected",
    "generated: 3117 accepted, 883 rejected",
    "go: 990 accepted, 296 rejected",
    "mutated: 957 accepted, 5043 rejected",
    "valid: 121 accepted, 1 rejected",
];

#[test]
fn template_functions_match_go() {
    let mut functions = 0;
    for Row { env, text, error, functions: named, .. } in table() {
        if !error.is_empty() {
            continue;
        }
        // The result does not depend on the functions that the environment defines.
        for environment in [environment(&env), Environment::ANY] {
            let template = template::parse(NAME, &text, &environment).expect("Go accepts it");
            let found: Vec<String> =
                template.functions().map(|(name, span)| format!("{name}@{}", span.start)).collect();
            assert_eq!(found, named, "{text:?}");
            functions += found.len();
        }
    }
    assert!(functions > 10_000, "{functions}");
}

#[test]
fn template_trees_match_go() {
    for Row { env, text, error, tree, .. } in table() {
        if error.is_empty() {
            let template = template::parse(NAME, &text, &environment(&env)).expect("Go accepts it");
            assert_eq!(shape::hash(NAME, &text, &template), tree, "{text:?}");
        }
    }
}

#[test]
fn template_syntax_errors_do_not_depend_on_environment() {
    for Row { env, text, error, .. } in table() {
        let any = template::parse(NAME, &text, &Environment::ANY);
        let about_names = error.contains(" not defined") || error.contains("undefined variable");
        match any {
            Ok(_) => {
                assert!(error.is_empty() || about_names || error.contains("definition"), "{env} {text:?}")
            }
            Err(found) => assert!(!error.is_empty(), "{env} {text:?}: {found}"),
        }
    }
}
