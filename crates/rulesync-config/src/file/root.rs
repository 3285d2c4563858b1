//! The keys at the top of the file.

use rulesync_core::model::PromDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::{Duration, minutes};
use super::naming::NamingFile;
use super::policy::{AdoptFile, DeleteGuardFile, MetricsFile, OnInvalidName, Switch};
use super::process::{InventoryFile, LeaderElectionFile};
use super::route::RouteFile;
use super::ruler::RulerFile;
use super::source::SourceFile;
use super::status::StatusFile;

/// Earlier names of keys, each with the present one. They are errors that name the present key, so that no setting is
/// lost silently.
pub(crate) const RENAMED: &[(&str, &str)] = &[("ledger", "inventory")];

/// The configuration of rulesyncd. `${NAME}` in a value is replaced by the environment variable of that name. Relative
/// paths are relative to the directory of the configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "rulesync configuration")]
pub(crate) struct File {
    /// The owner of all rules that this installation writes: a DNS label, and the first segment of every ruler namespace
    /// that is written. Namespaces of other owners are never touched.
    #[schemars(example = &"prod-eu")]
    pub(crate) owner: String,
    /// How often each destination is listed and compared as a whole. Changes of objects do not wait for it. Must be
    /// longer than zero.
    #[serde(default = "five_minutes")]
    #[schemars(with = "Duration")]
    pub(crate) resync_interval: PromDuration,
    /// How often each ruler is asked how its rules evaluate; `0s` turns this off.
    #[serde(default = "five_minutes")]
    #[schemars(with = "Duration")]
    pub(crate) evaluation_interval: PromDuration,
    /// The sources of objects. At least one.
    pub(crate) sources: Vec<SourceFile>,
    /// The rulers that rules are written to.
    pub(crate) rulers: Vec<RulerFile>,
    /// The routes: which objects go to which tenant of which ruler. At least one.
    pub(crate) routes: Vec<RouteFile>,
    /// How ruler namespaces are named.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"type": "alloy", "prefix": "alloy", "separator": "/"}))]
    pub(crate) naming: NamingFile,
    /// Former owners of this installation. What they wrote is removed once the same rules are there under the present
    /// owner.
    #[serde(default)]
    #[schemars(example = ["old-name"])]
    pub(crate) previous_owners: Vec<String>,
    /// Former namings of this installation, treated like `previous_owners`.
    #[serde(default)]
    pub(crate) previous_naming: Vec<NamingFile>,
    /// Whether a claim is written to each tenant, so that two installations with the same owner detect each other.
    /// With `off`, claims of others are not respected either.
    #[serde(default)]
    pub(crate) claim: Switch,
    /// Where rulesync remembers which tenants it has written to, so that it can clean up after a route is removed. By
    /// default a ConfigMap if rulesync runs in a cluster, `.rulesync/ledger.json` beside the configuration file if all
    /// sources are files, and otherwise nothing.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"type": "file", "path": "ledger.json"}))]
    pub(crate) inventory: Option<InventoryFile>,
    /// The name that distinguishes this installation from others with the same owner. By default `NAMESPACE/RELEASE` in a
    /// cluster, from `POD_NAMESPACE` and `RULESYNC_RELEASE` or else from the ConfigMap of the inventory, and otherwise
    /// the identity in the inventory's file.
    #[serde(default)]
    #[schemars(example = &"monitoring/rulesync")]
    pub(crate) installation: Option<String>,
    /// Installations whose claims this one takes over: `INSTALLATION` for one in the same cluster, or
    /// `CLUSTER/INSTALLATION`, as the refusal of a claim names it.
    #[serde(default)]
    pub(crate) previous_installations: Vec<String>,
    /// Rules of others that may be taken over.
    #[serde(default)]
    pub(crate) adopt: AdoptFile,
    /// What happens to a group that contains rules a ruler does not accept.
    #[serde(default)]
    pub(crate) on_invalid: OnInvalidName,
    /// When deletes are held back because they look like an accident.
    #[serde(default)]
    pub(crate) delete_guard: DeleteGuardFile,
    /// Leader election among several processes, of which one writes. It uses a Lease in the cluster of the first
    /// Kubernetes source.
    #[serde(default)]
    pub(crate) leader_election: LeaderElectionFile,
    /// What is published in Kubernetes of what became of objects.
    #[serde(default)]
    pub(crate) status: Option<StatusFile>,
    /// Settings of the metrics.
    #[serde(default)]
    pub(crate) metrics: MetricsFile,
}

fn five_minutes() -> PromDuration {
    minutes(5)
}
