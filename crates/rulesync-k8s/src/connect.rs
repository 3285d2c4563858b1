//! How a cluster is addressed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use crate::bounded::Bounds;

/// Which cluster, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// A kubeconfig file; none: in-cluster, else `KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The Kubernetes namespaces to watch; empty: all.
    pub namespaces: Vec<String>,
    /// The kinds of objects to watch, of [`rulesync_core::KINDS`]; others are passed over.
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
    /// How long one event of a watch may be, in bytes; 64 MiB if not set otherwise. etcd takes objects of 1.5 MiB unless
    /// it is told to take larger ones. What is longer is looked for in a list.
    pub max_event_bytes: usize,
    /// How long one page of a list may be, in bytes; 256 MiB if not set otherwise. Beyond, the source is unavailable.
    pub max_page_bytes: usize,
}

impl Default for KubernetesConfig {
    fn default() -> Self {
        Self {
            kubeconfig: None,
            namespaces: Vec::new(),
            kinds: vec![rulesync_core::PROMETHEUS_RULE.to_owned()],
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

/// Silence on a connection beyond a watch's own end.
const GRACE: Duration = Duration::from_secs(10);

/// No kubeconfig is larger.
const MAX_BYTES: u64 = 16 << 20;

/// How long the file system may take to answer.
const READ_DEADLINE: Duration = Duration::from_secs(10);

/// Reads a kubeconfig away from the engine's thread.
async fn read(path: &Path) -> Result<Result<Kubeconfig, KubeconfigError>, ConnectError> {
    let reading = path.to_owned();
    // kube would wait for a pipe, and read what has no end; it makes paths absolute, so it reads the file itself.
    let read = move || rulesync_fs::read(&reading, MAX_BYTES).map(|_| Kubeconfig::read_from(&reading));
    rulesync_fs::run_with_deadline(path, READ_DEADLINE, read).await.map_err(
        |error: rulesync_fs::FileError| ConnectError::Kubeconfig {
            path: path.display().to_string(),
            reason: error.to_string(),
        },
    )
}

pub(crate) async fn connect(config: &KubernetesConfig) -> Result<Client, ConnectError> {
    let options = KubeConfigOptions::default();
    let mut found = match &config.kubeconfig {
        Some(path) => {
            let wrong = |error: KubeconfigError| ConnectError::Kubeconfig {
                path: path.display().to_string(),
                reason: error.to_string(),
            };
            let kubeconfig = read(path).await?.map_err(wrong)?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(wrong)?
        }
        None => match Config::incluster() {
            Ok(found) => found,
            Err(in_cluster) => {
                Config::from_kubeconfig(&options).await.map_err(|kubeconfig| ConnectError::Nowhere {
                    in_cluster: in_cluster.to_string(),
                    kubeconfig: kubeconfig.to_string(),
                })?
            }
        },
    };
    // kube's own retries may sleep for minutes without a word; ours say what is wrong meanwhile.
    found.default_retry = false;
    found.connect_timeout = Some(Duration::from_secs(10));
    // Bounds every request: an answer, or the next event of a watch, must come within this time.
    found.read_timeout = Some(config.watch_timeout + GRACE);
    found.reset_reader_on_write = true;
    let bounds = Bounds { event: config.max_event_bytes, page: config.max_page_bytes };
    let builder = ClientBuilder::try_from(found).map_err(|error| ConnectError::Client(error.to_string()))?;
    Ok(builder.with_layer(&bounds).build())
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
