//! A watch that recovers by itself, based on kube's watcher.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use kube::Api;
use kube::Resource;
use kube::runtime::watcher::{self, Event, watcher};
use rulesync_core::source::Closed;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::debug;

use crate::connect::KubernetesConfig;
use crate::failure::{WatchFailure, classify};
use crate::health::Health;

/// Receives the events of a watch, and the changes of its health.
pub(crate) trait Observer<K> {
    /// Handles an event.
    async fn event(&mut self, event: Event<K>) -> Result<(), EventError>;
    /// Called once per reason when the objects cannot be read. `kind_gone` is set if their kind is missing.
    async fn unavailable(&mut self, reason: &str, kind_gone: bool) -> Result<(), Closed>;
    /// Called when the objects can be read again.
    async fn available(&mut self) -> Result<(), Closed>;
    /// The minimum time until the next attempt, for optional kinds.
    fn min_wait(&self) -> Duration {
        Duration::ZERO
    }
}

/// The reason why an event was not handled.
pub(crate) enum EventError {
    /// The engine has stopped receiving events.
    Closed,
    /// The list may be wrong, and must be repeated.
    Unreliable(String),
}

impl From<Closed> for EventError {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// Watches until the engine stops receiving events. `what` names the watched objects in messages.
pub(crate) async fn watch<K, O>(
    api: Api<K>,
    what: &str,
    config: &KubernetesConfig,
    observer: &mut O,
) -> Result<(), Closed>
where
    K: Resource<DynamicType: Send + Sync> + Clone + DeserializeOwned + Debug + Send + 'static,
    O: Observer<K>,
{
    let mut health = Health::default();
    let mut stream: Option<BoxStream<'static, watcher::Result<Event<K>>>> = None;
    let mut listing = true;
    loop {
        let events = stream.get_or_insert_with(|| {
            listing = true;
            watcher(api.clone(), settings(config)).boxed()
        });
        // The client limits the silence of a watch, but not the duration of a list.
        let deadline = if listing { Some(Instant::now() + config.list_timeout) } else { health.works_at() };
        let next = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, events.next()).await.ok(),
            None => Some(events.next().await),
        };
        let failure = match next {
            Some(Some(Ok(event))) => {
                let delta = matches!(event, Event::Apply(_) | Event::Delete(_));
                let listed = matches!(event, Event::InitDone);
                listing = !(delta || listed);
                match observer.event(event).await {
                    Ok(()) => {
                        if listed {
                            health.watching(Instant::now());
                        }
                        if (listed && health.listed()) || (delta && health.works()) {
                            observer.available().await?;
                        }
                        continue;
                    }
                    Err(EventError::Closed) => return Err(Closed),
                    Err(EventError::Unreliable(reason)) => {
                        listing = true;
                        WatchFailure::relist(reason).kind_gone()
                    }
                }
            }
            Some(Some(Err(error))) => {
                debug!(%error, what, "Watch failed");
                classify(&error, what)
            }
            Some(None) => WatchFailure::relist(format!("the watch of {what} ended")).routine(),
            None if listing => {
                let seconds = config.list_timeout.as_secs_f32();
                WatchFailure::relist(format!("listing {what} takes longer than {seconds}s"))
            }
            None => {
                if health.works() {
                    observer.available().await?;
                }
                continue;
            }
        };
        let (relist, kind_gone) = (failure.relist, failure.kind_gone);
        if let Some(reason) = health.failed(failure, listing, Instant::now()) {
            observer.unavailable(&reason, kind_gone).await?;
        }
        tokio::time::sleep(health.wait().max(observer.min_wait())).await;
        if relist {
            stream = None;
        } else if !listing {
            health.watching(Instant::now());
        }
    }
}

fn settings(config: &KubernetesConfig) -> watcher::Config {
    // kube takes whole seconds, and detects a dead connection five seconds later.
    let timeout = u32::try_from(config.watch_timeout.as_secs().max(1)).unwrap_or(u32::MAX);
    watcher::Config::default().page_size(config.page_size).timeout(timeout)
}
