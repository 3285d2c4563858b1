//! The parts of an engine that stay the same as long as the process runs: its ledger, which installation it is, and its
//! place in an election.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rulesync_core::{Installation, Leadership, Ledger, PromDuration};
use rulesync_files::FileLedger;
use rulesync_k8s::{KubernetesConfig, KubernetesLease, KubernetesLedger, LeaseElection, LeaseSettings};

use crate::file::{Config, LeaderElectionConfig, LedgerConfig, SourceConfig, Switch};
use crate::wiring::WiringError;

/// The ConfigMap of the ledger, where nothing else is said.
const LEDGER: &str = "rulesync-ledger";

/// The file of the ledger where rules come from files alone, beside the configuration file.
const LEDGER_FILE: &str = ".rulesync/ledger.json";

/// What a process gives its engine beside the setup. A change of these keys takes effect at a restart.
#[derive(Debug)]
pub struct Process {
    /// Remembers which targets were written to.
    pub ledger: Option<Arc<dyn Ledger>>,
    /// The same where it is a file, in which sources of files remember what these declare.
    pub file_ledger: Option<FileLedger>,
    /// What tells this installation from others of the same owner, if anything does besides its cluster.
    pub installation: Option<Installation>,
    /// Whether we may write.
    pub leadership: Leadership,
    /// What must run for `leadership` to be ours, and go on until the engine has ended.
    pub election: Option<LeaseElection>,
}

/// How long the process is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is told to end. Where rules come from files alone, it keeps a ledger beside the configuration file unless
    /// told otherwise.
    Daemon,
    /// Until everything is in order once. Such a ledger is used if there is one, and not made: each checkout of a
    /// pipeline would be another installation.
    Once,
    /// Until it is known what would be done. As [`Lifetime::Once`], and what files declare is not written to a ledger.
    Plan,
}

/// Makes what the process needs once. `directory` is where the configuration file is.
///
/// # Errors
///
/// [`WiringError`] names the key that cannot be put to work.
pub async fn process(config: &Config, directory: &Path, lifetime: Lifetime) -> Result<Process, WiringError> {
    let cluster = config.sources.iter().find_map(|source| match source {
        SourceConfig::Kubernetes { kubeconfig, .. } => {
            let kubeconfig = kubeconfig.clone().filter(|path| !path.as_os_str().is_empty());
            let kubeconfig = kubeconfig.map(|path| directory.join(path));
            Some(KubernetesConfig { kubeconfig, ..KubernetesConfig::default() })
        }
        SourceConfig::Files { .. } => None,
    });
    let (kept, named_by) = ledger(config, directory, cluster.as_ref(), lifetime).await?;
    let (ledger, file_ledger): (Option<Arc<dyn Ledger>>, Option<FileLedger>) = match kept {
        Some(Kept::File(ledger)) => (Some(Arc::new(ledger.clone())), Some(ledger)),
        Some(Kept::ConfigMap(ledger)) => (Some(Arc::new(*ledger)), None),
        None => (None, None),
    };
    let installation = installation(config, named_by);
    if installation.is_none() && cluster.is_none() && config.claim == Switch::On {
        tracing::warn!(
            "No claim is made: nothing tells this installation from others of the same owner. Set `installation`, or let a \
             ledger be kept with `ledger: {{type: file, path: …}}`"
        );
    }
    let LeaderElectionConfig {
        enabled,
        lease_name,
        lease_namespace,
        lease_duration,
        renew_deadline,
        retry_period,
    } = &config.leader_election;
    if !enabled {
        return Ok(Process {
            ledger,
            file_ledger,
            installation,
            leadership: Leadership::always(),
            election: None,
        });
    }
    let cluster = cluster.ok_or(WiringError::NoCluster { key: "leader_election" })?;
    let settings = LeaseSettings {
        namespace: lease_namespace.clone(),
        lease_duration: duration(*lease_duration),
        renew_deadline: duration(*renew_deadline),
        retry_period: duration(*retry_period),
        ..LeaseSettings::new(lease_name)
    };
    let lease = KubernetesLease::connect(&cluster, &settings).await;
    let lease = lease.map_err(|error| WiringError::Cluster { key: "leader_election", error })?;
    let (election, leadership) = LeaseElection::new(lease, settings)?;
    Ok(Process { ledger, file_ledger, installation, leadership, election: Some(election) })
}

