//! The inventory and the leader election, which take effect at a restart.

use std::path::PathBuf;

use rulesync_core::model::PromDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::{Duration, seconds};
use crate::settings::INVENTORY_CONFIG_MAP;

/// Where rulesync remembers which tenants it has written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Inventory")]
pub(crate) struct InventoryFile {
    /// The kind of storage.
    #[serde(rename = "type")]
    pub(crate) kind: InventoryType,
    /// For `config_map`: the name of the ConfigMap.
    #[serde(default)]
    #[schemars(extend("default" = INVENTORY_CONFIG_MAP))]
    pub(crate) name: Option<String>,
    /// For `config_map`: its Kubernetes namespace. By default the one that rulesync runs in, or that of the kubeconfig.
    #[serde(default)]
    pub(crate) namespace: Option<String>,
    /// For `file`: the file. Required there.
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
}

/// A kind of storage for the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InventoryType {
    /// A ConfigMap in the cluster of the first Kubernetes source.
    ConfigMap,
    /// A file. It also holds the identity of this installation where `installation` is not set.
    File,
    /// None. What removed routes leave behind is cleaned up only while the process that wrote it runs.
    Off,
}

/// Leader election among several processes, of which one writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "LeaderElection")]
pub(crate) struct LeaderElectionFile {
    /// Whether an election is held.
    pub(crate) enabled: bool,
    /// The name of the Lease.
    pub(crate) lease_name: String,
    /// The Kubernetes namespace of the Lease. By default the one that rulesync runs in, or that of the kubeconfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lease_namespace: Option<String>,
    /// How long a leader keeps the lease after its last renewal. Whole seconds, longer than `renew_deadline`.
    #[schemars(with = "Duration")]
    pub(crate) lease_duration: PromDuration,
    /// How long after its last renewal a leader begins new writes. More than one and a half times `retry_period`.
    #[schemars(with = "Duration")]
    pub(crate) renew_deadline: PromDuration,
    /// The time between renewals.
    #[schemars(with = "Duration")]
    pub(crate) retry_period: PromDuration,
}

impl Default for LeaderElectionFile {
    fn default() -> Self {
        Self {
            enabled: false,
            lease_name: "rulesync".to_owned(),
            lease_namespace: None,
            lease_duration: seconds(15),
            renew_deadline: seconds(10),
            retry_period: seconds(2),
        }
    }
}
