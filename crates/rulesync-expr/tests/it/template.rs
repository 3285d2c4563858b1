//! Templates as Go judges them: a table made by running Go 1.26's `text/template/parse`, with the functions of
//! Prometheus v0.316 and Loki 3.7, over rule templates, the mistakes people make in them, the inputs of Go's own tests,
//! and seeded mutations and generated templates. Where Prometheus' own `ParseTest` was asked, it said the same.

mod shape;

use std::collections::BTreeMap;
use std::io::Read as _;

use flate2::read::GzDecoder;
use rulesync_expr::template::{self, Environment};
use serde::Deserialize;

static TABLE: &[u8] = include_bytes!("../data/templates.jsonl.gz");

/// One template and what Go says.
#[derive(Deserialize)]
struct Row {
    /// Where it is from.
    set: String,
    env: String,
    text: String,
    /// Why it is refused, empty if it is not.
    #[serde(default)]
    error: String,
    /// Every function it names and at which byte.
    #[serde(default)]
    functions: Vec<String>,
    /// A hash of its tree.
    #[serde(default)]
    tree: String,
}

fn table() -> Vec<Row> {
    let mut text = String::new();
    GzDecoder::new(TABLE).read_to_string(&mut text).expect("the table is whole");
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
fn every_verdict_and_every_word_is_gos() {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut differing = Vec::new();
    for Row { set, env, text, error, .. } in table() {
        let found = template::parse(NAME, &text, &environment(&env));
        let found = found.err().map(|error| error.to_string()).unwrap_or_default();
        if found != error {
            differing.push(format!("{env} {text:?}\n  Go:    {error}\n  found: {found}"));
        }
        let (taken, refused) = counts.entry(set).or_default();
        *if error.is_empty() { taken } else { refused } += 1;
    }
    assert!(
        differing.is_empty(),
        "{} differ:\n{}",
        differing.len(),
        differing[..differing.len().min(20)].join("\n")
    );
    let counts: Vec<String> = counts
        .iter()
        .map(|(set, (taken, refused))| format!("{set}: {taken} taken, {refused} refused"))
        .collect();
    assert_eq!(counts, COUNTS);
}

/// What the table holds, so that nobody shortens it unseen.
const COUNTS: [&str; 5] = [
    "broken: 16 taken, 668 refused",
    "generated: 3117 taken, 883 refused",
    "go: 990 taken, 296 refused",
    "mutated: 957 taken, 5043 refused",
    "valid: 121 taken, 1 refused",
];

#[test]
fn every_function_is_found_where_it_is() {
    let mut functions = 0;
    for Row { env, text, error, functions: named, .. } in table() {
        if !error.is_empty() {
            continue;
        }
        // Whatever is known about names, the same functions are found.
        for environment in [environment(&env), Environment::ANY] {
            let template = template::parse(NAME, &text, &environment).expect("Go takes it");
            let found: Vec<String> =
                template.functions().map(|(name, span)| format!("{name}@{}", span.start)).collect();
            assert_eq!(found, named, "{text:?}");
            functions += found.len();
        }
    }
    assert!(functions > 10_000, "{functions}");
}

#[test]
fn every_tree_is_gos() {
    for Row { env, text, error, tree, .. } in table() {
        if error.is_empty() {
            let template = template::parse(NAME, &text, &environment(&env)).expect("Go takes it");
            assert_eq!(shape::hash(NAME, &text, &template), tree, "{text:?}");
        }
    }
}

#[test]
fn names_apart_the_syntax_is_judged_alike() {
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
