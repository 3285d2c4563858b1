//! Whatever a file contains, an import ends with a report; what it writes is YAML, with a place for each setting.

use proptest::prelude::*;
use rulesync_alloy::{File, NamingMode, Options, Severity, import};

/// The pieces of which files are made.
const PIECES: [&str; 40] = [
    "mimir.rules.kubernetes \"a\" {\n",
    "mimir.rules.kubernetes \"b\" {\n",
    "loki.rules.kubernetes \"a\" {\n",
    "local.file \"f\" {\n",
    "remote.kubernetes.secret \"s\" {\n",
    "declare \"d\" {\n",
    "d \"x\" {\n",
    "argument \"v\" {\n",
    "foreach \"e\" {\n",
    "basic_auth {\n",
    "oauth2 {\n",
    "tls_config {\n",
    "rule_selector {\n",
    "match_expression {\n",
    "extra_query_matchers {\n",
    "matcher {\n",
    "}\n",
    "}\n",
    "}\n",
    "address = \"http://m\"\n",
    "address = argument.v.value\n",
    "v = \"http://${X}\"\n",
    "tenant_id = sys.env(\"T\") + \"é\"\n",
    "filename = local.file.f.content\n",
    "bearer_token = local.file.f.content\n",
    "password = remote.kubernetes.secret.s.data[\"p\"]\n",
    "username = remote.kubernetes.secret.s.data.u + \"x\"\n",
    "namespace = \"n\"\n",
    "name = \"n\"\n",
    "key = coalesce(\"\", null, \"k\")\n",
    "operator = \"In\"\n",
    "values = [\"a\",]\n",
    "match_labels = {\"a/b\" = string.format(\"%s\", \"c\")}\n",
    "match_type = \"=~\"\n",
    "value = `a\nb`\n",
    "external_labels = {a = 1, \"b\\n\" = \"\"}\n",
    "http_headers = {\"X-Scope-OrgID\" = [\"t\"]}\n",
    "sync_interval = \"1h\"\n",
    "optional = true\n",
    "\"",
];

proptest! {
    #[test]
    fn import_of_any_file_ends_with_a_report(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..30),
        bypass_errors: bool,
        keep: bool,
        embedded: bool,
    ) {
        let text = pieces.concat();
        let file = if embedded {
            let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
            let text = format!("kind: ConfigMap\ndata:\n  a.alloy: |\n{indented}");
            File { name: "a.yaml".to_owned(), text }
        } else {
            File { name: "a.alloy".to_owned(), text }
        };
        let lines = file.text.lines().count() + 1;
        let naming = if keep { NamingMode::Keep } else { NamingMode::Owner };
        let options = Options { owner: "us".to_owned(), naming, bypass_errors, ..Options::default() };
        let imported = import(&[file], &options);
        let places = imported.report.messages.iter().filter_map(|message| message.place.as_ref());
        prop_assert!(places.into_iter().all(|place| place.line <= lines && place.column >= 1));
        let errors = imported.report.of(Severity::Error).count();
        prop_assert_eq!(imported.configuration.is_some() && !bypass_errors, errors == 0 && !bypass_errors);
        if let Some(configuration) = imported.configuration {
            let parsed: Result<serde_json::Value, _> = serde_saphyr::from_str(&configuration.yaml);
            prop_assert!(parsed.is_ok(), "{:?}\n{}", parsed, configuration.yaml);
        }
    }

    #[test]
    fn import_of_any_text_does_not_panic(text in any::<String>(), name in "[ab](\\.alloy|\\.yaml|)") {
        let imported = import(&[File { name, text }], &Options::default());
        prop_assert!(imported.configuration.is_none());
    }
}
