//! The Lease of an election in Kubernetes.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};

use super::api::{LeaseApi, PutError};
use super::election::Record;
use super::settings::LeaseSettings;
use crate::connect::{ConnectError, KubernetesConfig, connect};
use crate::failure::describe;

/// A Lease in a cluster. It needs `get`, `create` and `update` on it.
#[derive(Clone)]
pub struct KubernetesLease {
    api: Api<Lease>,
    settings: LeaseSettings,
    full_name: String,
    /// The Lease as it was last read or written. What others have put into it stays there.
    last: Arc<Mutex<Option<Lease>>>,
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
        Self { api, settings: settings.clone(), full_name, last: Arc::default() }
    }

    /// The settings of the lease, by which its election goes.
    pub(super) fn settings(&self) -> &LeaseSettings {
        &self.settings
    }

    fn last(&self) -> MutexGuard<'_, Option<Lease>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the Lease to write: this version of it, or a new one.
    fn held_by(&self, holder: &str, transitions: i32, version: Option<&str>) -> Option<Lease> {
        let mut lease = match version {
            Some(_) => {
                self.last().clone().filter(|lease| lease.metadata.resource_version.as_deref() == version)?
            }
            None => Lease {
                metadata: ObjectMeta { name: Some(self.settings.name.clone()), ..ObjectMeta::default() },
                ..Lease::default()
            },
        };
        let now = MicroTime(Timestamp::now());
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(holder) || spec.acquire_time.is_none() {
            spec.acquire_time = Some(now.clone());
        }
        spec.holder_identity = Some(holder.to_owned());
        spec.lease_duration_seconds =
            Some(i32::try_from(self.settings.lease_duration.as_secs()).unwrap_or(i32::MAX));
        spec.renew_time = Some(now);
        spec.lease_transitions = Some(transitions);
        Some(lease)
    }

    fn explain(&self, verb: &str, error: &kube::Error) -> String {
        describe(verb, &format!("the Lease {}", self.full_name), &["get", "create", "update"], error)
    }
}

#[async_trait]
impl LeaseApi for KubernetesLease {
    async fn get(&self) -> Result<Option<Record>, String> {
        match self.api.get_opt(&self.settings.name).await {
            Ok(lease) => {
                let found = lease.as_ref().map(record);
                *self.last() = lease;
                Ok(found)
            }
            Err(error) => Err(self.explain("get", &error)),
        }
    }

    async fn put(&self, holder: &str, transitions: i32, version: Option<&str>) -> Result<Record, PutError> {
        let Some(lease) = self.held_by(holder, transitions, version) else { return Err(PutError::Conflict) };
        let params = PostParams::default();
        let result = match version {
            // A PUT with a resource version does not create a lease that was deleted.
            Some(_) => self.api.replace(&self.settings.name, &params, &lease).await,
            None => self.api.create(&params, &lease).await,
        };
        match result {
            Ok(lease) => {
                let written = record(&lease);
                *self.last() = Some(lease);
                Ok(written)
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Err(PutError::Conflict),
            Err(error) => Err(PutError::Failed(self.explain("write", &error))),
        }
    }
}

fn record(lease: &Lease) -> Record {
    let spec = lease.spec.as_ref();
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0);
    Record {
        holder: spec.and_then(|spec| spec.holder_identity.clone()).unwrap_or_default(),
        duration: Duration::from_secs(seconds),
        renewed: spec
            .and_then(|spec| spec.renew_time.as_ref())
            .map(|time| time.0.to_string())
            .unwrap_or_default(),
        transitions: spec.and_then(|spec| spec.lease_transitions).unwrap_or_default(),
        version: lease.metadata.resource_version.clone().unwrap_or_default(),
    }
}
