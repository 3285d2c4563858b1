//! `rulesync explain`: from a daemon, and from a configuration and files.

use wiremock::matchers::{any, basic_auth, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::cli::rulesync;
use crate::daemon;
use crate::world::Run;

async fn explain(daemon: &MockServer, args: &[&str]) -> Run {
    let mut command = rulesync();
    command.arg("explain").args(args).env("RULESYNC_DAEMON", daemon.uri());
    Run(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_answers_for_every_state_of_an_object() {
    let daemon = daemon::start().await;
    for (name, object) in [
        ("fine", "shop/checkout"),
        ("not selected by label", "shop/unlabelled"),
        ("not selected by namespace", "test/checkout"),
        ("tenant not allowed", "shop/pay"),
        ("refused by the ruler", "shop/refused"),
        ("failing", "shop/failing"),
        ("not loaded", "shop/idle"),
        ("held", "shop/old-1"),
    ] {
        insta::assert_snapshot!(name, explain(&daemon, &[object]).await.all());
    }
    let nothing = explain(&daemon, &["shop/nothing"]).await;
    insta::assert_snapshot!(nothing.all(), @"
    exit code 1
    shop/nothing is declared by no source, and no ruler has anything of it
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_answers_whose_a_ruler_namespace_is() {
    let daemon = daemon::start().await;
    let args = ["--ruler-namespace", "us.shop.old-1", "--ruler", "mimir", "--tenant", "shop"];
    insta::assert_snapshot!(explain(&daemon, &args).await.all());
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_prints_the_answer_of_a_daemon_as_it_is() {
    let daemon = daemon::start().await;
    let answer = std::fs::read_to_string("../../tests/data/explanations/fine.json").unwrap();
    assert_eq!(explain(&daemon, &["shop/checkout", "-o", "json"]).await.ok(), answer);
    let yaml = explain(&daemon, &["shop/checkout", "-o", "yaml"]).await.ok();
    assert!(yaml.starts_with("version: 1\nowner: us\n"), "{yaml}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_tells_what_is_wrong_with_an_answer() {
    for (answer, told) in [
        (ResponseTemplate::new(404), "no such page"),
        (
            ResponseTemplate::new(503).set_body_string("the engine is not running\n"),
            "503: the engine is not running",
        ),
        (ResponseTemplate::new(200).set_body_string("<html>"), "no rulesyncd"),
        (ResponseTemplate::new(200).set_body_string(r#"{"version": 7}"#), "of version 7"),
    ] {
        let server = MockServer::start().await;
        Mock::given(path("/api/v1/explain")).respond_with(answer).mount(&server).await;
        let run = explain(&server, &["shop/checkout"]).await;
        assert!(run.code() == 1 && run.stderr().contains(told), "{}", run.all());
        assert_eq!(run.stderr().lines().count(), 1, "{}", run.all());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_logs_in_at_a_daemon_that_asks_for_it() {
    let server = MockServer::start().await;
    let answer = std::fs::read("../../tests/data/explanations/fine.json").unwrap();
    Mock::given(path("/rules/api/v1/explain"))
        .and(basic_auth("alice", "wonderland"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(answer, "application/json"))
        .mount(&server)
        .await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).with_priority(9).mount(&server).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "wonderland\n").unwrap();
    let address = format!("{}/rules", server.uri());
    let ask = async |args: &[&str], password: Option<&str>| {
        let mut command = rulesync();
        command.args(["explain", "shop/checkout", "--daemon", &address]).args(args);
        command.envs(password.map(|password| ("RULESYNC_DAEMON_PASSWORD", password)));
        Run(tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
    };
    let file = file.to_str().unwrap();
    assert_eq!(ask(&["--user", "alice", "--password-file", file], None).await.code(), 0);
    assert_eq!(ask(&["--user", "alice"], Some("wonderland")).await.code(), 0);
    for (args, password, code, told) in [
        (&["--user", "alice"][..], Some("builder"), 1, "401: it asks for a user and a password"),
        (&[], None, 1, "--user and --password-file"),
        (&["--user", "alice"], None, 64, "which password?"),
        (&[], Some("wonderland"), 64, "whose password?"),
        (&["--config", "rulesync.yaml", "--user", "alice"], None, 64, "--config"),
    ] {
        let run = ask(args, password).await;
        assert!(run.code() == code && run.stderr().contains(told), "{args:?} {}", run.all());
    }
}

#[test]
fn login_is_of_a_daemon_alone() {
    let mut command = rulesync();
    command.args(["explain", "shop/api", "--user", "alice"]).env("RULESYNC_CONFIG", "rulesync.yaml");
    let run = Run(command.output().unwrap());
    assert!(
        run.code() == 64 && run.stderr().contains("--user: only a daemon asks for that"),
        "{}",
        run.all()
    );
}

#[test]
fn explain_tells_that_no_daemon_answers() {
    // Nothing listens on a port that was free just now.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("http://127.0.0.1:{port}");
    let run = Run(rulesync().args(["explain", "shop/api", "--daemon", &address]).output().unwrap());
    assert!(run.code() == 1 && run.stderr().starts_with(&format!("error: {address}: ")), "{}", run.all());
    assert!(!run.stderr().contains("ruler"), "{}", run.all());
}

const CONFIG: &str = "
owner: us
sources: [{type: files, path: rules}, {type: kubernetes}]
rulers: [{name: mimir, type: mimir, address: 'http://127.0.0.1:1'}]
routes:
  - name: metrics
    ruler: mimir
    tenant: prod
    rule_selector: {match_labels: {tenant: prod}}
    namespace_selector: {match_labels: {env: prod}}
    external_labels: [{label: cluster, value: eu}]
";

const OBJECT: &str = "
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: api, namespace: shop, labels: {tenant: prod}}
spec: {groups: [{name: api, rules: [{alert: ApiDown, expr: up == 0}]}]}
";

const NAMESPACE: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {env: prod}}
";

/// A directory with that configuration and the object, and runs in it.
struct Offline(tempfile::TempDir);

impl Offline {
    fn new() -> Self {
        let it = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(it.0.path().join("rules")).unwrap();
        it.write("rulesync.yaml", CONFIG);
        it.write("rules/api.yaml", OBJECT);
        it
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn explain(&self, args: &[&str], stdin: &str) -> Run {
        let mut command = rulesync();
        command.current_dir(self.0.path()).args(["explain", "--config", "rulesync.yaml"]).args(args);
        Run(command.write_stdin(stdin).output().unwrap())
    }
}

#[test]
fn explain_from_files_says_what_it_cannot_know() {
    let it = Offline::new();
    insta::assert_snapshot!("files without the namespace", it.explain(&["shop/api"], "").all());
    it.write("rules/namespace.yaml", NAMESPACE);
    insta::assert_snapshot!("files", it.explain(&["prometheusrule/shop/api"], "").all());
}

#[test]
fn explain_takes_the_object_of_a_file() {
    let it = Offline::new();
    it.write("rules/namespace.yaml", NAMESPACE);
    let by_name = it.explain(&["shop/api"], "").ok();
    assert_eq!(it.explain(&["rules/api.yaml"], "").ok(), by_name);
    let by_pipe = it.explain(&["-", "--files", "rules/namespace.yaml"], OBJECT).ok();
    assert_eq!(by_pipe, by_name.replace("rules/api.yaml", "<stdin>"));
    let both = format!("{OBJECT}---{}", OBJECT.replace("name: api, namespace", "name: web, namespace"));
    let several = it.explain(&["-"], &both);
    assert!(
        several.code() == 64 && several.stderr().contains("PrometheusRule/shop/web"),
        "{}",
        several.all()
    );
    // A rule file is named by its path in the source.
    it.write("rules/up.yaml", "groups: [{name: up, rules: [{alert: Up, expr: up}]}]\n");
    let rule_file = it.explain(&["rules/up.yaml"], "");
    assert!(rule_file.ok().starts_with("RuleFile _file/up.yaml "), "{}", rule_file.all());
}

#[test]
fn explain_from_files_tells_whose_a_ruler_namespace_is() {
    let it = Offline::new();
    for (namespace, told) in [
        ("us.shop.api", "belongs to the owner us: of PrometheusRule shop/api, which is among the files"),
        ("us.shop.web", "belongs to the owner us: of PrometheusRule shop/web, which is not among the files"),
        ("us", "is the claim of the owner us"),
        ("them.shop.api", "belongs to somebody else"),
    ] {
        let text = it.explain(&["--ruler-namespace", namespace], "").ok();
        assert!(text.starts_with(&format!("mimir/prod: {namespace} {told}")), "{text}");
    }
    it.write(
        "rulesync.yaml",
        &CONFIG.replace("tenant: prod\n", "tenant: prod\n    naming: {type: alloy, separator: '-'}\n"),
    );
    let name = "alloy-a-b-1c2ab3f4-0a1b-4c2d-8e3f-0123456789ab";
    let text = it.explain(&["--ruler-namespace", name], "").ok();
    assert!(text.contains("nobody can tell whose it is"), "{text}");
}

#[test]
fn explain_reads_a_configuration_of_alloy() {
    let it = Offline::new();
    let alloy =
        "mimir.rules.kubernetes \"r\" {\n  address = \"http://mimir:9009\"\n  tenant_id = \"prod\"\n}\n";
    it.write("alerts.alloy", alloy);
    let mut command = rulesync();
    command.current_dir(it.0.path()).args(["explain", "--config", "alerts.alloy", "--owner", "us", "-"]);
    let text = Run(command.write_stdin(OBJECT).output().unwrap()).ok();
    assert!(text.starts_with("PrometheusRule shop/api goes to mimir/prod\n"), "{text}");
    assert!(text.contains("in a cluster, it ends in the UID of the object"), "{text}");
}

#[test]
fn explain_asks_for_what_is_missing() {
    let it = Offline::new();
    for (args, told) in [
        (&["explain"][..], "--ruler-namespace"),
        (&["explain", "shop/api"], "--daemon"),
        (&["explain", "api", "--config", "rulesync.yaml"], "namespace/name"),
        (&["explain", "shop/api", "--ruler", "mimir", "--config", "rulesync.yaml"], "--ruler-namespace"),
        (&["explain", "shop/api", "--daemon", "x", "--config", "rulesync.yaml"], "--config"),
        (&["explain", "shop/api", "--daemon", "ftp://x"], "--daemon"),
    ] {
        let output = rulesync().current_dir(it.0.path()).args(args).output().unwrap();
        let run = Run(output);
        assert!(run.code() == 64 && run.stderr().contains(told), "{args:?}: {}", run.all());
    }
}
