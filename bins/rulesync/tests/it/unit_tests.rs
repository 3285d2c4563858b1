//! `test`: with a promtool that a script plays, and with a real one where there is one.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::cli::rulesync;
use crate::formats::{JUNIT, Schema};

/// A directory with rules, a configuration and a promtool that a script plays.
struct World {
    directory: tempfile::TempDir,
}

const RULE: &str = "apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: api, namespace: shop, labels: {tenant: shop}}
spec:
  groups:
  - name: g
    labels: {team: web}
    query_offset: 30s
    rules:
    - {alert: Down, expr: up == 0, labels: {severity: page}}
    - record: job:up:sum
      expr: sum by (job) (up)
";

const CONFIG: &str = "owner: us
sources: [{type: files, path: rules}]
rulers: [{name: central, type: mimir, address: 'http://127.0.0.1:1'}, {name: logs, type: loki, address: 'http://127.0.0.1:1'}]
routes:
- name: all
  ruler: central
  tenant: prod
  external_labels: [{label: cluster, value: eu}]
  query_matchers: [{label: cluster, op: =~, value: eu-.*}]
- {name: logs, ruler: logs, tenant: logs}
";

const TEST: &str = "rule_files: [rules/api.yaml]
evaluation_interval: 1m
fuzzy_compare: true
tests:
- name: first
  alert_rule_test:
  - {eval_time: 300s, alertname: Down}
  promql_expr_test:
  - {eval_time: 0s, expr: up}
";

impl World {
    /// `plays` is what the script does with the test file `$3`, in whose directory it runs.
    fn new(plays: &str) -> Self {
        let world = Self { directory: tempfile::tempdir().unwrap() };
        world.write("rules/api.yaml", RULE);
        world.write("rulesync.yaml", CONFIG);
        world.write("test.yaml", TEST);
        let seen = world.path("seen");
        std::fs::create_dir(&seen).unwrap();
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'promtool, version 2.1.0 (x)'; exit; fi\n\
             cp \"$(dirname \"$3\")\"/* {}\ncd \"$(dirname \"$3\")\"\n{plays}\n",
            seen.display()
        );
        let promtool = world.write("bin/promtool", &script);
        let mut permissions = std::fs::metadata(&promtool).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o755);
        std::fs::set_permissions(&promtool, permissions).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, args: &[&str]) -> Output {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        rulesync()
            .current_dir(self.directory.path())
            .env("PATH", path)
            .arg("test")
            .args(args)
            .output()
            .unwrap()
    }

    /// Returns what was printed, and the exit code.
    fn prints(&self, args: &[&str]) -> (String, Option<i32>) {
        let output = self.run(args);
        assert!(output.stderr.is_empty(), "{output:?}");
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }

    /// Returns a file that the promtool saw.
    fn seen(&self, name: &str) -> String {
        std::fs::read_to_string(self.path("seen").join(name)).unwrap()
    }

    fn seen_rules(&self) -> serde_json::Value {
        serde_json::from_str(&self.seen("rules-0.yaml")).unwrap()
    }
}

#[test]
fn unit_tests_see_the_rules_as_they_are_written_or_routed() {
    let world = World::new("exit 0");
    let passed = "test.yaml: passed (2 tests, 2 rules)\n1 test file: all passed\n".to_owned();
    assert_eq!(world.prints(&["test.yaml"]), (passed.clone(), Some(0)));
    let rules = world.seen_rules();
    let group = &rules["groups"][0];
    assert_eq!(group["rules"][0]["expr"], "up == 0");
    assert_eq!(group["query_offset"], "30s");
    let labels = serde_json::json!({"severity": "page", "team": "web"});
    assert_eq!(
        group["rules"][0]["labels"], labels,
        "with those of the group, which not every promtool knows"
    );
    assert!(group.get("labels").is_none());
    let written = world.seen("test.yaml");
    assert!(written.contains("/rules-0.yaml\"\n") && written.contains("fuzzy_compare: true\n"), "{written}");

    assert_eq!(world.prints(&["--config", "rulesync.yaml", "test.yaml"]), (passed.clone(), Some(0)));
    let rule = &world.seen_rules()["groups"][0]["rules"][0];
    assert_eq!(rule["expr"], "up{cluster=~\"eu-.*\"} == 0");
    assert_eq!(rule["labels"]["cluster"], "eu");

    assert_eq!(world.prints(&["--config", "rulesync.yaml", "--raw", "test.yaml"]), (passed, Some(0)));
    assert_eq!(world.seen_rules()["groups"][0]["rules"][0]["expr"], "up == 0");
}

