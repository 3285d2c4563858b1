//! The mixin in `deploy/mixin`: what is made of it is fresh, its alerts fire when they should, and alerts and panels read what
//! the daemon has.
//!
//! | file | content |
//! |---|---|
//! | `expression` | which labels an expression reads and returns |
//! | `metrics` | which metrics there are, with their labels |

mod expression;
mod metrics;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use rulesync_testkit::needs;
use serde_json::Value;

use self::metrics::Metrics;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a directory, as paths from the root, in order.
fn files(directory: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(directory)).unwrap();
    let name = |entry: std::fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut files: Vec<String> =
        entries.map(|entry| format!("{directory}/{}", name(entry.unwrap()))).collect();
    files.sort();
    files
}

/// The alerts, by name.
fn alerts() -> BTreeMap<String, Value> {
    let rendered: Value = serde_saphyr::from_str(&read("deploy/mixin/rendered/alerts.yaml")).unwrap();
    let groups = rendered["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    let alerts: BTreeMap<String, Value> =
        rules.map(|rule| (rule["alert"].as_str().unwrap().to_owned(), rule.clone())).collect();
    assert!(alerts.len() > 15, "{:?}", alerts.keys());
    alerts
}

fn dashboards() -> Vec<(String, Value)> {
    let dashboards: Vec<(String, Value)> = files("deploy/mixin/rendered/dashboards")
        .into_iter()
        .map(|path| (path.clone(), serde_json::from_str(&read(&path)).unwrap()))
        .collect();
    assert!(!dashboards.is_empty());
    dashboards
}

/// The panels of a dashboard, but for the headings of rows.
fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row")
}

