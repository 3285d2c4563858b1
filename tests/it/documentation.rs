//! The configurations in the documentation, and those that are shipped, are ones that the daemon would run.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rulesync_config::Config;
use rulesync_config::web::WebConfig;
use rulesync_core::finding::Code;
use rulesync_expr::promql;
use rulesync_testkit::transcript;
use serde::Deserialize;
use serde_json::Value;

/// What examples may leave out, each key if it is not there.
const REST: [(&str, &str); 4] = [
    ("owner", "owner: prod-eu"),
    ("sources", "sources: [{type: kubernetes}]"),
    ("rulers", "rulers: [{name: central, type: mimir, address: 'http://mimir.monitoring.svc:9009'}]"),
    ("routes", "routes: [{name: all, ruler: central, tenant: prod}]"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A fenced block of YAML: where it stands, the words after `yaml`, and its text with what it includes.
struct Block {
    location: String,
    kind: String,
    text: String,
}

/// Returns the blocks of YAML in the README and in the book.
fn blocks() -> Vec<Block> {
    let mut documents = transcript::documents(root()).unwrap();
    // The contracts quote servers.
    documents.retain(|document| !document.starts_with(root().join("docs/contracts")));
    documents.push(root().join("deploy/charts/rulesync/README.md"));
    documents.iter().flat_map(|document| blocks_of(document)).collect()
}

fn blocks_of(document: &Path) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in std::fs::read_to_string(document).unwrap().lines().enumerate() {
        // Blocks may stand in lists.
        let trimmed = line.trim_start();
        match (&mut open, trimmed.strip_prefix("```")) {
            (None, Some(info)) => {
                let kind = info.strip_prefix("yaml").map_or("other", str::trim).to_owned();
                let location = format!("{}:{}", document.display(), number + 1);
                open = Some(Block { location, kind, text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take().filter(|block| block.kind != "other")),
            (Some(block), None) => {
                let included = trimmed.strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}"));
                match included {
                    Some(path) => {
                        let path = document.parent().unwrap().join(path);
                        block.text += &std::fs::read_to_string(&path).unwrap();
                    }
                    None => block.text += &format!("{line}\n"),
                }
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Adds what an example leaves out.
fn whole(text: &str) -> String {
    let has = |key: &str| text.lines().any(|line| line.starts_with(&format!("{key}:")));
    let rest: Vec<&str> = REST.iter().filter(|(key, _)| !has(key)).map(|(_, text)| *text).collect();
    format!("{text}\n{}\n", rest.join("\n"))
}

/// Validates a configuration, without what it names.
fn check(text: &str) -> Result<(), String> {
    // What pages whose commands are run have in the environment, and what systemd sets.
    let variables = ["MIMIR_ADDRESS", "LOKI_ADDRESS"].map(|name| (name.into(), "http://ruler".into()));
    let variables =
        variables.into_iter().chain([("CREDENTIALS_DIRECTORY".into(), "/run/credentials".into())]);
    let config = Config::parse(text, Path::new("rulesync.yaml"), variables.collect::<HashMap<_, _>>());
    let config = config.map_err(|errors| errors.to_string())?;
    config.validate().map(drop).map_err(|errors| errors.to_string())
}

#[test]
fn documented_configurations_are_valid() {
    let (mut checked, mut valued, mut problems) = (0, 0, Vec::new());
    for Block { location, kind, text } in blocks() {
        match &*kind {
            "configuration" => {
                checked += 1;
                problems.extend(check(&whole(&text)).err().map(|error| format!("{location}: {error}")));
            }
            "web" => {
                let config = WebConfig::parse(&text, Path::new("web.yaml"));
                problems.extend(config.err().map(|error| format!("{location}: {error}")));
            }
            "values" => {
                valued += 1;
                problems.extend(check_values(&text).into_iter().map(|error| format!("{location}: {error}")));
            }
            "manifest" => {}
            _ => problems.push(format!(
                "{location}: say whether it is a `configuration`, one of the `web` server, `values` of the chart, or a \
                 `manifest`"
            )),
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(checked > 10, "{checked} examples were found");
    assert!(valued >= 3, "{valued} examples of values were found");
}

/// Compares values of the chart with its schema, over its defaults, and the configuration in them with what the daemon
/// accepts.
fn check_values(text: &str) -> Vec<String> {
    let read =
        |name: &str| std::fs::read_to_string(root().join("deploy/charts/rulesync").join(name)).unwrap();
    let mut values: Value = serde_saphyr::from_str(&read("values.yaml")).unwrap();
    let given: Value = serde_saphyr::from_str(text).unwrap();
    for (key, value) in given.as_object().unwrap() {
        match (&mut values[key], value) {
            (Value::Object(defaults), Value::Object(given)) => defaults.extend(given.clone()),
            (place, value) => *place = value.clone(),
        }
    }
    let schema: Value = serde_json::from_str(&read("values.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut errors: Vec<String> =
        validator.iter_errors(&values).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if let Value::Object(config) = &given["config"] {
        let mut whole = config.clone();
        whole.insert("owner".to_owned(), given["owner"].clone());
        whole.entry("sources").or_insert_with(|| serde_json::json!([{"type": "kubernetes"}]));
        errors.extend(check(&Value::Object(whole).to_string()).err());
    }
    errors
}

#[test]
fn documented_values_are_checked() {
    let right = "owner: a\nconfig: {rulers: [{name: r, type: mimir, address: 'http://r'}], routes: [{name: a, ruler: r}]}\n";
    assert_eq!(check_values(right), [""; 0]);
    for (wrong, error) in [
        (right.replace("owner: a", "owner: A"), "/owner"),
        (right.replace("ruler: r", "ruler: s"), "`s`"),
        (format!("{right}replica: 2\n"), "replica"),
        ("owner: a\nreplicas: 2\n".to_owned(), "rulers"),
    ] {
        let found = check_values(&wrong);
        assert!(found.iter().any(|found| found.contains(error)), "{wrong}: {found:?}");
    }
}

#[test]
fn documented_configurations_are_checked() {
    for (wrong, error) in [
        ("ownr: a", "did you mean `owner`?"),
        ("routes: [{name: a, ruler: nowhere}]", "nowhere"),
        ("delete_guard: {max_share: 2}", "max_share"),
    ] {
        let found = check(&whole(wrong)).unwrap_err();
        assert!(found.contains(error), "{wrong}: {found}");
    }
}

#[derive(Deserialize)]
struct Manifest {
    kind: String,
    #[serde(default)]
    data: BTreeMap<String, String>,
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
struct Spec {
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    expr: String,
}

fn manifests(path: &str) -> Vec<Manifest> {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    text.split("\n---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

#[test]
fn deployed_configurations_are_valid() {
    for name in ["base", "ha", "namespaced"] {
        let manifests = manifests(&format!("deploy/manifests/{name}/rulesync.yaml"));
        let map = manifests.iter().find(|manifest| manifest.kind == "ConfigMap").unwrap();
        check(&map.data["rulesync.yaml"]).unwrap();
    }
}

#[test]
fn deployed_alerts_are_promql() {
    let [alerts] = &manifests("deploy/alerts/rulesync.yaml")[..] else { panic!("one manifest") };
    let rules: Vec<&Rule> = alerts.spec.groups.iter().flat_map(|group| &group.rules).collect();
    assert!(rules.len() > 5);
    for Rule { expr } in rules {
        let strict = promql::Options { experimental: false, legacy_functions: false, utf8_names: false };
        promql::parse(expr, &strict).unwrap();
    }
}

#[test]
fn findings_are_described_by_code() {
    const HEAD: &str = "# Findings

A finding is one problem at one location, for the author of a rule: in the log, in the status, and in the output of
`--dry-run` and of [`rulesync check`](cli/check.md). An error keeps its group, or its rule, from the ruler, unless it is
`offered`: then the ruler is asked all the same, because it is the judge. A warning keeps nothing back. The code of a
finding is stable.

<!-- UPDATE_DOCS=1 cargo test -p rulesync-tests --test it findings_are_described writes this table. -->

| code | meaning |
|---|---|
";
    let row = |code: &Code| format!("| `{code}` | {} |\n", code.description());
    let page = HEAD.to_owned() + &Code::ALL.iter().map(row).collect::<String>();
    let path = root().join("docs/findings.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page);
}
