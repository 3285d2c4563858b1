//! The parts of an engine that stay the same while the process runs: its inventory, which installation it is, and its
//! place in an election.

use std::sync::Arc;

use rulesync_core::engine::{Installation, Inventory, Leadership};

use crate::config::ConfigLocation;
use crate::error::ConfigErrors;
use crate::settings::{INVENTORY_FILE, InventorySettings, ProcessSettings, Settings};
use crate::yaml::Path;

/// What a process gives its engine besides the setup. A change of these settings takes effect at a restart.
#[derive(Debug)]
pub(crate) struct Process {
    /// Remembers which destinations were written to.
    pub(crate) inventory: Option<Arc<dyn Inventory>>,
    /// The same if it is a file, in which sources of files remember what these declare.
    #[cfg(feature = "files")]
    pub(crate) file_inventory: Option<rulesync_files::FileInventory>,
    /// What distinguishes this installation from others with the same owner, if anything does besides its cluster.
    pub(crate) installation: Option<Installation>,
    /// The election, if there is one.
    #[cfg(feature = "kubernetes")]
    pub(crate) election: Option<(rulesync_k8s::LeaseElection, Leadership)>,
    #[cfg(not(feature = "kubernetes"))]
    pub(crate) election: Option<(std::convert::Infallible, Leadership)>,
}

/// How long an [`App`](crate::App) is to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// Until it is told to end. If all sources are files, it keeps an inventory beside the configuration file, unless the
    /// configuration says otherwise.
    #[default]
    Daemon,
    /// Until everything is in sync once. Such an inventory is used if it exists, and is not created, unless it has to record
    /// namespaces that are named as declared: each checkout of a pipeline would be another installation.
    Once,
    /// Until the changes are known. As [`Lifetime::Once`], and nothing is written to the inventory.
    Plan,
}

/// Makes what the process needs once. `directory` is that of the configuration file.
///
/// # Errors
///
/// All parts that cannot be made.
pub(crate) async fn process(
    settings: &Settings,
    directory: &std::path::Path,
    lifetime: Lifetime,
    place: &ConfigLocation,
) -> Result<Process, ConfigErrors> {
    let needs_records = settings.needs_records();
    let Settings { process: settings, policy, .. } = settings;
    let mut errors = Vec::new();
    let inventory = match inventory(settings, directory, lifetime, needs_records).await {
        Ok(inventory) => inventory,
        Err(error) => {
            errors.push(place.error(&Path::of("inventory"), format!("inventory: {error}")));
            Kept::Nowhere
        }
    };
    let installation = installation(settings, &inventory);
    if installation.is_none() && settings.cluster.is_none() && policy.claim {
        tracing::warn!(
            hint = "set `installation`, or `inventory: {type: file, path: …}`",
            "No claim is made: nothing distinguishes this installation from others with the same owner"
        );
    }
    let election = match election(settings).await {
        Ok(election) => election,
        Err(error) => {
            errors.push(place.error(&Path::of("leader_election"), format!("leader_election: {error}")));
            None
        }
    };
    if let Some(errors) = ConfigErrors::of(errors) {
        return Err(errors);
    }
    #[cfg(feature = "files")]
    let file_inventory = match &inventory {
        Kept::File(inventory, _) => Some(inventory.clone()),
        _ => None,
    };
    let inventory: Option<Arc<dyn Inventory>> = match inventory {
        Kept::Nowhere => None,
        #[cfg(feature = "files")]
        Kept::File(inventory, _) => Some(Arc::new(inventory)),
        #[cfg(feature = "kubernetes")]
        Kept::ConfigMap(inventory) => Some(Arc::new(*inventory)),
    };
    Ok(Process {
        inventory,
        #[cfg(feature = "files")]
        file_inventory,
        installation,
        election,
    })
}

#[cfg(feature = "kubernetes")]
type Election = (rulesync_k8s::LeaseElection, Leadership);
#[cfg(not(feature = "kubernetes"))]
type Election = (std::convert::Infallible, Leadership);

#[cfg(feature = "kubernetes")]
async fn election(settings: &ProcessSettings) -> Result<Option<Election>, String> {
    let (Some(election), Some(cluster)) = (&settings.election, &settings.cluster) else { return Ok(None) };
    let api = rulesync_k8s::KubernetesLease::connect(&kubernetes(cluster), &election.lease()).await;
    let api = api.map_err(|error| error.to_string())?;
    rulesync_k8s::LeaseElection::new(api).map(Some).map_err(|error| error.to_string())
}

#[cfg(not(feature = "kubernetes"))]
async fn election(_: &ProcessSettings) -> Result<Option<Election>, String> {
    Ok(None)
}

#[cfg(feature = "kubernetes")]
fn kubernetes(cluster: &crate::settings::Cluster) -> rulesync_k8s::KubernetesConfig {
    rulesync_k8s::KubernetesConfig {
        kubeconfig: cluster.kubeconfig.clone(),
        ..rulesync_k8s::KubernetesConfig::default()
    }
}

/// An inventory where it is kept.
enum Kept {
    Nowhere,
    /// With the identity that the file holds.
    #[cfg(feature = "files")]
    File(rulesync_files::FileInventory, String),
    #[cfg(feature = "kubernetes")]
    ConfigMap(Box<rulesync_k8s::KubernetesInventory>),
}