#[test]
fn unit_tests_find_rules_in_directories_by_patterns_and_by_name() {
    let world = World::new("exit 0");
    world.write("rules/plain.rules", "groups: [{name: p, rules: [{record: a, expr: b}]}]\n");
    world.write(
        "rules/logs.yaml",
        "apiVersion: rulesync.dev/v1alpha1\nkind: LoggingRule\nmetadata: {name: l, namespace: shop}\n\
         spec: {groups: [{name: l, rules: [{alert: L, expr: 'rate({a=\"b\"}[5m]) > 0'}]}]}\n",
    );
    for (entries, args, rules) in [
        ("[rules]", &[][..], 2),
        ("['rules/*.rules']", &[], 1),
        ("[rules, rules/api.yaml, {object: shop/api}]", &["--objects", "rules"], 2),
        ("[{object: shop/api}]", &["--config", "rulesync.yaml"], 2),
        ("['rules/*.rules', {object: shop/api}]", &["--config", "rulesync.yaml"], 3),
    ] {
        world.write("test.yaml", &format!("rule_files: {entries}\ntests: []\n"));
        let (printed, code) = world.prints(&[args, &["test.yaml"]].concat());
        let plural = if rules == 1 { "" } else { "s" };
        let expected = format!("test.yaml: passed (0 tests, {rules} rule{plural})\n");
        assert!(printed.starts_with(&expected) && code == Some(0), "{entries}: {printed}");
        let has_logs = entries.starts_with("[rules");
        assert_eq!(
            printed.contains("note: LoggingRule shop/l is left out: it is LogQL"),
            has_logs,
            "{printed}"
        );
    }
}

