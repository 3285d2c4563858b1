//! The pages in a real browser, with objects and rulers in every state: `tests/browser` opens them and says what is wrong.

use std::fmt::Write;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rulesync_testkit::RulerServer;
use serde_json::{Value, json};

use crate::fixture::mimir;
use crate::process::{Daemon, command};

/// Texts of authors that mean harm, or are unlucky, and how pages show them.
const HOSTILE: [(&str, &str); 8] = [
    ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ("\"><img src=x onerror=alert(2)>", "\"><img src=x onerror=alert(2)>"),
    ("' autofocus onfocus=alert(3) '", "' autofocus onfocus=alert(3) '"),
    ("&lt;b&gt; &amp;amp;", "&lt;b&gt; &amp;amp;"),
    ("</title></textarea></style><svg onload=alert(5)>", "</title></textarea></style><svg onload=alert(5)>"),
    ("left\u{202e}right", r"left\u{202e}right"),
    ("zero\u{200b}width", r"zero\u{200b}width"),
    ("🚨 grün", "🚨 grün"),
];

/// A word that no line has room for.
fn endless() -> String {
    "n".repeat(300)
}

/// The name of an object that is nearly as long as Kubernetes allows.
fn long_name() -> String {
    "n".repeat(240)
}

/// A daemon that has much to show.
struct Shown {
    daemon: Daemon,
    _directory: tempfile::TempDir,
    _ruler: RulerServer,
}

impl Shown {
    /// Starts a daemon with a ruler that answers and one that does not, and with objects that are in order, refused, not
    /// selected, malformed and hostile; deletes are held, because all objects of one source are gone.
    async fn start(flags: &[&str], prefix: &str) -> Self {
        let ruler = mimir().await;
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        for source in ["rules", "retired"] {
            std::fs::create_dir(directory.path().join(source)).unwrap();
        }
        let fine = rule("A", "sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m])) > 0.5");
        write(
            "rules/checkout.yaml",
            &object("shop", "checkout", "prod", &[group("availability", vec![fine])]),
        );
        write("rules/pay.yaml", REFUSED);
        write("rules/nobody.yaml", &object("shop", "nobody", "other", &[group("g", vec![rule("A", "up")])]));
        write("rules/far.yaml", &object("shop", "far", "far", &[group("g", vec![rule("A", "up")])]));
        write("rules/broken.yaml", MALFORMED);
        write("rules/hostile.yaml", &object("hostile", "texts", "prod", &hostile_groups()));
        let name = long_name();
        write("rules/long.yaml", &object("hostile", &name, "prod", &[group("g", vec![rule("A", "up")])]));
        for number in 0..12 {
            let text = object("old", &format!("o{number}"), "old", &[group("g", vec![rule("A", "up")])]);
            write(&format!("retired/o{number}.yaml"), &text);
        }
        write("rulesync.yaml", &CONFIG.replace("ADDRESS", &ruler.url()));
        let daemon = Daemon::run(command(&directory.path().join("rulesync.yaml")).args(flags));
        daemon.address();
        daemon.until_below(prefix, |status| at(status, "old")["state"] == "in_sync").await;
        for number in 0..12 {
            std::fs::remove_file(directory.path().join(format!("retired/o{number}.yaml"))).unwrap();
        }
        daemon
            .until_below(prefix, |status| {
                at(status, "old")["state"] == "holding"
                    && at(status, "prod")["state"] == "in_sync"
                    && at(status, "far")["state"] == "failing"
            })
            .await;
        Self { daemon, _directory: directory, _ruler: ruler }
    }
}

/// The destination of a tenant in a status.
fn at<'a>(status: &'a Value, tenant: &str) -> &'a Value {
    let all = status["destinations"].as_array();
    all.and_then(|all| all.iter().find(|one| one["tenant"] == tenant)).unwrap_or(&Value::Null)
}

/// Nobody listens on port 1, which needs a privilege.
const CONFIG: &str = "
owner: us
claim: off
sources:
  - {type: files, name: files, path: rules}
  - {type: files, name: retired, path: retired}
