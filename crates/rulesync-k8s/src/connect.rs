//! Creates a client for a cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use rulesync_fs::FileError;
use tokio::runtime::Handle;

use crate::auth::{self, Credentials};
use crate::bounded::Bounds;
use crate::kubeconfig::{self, KubeconfigError};

/// The cluster to connect to, and the objects to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// The kubeconfig file. Default: the in-cluster configuration, else `KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The Kubernetes namespaces to watch; all if empty.
    pub namespaces: Vec<String>,
    /// The kinds of objects to watch, of [`rulesync_core::model::KINDS`]; others are ignored.
    pub kinds: Vec<String>,
    /// The maximum number of objects in a page of a list. Small pages need less memory.
    pub page_size: u32,
    /// The time after which the server ends a watch, which is then resumed. A connection that is silent for ten seconds
    /// longer is closed.
    pub watch_timeout: Duration,
    /// The interval of attempts to list an optional kind that is not installed.
    pub look_interval: Duration,
    /// The maximum wait for a page of a list.
    pub list_timeout: Duration,
    /// The maximum size of an event of a watch, in bytes; 64 MiB by default. etcd limits objects to 1.5 MiB by default.
    /// After a larger event, the objects are listed again.
    pub max_event_bytes: usize,
    /// The maximum size of a page of a list, in bytes; 256 MiB by default. After a larger page, the source is
    /// unavailable.
    pub max_page_bytes: usize,
}

impl Default for KubernetesConfig {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            namespaces: Vec::new(),
            kinds: vec![rulesync_core::model::PROMETHEUS_RULE.to_owned()],
            page_size: 100,
            watch_timeout: Duration::from_secs(60),
            look_interval: Duration::from_secs(30),
            list_timeout: Duration::from_secs(30),
            max_event_bytes: 64 << 20,
            max_page_bytes: 256 << 20,
        }
    }
}

/// The reason why no client can be created. No request is sent to the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read or used.
    #[error("kubeconfig {path}: {reason}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// The reason.
        reason: String,
    },
    /// The process does not run in a cluster, and there is no kubeconfig.
    #[error("not in a cluster ({in_cluster}) and no kubeconfig ({kubeconfig}): set `kubeconfig`")]
    Nowhere {
        /// The reason why the in-cluster configuration cannot be used.
        in_cluster: String,
        /// The reason why there is no kubeconfig.
        kubeconfig: String,
    },
    /// The client cannot be created from the configuration.
    #[error("cannot create a Kubernetes client: {0}")]
    Client(String),
}

impl From<KubeconfigError> for ConnectError {
    fn from(KubeconfigError { path, reason }: KubeconfigError) -> Self {
        Self::Kubeconfig { path, reason }
    }
}

/// The time that a connection may be silent after the end of a watch.
const GRACE: Duration = Duration::from_secs(10);

/// The deadline for the file system, and for a command of a kubeconfig.
const DEADLINE: Duration = Duration::from_secs(30);

/// Creates a client, on another thread than the engine, because that reads files and may run a command.
pub(crate) async fn connect(config: &KubernetesConfig) -> Result<Client, ConnectError> {
    let files = match &config.kubeconfig {
        Some(path) => vec![path.clone()],
        None => kubeconfig::default_files(
            std::env::var_os("KUBECONFIG").as_deref(),
            std::env::home_dir().as_deref(),
        ),
    };
    let path = files.first().cloned().unwrap_or_default();
    let work = {
        let config = config.clone();
        move || client(find(&config, &files)?, &config)
    };
    within_deadline(&path, work).await
}

/// Checks that a kubeconfig and the files that it names can be read and used, as for a client. Sends no request and runs
/// no command.
///
/// # Errors
///
/// [`ConnectError::Kubeconfig`] with the reason.
pub async fn check_kubeconfig(path: &Path) -> Result<(), ConnectError> {
    let config = KubernetesConfig { kubeconfig: Some(path.to_owned()), ..KubernetesConfig::default() };
    let files = [path.to_owned()];
    within_deadline(path, move || find(&config, &files).map(drop)).await
}

