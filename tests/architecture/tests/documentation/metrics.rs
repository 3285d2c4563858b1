//! Metrics and their labels are described, and no page or alert names others.

use std::collections::{BTreeMap, BTreeSet};

use super::{files, read, root};

/// Returns the words in a text that begin with `rulesync_` and could be metrics.
fn metric_names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("rulesync_") && *word != "rulesync_").map(str::to_owned).collect()
}

#[test]
fn metrics_are_described() {
    let mut registered = BTreeSet::new();
    let sources = ["crates/rulesync-core/src", "crates/rulesync-k8s/src"];
    for file in sources.into_iter().flat_map(|directory| files(directory, "rs")) {
        let text = read(&file);
        for call in text.split(".register(").skip(1).chain(text.split(".encode_descriptor(").skip(1)) {
            if let Some((name, _)) = call.trim_start().strip_prefix('"').and_then(|name| name.split_once('"'))
            {
                registered.insert(format!("rulesync_{name}"));
            }
        }
    }
    assert!(registered.len() > 15, "the metrics of the engine are not found: {registered:?}");
    // What the encoding appends: counters end in `_total`, information in `_info`, parts of histograms as they do.
    let known = |name: &str| {
        let suffixes = ["_total", "_info", "_bucket", "_count", "_sum"];
        let name = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        registered.contains(name) || name == "rulesync_claim"
    };
    let page = metric_names(&read("docs/operations/metrics.md"));
    let described = |name: &String| [name.clone(), format!("{name}_total"), format!("{name}_info")];
    let missing: Vec<&String> =
        registered.iter().filter(|name| !described(name).iter().any(|name| page.contains(name))).collect();
    assert!(missing.is_empty(), "not in docs/operations/metrics.md: {missing:?}");
    for document in files("docs", "md")
        .into_iter()
        .chain(files("deploy/mixin", "yaml"))
        .chain(files("deploy/mixin", "json"))
        .chain(["README.md".to_owned(), "deploy/alerts/rulesync.yaml".to_owned()])
    {
        // Names of crates begin alike.
        let is_crate = |name: &str| root().join("crates").join(name.replace('_', "-")).exists();
        let unknown: Vec<String> = metric_names(&read(&document))
            .into_iter()
            .filter(|name| !known(name) && !is_crate(name))
            .collect();
        assert!(unknown.is_empty(), "{document} names metrics that are not there: {unknown:?}");
    }
}

/// Returns the labels of each metric that is registered, by the types of the fields that are registered.
fn registered_labels(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut labels: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for rest in source.split("EncodeLabelSet)]").skip(1) {
        let body = rest.split_once("struct ").and_then(|(_, rest)| rest.split_once(" {"));
        let Some((name, body)) = body else { continue };
        let fields = body.split('}').next().unwrap_or_default().lines();
        let field = |line: &str| {
            let name = line.trim().trim_start_matches("pub(crate) ").split_once(':')?.0;
            Some(name.to_owned())
        };
        labels.insert(name, fields.filter_map(field).collect());
    }
    let type_of = |field: &str| {
        let declared = source.lines().find_map(|line| {
            let line = line.trim().trim_start_matches("pub(crate) ");
            line.strip_prefix(field)?.strip_prefix(": ")
        });
        declared.unwrap_or_default().split(['<', ',']).nth(1).unwrap_or_default()
    };
    let mut registered = BTreeMap::new();
    for call in source.split("registry.register(").skip(1) {
        let name = call.split('"').nth(1).unwrap_or_default();
        let Some(field) = call.split(");").next().and_then(|call| call.split("self.").nth(1)) else {
            continue;
        };
        let field = field.split('.').next().unwrap_or_default();
        registered.insert(name.to_owned(), labels.get(type_of(field)).cloned().unwrap_or_default());
    }
    registered
}

#[test]
fn labels_of_metrics_are_described() {
    let page = read("docs/operations/metrics.md");
    let (mut compared, mut problems) = (0, Vec::new());
    for file in
        ["crates/rulesync-core/src/metrics.rs", "crates/rulesync-k8s/src/publish/publisher/metrics.rs"]
    {
        for (name, labels) in registered_labels(&read(file)) {
            let row = page.lines().find(|line| {
                let rest = line.strip_prefix(&format!("| `rulesync_{name}"));
                rest.is_some_and(|rest| ["` |", "_total` |"].iter().any(|end| rest.starts_with(end)))
            });
            let Some(row) = row else { continue };
            let cell = row.split('|').nth(2).unwrap_or_default();
            let described: BTreeSet<String> = cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            compared += 1;
            if described != labels {
                problems.push(format!("rulesync_{name} has {labels:?}, and not {described:?}"));
            }
        }
    }
    assert!(compared > 20, "{compared} metrics are found");
    assert!(problems.is_empty(), "{problems:#?}");
}
