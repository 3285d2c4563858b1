//! `config check` and `config schema`.

use std::path::Path;

use crate::cli::{prints, run};

#[test]
fn config_check_accepts_the_examples() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for example in ["company.yaml", "quickstart/rulesync.yaml"] {
        let config = examples.join(example);
        let config = config.to_str().unwrap();
        assert_eq!(prints(&["config", "check", config]), format!("{config}: valid\n"));
    }
}

#[test]
fn config_check_prints_each_error_with_its_position() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("rulesync.yaml");
    let text = "owner: us\nresync_intervall: 5m\nsources: [{type: files, path: rules}]\nrulers: [{name: m, type: mimirr}]\nroutes: []\n";
    std::fs::write(&config, text).unwrap();
    let checked = run(&["config", "check", config.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(1));
    let printed = String::from_utf8(checked.stdout).unwrap();
    insta::assert_snapshot!(printed.replace(&format!("{}/", directory.path().display()), ""), @r"
    rulesync.yaml:2:1: unknown key `resync_intervall`
      hint: did you mean `resync_interval`?
    rulesync.yaml:4:26: unknown value `mimirr`
      hint: did you mean `mimir`?
    rulesync.yaml:5:9: no route is configured: rules would go nowhere, and all that were written would be deleted
      hint: add one
    ");
}

#[test]
fn config_schema_is_that_of_the_repository() {
    assert_eq!(prints(&["config", "schema"]), include_str!("../../../../deploy/config.schema.json"));
    let page = include_str!("../../../../docs/configuration.md");
    assert_eq!(prints(&["config", "schema", "--output", "markdown"]), page);
}
