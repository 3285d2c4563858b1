//! The parts of an engine that stay the same as long as the process runs: its inventory, which installation it is, and
//! its place in an election.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rulesync_core::{Installation, Inventory, Leadership, PromDuration};
use rulesync_files::FileInventory;
use rulesync_k8s::{KubernetesConfig, KubernetesInventory, KubernetesLease, LeaseElection, LeaseSettings};

use crate::file::{Config, InventoryConfig, LeaderElectionConfig, SourceConfig, Switch};
use crate::wiring::WiringError;

/// The ConfigMap of the inventory, where nothing else is said.
const INVENTORY: &str = "rulesync-ledger";

/// The file of the inventory where rules come from files alone, beside the configuration file.
const INVENTORY_FILE: &str = ".rulesync/ledger.json";

/// What a process gives its engine beside the setup. A change of these keys takes effect at a restart.
#[derive(Debug)]
pub struct Process {
    /// Remembers which destinations were written to.
    pub inventory: Option<Arc<dyn Inventory>>,
    /// The same where it is a file, in which sources of files remember what these declare.
    pub file_inventory: Option<FileInventory>,
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
    /// Until it is told to end. Where rules come from files alone, it keeps an inventory beside the configuration file
    /// unless told otherwise.
    Daemon,
    /// Until everything is in order once. Such an inventory is used if there is one, and not made: each checkout of a
    /// pipeline would be another installation.
    Once,
    /// Until it is known what would be done. As [`Lifetime::Once`], and what files declare is not written to an
    /// inventory.
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
    let (kept, named_by) = inventory(config, directory, cluster.as_ref(), lifetime).await?;
    let (inventory, file_inventory): (Option<Arc<dyn Inventory>>, Option<FileInventory>) = match kept {
        Some(Kept::File(inventory)) => (Some(Arc::new(inventory.clone())), Some(inventory)),
        Some(Kept::ConfigMap(inventory)) => (Some(Arc::new(*inventory)), None),
        None => (None, None),
    };
    let installation = installation(config, named_by);
    if installation.is_none() && cluster.is_none() && config.claim == Switch::On {
        tracing::warn!(
            "No claim is made: nothing tells this installation from others of the same owner. Set `installation`, or let a \
             inventory be kept with `inventory: {{type: file, path: …}}`"
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
            inventory,
            file_inventory,
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
    Ok(Process { inventory, file_inventory, installation, leadership, election: Some(election) })
}

/// An inventory where it is kept.
enum Kept {
    File(FileInventory),
    ConfigMap(Box<KubernetesInventory>),
}

/// What an installation is named by, where the configuration does not name it.
enum NamedBy {
    /// The ConfigMap of its inventory, as `{Kubernetes namespace}/{name}`.
    ConfigMap(String),
    /// What the file of its inventory holds, which is like no other.
    File(String),
}

/// The inventory, and what the installation is named by if not otherwise.
async fn inventory(
    config: &Config,
    directory: &Path,
    cluster: Option<&KubernetesConfig>,
    lifetime: Lifetime,
) -> Result<(Option<Kept>, Option<NamedBy>), WiringError> {
    let in_file = |inventory, identity| (Some(Kept::File(inventory)), Some(NamedBy::File(identity)));
    let in_config_map = async |cluster, namespace, name| {
        let inventory = config_map(cluster, namespace, name).await?;
        let name = inventory.full_name().to_owned();
        Ok((Some(Kept::ConfigMap(Box::new(inventory))), Some(NamedBy::ConfigMap(name))))
    };
    match (&config.inventory, cluster) {
        (Some(InventoryConfig::Off), _) => Ok((None, None)),
        (Some(InventoryConfig::File { path }), _) => {
            let inventory = FileInventory::new(directory.join(path));
            let identity = inventory.identity().await?;
            Ok(in_file(inventory, identity))
        }
        (Some(InventoryConfig::ConfigMap { name, namespace }), cluster) => {
            let cluster = cluster.ok_or(WiringError::NoCluster { key: "inventory" })?;
            in_config_map(cluster, namespace.as_deref(), name.as_deref().unwrap_or(INVENTORY)).await
        }
        (None, Some(cluster)) if cluster.kubeconfig.is_none() && in_cluster() => {
            in_config_map(cluster, None, INVENTORY).await
        }
        (None, Some(_)) => Ok((None, None)),
        (None, None) => {
            let inventory = FileInventory::new(directory.join(INVENTORY_FILE));
            let identity = async {
                if lifetime != Lifetime::Daemon && !inventory.exists().await? {
                    return Ok(None);
                }
                inventory.identity().await.map(Some)
            };
            match identity.await {
                Ok(None) => Ok((None, None)),
                Ok(Some(identity)) => Ok(in_file(inventory, identity)),
                Err(error) => {
                    tracing::warn!(%error, "No inventory is kept: set `inventory` to a file that can be written, or to `off`");
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
        (None, Some(NamedBy::ConfigMap(inventory))) => (in_kubernetes(&inventory), false),
        (None, None) => return None,
    };
    Some(Installation { name: name.into(), is_unique, previous: config.previous_installations.clone() })
}

/// The name of an installation in a cluster: the Kubernetes namespace it runs in and its release, or what stands for
/// these in the name of its inventory.
fn in_kubernetes(inventory: &str) -> String {
    let (of_inventory, name) = inventory.split_once('/').unwrap_or(("", inventory));
    let release = std::env::var("RULESYNC_RELEASE").ok().filter(|release| !release.is_empty());
    let namespace = std::env::var("POD_NAMESPACE").ok().filter(|namespace| !namespace.is_empty());
    let namespace = namespace.as_deref().unwrap_or(of_inventory);
    format!("{namespace}/{}", release.as_deref().unwrap_or(name))
}

async fn config_map(
    cluster: &KubernetesConfig,
    namespace: Option<&str>,
    name: &str,
) -> Result<KubernetesInventory, WiringError> {
    let inventory = KubernetesInventory::connect(cluster, namespace, name).await;
    inventory.map_err(|error| WiringError::Cluster { key: "inventory", error })
}

/// Every pod is told where its API server is.
fn in_cluster() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

fn duration(duration: PromDuration) -> Duration {
    Duration::from_millis(duration.as_millis())
}
