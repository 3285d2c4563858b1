//! One watch that heals by itself, over kube's watcher.

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
use crate::health::Health;
use crate::verdict::{Verdict, judge};

/// What takes a watch's events, and is told of its troubles.
pub(crate) trait Observer<K> {
    /// Something happened.
    async fn event(&mut self, event: Event<K>) -> Result<(), Trouble>;
    /// The objects cannot be seen; told once per reason. `kind_gone` if that is because their kind is not there.
    async fn unavailable(&mut self, reason: &str, kind_gone: bool) -> Result<(), Closed>;
    /// They can again.
    async fn available(&mut self) -> Result<(), Closed>;
    /// The least time until the next try, for what need not come at all.
    fn rest(&self) -> Duration {
        Duration::ZERO
    }
}

/// Why an event could not be taken.
pub(crate) enum Trouble {
    /// Nobody listens any more.
    Closed,
    /// The list is not to be believed: begin anew.
    Doubtful(String),
}

impl From<Closed> for Trouble {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

/// Watches until nobody listens any more. `what` names it for people.
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
        // A watch ends by itself and its silence is bounded by the client; a list must be, too.
        let until = if listing { Some(Instant::now() + config.list_timeout) } else { health.due() };
        let next = match until {
            Some(until) => tokio::time::timeout_at(until, events.next()).await.ok(),
            None => Some(events.next().await),
        };
        let verdict = match next {
            Some(Some(Ok(event))) => {
                let delta = matches!(event, Event::Apply(_) | Event::Delete(_));
                let listed = matches!(event, Event::InitDone);
                listing = !(delta || listed);
                match observer.event(event).await {
                    Ok(()) => {
                        if listed {
                            health.watching(Instant::now());
                        }
                        if (listed && health.listed()) || (delta && health.well()) {
                            observer.available().await?;
                        }
                        continue;
                    }
                    Err(Trouble::Closed) => return Err(Closed),
                    Err(Trouble::Doubtful(reason)) => {
                        listing = true;
                        Verdict::anew(reason).kind_gone()
                    }
                }
            }
            Some(Some(Err(error))) => {
                debug!(%error, what, "watch");
                judge(&error, what)
            }
            Some(None) => Verdict::anew(format!("watching {what} has ended")).everyday(),
            None if listing => {
                let seconds = config.list_timeout.as_secs_f32();
                Verdict::anew(format!("listing {what} takes longer than {seconds}s"))
            }
            None => {
                if health.well() {
                    observer.available().await?;
                }
                continue;
            }
        };
        let (anew, kind_gone) = (verdict.anew, verdict.kind_gone);
        if let Some(reason) = health.trouble(verdict, listing, Instant::now()) {
            observer.unavailable(&reason, kind_gone).await?;
        }
        tokio::time::sleep(health.wait().max(observer.rest())).await;
        if anew {
            stream = None;
        } else if !listing {
            health.watching(Instant::now());
        }
    }
}

fn settings(config: &KubernetesConfig) -> watcher::Config {
    // kube wants whole seconds, and tells a dead connection five seconds later.
    let timeout = u32::try_from(config.watch_timeout.as_secs().max(1)).unwrap_or(u32::MAX);
    watcher::Config::default().page_size(config.page_size).timeout(timeout)
}
