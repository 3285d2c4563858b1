//! The identity of a cluster: the UID of its `kube-system` namespace, which exists as long as the cluster.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use rulesync_core::engine::Backoff;
use tracing::{debug, warn};

const NAMESPACE: &str = "kube-system";

/// The backoff between requests while the API server does not respond.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(15) };

/// Requests the identity until the API server responds; `None` if it must not be read.
pub(crate) async fn identity(client: &Client, timeout: Duration) -> Option<String> {
    let api: Api<Namespace> = Api::all(client.clone());
    for failures in 1.. {
        let error = match tokio::time::timeout(timeout, api.get_metadata(NAMESPACE)).await {
            Ok(Ok(namespace)) => return namespace.metadata.uid,
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 403 | 404) => {
                warn!(
                    reason = status.message,
                    "Cluster identity unknown: clusters with the same owner cannot detect each other; \
                     grant `get` on the namespace kube-system"
                );
                return None;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no response within {timeout:?}"),
        };
        debug!(error, "Cluster identity cannot be read, retrying");
        tokio::time::sleep(BACKOFF.wait(failures)).await;
    }
    None
}