#[test]
fn unit_tests_are_not_run_with_rules_that_are_not_there_or_wrong() {
    let world = World::new("echo run >&2; exit 1");
    world.write("broken/api.yaml", &RULE.replace("expr: up == 0", "expr: up == 0, for: 5 minutes"));
    world.write("broken/text.yaml", "kind: PrometheusRule\nspec: [\n");
    for (test, says) in [
        ("rule_files: ['none/*.yaml']", "test.yaml:1:14: no file matches `none/*.yaml`"),
        ("rule_files:\n- object: shop/none", "test.yaml:2:3: there is no object `shop/none` in rules"),
        ("rule_files: [rulesync.yaml]", "test.yaml:1:14: `rulesync.yaml` declares no rules"),
        ("rule_files: [broken/api.yaml]", "broken/api.yaml:10:"),
        ("rule_files: [broken/text.yaml]", "broken/text.yaml:"),
        ("rule_files: [{objekt: a/b}]", "test.yaml:1:14: an entry of `rule_files` is a path"),
        ("rule_files: [", "test.yaml:"),
    ] {
        world.write("test.yaml", test);
        let (printed, code) = world.prints(&["--objects", "rules", "test.yaml"]);
        assert!(printed.starts_with("test.yaml: failed\n") && printed.contains(says), "{test}: {printed}");
        assert_eq!(code, Some(1));
        assert!(!world.path("seen/test.yaml").exists(), "{test}");
    }
    let missing = world.run(&["none.yaml"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8(missing.stderr).unwrap().starts_with("error: none.yaml: No such file"));
}

#[test]
fn unit_tests_for_an_object_with_several_routes_need_one() {
    let world = World::new("exit 0");
    let second =
        "- {name: other, ruler: central, tenant: dev}\n- {name: third, ruler: central, tenant: test}\n";
    world.write("rulesync.yaml", &format!("{CONFIG}{second}"));
    let (printed, code) = world.prints(&["--config", "rulesync.yaml", "test.yaml"]);
    let says = "rules/api.yaml: the routes `all`, `other` change PrometheusRule shop/api in different ways: choose one of them \
                with --route";
    assert!(printed.contains(says) && code == Some(1), "{printed}");
    for (route, expr) in [("all", "up{cluster=~\"eu-.*\"} == 0"), ("third", "up == 0")] {
        assert_eq!(world.prints(&["--config", "rulesync.yaml", "--route", route, "test.yaml"]).1, Some(0));
        assert_eq!(world.seen_rules()["groups"][0]["rules"][0]["expr"], expr);
    }
    let (printed, _) = world.prints(&["--config", "rulesync.yaml", "--route", "none", "test.yaml"]);
    assert!(printed.contains("PrometheusRule shop/api does not go by the route `none`"), "{printed}");
}

#[test]
fn unit_tests_leave_out_keys_that_the_promtool_does_not_know() {
    let world = World::new(
        r#"if grep -q fuzzy_compare "$3"; then
  printf '  FAILED:\nyaml: unmarshal errors:\n  line %s: field fuzzy_compare not found in type main.unitTestFile\n' \
    "$(grep -n fuzzy_compare "$3" | cut -d: -f1)" >&2
  exit 1
fi
if grep -q query_offset rules-0.yaml; then
  echo "  FAILED:" >&2
  printf '%s/rules-0.yaml: yaml: unmarshal errors:\n  line 5: field query_offset not found in type rulefmt.RuleGroup\n' "$PWD" >&2
  exit 1
fi"#,
    );
    let (printed, code) = world.prints(&["test.yaml"]);
    insta::assert_snapshot!(printed, @r#"
    test.yaml: passed (2 tests, 2 rules)
      note: test.yaml:3:1: `fuzzy_compare` is left out: promtool 2.1.0 does not know it
      note: `query_offset` of rule groups or rules is left out: promtool 2.1.0 does not know it
    1 test file: all passed
    "#);
    assert_eq!(code, Some(0));
    assert!(world.seen_rules()["groups"][0].get("query_offset").is_none());
    // What nobody knows is a mistake.
    let world = World::new(
        "echo '  FAILED:' >&2; echo '  line 3: field fuzy not found in type main.unitTestFile' >&2; exit 1",
    );
    world.write("test.yaml", &TEST.replace("fuzzy_compare", "fuzy"));
    let (printed, code) = world.prints(&["test.yaml"]);
    assert!(printed.contains("  test.yaml:2:1: field fuzy not found"), "{printed}");
    assert_eq!(code, Some(1));
}

#[test]
fn unit_tests_that_fail_are_traced_back_to_the_authors_files() {
    let world = World::new(
        r#"cat >&2 <<'END'
  FAILED:
    name: first,
    alertname: Down, time: 5m, 
        exp:[], 
        got:[
            0:
              Labels:{alertname="Down"}
              Annotations:{}
            ]
    rule: job:up:sum, time: 1m, err: many-to-many
END
printf '%s/rules-0.yaml: 12:15: group "g", rule 2, "job:up:sum": could not parse expression: 1:10: parse error: oops\n' "$PWD" >&2
exit 1"#,
    );
    let (printed, code) = world.prints(&["test.yaml", "--junit", "out.xml"]);
    insta::assert_snapshot!(printed, @r#"
    test.yaml: failed (1 of 2 tests)
      rule: job:up:sum, time: 1m, err: many-to-many
        the rule: rules/api.yaml:11:7: PrometheusRule shop/api, group "g", rule 1
      rules/api.yaml:12:22: PrometheusRule shop/api, group "g", rule 1, "job:up:sum": could not parse expression: 1:10: parse error: oops
      test.yaml:7:5: alert Down at 300s (first)
        the rule: rules/api.yaml:10:7: PrometheusRule shop/api, group "g", rule 0
        exp:[],
        got:[
            0:
              Labels:{alertname="Down"}
              Annotations:{}
            ]
    1 test file: 1 failed
    "#);
    assert_eq!(code, Some(1));
    let junit = std::fs::read_to_string(world.path("out.xml")).unwrap();
    assert_eq!(Schema::new(JUNIT).errors(&junit), [""; 0]);
    assert!(
        junit.contains(r#"<testsuites name="rulesync test" tests="4" failures="1" errors="2" time="0">"#)
            && junit
                .contains(r#"<testcase classname="test.yaml" name="first: expression up at 0s" time="0"/>"#),
        "{junit}"
    );
}

#[test]
fn unit_tests_need_a_promtool() {
    let world = World::new("exit 0");
    let run = |path: &str, args: &[&str]| {
        let mut command = rulesync();
        command.current_dir(world.directory.path()).env("PATH", path).arg("test").args(args);
        let output = command.arg("test.yaml").output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, error) = run("/nowhere", &[]);
    assert_eq!(code, Some(1));
    assert!(error.starts_with("error: no promtool is installed") && error.contains("--promtool"), "{error}");
    let promtool = world.path("bin/promtool");
    assert_eq!(run("/usr/bin:/bin", &["--promtool", promtool.to_str().unwrap()]).0, Some(0));
    let (code, error) = run("/usr/bin:/bin", &["--promtool", "/nowhere/promtool"]);
    assert!(code == Some(1) && error.starts_with("error: /nowhere/promtool: "), "{error}");
    assert_eq!(run("/bin", &["--promtool", "a", "--vmalert-tool", "b"]).0, Some(64));
}

#[test]
fn unit_tests_run_by_vmalert_tool() {
    let world = World::new("exit 0");
    let tool = world.path("bin/vmalert-tool");
    let script = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo vmalert-tool-20250101-tags-v1.109.0; exit; fi\n\
                  echo \"$1 $3\"; cat \"${2#--files=}\"; exit 1\n";
    std::fs::copy(world.path("bin/promtool"), &tool).unwrap();
    std::fs::write(&tool, script).unwrap();
    let (printed, code) = world.prints(&["--vmalert-tool", tool.to_str().unwrap(), "test.yaml"]);
    assert!(printed.contains("unittest --disableAlertgroupLabel"), "{printed}");
    assert!(printed.contains("metricsql_expr_test"), "{printed}");
    assert_eq!(code, Some(1));
    world.write("test.yaml", &TEST.replace("alertname: Down", "alertname: Down, groupname: g"));
    let (printed, _) = world.prints(&["--vmalert-tool", tool.to_str().unwrap(), "test.yaml"]);
    assert!(!printed.contains("--disableAlertgroupLabel"), "{printed}");
}

/// The real one.
fn promtool() -> PathBuf {
    let path = std::env::var_os("RULESYNC_E2E_PROMTOOL_BINARY");
    path.expect("this test needs RULESYNC_E2E_PROMTOOL_BINARY; CONTRIBUTING.md says what it is for").into()
}

#[test]
#[ignore = "needs RULESYNC_E2E_PROMTOOL_BINARY, a promtool"]
fn unit_tests_by_a_real_promtool() {
    let promtool = promtool();
    let world = World::new("exit 9");
    world.write("bad/rule.yaml", &RULE.replace("sum by (job) (up)", "sum by (job) (up"));
    world.write(
        "test.yaml",
        "rule_files: [rules]
fuzzy_compare: true
tests:
- name: first
  interval: 1m
  input_series:
  - {series: 'up{job=\"a\", cluster=\"eu-1\"}', values: 0x10}
  - {series: 'up{job=\"a\", cluster=\"us-1\"}', values: 1x10}
  alert_rule_test:
  - eval_time: 120s
    alertname: Down
    exp_alerts: [{exp_labels: {job: a, cluster: eu, severity: page, team: web}}]
  promql_expr_test:
  - {expr: 'job:up:sum', eval_time: 2m, exp_samples: [{labels: 'job:up:sum{job=\"a\", cluster=\"eu\", team=\"web\"}', value: 0}]}
",
    );
    let run = |args: &[&str]| world.prints(&[&["--promtool", promtool.to_str().unwrap()], args].concat());
    let (printed, code) = run(&["--config", "rulesync.yaml", "test.yaml"]);
    assert!(printed.contains("passed (2 tests, 2 rules)") && code == Some(0), "{printed}");
    let (printed, code) = run(&["test.yaml"]);
    assert!(printed.contains("test.yaml: failed (2 of 2 tests)") && code == Some(1), "{printed}");
    assert!(
        printed.contains("  test.yaml:10:5: alert Down at 120s (first)\n    the rule: rules/api.yaml:10:7: "),
        "{printed}"
    );
    world.write("test.yaml", "rule_files: [bad]\ntests: [{input_series: []}]\n");
    let (printed, code) = run(&["test.yaml"]);
    assert!(
        printed.contains("bad/rule.yaml:12:")
            && printed.contains("PrometheusRule shop/api, group \"g\", rule 1"),
        "{printed}"
    );
    assert_eq!(code, Some(1));
    world.write("test.yaml", "rule_files: [rules]\ntests:\n- input_series: []\n  intervall: 1m\n");
    let (printed, _) = run(&["test.yaml"]);
    assert!(printed.contains("  test.yaml:4:3: field intervall not found"), "{printed}");
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cli/tests/stock_test.yaml");
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cli/rulesync.yaml");
    let (printed, code) = run(&["--config", config.to_str().unwrap(), example.to_str().unwrap()]);
    assert!(code == Some(0), "{printed}");
}
