//! What tells one cluster from another: the UID of its `kube-system` namespace, which lives as long as the cluster.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use rulesync_core::engine::Backoff;
use tracing::{debug, warn};

const NAMESPACE: &str = "kube-system";

/// Waits between tries while the API server does not answer.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(15) };

/// Asks until there is an answer; none if we may not know.
pub(crate) async fn identity(client: &Client, patience: Duration) -> Option<String> {
    let api: Api<Namespace> = Api::all(client.clone());
    for failures in 1.. {
        let error = match tokio::time::timeout(patience, api.get_metadata(NAMESPACE)).await {
            Ok(Ok(namespace)) => return namespace.metadata.uid,
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 403 | 404) => {
                warn!(
                    reason = status.message,
                    "This cluster cannot be told from others: two that have the same owner will not notice; \
                     grant `get` on the namespace kube-system"
                );
                return None;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {patience:?}"),
        };
        debug!(error, "asking for the cluster's identity");
        tokio::time::sleep(BACKOFF.wait(failures)).await;
    }
    None
}
