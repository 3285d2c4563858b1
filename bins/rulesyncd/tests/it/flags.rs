//! Flags, exit codes and what is printed.

use std::time::Duration;

use rulesync_testkit::{Fault, Kind, RulerServer};

use crate::process::{Daemon, command};

const MANIFEST: &str = "
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: o, namespace: ns}
spec: {groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]}
";

/// A directory with a configuration for `address` and one manifest, without claims, which few tests are about.
pub(crate) fn directory(address: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let config = format!(
        "owner: us\nclaim: off\nsources: [{{type: files, path: rules}}]\nrulers: [{{name: central, type: mimir, address: '{address}'}}]\nroutes: [{{name: all, ruler: central, tenant: prod}}]\n"
    );
    std::fs::write(directory.path().join("rulesync.yaml"), config).unwrap();
    std::fs::create_dir(directory.path().join("rules")).unwrap();
    std::fs::write(directory.path().join("rules/o.yaml"), MANIFEST).unwrap();
    directory
}

#[tokio::test]
async fn dry_run_prints_the_plan_and_writes_nothing() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = directory(&ruler.url());
    let mut dry = command(&directory.path().join("rulesync.yaml"));
    let output = tokio::task::spawn_blocking(move || dry.arg("--dry-run").output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed, "central/prod: 1 changes\n  + us.ns.o / g (1 rules) of PrometheusRule ns/o\n");
    assert!(ruler.journal().requests().iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn dry_run_prints_what_would_be_refused_and_fails() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = directory(&ruler.url());
    let groups = "{name: good, rules: [{record: 'a:b', expr: up}]}, {name: syntax, rules: [{alert: A, expr: 'sum(up'}]}, \
                  {name: duration, rules: [{alert: B, expr: up, for: soon}]}";
    let manifest = format!(
        "{{apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, metadata: {{name: o, namespace: ns}}, spec: {{groups: [{groups}]}}}}"
    );
    std::fs::write(directory.path().join("rules/o.yaml"), manifest).unwrap();
    let mut dry = command(&directory.path().join("rulesync.yaml"));
    let output = tokio::task::spawn_blocking(move || dry.arg("--dry-run").output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "central/prod: 2 changes\n  \
           + us.ns.o / good (1 rules) of PrometheusRule ns/o\n  \
           ! PrometheusRule ns/o: rules/o.yaml:1:211, group \"syntax\", rule 0 \"A\", expr: unclosed left parenthesis\n\
         ! PrometheusRule ns/o: rules/o.yaml:1:268, group \"duration\", rule 0 \"B\", for: `soon` is not a Prometheus duration: write \
         whole numbers with units in the order y, w, d, h, m, s, ms, such as `1h30m`\n"
    );
    assert!(ruler.journal().requests().iter().all(|request| request.method == "GET"));
}

/// Names of groups that would clear a terminal, forge a line of a plan and of a log, and turn the rest around; one of
/// them without ASCII characters that logfmt puts into quotes.
const HOSTILE: [&str; 2] = [
    "x\u{1b}[2J\n  - us.ns.all (9 groups)\nlevel=error\u{9b}31m\u{2028}\u{202e}y",
    "\u{9b}31m\u{2028}\u{202e}\u{7f}",
];

/// A ruler where somebody has put such groups beside ours.
async fn ruler_with_hostile_names() -> RulerServer {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    for name in HOSTILE {
        let name: String = name.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        ruler.put("prod", "us.ns.o", &format!("name: \"{name}\"\nrules: [{{record: r, expr: up}}]")).unwrap();
    }
    ruler
}

#[tokio::test]
async fn names_cannot_forge_lines_of_a_plan_or_move_the_cursor() {
    let ruler = ruler_with_hostile_names().await;
    let directory = directory(&ruler.url());
    let mut dry = command(&directory.path().join("rulesync.yaml"));
    let output = tokio::task::spawn_blocking(move || dry.arg("--dry-run").output().unwrap()).await.unwrap();
    let mut lines: Vec<_> = std::str::from_utf8(&output.stdout).unwrap().split('\n').collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "",
            "  + us.ns.o / g (1 rules) of PrometheusRule ns/o",
            r"  - us.ns.o / \u{9b}31m\u{2028}\u{202e}\u{7f} of PrometheusRule ns/o",
            r"  - us.ns.o / x\u{1b}[2J\n  - us.ns.all (9 groups)\nlevel=error\u{9b}31m\u{2028}\u{202e}y of PrometheusRule ns/o",
            "central/prod: 3 changes",
        ]
    );
}