rulers:
  - {name: central, type: mimir, address: 'ADDRESS'}
  - {name: down, type: mimir, address: 'http://127.0.0.1:1'}
routes:
  - {name: prod, ruler: central, tenant: prod, rule_selector: {match_labels: {tenant: prod}}}
  - {name: old, ruler: central, tenant: old, rule_selector: {match_labels: {tenant: old}}}
  - {name: far, ruler: down, tenant: far, rule_selector: {match_labels: {tenant: far}}}
";

const REFUSED: &str = r#"
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: pay, namespace: shop, labels: {tenant: prod}}
spec:
  groups:
    - name: payments
      rules:
        - record: job:payments:rate5m
          expr: sum by (job) (rate(payments_total[5m]))
        - alert: PaymentsFail
          expr: sum(rate(payments_failed_total[5m]) > 3
          for: 5m
    - name: fine
      rules:
        - {alert: PaymentsSlow, expr: payments_seconds > 3}
"#;

const MALFORMED: &str = "
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: broken, namespace: shop, labels: {tenant: prod}}
spec: {groups: 5}
";

fn rule(alert: &str, expr: &str) -> Value {
    json!({"alert": alert, "expr": expr})
}

fn group(name: &str, rules: Vec<Value>) -> Value {
    json!({"name": name, "rules": rules})
}

/// An object for a tenant, as a file.
fn object(namespace: &str, name: &str, tenant: &str, groups: &[Value]) -> String {
    json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"namespace": namespace, "name": name, "labels": {"tenant": tenant}},
        "spec": {"groups": groups},
    })
    .to_string()
}

/// For each text a group that is written, and one that the ruler refuses, whose expression the ruler may repeat.
fn hostile_groups() -> Vec<Value> {
    let endless = endless();
    let texts = HOSTILE.iter().map(|(text, _)| *text).chain([endless.as_str()]);
    texts
        .flat_map(|text| {
            let quoted = json!(text).to_string();
            let good = json!({
                "alert": text,
                "expr": format!("up{{job={quoted}}} == 0"),
                "labels": {"severity": text},
                "annotations": {"summary": text},
            });
            let bad = json!({"alert": text, "expr": format!("sum(up{{job={quoted}}}")});
            [group(text, vec![good]), group(&format!("refused {text}"), vec![bad])]
        })
        .collect()
}

/// The texts that the page of the hostile object shows.
fn hostile_shown() -> Vec<String> {
    HOSTILE.iter().map(|(_, shown)| (*shown).to_owned()).chain([endless()]).collect()
}

/// Where screenshots stay after a test, for people to look at.
fn screenshots(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages").join(name)
}