/// A ledger where it is kept.
enum Kept {
    File(FileLedger),
    ConfigMap(Box<KubernetesLedger>),
}

/// What an installation is named by, where the configuration does not name it.
enum NamedBy {
    /// The ConfigMap of its ledger, as `{Kubernetes namespace}/{name}`.
    ConfigMap(String),
    /// What the file of its ledger holds, which is like no other.
    File(String),
}

/// The ledger, and what the installation is named by if not otherwise.
async fn ledger(
    config: &Config,
    directory: &Path,
    cluster: Option<&KubernetesConfig>,
    lifetime: Lifetime,
) -> Result<(Option<Kept>, Option<NamedBy>), WiringError> {
    let in_file = |ledger, identity| (Some(Kept::File(ledger)), Some(NamedBy::File(identity)));
    let in_config_map = async |cluster, namespace, name| {
        let ledger = config_map(cluster, namespace, name).await?;
        let name = ledger.full_name().to_owned();
        Ok((Some(Kept::ConfigMap(Box::new(ledger))), Some(NamedBy::ConfigMap(name))))
    };
    match (&config.ledger, cluster) {
        (Some(LedgerConfig::Off), _) => Ok((None, None)),
        (Some(LedgerConfig::File { path }), _) => {
            let ledger = FileLedger::new(directory.join(path));
            let identity = ledger.identity().await?;
            Ok(in_file(ledger, identity))
        }
        (Some(LedgerConfig::ConfigMap { name, namespace }), cluster) => {
            let cluster = cluster.ok_or(WiringError::NoCluster { key: "ledger" })?;
            in_config_map(cluster, namespace.as_deref(), name.as_deref().unwrap_or(LEDGER)).await
        }
        (None, Some(cluster)) if cluster.kubeconfig.is_none() && in_cluster() => {
            in_config_map(cluster, None, LEDGER).await
        }
        (None, Some(_)) => Ok((None, None)),
        (None, None) => {
            let ledger = FileLedger::new(directory.join(LEDGER_FILE));
            let identity = async {
                if lifetime != Lifetime::Daemon && !ledger.exists().await? {
                    return Ok(None);
                }
                ledger.identity().await.map(Some)
            };
            match identity.await {
                Ok(None) => Ok((None, None)),
                Ok(Some(identity)) => Ok(in_file(ledger, identity)),
                Err(error) => {
                    tracing::warn!(%error, "No ledger is kept: set `ledger` to a file that can be written, or to `off`");
                    Ok((None, None))
                }
            }
        }
    }
}

/// What tells the installation from others: what the configuration says, or what it is named by otherwise.
fn installation(config: &Config, named_by: Option<NamedBy>) -> Option<Installation> {
    let (name, is_unique) = match (&config.installation, named_by) {
        (Some(name), _) => (name.clone(), true),
        (None, Some(NamedBy::File(identity))) => (identity, true),
        // Every cluster may have one of that name.
        (None, Some(NamedBy::ConfigMap(ledger))) => (in_kubernetes(&ledger), false),
        (None, None) => return None,
    };
    Some(Installation { name: name.into(), is_unique, previous: config.previous_installations.clone() })
}

/// The name of an installation in a cluster: the Kubernetes namespace it runs in and its release, or what stands for
/// these in the name of its ledger.
fn in_kubernetes(ledger: &str) -> String {
    let (of_ledger, name) = ledger.split_once('/').unwrap_or(("", ledger));
    let release = std::env::var("RULESYNC_RELEASE").ok().filter(|release| !release.is_empty());
    let namespace = std::env::var("POD_NAMESPACE").ok().filter(|namespace| !namespace.is_empty());
    let namespace = namespace.as_deref().unwrap_or(of_ledger);
    format!("{namespace}/{}", release.as_deref().unwrap_or(name))
}

async fn config_map(
    cluster: &KubernetesConfig,
    namespace: Option<&str>,
    name: &str,
) -> Result<KubernetesLedger, WiringError> {
    let ledger = KubernetesLedger::connect(cluster, namespace, name).await;
    ledger.map_err(|error| WiringError::Cluster { key: "ledger", error })
}

/// Every pod is told where its API server is.
fn in_cluster() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

fn duration(duration: PromDuration) -> Duration {
    Duration::from_millis(duration.as_millis())
}
