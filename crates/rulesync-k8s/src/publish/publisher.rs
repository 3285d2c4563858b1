//! Publishes what became of the objects of one source, in their own cluster: the effects, around the renderings of
//! [`publish`](super).
//!
//! | file | content |
//! |---|---|
//! | `settings` | what is published |
//! | `term` | the loop of a publisher that may write: questions to the engine, writes, Events, lists |
//! | `plan`, `sharing` | what is to be written of an object, and told; by which of the sources that show it |
//! | `queue`, `rate`, `pressure`, `obstacles` | when: order, limits, pauses, what is not possible |
//! | `recorder` | which Events are made |
//! | `published`, `survey`, `sweep`, `orphans` | what was published before, and what of it belongs to nothing any more |
//! | `sink`, `kubernetes`, `write` | where writes go |
//! | `questions`, `removals`, `metrics`, `parts` | from the engine, to the metrics, and what a publisher is made of |
//!
//! Only the leader publishes, after the sync and beside it: a publisher is a task of its own, asks the engine about a few
//! objects at a time, and keeps a few bytes of each.

mod kubernetes;
mod metrics;
mod obstacles;
mod orphans;
mod parts;
mod plan;
mod pressure;
mod published;
mod questions;
mod queue;
mod rate;
mod recorder;
mod removals;
mod settings;
mod sharing;
mod sink;
mod survey;
mod sweep;
mod term;
mod write;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rulesync_core::Owner;
use rulesync_core::engine::{EngineHandle, Leadership};
use rulesync_core::status::ObjectStates;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use metrics::PublishMetrics;
pub use removals::RemovalReporter;
pub use settings::{EventSelection, ObjectSelection, PublishSettings};

use crate::source::KubernetesSource;
use kubernetes::Cluster;
use parts::Parts;
use term::Term;

/// What all publishers of a process share.
#[derive(Debug, Clone)]
pub struct PublishContext {
    /// The owner of what is published.
    pub owner: Owner,
    /// The engine.
    pub engine: EngineHandle,
    /// The states of its objects.
    pub states: ObjectStates,
    /// What the engine deletes.
    pub removals: RemovalReporter,
    /// Whether this process writes.
    pub leadership: Leadership,
    /// The names of the sources whose objects are published. Of several that show one object, the first publishes what became
    /// of it.
    pub sources: watch::Receiver<Vec<String>>,
    /// What is published.
    pub settings: watch::Receiver<PublishSettings>,
    /// The metrics.
    pub metrics: PublishMetrics,
}

/// Publishes what became of the objects of one source, in their own cluster.
pub struct Publisher(Arc<Parts>);

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("source", &self.0.source).finish_non_exhaustive()
    }
}

impl Publisher {
    /// Creates a publisher for the objects of a source, which the engine knows under `name`. Sends no request.
    pub fn new(name: &str, source: &KubernetesSource, context: PublishContext) -> Self {
        let PublishContext { owner, engine, states, removals, leadership, sources, settings, metrics } =
            context;
        let config = source.config();
        let several: BTreeSet<String> = config.namespaces.iter().cloned().collect();
        let namespaces = match several.is_empty() {
            true => vec![None],
            false => several.into_iter().map(Some).collect(),
        };
        let instance = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME")).unwrap_or_default();
        Self(Arc::new(Parts {
            source: name.to_owned(),
            kinds: config.kinds.clone(),
            namespaces,
            sink: Arc::new(Cluster::new(source.client().clone(), &owner)),
            owner,
            engine: Arc::new(engine),
            states,
            removals,
            leadership,
            sources,
            settings,
            metrics,
            instance,
        }))
    }

    /// Publishes until `stop`, while this process may write. Requests under way are given up at the end: whoever publishes
    /// next sees what has arrived.
    pub async fn run(self, stop: CancellationToken) {
        stop.run_until_cancelled(self.publish()).await;
    }

    async fn publish(&self) {
        let Self(parts) = self;
        loop {
            parts.leadership.leading().await;
            let ended = tokio::select! {
                () = parts.leadership.lost() => false,
                () = Term::new(Arc::clone(parts)).run() => true,
            };
            if ended {
                // The engine has ended, and with it everything that could be published.
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
