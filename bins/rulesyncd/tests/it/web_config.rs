//! A running daemon with a web configuration: TLS, users, changes of both, and files with errors.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Client, Version};
use rulesync_testkit::RulerServer;

use crate::fixture::{Directory, mimir};
use crate::process::Daemon;

const TLS: &str = "tls_server_config: {cert_file: tls.crt, key_file: tls.key}\n";

/// With the password `wonderland`, hashed by libxcrypt.
const ALICE: &str =
    "basic_auth_users:\n  alice: $2y$04$abcdefghijklmnopqrstuujZkTwHUiJ9XdZPwKfcfDo7dMp5DjlTu\n";
/// With the password `builder`.
const BOB: &str = "basic_auth_users:\n  bob: $2y$04$ABCDEFGHIJKLMNOPQRSTUuQi9GqU/UhgbxLKqHx2NVirX.R16gAYO\n";

struct Served {
    _ruler: RulerServer,
    directory: Directory,
    daemon: Daemon,
}

/// Writes a new certificate, and returns a client that trusts it alone.
fn certify(directory: &Directory) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority);
    directory.write("tls.crt", &certificate.unwrap().pem());
    directory.write("tls.key", &key.serialize_pem());
    let trusted = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    Client::builder().no_proxy().tls_certs_only([trusted]).pool_max_idle_per_host(0).build().unwrap()
}

impl Served {
    async fn start(web_config: &str, flags: &[&str]) -> (Self, Client) {
        let ruler = mimir().await;
        let directory = Directory::of(&ruler.url());
        let client = certify(&directory);
        directory.write("web.yaml", web_config);
        let path = directory.path("web.yaml");
        let flags = [&["--web.config.file", path.to_str().unwrap()], flags].concat();
        let daemon = directory.start(&flags);
        daemon.logs(&["Started"]).await;
        (Self { _ruler: ruler, directory, daemon }, client)
    }

    fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.daemon.address())
    }

    async fn code(&self, client: &Client, path: &str, user: Option<(&str, &str)>) -> Option<u16> {
        let request = client.get(self.url("https", path));
        let request = match user {
            Some((name, password)) => request.basic_auth(name, Some(password)),
            None => request,
        };
        Some(request.send().await.ok()?.status().as_u16())
    }
}

#[tokio::test]
async fn pages_need_a_user_over_tls_and_those_for_probes_do_not() {
    let (it, client) = Served::start(&format!("{TLS}{ALICE}"), &["--web.route-prefix", "/rules"]).await;
    it.daemon.logs(&["Started", "tls=true"]).await;
    let alice = Some(("alice", "wonderland"));
    for (path, user, code) in [
        ("/rules/metrics", None, 401),
        ("/rules/metrics", Some(("alice", "builder")), 401),
        ("/rules/metrics", alice, 200),
        ("/rules/api/v1/status", alice, 200),
        ("/rules/-/healthy", None, 200),
        ("/rules/readyz", None, 200),
        ("/rules/", None, 401),
        ("/", None, 401),
        ("/none", None, 401),
        ("/none", alice, 404),
    ] {
        assert_eq!(it.code(&client, path, user).await, Some(code), "{path} {user:?}");
    }
    let answer = client.get(it.url("https", "/rules/-/healthy")).send().await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);
    let plain = client.get(it.url("http", "/rules/-/healthy")).send().await.unwrap();
    assert_eq!(plain.status(), 400);
    assert!(plain.text().await.unwrap().contains("https://"));
}

#[tokio::test]
async fn pages_for_probes_may_need_a_user() {
    let (it, client) = Served::start(&format!("{TLS}{ALICE}"), &["--web.health-unauthenticated=false"]).await;
    assert_eq!(it.code(&client, "/-/healthy", None).await, Some(401));
    assert_eq!(it.code(&client, "/-/healthy", Some(("alice", "wonderland"))).await, Some(200));
}

