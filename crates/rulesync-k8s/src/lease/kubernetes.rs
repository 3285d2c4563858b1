//! The Lease of an election in Kubernetes.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};

use super::api::{LeaseApi, PutError};
use super::election::Record;
use super::settings::LeaseSettings;
use crate::connect::{ConnectError, KubernetesConfig, connect};

/// A Lease in a cluster. It needs `get`, `create` and `update` on it.
#[derive(Clone)]
pub struct KubernetesLease {
    api: Api<Lease>,
    name: String,
    full_name: String,
    duration: Duration,
}

impl fmt::Debug for KubernetesLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KubernetesLease({})", self.full_name)
    }
}

impl KubernetesLease {
    /// Connects to the lease of the settings, with a separate client that does not retry by itself.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if no client can be created from the configuration.
    pub async fn connect(config: &KubernetesConfig, settings: &LeaseSettings) -> Result<Self, ConnectError> {
        Ok(Self::from_client(connect(config).await?, settings))
    }

    /// Like [`Self::connect`], with an existing client, which must not retry by itself.
    pub fn from_client(client: Client, settings: &LeaseSettings) -> Self {
        let namespace = settings.namespace.as_deref().unwrap_or(client.default_namespace()).to_owned();
        let full_name = format!("{namespace}/{}", settings.name);
        let api = Api::namespaced(client, &namespace);
        Self { api, name: settings.name.clone(), full_name, duration: settings.lease_duration }
    }

    fn explain(&self, verb: &str, error: &kube::Error) -> String {
        let lease = &self.full_name;
        match error {
            kube::Error::Api(status) if status.code == 403 => {
                format!("not allowed to {verb} the Lease {lease} (403): grant `get`, `create` and `update`")
            }
            error => format!("cannot {verb} the Lease {lease}: {error}"),
        }
    }
}

#[async_trait]
impl LeaseApi for KubernetesLease {
    async fn get(&self) -> Result<Option<Record>, String> {
        match self.api.get_opt(&self.name).await {
            Ok(lease) => Ok(lease.map(record)),
            Err(error) => Err(self.explain("get", &error)),
        }
    }

    async fn put(&self, holder: &str, transitions: i32, version: Option<&str>) -> Result<Record, PutError> {
        let now = MicroTime(Timestamp::now());
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                resource_version: version.map(str::to_owned),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: Some(i32::try_from(self.duration.as_secs()).unwrap_or(i32::MAX)),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                lease_transitions: Some(transitions),
                ..LeaseSpec::default()
            }),
        };
        let params = PostParams::default();
        let result = match version {
            // A PUT with a resource version does not create a lease that was deleted.
            Some(_) => self.api.replace(&self.name, &params, &lease).await,
            None => self.api.create(&params, &lease).await,
        };
        match result {
            Ok(lease) => Ok(record(lease)),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Err(PutError::Conflict),
            Err(error) => Err(PutError::Failed(self.explain("write", &error))),
        }
    }
}

fn record(lease: Lease) -> Record {
    let spec = lease.spec.unwrap_or_default();
    let seconds = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0);
    Record {
        holder: spec.holder_identity.unwrap_or_default(),
        duration: Duration::from_secs(seconds),
        renewed: spec.renew_time.map(|time| time.0.to_string()).unwrap_or_default(),
        transitions: spec.lease_transitions.unwrap_or_default(),
        version: lease.metadata.resource_version.unwrap_or_default(),
    }
}