#[tokio::test]
async fn names_cannot_forge_lines_of_the_log_or_move_the_cursor() {
    for (format, begins, escaped) in [
        ("logfmt", "time=", r#"group="\u{9b}31m\u{2028}\u{202e}\u{7f}""#),
        ("json", "{", r#":"\u009b31m\u2028\u202e\u007f""#),
    ] {
        let ruler = ruler_with_hostile_names().await;
        let directory = directory(&ruler.url());
        let daemon = Daemon::start(&directory.path().join("rulesync.yaml"), &["--log.format", format]);
        daemon.logs(&["us.ns.o", escaped]).await;
        daemon.logs(&["us.ns.o", "us.ns.all (9 groups)"]).await;
        for line in daemon.log() {
            assert!(line.starts_with(begins), "{line:?}");
            assert!(!line.contains(|c: char| c.is_control() || "\u{2028}\u{202e}".contains(c)), "{line:?}");
        }
    }
}

#[tokio::test]
async fn once_reports_success_by_its_exit_code() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = directory(&ruler.url());
    let config = directory.path().join("rulesync.yaml");
    assert_eq!(Daemon::start(&config, &["--once"]).end().await.code(), Some(0));
    assert!(ruler.rules("prod")["us.ns.o"].contains_key("g"));
    std::fs::write(directory.path().join("rules/o.yaml"), MANIFEST.replace("up == 0", "up == (0")).unwrap();
    assert_eq!(Daemon::start(&config, &["--once"]).end().await.code(), Some(1));
    ruler.faults().outage();
    assert_eq!(Daemon::start(&config, &["--once"]).end().await.code(), Some(1));
}

#[tokio::test]
async fn values_that_authors_choose_freely_are_logged_as_warnings() {
    let directory = directory("http://127.0.0.1:1");
    let config = directory.path().join("rulesync.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let label = "tenant: prod, external_labels: [{label: team, from: annotation, key: team}]";
    std::fs::write(&config, text.replace("tenant: prod", label)).unwrap();
    let daemon = Daemon::start(&config, &[]);
    let line =
        daemon.logs(&["Route `all` takes the value of `team` from annotation `team` of the object"]).await;
    assert!(line.contains("level=warn"), "{line}");
}

#[tokio::test]
async fn logs_are_json_when_asked() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = directory(&ruler.url());
    let daemon = Daemon::start(&directory.path().join("rulesync.yaml"), &["--log.format", "json"]);
    let line = daemon.logs(&["Rule group created"]).await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&line["msg"], &line["namespace"]), (&"Rule group created".into(), &"us.ns.o".into()));
}

#[tokio::test]
async fn signal_ends_the_daemon_with_success() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = directory(&ruler.url());
    let daemon = Daemon::start(&directory.path().join("rulesync.yaml"), &[]);
    daemon.in_order(1).await;
    daemon.signal("TERM");
    daemon.logs(&["Stopped"]).await;
    assert_eq!(daemon.end().await.code(), Some(0));
}

#[tokio::test]
async fn signal_lets_a_write_finish_and_waits_for_no_other() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = directory(&ruler.url());
    let more = MANIFEST.replace("name: o,", "name: slow,").replace("name: g,", "name: slow,");
    std::fs::write(directory.path().join("rules/slow.yaml"), more).unwrap();
    // One write takes its time, another never ends.
    let posts =
        |name: &str, fault: Fault| fault.on_method(reqwest::Method::POST).on_path(format!("us.ns.{name}"));
    ruler.faults().inject(posts("slow", Fault::latency(Duration::from_secs(2))));
    ruler.faults().inject(posts("o", Fault::hang()));
    let daemon = Daemon::start(&directory.path().join("rulesync.yaml"), &[]);
    ruler.journal().wait_until(|requests| requests.iter().filter(|r| r.method == "POST").count() == 2).await;
    daemon.signal("TERM");
    // The pages tell of it to the end.
    assert_eq!(daemon.get("/-/healthy").await, Some((200, "healthy\n".to_owned())));
    daemon.logs(&["Rule group created", "us.ns.slow"]).await;
    daemon.logs(&["Stopped"]).await;
    assert_eq!(daemon.end().await.code(), Some(0));
    assert!(ruler.rules("prod").contains_key("us.ns.slow"));
}

#[tokio::test]
async fn daemon_keeps_an_inventory_that_names_it_and_once_makes_none() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let directory = directory(&ruler.url());
    let config = directory.path().join("rulesync.yaml");
    let text = std::fs::read_to_string(&config).unwrap().replace("claim: off\n", "");
    std::fs::write(&config, text).unwrap();
    let once = || {
        let mut once = command(&config);
        tokio::task::spawn_blocking(move || once.arg("--once").output().unwrap())
    };
    let output = once().await.unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && log.matches("No claim is made").count() == 1, "{log}");
    let inventory = directory.path().join(".rulesync/ledger.json");
    assert!(!inventory.exists(), "each checkout would be another installation");
    assert_eq!(ruler.rules("prod").into_keys().collect::<Vec<_>>(), ["us.ns.o"]);
    let daemon = Daemon::start(&config, &[]);
    daemon.in_order(1).await;
    daemon.signal("TERM");
    assert_eq!(daemon.end().await.code(), Some(0));
    assert!(inventory.exists());
    assert!(ruler.rules("prod").contains_key("us"), "the claim");
    // The same installation, from the same place.
    let output = once().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Another checkout without the inventory, but with its own: it finds out.
    std::fs::remove_file(&inventory).unwrap();
    let daemon = Daemon::start(&config, &[]);
    daemon.logs(&["Another installation writes here", "previous_installation="]).await;
}
