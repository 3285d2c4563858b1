//! Stores the inventory in a ConfigMap, by server-side apply.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use rulesync_core::engine::{Inventory, InventoryError, InventoryRecord};
use rulesync_core::naming::Naming;
use serde_json::json;

use crate::connect::{ConnectError, KubernetesConfig, connect};
use crate::failure::describe;

/// The field manager of server-side apply, and the value of the `managed-by` label.
const FIELD_MANAGER: &str = "rulesync";

/// The key of the destinations in the ConfigMap's data, one per line.
const TARGETS: &str = "targets";

/// The key of the destinations without a route in the ConfigMap's data. Each line contains a destination and the time
/// since which it has no route, in seconds since 1970.
const RETIRING: &str = "retiring";

/// The key of the namings in the ConfigMap's data. Each line contains a destination and a naming as JSON.
const NAMINGS: &str = "namings";

/// The key of the ruler namespaces that are named as declared in the ConfigMap's data. Each line contains a destination and
/// a namespace as a JSON string.
const NAMESPACES: &str = "namespaces";

/// The annotation with which an operator releases held deletes: destinations, separated by commas.
pub const RELEASE_ANNOTATION: &str = "rulesync.dev/release-deletes";

/// The timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// An inventory in a ConfigMap. It needs `get`, `create` and `patch` on it.
#[derive(Clone)]
pub struct KubernetesInventory {
    api: Api<ConfigMap>,
    name: String,
    full_name: String,
}

impl fmt::Debug for KubernetesInventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KubernetesInventory({})", self.full_name)
    }
}

