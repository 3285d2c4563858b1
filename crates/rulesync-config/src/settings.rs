//! A consistent configuration as typed values, made without I/O. Values compare equal where nothing has changed, so that
//! the parts made of them can stay in use.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rulesync_core::Route;
use rulesync_core::engine::Policy;
use rulesync_core::naming::{NamespacePolicy, Naming};
use rulesync_http::ClientConfig;

/// All settings.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) namespace_policy: NamespacePolicy,
    pub(crate) policy: Policy,
    pub(crate) sources: Vec<SourceSettings>,
    pub(crate) rulers: Vec<RulerSettings>,
    pub(crate) routes: Vec<Route>,
    /// The kinds of objects that some route takes.
    pub(crate) kinds: Vec<String>,
    pub(crate) process: ProcessSettings,
    /// Whether metrics have the label `tenant`.
    pub(crate) tenant_labels: bool,
    /// Whether there is a metric for each object with a problem.
    pub(crate) object_metrics: bool,
    /// What is published in the clusters of sources.
    #[cfg(feature = "kubernetes")]
    pub(crate) publishing: rulesync_k8s::publish::PublishSettings,
}

impl Settings {
    /// Returns whether some ruler namespaces are named as declared, so that an inventory has to record them.
    pub(crate) fn needs_records(&self) -> bool {
        let of_all = std::iter::once(&self.namespace_policy.naming).chain(&self.namespace_policy.legacy);
        let of_rulers = self.rulers.iter().flat_map(|ruler| ruler.naming.iter().chain(&ruler.legacy));
        let of_routes = self.routes.iter().flat_map(|route| route.naming.iter().chain(&route.legacy));
        of_all.chain(of_rulers).chain(of_routes).any(|naming| *naming == Naming::Verbatim)
    }
}

/// The settings that a process has used since it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FixedSettings {
    process: ProcessSettings,
    tenant_labels: bool,
    object_metrics: bool,
}

impl FixedSettings {
    /// Returns those of a configuration.
    pub(crate) fn of(settings: &Settings) -> Self {
        let Settings { process, tenant_labels, object_metrics, .. } = settings;
        Self { process: process.clone(), tenant_labels: *tenant_labels, object_metrics: *object_metrics }
    }

    /// Returns the keys whose values differ.
    pub(crate) fn changed(&self, other: &Self) -> Vec<&'static str> {
        let Self { process: used, tenant_labels, object_metrics } = self;
        let ProcessSettings { cluster, inventory, installation, previous_installations, election } =
            &other.process;
        let keys = [
            ("the `kubeconfig` of the first source of type `kubernetes`", used.cluster != *cluster),
            ("`inventory`", used.inventory != *inventory),
            ("`installation`", used.installation != *installation),
            ("`previous_installations`", used.previous_installations != *previous_installations),
            ("`leader_election`", used.election != *election),
            ("`metrics.tenant_labels`", *tenant_labels != other.tenant_labels),
            ("`metrics.objects`", *object_metrics != other.object_metrics),
        ];
        keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceSettings {
    pub(crate) name: String,
    pub(crate) kind: SourceKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SourceKind {
    Kubernetes {
        /// None: the cluster that the process runs in, or that of the environment.
        kubeconfig: Option<PathBuf>,
        /// Empty: all.
        namespaces: Vec<String>,
    },
    Files {
        /// As written.
        path: PathBuf,
        /// Empty: the default patterns.
        glob: Vec<String>,
    },
}

/// A ruler.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RulerSettings {
    pub(crate) name: String,
    pub(crate) kind: RulerKind,
    /// With paths resolved.
    pub(crate) client: ClientConfig,
    pub(crate) timeout: Duration,
    pub(crate) max_in_flight: usize,
    pub(crate) split_groups: Option<usize>,
    /// None: that of the whole installation.
    pub(crate) naming: Option<Naming>,
    pub(crate) legacy: Vec<Naming>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RulerKind {
    Mimir { address: String, prefix: String },
    Cortex { address: String },
    Loki { address: String },
    Prometheus { address: String, directory: PathBuf, is_vmalert: bool },
    Embedded(EmbeddedSettings),
}

/// A ruler in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EmbeddedSettings {
    /// As written.
    pub(crate) address: String,
    pub(crate) listen: SocketAddr,
    /// Where rules are stored.
    pub(crate) storage: PathBuf,
}

/// What takes effect at a restart only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessSettings {
    /// The cluster of the inventory and the election: that of the first Kubernetes source.
    pub(crate) cluster: Option<Cluster>,
    pub(crate) inventory: InventorySettings,
    pub(crate) installation: Option<String>,
    pub(crate) previous_installations: Vec<String>,
    pub(crate) election: Option<ElectionSettings>,
}

/// How a cluster is addressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) kubeconfig: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InventorySettings {
    /// What suits the sources.
    Default,
    Off,
    File(PathBuf),
    ConfigMap {
        name: String,
        namespace: Option<String>,
    },
}

/// An election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ElectionSettings {
    pub(crate) lease_name: String,
    pub(crate) lease_namespace: Option<String>,
    pub(crate) lease_duration: Duration,
    pub(crate) renew_deadline: Duration,
    pub(crate) retry_period: Duration,
}

#[cfg(feature = "kubernetes")]
impl ElectionSettings {
    /// Returns the settings of the Lease, with an identity of its own.
    pub(crate) fn lease(&self) -> rulesync_k8s::LeaseSettings {
        let Self { lease_name, lease_namespace, lease_duration, renew_deadline, retry_period } = self;
        rulesync_k8s::LeaseSettings {
            namespace: lease_namespace.clone(),
            lease_duration: *lease_duration,
            renew_deadline: *renew_deadline,
            retry_period: *retry_period,
            ..rulesync_k8s::LeaseSettings::new(lease_name)
        }
    }
}

/// The name of the inventory's ConfigMap by default. It is stored, and so keeps its name.
pub(crate) const INVENTORY_CONFIG_MAP: &str = "rulesync-ledger";

/// The file of the inventory by default where all sources are files, relative to the configuration's directory.
pub const INVENTORY_FILE: &str = ".rulesync/ledger.json";

#[cfg(all(test, feature = "kubernetes"))]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    #[test]
    fn election_has_the_default_times_of_the_lease() {
        let text = "owner: us\nsources: [{type: kubernetes}]\nrulers: [{name: a, type: mimir, address: 'http://a'}]\n\
                    routes: [{name: all, ruler: a}]\nleader_election: {enabled: true}\n";
        let config = crate::Config::parse(text, Path::new("rulesync.yaml"), HashMap::new()).unwrap();
        let lease = config.validate().unwrap().settings.process.election.unwrap().lease();
        let defaults = rulesync_k8s::LeaseSettings::new(&lease.name);
        assert_eq!(lease, rulesync_k8s::LeaseSettings { identity: lease.identity.clone(), ..defaults });
    }
}
