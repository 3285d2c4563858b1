//! What a publisher is made of.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rulesync_core::Owner;
use rulesync_core::engine::Leadership;
use rulesync_core::status::ObjectStates;
use tokio::sync::watch;

use super::metrics::PublishMetrics;
use super::questions::Questions;
use super::removals::RemovalReporter;
use super::settings::PublishSettings;
use super::sink::Sink;

/// What a publisher is made of, which does not change while it runs.
pub(super) struct Parts {
    /// The name of the source.
    pub(super) source: String,
    /// The kinds of its objects.
    pub(super) kinds: Vec<String>,
    /// Its Kubernetes namespaces; none stands for all.
    pub(super) namespaces: Vec<Option<String>>,
    pub(super) owner: Owner,
    pub(super) engine: Arc<dyn Questions>,
    pub(super) states: ObjectStates,
    pub(super) removals: RemovalReporter,
    pub(super) leadership: Leadership,
    /// The sources whose objects are published, in the order of the configuration.
    pub(super) sources: watch::Receiver<Vec<String>>,
    pub(super) settings: watch::Receiver<PublishSettings>,
    pub(super) metrics: PublishMetrics,
    pub(super) sink: Arc<dyn Sink>,
    /// The process, as Events name it.
    pub(super) instance: String,
}

impl Parts {
    /// Returns the time of day, in seconds since 1970.
    pub(super) fn time(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}