impl KubernetesInventory {
    /// Connects to the inventory in the ConfigMap `name`. The default namespace is that of the process, or of the
    /// kubeconfig's context.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if no client can be created from the configuration.
    pub async fn connect(
        config: &KubernetesConfig,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Self, ConnectError> {
        Ok(Self::from_client(connect(config).await?, namespace, name))
    }

    /// Like [`Self::connect`], with an existing client.
    pub fn from_client(client: Client, namespace: Option<&str>, name: &str) -> Self {
        let namespace = namespace.unwrap_or(client.default_namespace()).to_owned();
        let full_name = format!("{namespace}/{name}");
        Self { api: Api::namespaced(client, &namespace), name: name.to_owned(), full_name }
    }

    /// The Kubernetes namespace and the name of the ConfigMap, as `namespace/name`.
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    async fn request<T>(
        &self,
        verb: &str,
        response: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, InventoryError> {
        let what = format!("the ConfigMap {}", self.full_name);
        match tokio::time::timeout(REQUEST_TIMEOUT, response).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(InventoryError(describe(verb, &what, &["get", "create", "patch"], &error))),
            Err(_) => {
                Err(InventoryError(format!("cannot {verb} {what}: no response within {REQUEST_TIMEOUT:?}")))
            }
        }
    }
}

#[async_trait]
impl Inventory for KubernetesInventory {
    async fn read(&self) -> Result<InventoryRecord, InventoryError> {
        let map = self.request("get", self.api.get_opt(&self.name)).await?;
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
        let namings: Vec<String> =
            record.namings.iter().flat_map(|(destination, namings)| lines_of(destination, namings)).collect();
        if !namings.is_empty() {
            data.insert(NAMINGS, namings.join("\n"));
        }
        let namespaces: Vec<String> = (record.namespaces.iter())
            .flat_map(|(destination, namespaces)| {
                namespaces.iter().map(move |name| line_of(destination, name))
            })
            .collect();
        if !namespaces.is_empty() {
            data.insert(NAMESPACES, namespaces.join("\n"));
        }
        let desired = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "labels": {"app.kubernetes.io/managed-by": FIELD_MANAGER}},
            "data": data,
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let written =
            self.request("patch", self.api.patch(&self.name, &params, &Patch::Apply(desired))).await?;
        if record.released.is_empty() && released(&written).next().is_some() {
            // Server-side apply does not remove a field of another manager.
            let annotations: BTreeMap<&str, Option<&str>> = BTreeMap::from([(RELEASE_ANNOTATION, None)]);
            let cleared = json!({"metadata": {"annotations": annotations}});
            let params =
                PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
            self.request("patch", self.api.patch(&self.name, &params, &Patch::Merge(cleared))).await?;
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
        namings: namings(lines(NAMINGS)),
        namespaces: namespaces(lines(NAMESPACES)),
    }
}

/// Returns a line for each naming at a destination: the destination and the naming as JSON.
fn lines_of(destination: &str, namings: &[Naming]) -> impl Iterator<Item = String> {
    let line = move |naming| Some(format!("{destination} {}", serde_json::to_string(naming).ok()?));
    namings.iter().filter_map(line)
}

/// Reads namings, without those that only later versions know.
fn namings<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, Vec<Naming>> {
    let mut namings: BTreeMap<String, Vec<Naming>> = BTreeMap::new();
    for line in lines {
        let naming = |at: usize| serde_json::from_str(&line[at + 1..]).ok();
        if let Some((at, naming)) = line.find(" {").and_then(|at| Some((at, naming(at)?))) {
            namings.entry(line[..at].to_owned()).or_default().push(naming);
        }
    }
    namings
}

/// Returns the line of a ruler namespace at a destination. Names may contain anything.
fn line_of(destination: &str, namespace: &str) -> String {
    format!("{destination} {}", serde_json::Value::from(namespace))
}

fn namespaces<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<String, BTreeSet<String>> {
    let mut namespaces: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines {
        let namespace = |at: usize| serde_json::from_str(&line[at + 1..]).ok();
        if let Some((at, namespace)) = line.find(" \"").and_then(|at| Some((at, namespace(at)?))) {
            namespaces.entry(line[..at].to_owned()).or_default().insert(namespace);
        }
    }
    namespaces
}

fn released(map: &ConfigMap) -> impl Iterator<Item = &str> {
    let annotations = map.metadata.annotations.as_ref();
    let listed = annotations.and_then(|all| all.get(RELEASE_ANNOTATION)).map_or("", String::as_str);
    listed.split(',').map(str::trim).filter(|destination| !destination.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namings_are_read_as_they_are_written_and_unknown_ones_ignored() {
        let known: Vec<Naming> =
            [r#"{"type":"owner","owner":"a"}"#, r#"{"type":"alloy","prefix":"a b","separator":"/"}"#]
                .map(|naming| serde_json::from_str(naming).unwrap())
                .into();
        let mut lines: Vec<String> = lines_of("my ruler/t", &known).collect();
        assert_eq!(lines[0], r#"my ruler/t {"type":"owner","owner":"a"}"#);
        lines.extend([r#"r/u {"type":"later"}"#.to_owned(), "by hand".to_owned()]);
        assert_eq!(
            namings(lines.iter().map(String::as_str)),
            BTreeMap::from([("my ruler/t".to_owned(), known)])
        );
    }

    #[test]
    fn namespaces_are_read_as_they_are_written_whatever_they_contain() {
        let names = ["a", "my \"rules\"", "two\nlines", "é/x %2F"];
        let lines: Vec<String> = names.iter().map(|name| line_of("my ruler/t", name)).collect();
        let text = lines.join("\n") + "\nby hand";
        let expected = BTreeMap::from([("my ruler/t".to_owned(), BTreeSet::from(names.map(str::to_owned)))]);
        assert_eq!(namespaces(text.lines()), expected);
    }

    #[tokio::test]
    async fn read_reports_innermost_cause() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client =
            Client::try_from(kube::Config::new(http::Uri::from_static("http://127.0.0.1:1"))).unwrap();
        let inventory = KubernetesInventory::from_client(client, Some("a"), "b");
        let error = inventory.read().await.unwrap_err().to_string();
        assert!(error.starts_with("cannot get the ConfigMap a/b: "), "{error}");
        assert!(error.contains("Connection refused"), "{error}");
    }
}
