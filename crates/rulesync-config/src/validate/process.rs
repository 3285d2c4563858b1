//! The inventory and the leader election.

use std::path::Path as FilePath;

use super::features::{FILES, KUBERNETES};
use super::policy::duration;
use super::report::Report;
use crate::file::{File, InventoryFile, InventoryType, LeaderElectionFile, SourceType};
use crate::settings::{Cluster, ElectionSettings, INVENTORY_CONFIG_MAP, InventorySettings, ProcessSettings};
use crate::yaml::Path;

/// Checks what takes effect at a restart.
pub(super) fn process(file: &File, directory: &FilePath, report: &mut Report<'_>) -> ProcessSettings {
    let sources = Path::of("sources");
    let kubernetes = file.sources.iter().enumerate().find(|(index, source)| {
        source.kind == SourceType::Kubernetes && !report.is_damaged(&sources.item(*index).key("type"))
    });
    let cluster = kubernetes.map(|(_, source)| Cluster {
        kubeconfig: source
            .kubeconfig
            .as_ref()
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| directory.join(path)),
    });
    let inventory = inventory(file.inventory.as_ref(), cluster.is_some(), directory, report);
    let election = election(&file.leader_election, cluster.is_some(), report);
    ProcessSettings {
        cluster,
        inventory: inventory.unwrap_or(InventorySettings::Off),
        installation: file.installation.clone(),
        previous_installations: file.previous_installations.clone(),
        election,
    }
}

fn inventory(
    file: Option<&InventoryFile>,
    has_cluster: bool,
    directory: &FilePath,
    report: &mut Report<'_>,
) -> Option<InventorySettings> {
    let Some(InventoryFile { kind, name, namespace, path }) = file else {
        return Some(InventorySettings::Default);
    };
    let at = Path::of("inventory");
    if report.is_damaged(&at.key("type")) {
        return None;
    }
    let (word, is_config_map, is_file) = match kind {
        InventoryType::ConfigMap => ("config_map", true, false),
        InventoryType::File => ("file", false, true),
        InventoryType::Off => ("off", false, false),
    };
    for (key, is_meaningless) in [
        ("name", name.is_some() && !is_config_map),
        ("namespace", namespace.is_some() && !is_config_map),
        ("path", path.is_some() && !is_file),
    ] {
        if is_meaningless {
            let message = format!("`{key}` has no meaning for the type `{word}`");
            report.error_at_key(&at.key(key), message, "remove it");
        }
    }
    match kind {
        InventoryType::Off => Some(InventorySettings::Off),
        InventoryType::File => {
            FILES.require(report, &at.key("type"), word);
            if path.is_none() {
                report.error(&at.key("path"), "`path` is missing", "set it to the file of the inventory");
            }
            Some(InventorySettings::File(directory.join(path.as_ref()?)))
        }
        InventoryType::ConfigMap => {
            KUBERNETES.require(report, &at.key("type"), word);
            if !has_cluster {
                no_cluster("inventory", &at.key("type"), report);
            }
            let name = name.clone().unwrap_or_else(|| INVENTORY_CONFIG_MAP.to_owned());
            Some(InventorySettings::ConfigMap { name, namespace: namespace.clone() })
        }
    }
}

pub(super) fn no_cluster(key: &str, path: &Path, report: &mut Report<'_>) {
    // A source whose type is not known may be one.
    if !report.is_damaged(&Path::of("sources")) {
        let message = format!("`{key}` needs a source of the type `kubernetes`, whose cluster it uses");
        report.error(path, message, "add such a source");
    }
}

fn election(
    file: &LeaderElectionFile,
    has_cluster: bool,
    report: &mut Report<'_>,
) -> Option<ElectionSettings> {
    let LeaderElectionFile { enabled, lease_name, lease_namespace, .. } = file;
    if !enabled {
        return None;
    }
    let at = Path::of("leader_election");
    KUBERNETES.require(report, &at.key("enabled"), "leader_election");
    if !has_cluster {
        no_cluster("leader_election", &at.key("enabled"), report);
    }
    let settings = ElectionSettings {
        lease_name: lease_name.clone(),
        lease_namespace: lease_namespace.clone(),
        lease_duration: duration(file.lease_duration),
        renew_deadline: duration(file.renew_deadline),
        retry_period: duration(file.retry_period),
    };
    times(&settings, &at, report);
    Some(settings)
}

#[cfg(feature = "kubernetes")]
fn times(settings: &ElectionSettings, at: &Path, report: &mut Report<'_>) {
    if let Err(error) = settings.lease().validate() {
        let key = match error {
            rulesync_k8s::LeaseError::Retry => "renew_deadline",
            _ => "lease_duration",
        };
        report.error(&at.key(key), error.to_string(), "");
    }
}

#[cfg(not(feature = "kubernetes"))]
fn times(_: &ElectionSettings, _: &Path, _: &mut Report<'_>) {}