#[tokio::test]
async fn changes_are_applied_and_errors_are_logged_once() {
    let (it, before) = Served::start(&format!("{TLS}{ALICE}"), &[]).await;
    let (alice, bob) = (Some(("alice", "wonderland")), Some(("bob", "builder")));
    assert_eq!(it.code(&before, "/metrics", alice).await, Some(200));
    it.directory.write("web.yaml", "tls_server_config: {cert_file: tls.crt}\nbasic_auth_user: {}\n");
    it.daemon
        .logs(&[
            "level=error",
            "Web configuration reload failed, keeping previous configuration",
            "line=2 column=1",
            "unknown key",
        ])
        .await;
    it.daemon
        .logs(&[
            "level=error",
            "Web configuration reload failed",
            "line=1 column=20",
            "`key_file` or `key` is missing",
        ])
        .await;
    assert_eq!(it.code(&before, "/metrics", alice).await, Some(200), "the previous version is in force");
    // The other configuration is read as often: twice, and this one is read again in between.
    it.directory.configure("owner: us", "owner: us\nunknown: 1");
    it.daemon.logs(&["Configuration reload failed, keeping previous configuration", "`unknown`"]).await;
    it.directory.configure("unknown: 1", "resync_interval: 4m");
    it.daemon.logs(&["\"Configuration reloaded\""]).await;
    let failures =
        it.daemon.log().iter().filter(|line| line.contains("Web configuration reload failed")).count();
    assert_eq!(failures, 2, "one line for each error");
    let after = certify(&it.directory);
    it.directory.write("web.yaml", &format!("{TLS}{BOB}"));
    it.daemon.logs(&["level=info", "Web configuration reloaded"]).await;
    assert_eq!(it.code(&before, "/metrics", alice).await, None, "it does not trust the new certificate");
    assert_eq!(it.code(&after, "/metrics", alice).await, Some(401));
    assert_eq!(it.code(&after, "/metrics", bob).await, Some(200));
    it.directory.write("web.yaml", BOB);
    it.daemon.logs(&["level=warn", "take effect at a restart: tls_server_config"]).await;
    assert_eq!(it.code(&after, "/metrics", bob).await, Some(200), "still encrypted");
}

#[tokio::test]
async fn users_work_without_tls() {
    let (it, client) = Served::start(ALICE, &[]).await;
    it.daemon.logs(&["Started", "tls=false"]).await;
    let ask = |password| client.get(it.url("http", "/metrics")).basic_auth("alice", Some(password)).send();
    assert_eq!(ask("wonderland").await.unwrap().status(), 200);
    let refused = ask("builder").await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), refused.headers()["www-authenticate"].to_str().unwrap()),
        (401, "Basic")
    );
    // Without TLS, there is no HTTP/2.
    assert_eq!(ask("wonderland").await.unwrap().version(), Version::HTTP_11);
}

#[tokio::test]
async fn start_with_errors_says_what_and_where() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    directory.write("web.yaml", "tls_server_config:\n  cert_file: none.crt\n  key_file: none.key\n");
    let path = directory.path("web.yaml");
    let daemon = directory.start(&["--web.config.file", path.to_str().unwrap()]);
    for (line, file) in [(2, "none.crt"), (3, "none.key")] {
        let position = format!("line={line} column=");
        daemon
            .logs(&["level=error", "Configuration invalid", "web.yaml", &position, file, "No such file"])
            .await;
    }
    assert_eq!(daemon.end().await.code(), Some(1));
    assert!(ruler.rules("prod").is_empty(), "nothing was started");
}

#[tokio::test]
async fn check_config_checks_the_web_configuration_too() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let path = directory.path("web.yaml");
    let flags = ["--check-config", "--web.config.file", path.to_str().unwrap()];
    certify(&directory);
    directory.write("web.yaml", &format!("{TLS}{ALICE}"));
    let checked = directory.output(&flags).await;
    let printed = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{printed}");
    assert_eq!(printed, format!("{}: valid\n{}: valid\n", directory.config().display(), path.display()));
    // Errors of both are printed.
    directory.write(
        "web.yaml",
        "tls_server_config: {cert_file: tls.crt, key_file: tls.crt, min_version: TLS10}\n",
    );
    directory.configure("owner: us", "owner: us\nunknown: 1");
    let checked = directory.output(&flags).await;
    let printed = String::from_utf8(checked.stdout).unwrap();
    assert_eq!(checked.status.code(), Some(1));
    assert!(printed.contains("rulesync.yaml:2:1: unknown key `unknown`"), "{printed}");
    assert!(printed.contains("web.yaml:1:73: `TLS10` is not supported"), "{printed}");
    assert!(!printed.contains("valid\n"), "{printed}");
    // What a file contains is an error, too.
    directory.write("web.yaml", "tls_server_config: {cert_file: tls.crt, key_file: tls.crt}\n");
    let printed = String::from_utf8(directory.output(&flags).await.stdout).unwrap();
    assert!(printed.contains("web.yaml:1:51: there is no private key in PEM"), "{printed}");
}

#[test]
fn example_of_the_documentation_is_valid() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations/web.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, example) = text.split_once("```yaml web\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let config = rulesync_config::web::WebConfig::parse(example, "web.yaml".as_ref()).unwrap();
    assert!(config.tls.is_some() && config.users.len() == 1 && config.rate_limit.is_some());
}
