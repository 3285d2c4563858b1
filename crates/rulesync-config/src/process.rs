//! The parts of an engine that stay the same as long as the process runs: its ledger, its identity, and its place in an
//! election.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rulesync_core::{Leadership, Ledger, PromDuration};
use rulesync_files::FileLedger;
use rulesync_k8s::{KubernetesConfig, KubernetesLease, KubernetesLedger, LeaseElection, LeaseSettings};

use crate::file::{Config, LeaderElectionConfig, LedgerConfig, SourceConfig};
use crate::wiring::WiringError;

/// The ConfigMap of the ledger, where nothing else is said.
const LEDGER: &str = "rulesync-ledger";

/// What a process gives its engine beside the setup. A change of these keys takes effect at a restart.
#[derive(Debug)]
pub struct Process {
    /// Remembers which targets were written to.
    pub ledger: Option<Arc<dyn Ledger>>,
    /// Who we are, where no source knows.
    pub identity: Option<String>,
    /// Whether we may write.
    pub leadership: Leadership,
    /// What must run for `leadership` to be ours, and go on until the engine has ended.
    pub election: Option<LeaseElection>,
}

/// Makes what the process needs once. `directory` is where the configuration file is.
///
/// # Errors
///
/// [`WiringError`] names the key that cannot be put to work.
pub async fn process(config: &Config, directory: &Path) -> Result<Process, WiringError> {
    let cluster = config.sources.iter().find_map(|source| match source {
        SourceConfig::Kubernetes { kubeconfig, .. } => {
            let kubeconfig = kubeconfig.clone().filter(|path| !path.as_os_str().is_empty());
            let kubeconfig = kubeconfig.map(|path| directory.join(path));
            Some(KubernetesConfig { kubeconfig, ..KubernetesConfig::default() })
        }
        SourceConfig::Files { .. } => None,
    });
    let mut identity = None;
    let ledger: Option<Arc<dyn Ledger>> = match &config.ledger {
        Some(LedgerConfig::Off) => None,
        Some(LedgerConfig::File { path }) => {
            let ledger = FileLedger::new(directory.join(path));
            // Where a cluster has an identity, that is the better one.
            identity = if cluster.is_none() { Some(ledger.identity().await?) } else { None };
            Some(Arc::new(ledger))
        }
        Some(LedgerConfig::ConfigMap { name, namespace }) => {
            let cluster = cluster.as_ref().ok_or(WiringError::NoCluster { key: "ledger" })?;
            let name = name.as_deref().unwrap_or(LEDGER);
            Some(Arc::new(config_map(cluster, namespace.as_deref(), name).await?))
        }
        None => match &cluster {
            Some(cluster) if cluster.kubeconfig.is_none() && in_cluster() => {
                Some(Arc::new(config_map(cluster, None, LEDGER).await?))
            }
            _ => None,
        },
    };
    let LeaderElectionConfig {
        enabled,
        lease_name,
        lease_namespace,
        lease_duration,
        renew_deadline,
        retry_period,
    } = &config.leader_election;
    if !enabled {
        return Ok(Process { ledger, identity, leadership: Leadership::always(), election: None });
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
    Ok(Process { ledger, identity, leadership, election: Some(election) })
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
