//! The copies in the repository are current, and every configuration in the repository fits the schema and is valid.

use std::collections::HashMap;
use std::path::Path;

use super::*;
use crate::Config;

/// Compares a copy with what is generated.
fn is_current(copy: &str, generated: &str, command: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(copy);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let line = found.lines().zip(generated.lines()).position(|(found, generated)| found != generated);
    assert!(found == generated, "{copy} is not current (line {line:?}): {command} > {copy}");
}

#[test]
fn schema_copy_is_current() {
    is_current("deploy/config.schema.json", &schema(), "cargo run -p rulesync-config --example schema");
}

#[test]
fn reference_page_is_current() {
    is_current("docs/configuration.md", &page(), "cargo run -p rulesync-config --example reference");
}

#[test]
fn reference_page_describes_every_key() {
    let page = page();
    let mut keys = 0;
    let mut described = |mapping: &serde_json::Value| {
        for (key, property) in mapping["properties"].as_object().into_iter().flatten() {
            keys += 1;
            assert!(page.contains(&format!("| `{key}` | ")), "{key}");
            assert!(
                property["description"].as_str().is_some_and(|text| text.ends_with('.')),
                "{key}: {property}"
            );
        }
    };
    let tree = tree();
    described(&tree);
    tree["definitions"].as_object().unwrap().values().for_each(described);
    assert!(keys > 100, "{keys}");
}

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&tree()).unwrap()
}

/// Returns why a text does not fit the schema.
fn misfits(text: &str) -> Vec<String> {
    // As editors read it: `on` is a word.
    let options = serde_saphyr::options! { strict_booleans: true };
    let value: serde_json::Value = serde_saphyr::from_str_with_options(text, options).unwrap();
    validator().iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Returns the configurations in the blocks of a page: whole ones as they are, parts of one with what they lack.
fn blocks(page: &str) -> Vec<String> {
    let lacking = [
        ("owner", "owner: prod-eu\n"),
        ("sources", "sources: [{type: kubernetes}]\n"),
        (
            "rulers",
            "rulers: [{name: central, type: mimir, address: 'http://m'}, {name: loki, type: loki, address: 'http://l'}]\n",
        ),
        ("routes", "routes: [{name: all, ruler: central, tenant: prod}]\n"),
    ];
    let mut blocks = Vec::new();
    for block in page.split("```yaml configuration\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let has = |key: &str| block.lines().any(|line| line.starts_with(&format!("{key}:")));
        let mut text = block.to_owned();
        for (key, line) in lacking.iter().filter(|(key, _)| !has(key)) {
            let _ = key;
            text.push_str(line);
        }
        blocks.push(text);
    }
    blocks
}

#[test]
fn configurations_of_the_repository_are_valid_and_fit_the_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts: Vec<(String, String)> = Vec::new();
    for name in ["examples/company.yaml", "examples/quickstart/rulesync.yaml"] {
        texts.push((name.to_owned(), std::fs::read_to_string(root.join(name)).unwrap()));
    }
    for name in ["README.md", "docs/configuration.md"] {
        let blocks = blocks(&std::fs::read_to_string(root.join(name)).unwrap());
        assert!(!blocks.is_empty(), "{name}");
        texts.extend(blocks.into_iter().map(|block| (name.to_owned(), block)));
    }
    for (name, text) in texts {
        assert_eq!(misfits(&text), Vec::<String>::new(), "{name}:\n{text}");
        let config = Config::parse(&text, Path::new(&name), HashMap::new());
        if let Err(errors) = config.and_then(|config| config.validate()) {
            panic!("{errors}\n{text}");
        }
    }
}

#[test]
fn schema_refuses_what_the_file_refuses() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart/rulesync.yaml"),
    )
    .unwrap();
    for (from, to) in [
        ("owner: quickstart", "ownr: quickstart"),
        ("type: embedded", "type: embeded"),
        ("resync_interval: 1m", "resync_interval: 1 minute"),
        ("tenant: prod ", "tenant: {form: label} "),
        ("path: rules/ ", "path: [rules/] "),
        ("operator: DoesNotExist", "operator: Absent"),
    ] {
        assert!(text.contains(from), "{from}");
        let text = text.replace(from, to);
        assert_ne!(misfits(&text), Vec::<String>::new(), "{to}");
        let config = Config::parse(&text, Path::new("c.yaml"), HashMap::new()).unwrap();
        assert!(config.validate().is_err(), "{to}");
    }
}
