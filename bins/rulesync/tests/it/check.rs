//! `check`: what it reads, what it finds, and its exit code.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

use crate::cli::rulesync;

/// A directory with files.
pub(crate) fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

/// Returns a command that checks in a directory.
pub(crate) fn check(directory: &Path) -> Command {
    let mut command = rulesync();
    command.current_dir(directory).arg("check");
    command
}

/// Checks with these flags, and returns the exit code and the result as JSON.
fn json(directory: &Path, args: &[&str]) -> (i32, Value) {
    let output = check(directory).args(args).args(["-o", "json"]).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

/// Returns each finding as `severity code file:line:column`.
fn findings(report: &Value) -> Vec<String> {
    let finding = |finding: &Value| {
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let (file, line, column) = (text("file"), &finding["line"], &finding["column"]);
        format!("{} {} {file}:{line}:{column}", text("severity"), text("code"))
    };
    report["findings"].as_array().unwrap().iter().map(finding).collect()
}

fn rule(name: &str, expr: &str) -> String {
    format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: {name}, namespace: shop, labels: {{team: web}}}}\n\
         spec:\n  groups:\n    - name: g\n      rules:\n        - alert: A\n          expr: {expr}\n"
    )
}

#[test]
fn check_exits_by_the_least_severity_that_fails() {
    let warning = rule("a", "mad_over_time(up[5m])");
    let files = directory(&[
        ("sound.yaml", &rule("b", "up == 0")),
        ("warning.yaml", &warning),
        ("error.yaml", &rule("c", "up =")),
    ]);
    for (file, args, code) in [
        ("sound.yaml", &[][..], 0),
        ("sound.yaml", &["--fail-on", "warning"], 0),
        ("warning.yaml", &[], 0),
        ("warning.yaml", &["--fail-on", "warning"], 1),
        ("error.yaml", &[], 1),
        ("error.yaml", &["--fail-on", "warning"], 1),
    ] {
        assert_eq!(
            check(files.path()).arg(file).args(args).output().unwrap().status.code(),
            Some(code),
            "{file}"
        );
    }
    let lint = rulesync().current_dir(files.path()).args(["lint", "error.yaml"]).output().unwrap();
    assert_eq!(lint.status.code(), Some(1));
}

#[test]
fn check_without_a_path_checks_the_working_directory() {
    let files = directory(&[("a/b.yaml", &rule("a", "up ="))]);
    let (code, report) = json(files.path(), &[]);
    assert_eq!((code, findings(&report)), (1, vec!["error promql a/b.yaml:9:20".to_owned()]));
}

#[test]
fn check_takes_unknown_keys_for_errors_and_other_apis_for_warnings() {
    let unknown = rule("a", "up").replace("          expr", "          runbook: x\n          expr");
    let other = rule("b", "up").replace("monitoring.coreos.com", "monitoring.rhobs");
    let files = directory(&[("a.yaml", &unknown), ("b.yaml", &other), ("values.yaml", "image: {tag: 1}\n")]);
    let (code, report) = json(files.path(), &[]);
    assert_eq!(code, 1);
    assert_eq!(findings(&report), ["error unknown-key a.yaml:9:11", "warning not-understood b.yaml:1:13"]);
    assert_eq!(report["summary"]["others"], 1);
}

#[test]
fn check_finds_an_object_that_is_declared_twice() {
    let files = directory(&[("a.yaml", &rule("a", "up")), ("b/c.yaml", &rule("a", "up"))]);
    let (code, report) = json(files.path(), &["a.yaml", "b"]);
    assert_eq!((code, findings(&report)), (0, vec!["warning duplicate-object b/c.yaml:1:1".to_owned()]));
    assert!(report["findings"][0]["message"].as_str().unwrap().ends_with("at a.yaml:1:1"));
    // Plain rule files are told apart by their paths.
    let group = "groups: [{name: g, rules: [{record: r, expr: up}]}]\n";
    let files = directory(&[("a/x.yaml", group), ("b/x.yaml", group)]);
    assert_eq!(json(files.path(), &["a", "b"]).0, 0);
}

#[test]
fn check_quotes_no_line_that_may_be_a_secret() {
    let broken = "apiVersion: v1\nkind: Secret\nstringData: {password: \"hunter2}\n";
    let values = "smtp:\n  password: hunter2: x\n";
    let rules = "groups:\n  - name: [hunter2\n";
    for (text, shown) in [(broken, false), (values, false), (rules, true)] {
        let files = directory(&[("a.yaml", text)]);
        for format in ["text", "sarif", "junit"] {
            let output = check(files.path()).args(["-o", format]).output().unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            assert_eq!((output.status.code(), printed.contains("hunter2")), (Some(1), shown), "{printed}");
        }
    }
}

