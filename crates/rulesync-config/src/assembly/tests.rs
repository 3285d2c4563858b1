//! What can be made of a configuration, and what stays as it was when another one comes.
#![cfg(all(feature = "embedded", feature = "mimir", feature = "files"))]

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rulesync_core::engine::{Metrics, Setup};
use rulesync_fs::FileError;

use super::files::READ_DEADLINE;
use super::{Parts, PartsBuilder};
use crate::{Config, ConfigErrors, ValidConfig};

const CONFIG: &str = "
owner: us
resync_interval: 5m
sources: [{type: files, path: .}]
rulers: [{name: central, type: embedded, address: 'http://127.0.0.1:0', request_timeout: 30s}]
routes: [{name: all, ruler: central, tenant: prod}]
";

fn crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn parse(text: &str, directory: &Path) -> Config {
    Config::parse(text, &directory.join("rulesync.yaml"), HashMap::new()).unwrap()
}

async fn make(parts: &PartsBuilder, text: &str, directory: &Path) -> Result<(Setup, Parts), ConfigErrors> {
    let ValidConfig { settings, place, .. } = parse(text, directory).validate()?;
    parts.make(&settings, &place).await
}

/// Blocks work on a file until the sender is dropped, as a file system does that does not answer.
async fn blocked(path: &Path) -> std::sync::mpsc::Sender<()> {
    let (release, hanging) = std::sync::mpsc::channel::<()>();
    let (begun, beginning) = tokio::sync::oneshot::channel();
    let path = path.to_owned();
    tokio::spawn(async move {
        let work = move || {
            begun.send(()).unwrap();
            hanging.recv().unwrap_err();
            Ok::<_, FileError>(())
        };
        rulesync_fs::run_with_deadline(&path, Duration::from_secs(3600), work).await
    });
    beginning.await.unwrap();
    release
}

#[tokio::test(start_paused = true)]
async fn certificate_that_cannot_be_read_in_time_is_named_and_delays_its_own_ruler_only() {
    crypto();
    let directory = tempfile::tempdir().unwrap();
    let blocked_file = directory.path().join("hung.pem");
    // Reading of one is under way beside the configuration, and so is other work on its directory.
    let _beside = (blocked(&blocked_file).await, blocked(directory.path()).await);
    let wire = |settings: &str| {
        let ruler = format!("type: mimir, address: 'https://127.0.0.1:1', {settings}, request_timeout");
        let text = CONFIG.replace("type: embedded, address: 'http://127.0.0.1:0', request_timeout", &ruler);
        let parts = PartsBuilder::new(directory.path(), Metrics::default());
        let directory = directory.path().to_owned();
        tokio::spawn(async move {
            make(&parts, &text, &directory).await.map(|_| ()).map_err(|errors| errors.to_string())
        })
    };
    assert_eq!(wire("proxy_from_environment: false").await.unwrap(), Ok(()));
    let other = wire("tls_config: {ca_file: other.pem}").await.unwrap().unwrap_err();
    assert!(other.contains("other.pem") && other.contains("No such file"), "{other}");
    for (settings, key) in [
        ("tls_config: {ca_file: hung.pem}", "tls_config.ca_file"),
        ("tls_config: {cert: x, key_file: hung.pem}", "tls_config.key_file"),
        (
            "oauth2: {client_id: me, client_secret: s, token_url: 'https://127.0.0.1:1', tls_config: {ca_file: hung.pem}}",
            "oauth2.tls_config.ca_file",
        ),
    ] {
        let wiring = wire(settings);
        // Paused time does not advance by itself while a thread is at work.
        for _ in 0..1000 {
            if wiring.is_finished() {
                break;
            }
            tokio::time::advance(READ_DEADLINE / 100).await;
        }
        let error = wiring.await.unwrap().unwrap_err();
        let expected = format!(
            "ruler `central`: `{key}`: {}: it was not read or written within 10s",
            blocked_file.display()
        );
        assert!(error.ends_with(&expected), "{error}");
        assert!(error.contains("rulesync.yaml:5:"), "{error}");
    }
}