async fn inventory(
    settings: &ProcessSettings,
    directory: &std::path::Path,
    lifetime: Lifetime,
    needs_records: bool,
) -> Result<Kept, String> {
    match (&settings.inventory, &settings.cluster) {
        (InventorySettings::Off, _) => Ok(Kept::Nowhere),
        (InventorySettings::File(path), _) => in_file(path).await,
        (InventorySettings::ConfigMap { name, namespace }, Some(cluster)) => {
            in_config_map(cluster, namespace.as_deref(), name).await
        }
        (InventorySettings::Default, Some(cluster)) if cluster.kubeconfig.is_none() && is_in_cluster() => {
            in_config_map(cluster, None, crate::settings::INVENTORY_CONFIG_MAP).await
        }
        (InventorySettings::ConfigMap { .. }, None) | (InventorySettings::Default, Some(_)) => {
            Ok(Kept::Nowhere)
        }
        (InventorySettings::Default, None) => {
            Ok(beside_the_configuration(directory, lifetime, needs_records).await)
        }
    }
}

#[cfg(feature = "files")]
async fn in_file(path: &std::path::Path) -> Result<Kept, String> {
    let inventory = rulesync_files::FileInventory::new(path);
    let identity = inventory.identity().await.map_err(|error| error.to_string())?;
    Ok(Kept::File(inventory, identity))
}

#[cfg(not(feature = "files"))]
async fn in_file(_: &std::path::Path) -> Result<Kept, String> {
    Ok(Kept::Nowhere)
}

/// Returns the inventory of an installation that has files alone, as far as its lifetime makes one.
#[cfg(feature = "files")]
async fn beside_the_configuration(
    directory: &std::path::Path,
    lifetime: Lifetime,
    needs_records: bool,
) -> Kept {
    let inventory = rulesync_files::FileInventory::new(directory.join(INVENTORY_FILE));
    let identity = async {
        let is_made = match lifetime {
            Lifetime::Daemon => true,
            Lifetime::Once => needs_records || inventory.exists().await?,
            Lifetime::Plan => inventory.exists().await?,
        };
        match (is_made, needs_records) {
            (true, _) => inventory.identity().await.map(Some),
            // A plan stores none.
            (false, true) => Ok(Some(rulesync_files::FileInventory::new_identity())),
            (false, false) => Ok(None),
        }
    };
    match identity.await {
        Ok(Some(identity)) => Kept::File(inventory, identity),
        Ok(None) => Kept::Nowhere,
        Err(error) => {
            let error: rulesync_core::engine::InventoryError = error;
            let hint = "set `inventory` to a file that can be written, or to `{type: off}`";
            tracing::warn!(%error, hint, "No inventory is kept");
            Kept::Nowhere
        }
    }
}

#[cfg(not(feature = "files"))]
async fn beside_the_configuration(_: &std::path::Path, _: Lifetime, _: bool) -> Kept {
    let _ = INVENTORY_FILE;
    Kept::Nowhere
}

#[cfg(feature = "kubernetes")]
async fn in_config_map(
    cluster: &crate::settings::Cluster,
    namespace: Option<&str>,
    name: &str,
) -> Result<Kept, String> {
    let inventory = rulesync_k8s::KubernetesInventory::connect(&kubernetes(cluster), namespace, name).await;
    inventory.map(|inventory| Kept::ConfigMap(Box::new(inventory))).map_err(|error| error.to_string())
}

#[cfg(not(feature = "kubernetes"))]
async fn in_config_map(_: &crate::settings::Cluster, _: Option<&str>, _: &str) -> Result<Kept, String> {
    Ok(Kept::Nowhere)
}

/// Returns what distinguishes the installation from others: what the configuration says, or the identity that its
/// inventory has.
fn installation(settings: &ProcessSettings, inventory: &Kept) -> Option<Installation> {
    let (name, is_unique) = match (&settings.installation, inventory) {
        (Some(name), _) => (name.clone(), true),
        (None, Kept::Nowhere) => return None,
        #[cfg(feature = "files")]
        (None, Kept::File(_, identity)) => (identity.clone(), true),
        // Every cluster may have one of that name.
        #[cfg(feature = "kubernetes")]
        (None, Kept::ConfigMap(inventory)) => (in_kubernetes(inventory.full_name()), false),
    };
    Some(Installation { name: name.into(), is_unique, previous: settings.previous_installations.clone() })
}

/// Returns the name of an installation in a cluster: the Kubernetes namespace that it runs in and its release, or what
/// stands for these in the name of its inventory.
#[cfg(feature = "kubernetes")]
fn in_kubernetes(inventory: &str) -> String {
    let (of_inventory, name) = inventory.split_once('/').unwrap_or(("", inventory));
    let release = std::env::var("RULESYNC_RELEASE").ok().filter(|release| !release.is_empty());
    let namespace = std::env::var("POD_NAMESPACE").ok().filter(|namespace| !namespace.is_empty());
    let namespace = namespace.as_deref().unwrap_or(of_inventory);
    format!("{namespace}/{}", release.as_deref().unwrap_or(name))
}

/// Returns whether this process runs in a cluster: every pod is told where its API server is.
fn is_in_cluster() -> bool {
    std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}