#[test]
fn check_only_warns_of_files_that_hardly_have_rules() {
    let files =
        directory(&[("values.yaml", "replicas: 1\n"), ("empty.yaml", ""), ("mkdocs.yml", "nav: [a]\n")]);
    let (code, report) = json(files.path(), &[]);
    assert_eq!((code, report["summary"]["others"].as_u64()), (0, Some(1)));
    assert_eq!(
        findings(&report),
        ["warning not-understood empty.yaml:1:1", "warning not-understood values.yaml:1:1"]
    );
    for (text, code) in [("<html></html>\n", 1), ("grups: []\n", 1), ("rules: [{alert: A, expr: up}]\n", 1)] {
        let files = directory(&[("a.yaml", text)]);
        assert_eq!(json(files.path(), &[]).0, code, "{text}");
    }
}

/// What other people's files had wrong with them, and what is only told by a parser that knows positions.
#[test]
fn check_finds_what_went_wrong_before() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/cases");
    let (code, report) = json(&cases, &[]);
    let messages =
        report["findings"].as_array().unwrap().iter().map(|finding| finding["message"].as_str().unwrap());
    let lines: Vec<String> = findings(&report)
        .iter()
        .zip(messages)
        .map(|(place, message)| format!("{place}: {message}"))
        .collect();
    assert_eq!(code, 1);
    insta::assert_snapshot!("cases", lines.join("\n"));
}

#[test]
fn check_hints_at_templates_of_helm() {
    let files = directory(&[("chart/templates/rules.yaml", "{{- if .Values.rules }}\na: [\n{{- end }}\n")]);
    let (_, report) = json(files.path(), &[]);
    assert!(report["findings"][0]["hint"].as_str().unwrap().contains("helm template"), "{report}");
}

#[test]
fn check_reads_standard_input_and_pipes() {
    let text = rule("a", "up =");
    for path in ["-", "/dev/stdin"] {
        let output =
            rulesync().args(["check", path, "-o", "json"]).write_stdin(text.clone()).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let shown = if path == "-" { "<stdin>" } else { path };
        assert_eq!(findings(&report), [format!("error promql {shown}:9:20")]);
    }
}

#[test]
fn check_of_a_path_that_does_not_exist_fails() {
    let files = directory(&[]);
    let output = check(files.path()).arg("rules").output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("error: rules: No such file"), "{error}");
}

const ROUTES: &str = "owner: us
sources: [{type: kubernetes}]
rulers: [{name: m, type: mimir, address: 'http://127.0.0.1:1', bearer_token_file: /nowhere/token}]
routes:
  - name: web
    ruler: m
    tenant: web
    namespace_selector: {match_labels: {team: web}}
    query_matchers: [{label: cluster, from: namespace_label, key: cluster}]
";

#[test]
fn check_with_a_configuration_judges_by_its_routes_and_the_namespaces_at_hand() {
    let namespace = |labels: &str| {
        format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {labels}}}\n")
    };
    let files = directory(&[("rulesync.yaml", ROUTES), ("rules/a.yaml", &rule("a", "up"))]);
    let config = ["--config", "rulesync.yaml", "rules"];
    let (code, report) = json(files.path(), &config);
    assert_eq!((code, &report["objects"][0]["destinations"]), (0, &Value::Array(Vec::new())));
    assert_eq!(report["undecided_routes"][0]["kubernetes_namespaces"][0], "shop");

    // The namespace may come after the object, and is not among the objects.
    std::fs::write(files.path().join("rules/z.yaml"), namespace("{team: web}")).unwrap();
    let (code, report) = json(files.path(), &config);
    assert_eq!((code, findings(&report)), (1, vec!["error matcher rules/a.yaml:1:1".to_owned()]));
    std::fs::write(files.path().join("rules/z.yaml"), namespace("{team: web, cluster: eu}")).unwrap();
    let (code, report) = json(files.path(), &config);
    assert_eq!((code, report["undecided_routes"].as_array().unwrap().len()), (0, 0));
    assert_eq!(report["objects"][0]["destinations"][0]["ruler_namespace"], "us.shop.a");
}

#[test]
fn check_with_a_configuration_knows_what_its_sources_watch() {
    let routes = |source: &str| {
        format!(
            "owner: us\nsources: [{source}]\nrulers: [{{name: m, type: mimir, address: 'http://m'}}]\nroutes: [{{name: all, ruler: m}}]\n"
        )
    };
    let files = directory(&[("a.yaml", &rule("a", "up"))]);
    for (source, watched) in [
        ("{type: kubernetes, namespaces: [apps]}", false),
        ("{type: kubernetes, namespaces: [apps, shop]}", true),
        ("{type: kubernetes}", true),
        ("{type: kubernetes, namespaces: [apps]}, {type: files, path: rules}", true),
    ] {
        std::fs::write(files.path().join("rulesync.yaml"), routes(source)).unwrap();
        let (code, report) = json(files.path(), &["--config", "rulesync.yaml", "a.yaml"]);
        let unwatched = report["unwatched_kubernetes_namespaces"].as_array().unwrap();
        let destinations = report["objects"][0]["destinations"].as_array().unwrap();
        let expected = if watched { (0, 0, 1) } else { (0, 1, 0) };
        assert_eq!((code, unwatched.len(), destinations.len()), expected, "{source}");
    }
}