/// Does work with files on another thread than the engine.
async fn within_deadline<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, ConnectError> + Send + 'static,
) -> Result<T, ConnectError> {
    let worked = rulesync_fs::run_with_deadline(path, DEADLINE, move || Ok::<_, FileError>(work())).await;
    worked.unwrap_or_else(|error| {
        let reason = format!("{error}; it may refer to a file or a command that does not respond");
        Err(ConnectError::Kubeconfig { path: path.display().to_string(), reason })
    })
}

/// Returns the in-cluster configuration, unless a kubeconfig is configured, or else that of the kubeconfig.
fn find(config: &KubernetesConfig, files: &[PathBuf]) -> Result<Config, ConnectError> {
    let in_cluster = if config.kubeconfig.is_none() {
        match Config::incluster() {
            Ok(config) => return Ok(config),
            Err(error) => Some(error.to_string()),
        }
    } else {
        None
    };
    let paths = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let invalid = |reason| ConnectError::Kubeconfig { path: paths.clone(), reason };
    let Some(mut loaded) = kubeconfig::read_existing(files)? else {
        return Err(match in_cluster {
            None => invalid("the file does not exist".to_owned()),
            Some(in_cluster) if files.is_empty() => {
                ConnectError::Nowhere { in_cluster, kubeconfig: "there is no home directory".to_owned() }
            }
            Some(in_cluster) => {
                ConnectError::Nowhere { in_cluster, kubeconfig: format!("there is no file {paths}") }
            }
        });
    };
    kubeconfig::embed_files(&mut loaded).map_err(invalid)?;
    // The function is async, but never waits.
    let options = KubeConfigOptions::default();
    let converted = Config::from_custom_kubeconfig(loaded, &options);
    Handle::current().block_on(converted).map_err(|error| invalid(error.to_string()))
}

fn client(mut loaded: Config, config: &KubernetesConfig) -> Result<Client, ConnectError> {
    // kube's retries may wait for minutes without reporting the reason; rulesync retries and reports it.
    loaded.default_retry = false;
    loaded.connect_timeout = Some(Duration::from_secs(10));
    // The maximum wait for a response, or for the next event of a watch.
    loaded.read_timeout = Some(config.watch_timeout + GRACE);
    loaded.reset_reader_on_write = true;
    let bounds = Bounds { event: config.max_event_bytes, page: config.max_page_bytes };
    let credentials =
        Credentials::take_from(&mut loaded).map_err(|error| ConnectError::Client(error.to_string()))?;
    // If a command issues a certificate, this runs it again.
    let builder =
        ClientBuilder::try_from(loaded).map_err(|error| ConnectError::Client(auth::described(&error)))?;
    let builder = builder.with_layer(&bounds);
    Ok(match credentials {
        Some(credentials) => builder.with_layer(&credentials).build(),
        None => builder.build(),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connect_rejects_pipe() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kubeconfig");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let config = KubernetesConfig { kubeconfig: Some(path), ..KubernetesConfig::default() };
        let error = connect(&config).await.err().unwrap().to_string();
        assert!(error.contains("kubeconfig: it is a pipe, not a regular file"), "{error}");
    }

    #[tokio::test]
    async fn connect_reports_failed_command_without_its_output() {
        use std::os::unix::fs::PermissionsExt;

        let _ = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir().unwrap();
        let (path, login) = (directory.path().join("kubeconfig"), directory.path().join("login"));
        // It issues a certificate once. kube runs it again to use the certificate.
        let script = format!(
            "#!/bin/sh\ncd '{}'\nif [ -e ran ]; then echo '{{\"token\": \"hunter2\"}}'; exit 3; fi\ntouch ran\n\
             echo '{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": \
             {{\"clientCertificateData\": \"c\", \"clientKeyData\": \"k\"}}}}'\n",
            directory.path().display()
        );
        std::fs::write(&login, script).unwrap();
        std::fs::set_permissions(&login, std::fs::Permissions::from_mode(0o755)).unwrap();
        let kubeconfig = "current-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n\
                          clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: \
                          {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login}}}]\n";
        std::fs::write(&path, kubeconfig).unwrap();
        let config = KubernetesConfig { kubeconfig: Some(path), ..KubernetesConfig::default() };
        let error = connect(&config).await.err().unwrap().to_string();
        assert!(error.contains("failed with exit status: 3") && !error.contains("hunter2"), "{error}");
    }
}
