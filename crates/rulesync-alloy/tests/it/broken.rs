//! Files with mistakes: each is reported with its place and the reason, and nothing is imported.

use rulesync_alloy::{Options, Severity, import};

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
fn bypassed_errors_leave_out_whole_components() {
    let options = Options { owner: "us".to_owned(), bypass_errors: true, ..Options::default() };
    insta::assert_snapshot!(printed(&import(
        &[file("broken/references.alloy"), file("seed.alloy")],
        &options
    )));
}
