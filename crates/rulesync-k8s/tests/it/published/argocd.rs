//! Health in Argo CD: `health.lua` for each kind, and the data of its tests in Argo CD's own layout.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};

use super::objects::samples;
use super::{assert_generated, integrations};

/// The kinds with a health check, each with its group.
const KINDS: [(&str, &str); 3] = [
    ("monitoring.coreos.com", "PrometheusRule"),
    ("rulesync.dev", "LoggingRule"),
    ("rulesync.dev", "RuleStatus"),
];

/// The form of `health_test.yaml`, as Argo CD's tests read it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tests {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Test {
    input_path: String,
    health_status: HealthStatus,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct HealthStatus {
    status: String,
    message: String,
}

fn directory(group: &str, kind: &str) -> PathBuf {
    integrations().join("argocd/resource_customizations").join(group).join(kind)
}

fn tests(directory: &Path) -> Vec<Test> {
    let text = std::fs::read_to_string(directory.join("health_test.yaml")).unwrap();
    serde_saphyr::from_str::<Tests>(&text).unwrap().tests
}

/// Returns a PrometheusRule with the state in its annotation.
fn annotated(state: Option<&str>) -> Value {
    let mut rule = json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": "node", "namespace": "team-a"}, "spec": {"groups": []},
    });
    if let Some(state) = state {
        rule["metadata"]["annotations"] = json!({"rulesync.dev/state": state});
    }
    rule
}

/// Returns the test data of a kind: the name of each file, and its content.
fn data(kind: &str) -> Vec<(String, Value)> {
    let named = |state: &str, health: &str| format!("testdata/{}_{state}.yaml", health.to_lowercase());
    let mut data: Vec<(String, Value)> = Vec::new();
    for sample in samples() {
        let health = sample.health.in_argo_cd();
        let object = match kind {
            "RuleStatus" => serde_json::to_value(sample.rule_status()).unwrap(),
            "LoggingRule" => serde_json::to_value(sample.logging_rule()).unwrap(),
            // These pass, and are never in the annotation.
            _ if matches!(sample.state, "standby" | "pending" | "unavailable") => continue,
            _ => annotated(Some(sample.state)),
        };
        data.push((named(sample.state, health), object));
    }
    let sample = &samples()[0];
    match kind {
        "RuleStatus" => {
            let mut object = serde_json::to_value(sample.rule_status()).unwrap();
            object.as_object_mut().unwrap().remove("status");
            data.push(("testdata/progressing_no_status.yaml".to_owned(), object));
        }
        "LoggingRule" => {
            let mut object = serde_json::to_value(sample.logging_rule()).unwrap();
            object["metadata"]["generation"] = json!(5);
            data.push(("testdata/progressing_older_generation.yaml".to_owned(), object.clone()));
            object.as_object_mut().unwrap().remove("status");
            data.push(("testdata/healthy_no_status.yaml".to_owned(), object));
        }
        _ => data.push(("testdata/healthy_no_annotation.yaml".to_owned(), annotated(None))),
    }
    data
}

#[test]
fn argo_cd_test_data_are_what_is_rendered() {
    for (group, kind) in KINDS {
        let directory = directory(group, kind);
        let data = data(kind);
        for (file, object) in &data {
            assert_generated(&directory.join(file), &serde_saphyr::to_string(object).unwrap());
        }
        let files: BTreeSet<String> = data.into_iter().map(|(file, _)| file).collect();
        let tested: BTreeSet<String> = tests(&directory).into_iter().map(|test| test.input_path).collect();
        assert_eq!(tested, files, "{kind}: health_test.yaml has a test for each file");
        let entries = std::fs::read_dir(directory.join("testdata")).unwrap();
        let present: BTreeSet<String> = entries
            .map(|entry| format!("testdata/{}", entry.unwrap().file_name().into_string().unwrap()))
            .collect();
        assert_eq!(present, files, "{kind}: files that nothing renders");
        for test in tests(&directory) {
            let expected = test.health_status.status.to_lowercase();
            assert!(
                test.input_path.starts_with(&format!("testdata/{expected}_")),
                "{kind}: {}",
                test.input_path
            );
        }
    }
}

#[test]
fn argo_cd_config_map_has_the_health_checks() {
    let mut text = "# For the ConfigMap of Argo CD: `kubectl patch configmap argocd-cm -n argocd --patch-file argocd-cm.yaml`.\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\n  namespace: argocd\ndata:\n"
        .to_owned();
    for (group, kind) in KINDS {
        writeln!(text, "  resource.customizations.health.{group}_{kind}: |").unwrap();
        for line in std::fs::read_to_string(directory(group, kind).join("health.lua")).unwrap().lines() {
            if line.is_empty() {
                text.push('\n');
            } else {
                writeln!(text, "    {line}").unwrap();
            }
        }
    }
    assert_generated(&integrations().join("argocd/argocd-cm.yaml"), &text);
    let read: Value = serde_saphyr::from_str(&text).unwrap();
    for (group, kind) in KINDS {
        let script = &read["data"][format!("resource.customizations.health.{group}_{kind}")];
        assert_eq!(*script, std::fs::read_to_string(directory(group, kind).join("health.lua")).unwrap());
    }
}

/// Returns a value as Lua writes it.
fn lua(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => {
            let bytes: String = text.bytes().map(|byte| format!("\\{byte:03}")).collect();
            format!("\"{bytes}\"")
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(lua).collect();
            format!("{{{}}}", items.join(","))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("[{}]={}", lua(&json!(name)), lua(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

/// Runs a health check as Argo CD does: `obj` is the object, and what the script returns is its health.
fn health(interpreter: &str, script: &str, object: &Value) -> HealthStatus {
    let program = format!(
        "local function health(obj)\n{script}\nend\nlocal health = health({})\nio.write(health.status, '\\n', health.message)",
        lua(object)
    );
    let output = Command::new(interpreter).args(["-e", &program]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let answer = String::from_utf8(output.stdout).unwrap();
    let (status, message) = answer.split_once('\n').unwrap();
    HealthStatus { status: status.to_owned(), message: message.to_owned() }
}

#[test]
#[ignore = "needs RULESYNC_E2E_LUA_BINARY, a Lua 5.1"]
fn argo_cd_health_is_what_the_tests_expect() {
    let interpreter = rulesync_testkit::needs::variable("RULESYNC_E2E_LUA_BINARY");
    let mut seen = BTreeSet::new();
    for (group, kind) in KINDS {
        let directory = directory(group, kind);
        let script = std::fs::read_to_string(directory.join("health.lua")).unwrap();
        for Test { input_path, health_status } in tests(&directory) {
            let text = std::fs::read_to_string(directory.join(&input_path)).unwrap();
            let object: Value = serde_saphyr::from_str(&text).unwrap();
            assert_eq!(health(&interpreter, &script, &object), health_status, "{kind} {input_path}");
            seen.insert(health_status.status);
        }
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}
