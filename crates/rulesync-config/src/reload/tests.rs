//! A configuration that changes while its app runs, in virtual time.
#![cfg(all(feature = "files", feature = "mimir"))]

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use crate::{Config, Lifetime, Options};

const CONFIG: &str = "
owner: us
sources: [{type: files, path: rules}]
rulers: [{name: central, type: mimir, address: 'http://127.0.0.1:1'}]
routes: [{name: all, ruler: central, tenant: prod}]
";

/// A log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self, text: &str) -> Vec<String> {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        log.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// Waits until some text was logged this many times.
    async fn until(&self, text: &str, times: usize) {
        while self.lines(text).len() < times {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Runs the app of a configuration file during a test, which is handed what has the file read, and the log.
async fn run(file: &Path, test: impl AsyncFnOnce(&Notify, &Log)) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let config = Config::read(file).await.unwrap().validate().unwrap();
    let app = config.build(Options::new(Lifetime::Daemon)).await.unwrap();
    let now = Arc::new(Notify::new());
    let app = app.run(Arc::clone(&now), std::future::pending());
    let test = async {
        tokio::time::timeout(Duration::from_secs(7200), test(&now, &log)).await.unwrap();
    };
    tokio::select! {
        () = app => panic!("the app has ended"),
        () = test => {}
    }
}

#[tokio::test(start_paused = true)]
async fn reload_warns_of_settings_that_take_effect_at_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rulesync.yaml");
    std::fs::create_dir(directory.path().join("rules")).unwrap();
    std::fs::write(&file, CONFIG).unwrap();
    run(&file, async |now, log| {
        let process = "inventory: {type: off}\ninstallation: x\nprevious_installations: [y]\n\
                       metrics: {tenant_labels: false}\n";
        for (times, text) in [process, "", process].into_iter().enumerate() {
            std::fs::write(&file, format!("{CONFIG}{text}")).unwrap();
            now.notify_one();
            log.until("Configuration reloaded", times + 1).await;
        }
        let warnings = log.lines("WARN");
        let warnings: Vec<_> = warnings.iter().filter(|line| line.contains("restart")).collect();
        assert_eq!(warnings.len(), 2, "once for each change: {warnings:?}");
        for key in ["inventory", "installation", "previous_installations", "metrics.tenant_labels"] {
            assert!(warnings[0].contains(&format!("`{key}`")), "{key}: {warnings:?}");
        }
        assert!(!warnings[0].contains("leader_election"), "{warnings:?}");
    })
    .await;
}

#[cfg(all(unix, feature = "kubernetes"))]
#[tokio::test(start_paused = true)]
async fn reload_that_fails_is_tried_again_less_and_less_often() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    std::fs::create_dir(path("rules")).unwrap();
    std::fs::write(path("rulesync.yaml"), CONFIG).unwrap();
    std::fs::write(path("login"), "#!/bin/sh\necho run >> \"$(dirname \"$0\")/runs\"\nexit 3\n").unwrap();
    std::fs::set_permissions(path("login"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let kubeconfig = "current-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n\
                      clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: \
                      {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login}}}]\n";
    std::fs::write(path("kube"), kubeconfig).unwrap();
    let failing = CONFIG.replace("path: rules}", "path: rules}, {type: kubernetes, kubeconfig: kube}");
    let runs = || std::fs::read_to_string(path("runs")).unwrap_or_default().lines().count();
    run(&path("rulesync.yaml"), async |now, log| {
        std::fs::write(path("rulesync.yaml"), &failing).unwrap();
        log.until("Configuration reload failed", 1).await;
        tokio::time::sleep(Duration::from_secs(1800)).await;
        let before = runs();
        assert!((30..100).contains(&before), "{before} attempts in half an hour");
        assert_eq!(log.lines("Configuration reload failed").len(), 1);
        now.notify_one();
        log.until("Configuration reload failed", 2).await;
        assert!(runs() > before, "it is tried at once when somebody asks for it");
        let before = runs();
        std::fs::write(path("rulesync.yaml"), format!("{failing}# changed\n")).unwrap();
        log.until("Configuration reload failed", 3).await;
        assert!(runs() > before, "and when the file has changed");
        std::fs::write(
            path("login"),
            "#!/bin/sh\necho '{\"kind\": \"ExecCredential\", \"apiVersion\": \
            \"client.authentication.k8s.io/v1\", \"status\": {\"token\": \"t\"}}'\n",
        )
        .unwrap();
        log.until("Configuration reloaded", 1).await;
    })
    .await;
}