#[test]
#[ignore = "needs RULESYNC_E2E_JSONNET_BINARY, a jsonnet"]
fn mixin_files_are_fresh() {
    let mut command = Command::new(needs::variable("RULESYNC_E2E_JSONNET_BINARY"));
    let output = command.current_dir(root()).arg("deploy/mixin/render.jsonnet").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rendered: BTreeMap<String, String> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(rendered.len() > 4, "{:?}", rendered.keys());
    for (path, text) in &rendered {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(root().join(path), text).unwrap();
        }
        assert!(read(path) == *text, "{path} is not what deploy/mixin makes: UPDATE_DOCS=1 writes it anew");
    }
    // What is made no more is not left behind.
    for directory in ["deploy/mixin/rendered/dashboards", "deploy/charts/rulesync/files/dashboards"] {
        let left: Vec<String> =
            files(directory).into_iter().filter(|path| !rendered.contains_key(path)).collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
#[ignore = "needs RULESYNC_E2E_PROMTOOL_BINARY, a promtool"]
fn mixin_alerts_fire_when_they_should() {
    let promtool = needs::variable("RULESYNC_E2E_PROMTOOL_BINARY");
    let run = |verb: &str, files: &[String]| {
        let mut command = Command::new(&promtool);
        let output = command.current_dir(root()).args([verb, "rules"]).args(files).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        println!("{said}");
    };
    run("check", &["deploy/mixin/rendered/alerts.yaml".to_owned()]);
    run("test", &files("deploy/mixin/tests"));
}

#[test]
fn mixin_alerts_have_a_case_in_which_they_fire_and_one_in_which_they_do_not() {
    let (mut firing, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for path in files("deploy/mixin/tests") {
        let file: Value = serde_saphyr::from_str(&read(&path)).unwrap();
        for case in file["tests"].as_array().unwrap() {
            let checks = case["alert_rule_test"].as_array().unwrap();
            let name = |check: &Value| check["alertname"].as_str().unwrap().to_owned();
            let fires = |check: &&Value| !check["exp_alerts"].as_array().unwrap().is_empty();
            let fired: BTreeSet<String> = checks.iter().filter(fires).map(name).collect();
            // Not the time before an alert fires, but a case in which it never does.
            silent.extend(checks.iter().map(name).filter(|name| !fired.contains(name)));
            firing.extend(fired);
        }
    }
    let alerts: BTreeSet<String> = alerts().into_keys().collect();
    assert_eq!(firing, alerts);
    assert_eq!(silent, alerts);
}

#[test]
fn mixin_alerts_say_what_is_wrong_and_what_to_do() {
    const REPOSITORY: &str = "https://github.com/rulesync/rulesync/blob/main/";
    for (name, alert) in alerts() {
        assert!(name.starts_with("Rulesync"), "{name}");
        assert!(matches!(alert["labels"]["severity"].as_str(), Some("critical" | "warning")), "{name}");
        assert!(alert["for"].is_string(), "{name}");
        for annotation in ["summary", "description"] {
            assert!(
                alert["annotations"][annotation].as_str().is_some_and(|text| text.len() > 15),
                "{name}: {annotation}"
            );
        }
        let url = alert["annotations"]["runbook_url"].as_str().unwrap();
        let page = url.strip_prefix(REPOSITORY).unwrap_or_else(|| panic!("{name}: {url}"));
        assert!(read(page).starts_with(&format!("# {name}\n")), "{name}: {page}");
    }
}

#[test]
fn mixin_alerts_read_metrics_and_labels_that_there_are() {
    let metrics = Metrics::described();
    let mut problems = Vec::new();
    for (name, alert) in alerts() {
        let returned = match expression::read(alert["expr"].as_str().unwrap(), &metrics) {
            Ok(returned) => returned,
            Err(found) => {
                problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
                continue;
            }
        };
        for annotation in ["summary", "description"] {
            let text = alert["annotations"][annotation].as_str().unwrap();
            let words = text.split("$labels.").skip(1);
            let labels = words.filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next());
            let unknown = labels.filter(|label| !returned.contains(*label));
            problems.extend(unknown.map(|label| format!("{name}: {annotation}: there is no label {label}")));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn mixin_panels_read_metrics_and_labels_that_there_are() {
    let metrics = Metrics::described();
    let mut problems = Vec::new();
    for (path, dashboard) in dashboards() {
        for panel in panels(&dashboard) {
            let location = format!("{path}: {}", panel["title"]);
            for target in panel["targets"].as_array().unwrap() {
                let expr = target["expr"].as_str().unwrap().replace("$__rate_interval", "5m");
                match expression::read(&expr, &metrics) {
                    Err(found) => {
                        problems.extend(found.into_iter().map(|problem| format!("{location}: {problem}")));
                    }
                    Ok(returned) => {
                        let legend = target["legendFormat"].as_str().unwrap();
                        let labels = legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
                        let unknown = labels.filter(|label| !returned.contains(*label));
                        problems.extend(unknown.map(|label| format!("{location}: no label {label}")));
                    }
                }
            }
        }
        for variable in dashboard["templating"]["list"].as_array().unwrap() {
            let Some(query) = variable["definition"].as_str() else { continue };
            let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
            let (series, label) = inner.rsplit_once(", ").unwrap();
            match expression::read(series, &metrics) {
                Ok(labels) if labels.contains(label) => {}
                Ok(_) => problems.push(format!("{path}: {query}: no such label")),
                Err(found) => problems.extend(found),
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// What Grafana's own linter of dashboards asks for, as far as it concerns ours.
#[test]
fn mixin_dashboards_are_complete() {
    for (path, dashboard) in dashboards() {
        let text = dashboard.to_string();
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let names: Vec<&str> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["datasource", "cluster", "ruler", "tenant"], "{path}");
        for name in names {
            assert!(
                text.contains(&format!("${name}")) || text.contains(&format!("${{{name}}}")),
                "{path}: {name}"
            );
        }
        let mut taken: BTreeMap<(u64, u64), &Value> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = &panel["title"];
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{path}: {title}: the id of another panel");
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
            assert!(x + w <= 24, "{path}: {title} is too wide");
            for place in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                let other = taken.insert(place, title);
                assert!(other.is_none(), "{path}: {title} covers {other:?}");
            }
        }
        assert!(panels(&dashboard).count() > 10, "{path}");
        for panel in panels(&dashboard) {
            let title = &panel["title"];
            assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{path}: {title}");
            assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{path}: {title}");
            let mut references = BTreeSet::new();
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{path}: {title}");
                assert!(references.insert(target["refId"].as_str().unwrap()), "{path}: {title}");
                let expr = target["expr"].as_str().unwrap();
                assert_eq!(
                    expr.matches("rate(").count(),
                    expr.matches("[$__rate_interval]").count(),
                    "{path}: {title}"
                );
            }
        }
    }
}
