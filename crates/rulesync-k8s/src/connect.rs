//! How a cluster is addressed.

use std::path::PathBuf;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use rulesync_fs::FileError;
use tokio::runtime::Handle;

use crate::auth::Credentials;
use crate::bounded::Bounds;
use crate::kubeconfig::{self, KubeconfigError};

/// Which cluster, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// A kubeconfig file; none: in-cluster, else `KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The Kubernetes namespaces to watch; empty: all.
    pub namespaces: Vec<String>,
    /// The kinds of objects to watch, of [`rulesync_core::model::KINDS`]; others are passed over.
    pub kinds: Vec<String>,
    /// How many objects a page of a list holds. Small pages keep memory small.
    pub page_size: u32,
    /// How long one watch lasts before the server ends it and it is taken up again. A connection that is silent for a
    /// little longer is given up.
    pub watch_timeout: Duration,
    /// How often a kind is looked for that is not installed, and that a cluster need not have.
    pub look_interval: Duration,
    /// How long a list may wait for its next page.
    pub list_timeout: Duration,
    /// How long one event of a watch may be, in bytes; 64 MiB if not set otherwise. etcd takes objects of 1.5 MiB
    /// unless it is told to take larger ones. What is longer is looked for in a list.
    pub max_event_bytes: usize,
    /// How long one page of a list may be, in bytes; 256 MiB if not set otherwise. Beyond, the source is unavailable.
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

/// Why a cluster cannot be addressed. Whether it answers is not asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read or used.
    #[error("kubeconfig {path}: {reason}")]
    Kubeconfig {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no cluster around us and no kubeconfig to be found.
    #[error("not in a cluster ({in_cluster}) and no kubeconfig ({kubeconfig}): set `kubeconfig`")]
    Nowhere {
        /// Why we are not in a cluster.
        in_cluster: String,
        /// Why there is no kubeconfig.
        kubeconfig: String,
    },
    /// The client cannot be made of what was found.
    #[error("cannot make a Kubernetes client: {0}")]
    Client(String),
}

impl From<KubeconfigError> for ConnectError {
    fn from(KubeconfigError { path, reason }: KubeconfigError) -> Self {
        Self::Kubeconfig { path, reason }
    }
}

/// Silence on a connection beyond a watch's own end.
const GRACE: Duration = Duration::from_secs(10);

/// How long the file system, and a command that a kubeconfig names, may take to answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Makes a client, away from the engine's thread: files are read and commands run for it.
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
        move || Ok(client(find(&config, &files)?, &config))
    };
    let made = rulesync_fs::run_with_deadline(&path, DEADLINE, move || Ok::<_, FileError>(work())).await;
    made.unwrap_or_else(|error| {
        let reason = format!("{error}; it may name a file or a command that does not answer");
        Err(ConnectError::Kubeconfig { path: path.display().to_string(), reason })
    })?
}

/// The cluster around us, if none is configured, else that of the kubeconfig.
fn find(config: &KubernetesConfig, files: &[PathBuf]) -> Result<Config, ConnectError> {
    let in_cluster = if config.kubeconfig.is_none() {
        match Config::incluster() {
            Ok(found) => return Ok(found),
            Err(error) => Some(error.to_string()),
        }
    } else {
        None
    };
    let shown = files.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let wrong = |reason| ConnectError::Kubeconfig { path: shown.clone(), reason };
    let Some(mut found) = kubeconfig::read_existing(files)? else {
        return Err(match in_cluster {
            None => wrong("there is no such file".to_owned()),
            Some(in_cluster) if files.is_empty() => {
                ConnectError::Nowhere { in_cluster, kubeconfig: "there is no home directory".to_owned() }
            }
            Some(in_cluster) => {
                ConnectError::Nowhere { in_cluster, kubeconfig: format!("there is no file {shown}") }
            }
        });
    };
    kubeconfig::read_named_files(&mut found).map_err(wrong)?;
    // Nothing in there waits, whatever its signature says.
    let options = KubeConfigOptions::default();
    let made = Config::from_custom_kubeconfig(found, &options);
    Handle::current().block_on(made).map_err(|error| wrong(error.to_string()))
}

fn client(mut found: Config, config: &KubernetesConfig) -> Result<Client, ConnectError> {
    // kube's own retries may sleep for minutes without a word; ours say what is wrong meanwhile.
    found.default_retry = false;
    found.connect_timeout = Some(Duration::from_secs(10));
    // Bounds every request: an answer, or the next event of a watch, must come within this time.
    found.read_timeout = Some(config.watch_timeout + GRACE);
    found.reset_reader_on_write = true;
    let bounds = Bounds { event: config.max_event_bytes, page: config.max_page_bytes };
    let credentials =
        Credentials::take_from(&mut found).map_err(|error| ConnectError::Client(error.to_string()))?;
    let builder = ClientBuilder::try_from(found).map_err(|error| ConnectError::Client(error.to_string()))?;
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
    async fn a_pipe_is_no_kubeconfig() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kubeconfig");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let config = KubernetesConfig { kubeconfig: Some(path), ..KubernetesConfig::default() };
        let error = connect(&config).await.err().unwrap().to_string();
        assert!(error.contains("kubeconfig: it is a pipe, not a regular file"), "{error}");
    }
}
