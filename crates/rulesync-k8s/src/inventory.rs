//! The inventory in a ConfigMap, written by server-side apply.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use rulesync_core::engine::{Inventory, InventoryError, InventoryRecord};
use serde_json::json;

use crate::connect::{ConnectError, KubernetesConfig, connect};

/// Who we are to the API server's bookkeeping of fields.
const FIELD_MANAGER: &str = "rulesync";

/// The key in the ConfigMap's data: one destination a line.
const TARGETS: &str = "targets";

/// The key in the ConfigMap's data: a destination and since when no route leads to it, in seconds since 1970, a line.
const RETIRING: &str = "retiring";

/// The annotation by which an operator releases held deletes: destinations, separated by commas.
pub const RELEASE_ANNOTATION: &str = "rulesync.dev/release-deletes";

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An inventory in a ConfigMap. It needs `get`, `create` and `patch` on it.
#[derive(Clone)]
pub struct KubernetesInventory {
    api: Api<ConfigMap>,
    name: String,
    shown: String,
}

impl fmt::Debug for KubernetesInventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KubernetesInventory({})", self.shown)
    }
}

impl KubernetesInventory {
    /// An inventory of that name; without a namespace in the one we are in, or the kubeconfig's.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if it is not clear how to reach the cluster.
    pub async fn connect(
        config: &KubernetesConfig,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Self, ConnectError> {
        Ok(Self::from_client(connect(config).await?, namespace, name))
    }

    /// The same over a client made elsewhere.
    pub fn from_client(client: Client, namespace: Option<&str>, name: &str) -> Self {
        let namespace = namespace.unwrap_or(client.default_namespace()).to_owned();
        let shown = format!("{namespace}/{name}");
        Self { api: Api::namespaced(client, &namespace), name: name.to_owned(), shown }
    }

    /// The Kubernetes namespace and the name of the ConfigMap, as `namespace/name`.
    pub fn full_name(&self) -> &str {
        &self.shown
    }

    async fn within<T>(
        &self,
        verb: &str,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, InventoryError> {
        let shown = &self.shown;
        match tokio::time::timeout(PATIENCE, request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => Err(InventoryError(format!(
                "not allowed to {verb} the ConfigMap {shown} (403): grant `get`, `create` and `patch`"
            ))),
            Ok(Err(error)) => Err(InventoryError(format!("cannot {verb} the ConfigMap {shown}: {error}"))),
            Err(_) => {
                Err(InventoryError(format!("cannot {verb} the ConfigMap {shown}: no answer in {PATIENCE:?}")))
            }
        }
    }
}

#[async_trait]
impl Inventory for KubernetesInventory {
    async fn read(&self) -> Result<InventoryRecord, InventoryError> {
        let map = self.within("get", self.api.get_opt(&self.name)).await?;
        Ok(map.map(|map| record(&map)).unwrap_or_default())
    }

    async fn write(&self, record: &InventoryRecord) -> Result<(), InventoryError> {
        let destinations: Vec<&str> = record.destinations.iter().map(String::as_str).collect();
        let retiring: Vec<String> =
            record.retiring.iter().map(|(destination, since)| format!("{destination} {since}")).collect();
        let mut data = BTreeMap::from([(TARGETS, destinations.join("\n"))]);
        if !retiring.is_empty() {
            data.insert(RETIRING, retiring.join("\n"));
        }
        let ours = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER}},
            "data": data,
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let written = self.within("patch", self.api.patch(&self.name, &params, &Patch::Apply(ours))).await?;
        if record.released.is_empty() && released(&written).next().is_some() {
            // It is the operator's field, so applying without it would leave it.
            let annotations: BTreeMap<&str, Option<&str>> = BTreeMap::from([(RELEASE_ANNOTATION, None)]);
            let done = json!({"metadata": {"annotations": annotations}});
            let params =
                PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
            self.within("patch", self.api.patch(&self.name, &params, &Patch::Merge(done))).await?;
        }
        Ok(())
    }
}

fn record(map: &ConfigMap) -> InventoryRecord {
    let lines = |key: &str| {
        let text = map.data.as_ref().and_then(|data| data.get(key)).map_or("", String::as_str);
        text.lines().map(str::trim).filter(|line| !line.is_empty())
    };
    let since = |line: &str| {
        let (destination, since) = line.rsplit_once(' ')?;
        Some((destination.to_owned(), since.parse().ok()?))
    };
    InventoryRecord {
        destinations: lines(TARGETS).map(str::to_owned).collect(),
        released: released(map).map(str::to_owned).collect::<BTreeSet<String>>(),
        retiring: lines(RETIRING).filter_map(since).collect(),
    }
}

fn released(map: &ConfigMap) -> impl Iterator<Item = &str> {
    let annotations = map.metadata.annotations.as_ref();
    let listed = annotations.and_then(|all| all.get(RELEASE_ANNOTATION)).map_or("", String::as_str);
    listed.split(',').map(str::trim).filter(|destination| !destination.is_empty())
}