#[test]
fn check_with_routes_for_some_sources_asks_whose_objects_these_are() {
    let routes = "owner: us
sources: [{type: kubernetes, name: eu, kubeconfig: eu}, {type: kubernetes, name: us, kubeconfig: us}]
rulers: [{name: m, type: mimir, address: 'http://m'}]
routes: [{name: eu, ruler: m, tenant: eu, sources: [eu]}, {name: us, ruler: m, tenant: us, sources: [us]}]
";
    let files = directory(&[("rulesync.yaml", routes), ("a.yaml", &rule("a", "up"))]);
    for source in ["eu", "us"] {
        let (code, report) = json(files.path(), &["--config", "rulesync.yaml", "--source", source, "a.yaml"]);
        let [destination] = report["objects"][0]["destinations"].as_array().unwrap().as_slice() else {
            panic!("{report}")
        };
        assert_eq!((code, &destination["tenant"]), (0, &Value::from(source)));
    }
    let output = check(files.path()).args(["--config", "rulesync.yaml", "a.yaml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--source: ") && said.contains("`eu`, `us`"), "{said}");
}

#[test]
fn check_takes_the_configuration_of_the_environment_and_of_alloy() {
    let alloy = "mimir.rules.kubernetes \"web\" {\n  address = \"http://127.0.0.1:1\"\n  tenant_id = \"web\"\n\
                 rule_selector { match_labels = { team = \"app\" } }\n}\n";
    let files = directory(&[("a.yaml", &rule("a", "up")), ("config.alloy", alloy)]);
    let unrouted = |command: &mut Command| {
        let output = command.arg("a.yaml").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().contains("no route takes these objects")
    };
    assert!(unrouted(check(files.path()).args(["--config", "config.alloy"])));
    assert!(unrouted(check(files.path()).env("RULESYNC_CONFIG", "config.alloy")));
    assert!(!unrouted(check(files.path()).env("RULESYNC_CONFIG", "config.alloy").args(["--ruler", "mimir"])));
    assert!(!unrouted(check(files.path()).env("RULESYNC_CONFIG", "")));
}

#[test]
fn check_with_a_configuration_that_has_errors_prints_these() {
    let files = directory(&[("rulesync.yaml", "ownr: us\n")]);
    let output = check(files.path()).args(["--config", "rulesync.yaml"]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && error.starts_with("error: rulesync.yaml"), "{error}");
    let both = check(files.path()).args(["--config", "rulesync.yaml", "--ruler", "mimir"]).output().unwrap();
    assert_eq!(both.status.code(), Some(64));
}

#[test]
fn check_for_a_ruler_knows_what_it_takes() {
    let logs =
        "groups: [{name: g, rules: [{alert: A, expr: 'count_over_time({a=\"b\"} |= \"x\" [5m]) > 1'}]}]\n";
    let metricsql = "groups: [{name: g, rules: [{alert: A, expr: rate(up) keep_metric_names}]}]\n";
    let files = directory(&[("logs.yaml", logs), ("metricsql.yaml", metricsql)]);
    for (file, ruler, code) in [
        ("logs.yaml", "loki", 0),
        ("logs.yaml", "mimir", 1),
        ("metricsql.yaml", "vmalert", 0),
        ("metricsql.yaml", "prometheus", 1),
        ("metricsql.yaml", "cortex", 1),
    ] {
        assert_eq!(json(files.path(), &["--ruler", ruler, file]).0, code, "{file} {ruler}");
    }
    let (_, report) = json(files.path(), &["logs.yaml"]);
    assert!(report["findings"][0]["hint"].as_str().unwrap().contains("LogQL"), "{report}");
}

#[test]
fn check_tells_of_unknown_keys_of_objects_and_counts_what_is_about_something_else() {
    let check = |text: &str| {
        let output = rulesync().args(["check", "-"]).write_stdin(text).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let object = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\nspec: {groups: []}\n";
    let (code, printed) = check(&format!("{object}spek: {{}}\n"));
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("`spek` is not a key of an object, and has no effect"), "{printed}");
    for foreign in ["- op: replace\n  path: /spec\n", "- a\n- b\n", "user: me\ngroups: [admins, ops]\n"] {
        let (code, printed) = check(&format!("{object}---\n{foreign}"));
        assert_eq!(code, Some(0), "{foreign}: {printed}");
        assert!(printed.contains("1 document of other kinds skipped"), "{foreign}: {printed}");
    }
    for rules in ["- name: g\n  rules: []\n", "[]\n", "- alert: A\n  expr: up\n"] {
        let (code, printed) = check(&format!("{object}---\n{rules}"));
        assert_eq!(code, Some(1), "{rules}: {printed}");
    }
}
