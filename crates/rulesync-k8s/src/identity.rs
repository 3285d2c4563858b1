//! The identity of a cluster: the UID of its `kube-system` namespace, which exists as long as the cluster.

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use rulesync_core::engine::Backoff;
use tracing::{debug, info, warn};

use crate::failure::describe;

const NAMESPACE: &str = "kube-system";

/// The backoff between requests while the API server does not respond.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(15) };

/// The number of failures after which the reason is reported: an API server that restarts is not reported.
const REPORTED_AFTER: u32 = 3;

/// Requests the identity until the API server responds; `None` if it must not be read.
pub(crate) async fn identity(client: &Client, timeout: Duration) -> Option<String> {
    let api: Api<Namespace> = Api::all(client.clone());
    for failures in 1.. {
        let error = match tokio::time::timeout(timeout, api.get_metadata(NAMESPACE)).await {
            Ok(Ok(namespace)) => {
                if failures > REPORTED_AFTER {
                    info!("Cluster identity known");
                }
                return namespace.metadata.uid;
            }
            Ok(Err(error)) => {
                let reason = describe("get", "the namespace kube-system", &["get"], &error);
                if matches!(&error, kube::Error::Api(status) if matches!(status.code, 403 | 404)) {
                    warn!(
                        reason,
                        "Cluster identity unknown: clusters with the same owner cannot detect each other"
                    );
                    return None;
                }
                reason
            }
            Err(_) => format!("no response within {timeout:?}"),
        };
        if failures == REPORTED_AFTER {
            warn!(error, "Cluster identity cannot be read: nothing is claimed or written until it is known");
        } else {
            debug!(error, "Cluster identity cannot be read, retrying");
        }
        tokio::time::sleep(BACKOFF.wait(failures)).await;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Write;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex};

    use http::{Request, Response};
    use kube::client::Body;

    use super::*;

    /// A log in memory.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Returns the identity by an API server that fails this many times, and what was logged from `info` on.
    async fn after(failures: u32) -> (Option<String>, String) {
        let asked = Arc::new(AtomicU32::new(0));
        let server = tower::service_fn(move |_: Request<Body>| {
            let failing = asked.fetch_add(1, Ordering::Relaxed) < failures;
            let (code, body) = if failing {
                (500, r#"{"kind": "Status", "status": "Failure", "message": "etcd is away", "code": 500}"#)
            } else {
                (
                    200,
                    r#"{"kind": "PartialObjectMetadata", "metadata": {"name": "kube-system", "uid": "1-2"}}"#,
                )
            };
            let response = Response::builder().status(code).body(Body::from(body.as_bytes().to_vec()));
            async move { Ok::<_, Infallible>(response.unwrap()) }
        });
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        let _logging = tracing::subscriber::set_default(subscriber);
        let identity = identity(&Client::new(server, "default"), Duration::from_secs(1)).await;
        let bytes = log.0.lock().unwrap().clone();
        (identity, String::from_utf8(bytes).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn identity_that_stays_unknown_is_warned_of_once_with_cause() {
        let (identity, log) = after(40).await;
        assert_eq!(identity.as_deref(), Some("1-2"));
        assert_eq!(log.matches("WARN").count(), 1, "{log}");
        assert!(log.contains("etcd is away") && log.contains("Cluster identity known"), "{log}");
        let (identity, log) = after(1).await;
        assert_eq!(
            (identity.as_deref(), &*log),
            (Some("1-2"), ""),
            "an API server that restarts is not reported"
        );
    }
}