/// Opens pages and forms below a base, and panics with all that is wrong with them.
fn judge(base: &str, name: &str, pages: &Value, filters: &Value) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    assert!(
        directory.join("node_modules/playwright-core").is_dir(),
        "run `npm ci --prefix tests/browser --ignore-scripts` first"
    );
    let scenario = json!({
        "browser": std::env::var("RULESYNC_E2E_CHROMIUM_BINARY").unwrap(),
        "base": base,
        "screenshots": screenshots(name),
        "pages": pages,
        "filters": filters,
    });
    let mut harness = Command::new("node")
        .arg(directory.join("run.mjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    harness.stdin.take().unwrap().write_all(scenario.to_string().as_bytes()).unwrap();
    let output = harness.wait_with_output().unwrap();
    assert!(output.status.success(), "there is no report: {}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut problems = String::new();
    for one in report["problems"].as_array().unwrap() {
        let part = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        writeln!(problems, "{} {} {}: {}", part("page"), part("view"), part("check"), part("problem"))
            .unwrap();
    }
    assert!(problems.is_empty(), "screenshots are in {}\n{problems}", screenshots(name).display());
    // A harness that checks nothing finds nothing.
    let runs = report["runs"].as_object().unwrap();
    let count = pages.as_array().unwrap().len() as u64;
    assert_eq!(runs["accessibility"], 4 * count, "{runs:?}");
    assert_eq!(runs["policy"], count, "{runs:?}");
    assert_eq!(report["screenshots"].as_array().unwrap().len() as u64, 4 * count);
}

const HOSTILE_OBJECT: &str = "objects/files/PrometheusRule/hostile/texts";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_CHROMIUM_BINARY, Node.js, and `npm ci --prefix tests/browser`"]
async fn browser_shows_every_page_to_everybody_and_runs_nothing_of_an_author() {
    let shown = Shown::start(&["--web.enable-admin-api"], "").await;
    let pages = json!([
        {"name": "overview", "path": "", "shows": ["shop/pay", "Ruler down", "deletes held", "unclosed left parenthesis"]},
        {"name": "objects", "path": "objects", "shows": ["shop/checkout", "shop/pay", "shop/nobody", "hostile/texts", "malformed", long_name()]},
        {"name": "objects-refused", "path": "objects?state=refused", "shows": ["shop/pay", "hostile/texts"]},
        {"name": "objects-none", "path": "objects?q=%22%3E%3Cscript%3E", "shows": ["No object matches these filters"]},
        {"name": "object-fine", "path": "objects/files/PrometheusRule/shop/checkout", "shows": ["availability", "http_requests_total"]},
        {"name": "object-refused", "path": "objects/files/PrometheusRule/shop/pay", "shows": ["unclosed left parenthesis", "PaymentsFail"]},
        {"name": "object-not-selected", "path": "objects/files/PrometheusRule/shop/nobody", "shows": ["not selected", "It is not sent to any ruler"]},
        {"name": "object-hostile", "path": HOSTILE_OBJECT, "shows": hostile_shown()},
        {"name": "destinations", "path": "destinations", "shows": ["central/prod", "central/old", "down/far", "failing"]},
        {"name": "destination", "path": "destinations/central/prod", "shows": ["Held deletes", "in sync"]},
        {"name": "destination-held", "path": "destinations/central/old", "shows": ["holding deletes", "us.old.o3"]},
        {"name": "destination-down", "path": "destinations/down/far", "shows": ["failing"]},
        {"name": "configuration", "path": "config", "shows": ["owner: us", "rule_selector"]},
    ]);
    let filters = json!([
        {"name": "objects", "path": "objects", "fields": {"state": "refused"}, "shows": ["shop/pay"], "hides": ["shop/checkout"]},
        {"name": "objects", "path": "objects", "fields": {"q": "pay"}, "shows": ["shop/pay"], "hides": ["shop/checkout"]},
        {"name": "destinations", "path": "destinations", "fields": {"ruler": "down"}, "shows": ["down/far"], "hides": ["central/prod"]},
    ]);
    let base = format!("http://{}/", shown.daemon.address());
    tokio::task::spawn_blocking(move || judge(&base, "root", &pages, &filters)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_CHROMIUM_BINARY, Node.js, and `npm ci --prefix tests/browser`"]
async fn browser_finds_its_way_below_a_route_prefix() {
    let shown = Shown::start(&["--web.route-prefix", "/rules"], "/rules").await;
    let pages = json!([
        {"name": "overview", "path": "", "shows": ["shop/pay", "Ruler down", "deletes held"]},
        {"name": "objects", "path": "objects", "shows": ["shop/checkout", "hostile/texts"]},
        {"name": "object-hostile", "path": HOSTILE_OBJECT, "shows": hostile_shown()},
        {"name": "destination-held", "path": "destinations/central/old", "shows": ["holding deletes"]},
        {"name": "configuration", "path": "config", "shows": ["owner: us"]},
    ]);
    let filters = json!([
        {"name": "objects", "path": "objects", "fields": {"q": "pay"}, "shows": ["shop/pay"], "hides": ["shop/checkout"]},
    ]);
    let base = format!("http://{}/rules/", shown.daemon.address());
    tokio::task::spawn_blocking(move || judge(&base, "prefix", &pages, &filters)).await.unwrap();
}
