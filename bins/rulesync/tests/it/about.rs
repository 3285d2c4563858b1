//! The verbs that are about the program itself.

use crate::cli::{prints, run};

#[test]
fn version_is_that_of_the_package() {
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(prints(&["version"]), format!("rulesync {version}\n"));
    assert_eq!(prints(&["--version"]), prints(&["version"]));
    let json: serde_json::Value = serde_json::from_str(&prints(&["version", "-o", "json"])).unwrap();
    assert_eq!(json["version"], version);
}

#[test]
fn crds_are_those_of_the_repository() {
    let committed = [
        include_str!("../../../../deploy/crds/rulesync.dev_loggingrules.yaml"),
        include_str!("../../../../deploy/crds/rulesync.dev_rulestatuses.yaml"),
    ];
    assert_eq!(prints(&["crds"]), committed.join("---\n"));
}

#[test]
fn completion_knows_the_verbs_in_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = prints(&["completion", shell]);
        assert!(script.contains("completion") && script.contains("crds"), "{shell}: {script}");
    }
}

#[test]
fn man_writes_a_page_for_each_verb() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    assert!(run(&["man", pages.to_str().unwrap()]).status.success());
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    assert!(page("rulesync.1").contains("config"));
    assert!(page("rulesync-config-check.1").contains("Check a configuration"));
}

#[test]
fn man_says_what_it_cannot_write() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("man1");
    let failed = run(&["man", below.to_str().unwrap()]);
    let error = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(1));
    assert!(error.starts_with(&format!("error: {}: ", below.display())), "{error}");
}
