//! Files with mistakes: each is reported with its place and the reason, and nothing is imported.

use rulesync_alloy::{File, Options, Severity, import};

use crate::golden::{file, printed};

/// The report of a broken file.
fn report(name: &str) -> String {
    let imported = import(&[file(&format!("broken/{name}"))], &Options::default());
    assert!(imported.configuration.is_none());
    assert!(imported.report.of(Severity::Error).count() > 0);
    let report = imported.report.to_string();
    assert!(!report.contains("hunter2"), "{report}");
    report
}

macro_rules! broken {
    ($($test:ident: $file:literal;)*) => {
        $(#[test]
        fn $test() {
            insta::assert_snapshot!(report($file));
        })*
    };
}

broken! {
    broken_syntax: "syntax.alloy";
    broken_names: "unknown.alloy";
    broken_by_what_is_missing: "missing.alloy";
    broken_references: "references.alloy";
    broken_types: "types.alloy";
    broken_matchers: "matchers.alloy";
    broken_selectors: "selectors.alloy";
    broken_authentication: "authentication.alloy";
    broken_declarations: "declare.alloy";
    broken_by_contradictions: "overlap.alloy";
    broken_without_rules: "nothing.alloy";
    broken_within_helm_values: "values.yaml";
    broken_helm_values_with_templates: "templates.yaml";
    broken_manifest_without_configuration: "no-configuration.yaml";
    broken_config_map_with_an_attribute_of_mimir: "../configmap.yaml";
}

#[test]
fn bypassed_errors_of_syntax_leave_out_the_component_around_them() {
    let text = "mimir.rules.kubernetes \"a\" {\n  address = \"http://m\"\n  rule_selector {\n    match_labels = {\n      a = \"b\"\n    }\n  }\n}\n\
                mimir.rules.kubernetes \"b\" {\n  address = \"http://m\"\n  tenant_id = \"\\q\"\n}\n\
                loki.rules.kubernetes \"c\" {\n  address = \"http://l\"\n}\n? d\n";
    let file = File { name: "a.alloy".to_owned(), text: text.to_owned() };
    let options = Options { owner: "us".to_owned(), bypass_errors: true, ..Options::default() };
    let imported = import(&[file], &options);
    let expected =
        "Imported: 1 ruler, 1 route; left out: mimir.rules.kubernetes.a, mimir.rules.kubernetes.b.";
    assert_eq!(imported.report.outcome, expected);
    assert!(!imported.configuration.unwrap().yaml.contains("type: mimir"));
}

#[test]
fn bypassed_errors_leave_out_whole_components() {
    let options = Options { owner: "us".to_owned(), bypass_errors: true, ..Options::default() };
    insta::assert_snapshot!(printed(&import(
        &[file("broken/references.alloy"), file("seed.alloy")],
        &options
    )));
}
