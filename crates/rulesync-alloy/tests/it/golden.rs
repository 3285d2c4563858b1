//! Files as they are found, with the configurations and reports that they become.

use std::collections::HashMap;
use std::path::Path;

use rulesync_alloy::{File, Import, NamingMode, Options, import};
use rulesync_config::Config;

pub(crate) fn file(name: &str) -> File {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    File { name: name.to_owned(), text: std::fs::read_to_string(path).unwrap() }
}

fn options() -> Options {
    Options { owner: "prod-eu".to_owned(), ..Options::default() }
}

/// The configuration and the report, as they are printed.
pub(crate) fn printed(Import { configuration, report, .. }: &Import) -> String {
    let yaml = configuration.as_ref().map_or("", |configuration| &configuration.yaml);
    format!("{yaml}\n-- report --\n{report}")
}

/// Checks that rulesync accepts a configuration.
fn validate(imported: &Import) {
    let yaml = &imported.configuration.as_ref().unwrap().yaml;
    let environment: HashMap<String, String> =
        ["MIMIR_HOST", "TENANT", "MIMIR_USER", "MIMIR_KEY", "STAGE", "HOSTNAME", "ENDPOINTS_MIMIR"]
            .map(|name| {
                (name.to_owned(), if name == "ENDPOINTS_MIMIR" { "http://m" } else { "x" }.to_owned())
            })
            .into();
    let config = Config::parse(yaml, Path::new("rulesync.yaml"), environment).unwrap();
    if let Err(errors) = config.validate() {
        panic!("{yaml}\n{errors}");
    }
}

/// Imports one file, checks the result and returns it.
fn golden(name: &str) -> String {
    let imported = import(&[file(name)], &options());
    validate(&imported);
    printed(&imported)
}

#[test]
fn import_of_two_tenants() {
    insta::assert_snapshot!(golden("seed.alloy"));
}

#[test]
fn import_of_mimir_and_loki_among_other_components() {
    insta::assert_snapshot!(golden("mixed.alloy"));
}

#[test]
fn import_of_settings_from_the_environment() {
    insta::assert_snapshot!(golden("environment.alloy"));
}

#[test]
fn import_of_secrets_in_kubernetes_and_in_files() {
    insta::assert_snapshot!(golden("tenants.alloy"));
}

#[test]
fn import_of_a_declared_component() {
    insta::assert_snapshot!(golden("declare.alloy"));
}

#[test]
fn import_of_every_argument_and_block() {
    insta::assert_snapshot!(golden("everything.alloy"));
}

#[test]
fn import_of_components_that_select_the_same_objects() {
    let imported = import(&[file("overlap.alloy")], &options());
    assert!(imported.configuration.is_none());
    insta::assert_snapshot!(printed(&imported));
    let imported = import(&[file("overlap.alloy")], &Options { bypass_errors: true, ..options() });
    validate(&imported);
    let imported = import(&[file("overlap.alloy")], &Options { naming: NamingMode::Owner, ..options() });
    validate(&imported);
    insta::assert_snapshot!(printed(&imported));
}

#[test]
fn import_of_helm_values() {
    insta::assert_snapshot!(golden("values.yaml"));
}

#[test]
fn import_with_names_of_the_owner() {
    let imported = import(&[file("mixed.alloy")], &Options { naming: NamingMode::Owner, ..options() });
    validate(&imported);
    insta::assert_snapshot!(imported.configuration.unwrap().yaml);
}

#[test]
fn import_of_a_directory_is_one_configuration() {
    let part = |name: &str, text: &str| File { name: name.to_owned(), text: text.to_owned() };
    let files = [
        part("a.alloy", "local.file \"token\" {\n  filename = \"/token\"\n}\n"),
        part(
            "b.alloy",
            "loki.rules.kubernetes \"a\" {\n  address = \"http://loki\"\n  bearer_token = local.file.token.content\n}\n",
        ),
    ];
    let imported = import(&files, &options());
    validate(&imported);
    let configuration = imported.configuration.unwrap();
    let line =
        configuration.yaml.lines().position(|line| line.contains("bearer_token_file: /token")).unwrap();
    let place = configuration.place(line + 1).unwrap();
    assert_eq!(place.to_string(), "b.alloy:3:18");
}

#[test]
fn import_of_two_config_maps_is_two_configurations() {
    let text = file("configmap.yaml").text.replace("      external_labels = {}\n", "");
    let name = "rendered.yaml".to_owned();
    let imported = import(&[File { name, text: format!("{text}---\n{text}") }], &options());
    validate(&imported);
    let configuration = imported.configuration.unwrap();
    for name in ["name: loki.rules.kubernetes.logs\n", "name: loki.rules.kubernetes.logs-2 "] {
        assert!(configuration.yaml.contains(name), "{}", configuration.yaml);
    }
}

#[test]
fn import_knows_the_environment_of_the_daemon() {
    let text =
        "mimir.rules.kubernetes \"a\" {\n  address = coalesce(sys.env(\"NONE\"), \"http://default\")\n}\n";
    let file = File { name: "a.alloy".to_owned(), text: text.to_owned() };
    let imported = import(&[file], &Options { environment: Some([].into()), ..options() });
    assert!(imported.configuration.unwrap().yaml.contains("address: http://default\n"));
}