#[tokio::test]
async fn embedded_ruler_keeps_running_when_another_of_its_settings_changes() {
    crypto();
    let directory = tempfile::tempdir().unwrap();
    let mut parts = PartsBuilder::new(directory.path(), Metrics::default());
    let (_, made) = make(&parts, CONFIG, directory.path()).await.unwrap();
    let before = made.embedded_url();
    assert!(before.is_some());
    parts.keep(made);
    for (from, to) in [("request_timeout: 30s", "max_in_flight: 4"), ("name: all", "name: any")] {
        let (setup, made) = make(&parts, &CONFIG.replace(from, to), directory.path()).await.unwrap();
        assert_eq!(made.embedded_url(), before);
        assert_eq!(setup.rulers[0].max_in_flight == 4, to == "max_in_flight: 4");
    }
    let elsewhere = CONFIG.replace("type: embedded,", "type: embedded, path: other,");
    let (_, made) = make(&parts, &elsewhere, directory.path()).await.unwrap();
    assert_ne!(made.embedded_url(), before);
}

#[tokio::test]
async fn embedded_ruler_that_needs_the_same_address_waits_for_a_restart() {
    crypto();
    let directory = tempfile::tempdir().unwrap();
    let mut parts = PartsBuilder::new(directory.path(), Metrics::default());
    let (_, made) = make(&parts, CONFIG, directory.path()).await.unwrap();
    let url = made.embedded_url().unwrap();
    parts.keep(made);
    let elsewhere = CONFIG.replace("http://127.0.0.1:0'", &format!("{url}', path: other"));
    let error = make(&parts, &elsewhere, directory.path()).await.unwrap_err().to_string();
    assert!(error.contains("`path`") && error.contains("at a restart"), "{error}");
    assert!(!error.contains("in use"), "{error}");
}

#[cfg(feature = "kubernetes")]
#[tokio::test]
async fn check_takes_the_kubeconfigs_that_the_daemon_takes() {
    crypto();
    let directory = tempfile::tempdir().unwrap();
    let text = CONFIG.replace("{type: files, path: .}", "{type: kubernetes, kubeconfig: kube}");
    let kubeconfig = "current-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, \
                      cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {exec: {apiVersion: \
                      client.authentication.k8s.io/v1, command: /does/not/exist}}}]\n";
    let units: Vec<u8> = format!("\u{feff}{kubeconfig}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, expected) in [
        (kubeconfig.into(), None),
        (units, None),
        (format!("{kubeconfig}{}", "# a long comment\n".repeat(300_000)).into(), None),
        (b"users: [{name: u, user: {token: hunter2".to_vec(), Some("at line 1")),
        (b"users: []".to_vec(), Some("context")),
        (kubeconfig.replace("exec: {", "client-key: none, exec: {").into(), Some("client-key")),
    ] {
        std::fs::write(directory.path().join("kube"), bytes).unwrap();
        let error = parse(&text, directory.path()).check().await.err().map(|error| error.to_string());
        match (&error, expected) {
            (None, None) => {}
            (Some(error), Some(expected)) => {
                assert!(error.contains("rulesync.yaml:4:") && error.contains(expected), "{error}");
                assert!(!error.contains("hunter2"), "{error}");
            }
            _ => panic!("{expected:?}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn parts_that_cannot_be_made_are_all_reported() {
    crypto();
    let directory = tempfile::tempdir().unwrap();
    let text = CONFIG
        .replace("[{type: files, path: .}]", "[{type: files, path: .}, {type: kubernetes, kubeconfig: none}]")
        .replace(
            "rulers: [",
            "rulers: [{name: a, type: mimir, address: 'localhost:9009'}, {name: b, type: loki, address: 'http://l', tls_config: {ca_file: ca.pem}}, ",
        );
    let parts = PartsBuilder::new(directory.path(), Metrics::default());
    let errors = make(&parts, &text, directory.path()).await.unwrap_err().to_string();
    let errors = errors.replace(&directory.path().display().to_string(), "DIR");
    insta::assert_snapshot!(errors);
}

#[tokio::test]
async fn check_reports_missing_files_beside_errors_of_the_text() {
    crypto();
    let directory = tempfile::tempdir().unwrap();
    let text = "
owner: us
sources: [{type: kubernetes, kubeconfig: kube}]
rulers:
  - {name: a, type: mimir, address: 'http://m', basic_auth: {username: u, password_file: secret}}
  - {name: b, type: mimir, address: 'https://m', tls_config: {ca_file: ca.pem}}
  - {name: c, type: mimir, address: 'm'}
routes: [{name: all, ruler: d}]
";
    let errors = parse(text, directory.path()).check().await.unwrap_err().to_string();
    let errors = errors.replace(&directory.path().display().to_string(), "DIR");
    insta::assert_snapshot!(errors);
}
