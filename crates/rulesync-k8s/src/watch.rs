//! One watch that heals by itself, over kube's watcher.

use std::fmt::Debug;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use kube::Api;
use kube::Resource;
use kube::runtime::watcher::{self, Event, watcher};
use rulesync_core::{Backoff, Closed};
use serde::de::DeserializeOwned;
use tracing::debug;

use crate::connect::KubernetesConfig;
use crate::verdict::{Verdict, judge};

/// What takes a watch's events, and is told of its troubles.
pub(crate) trait Observer<K> {
    /// Something happened.
    async fn event(&mut self, event: Event<K>) -> Result<(), Trouble>;
    /// The objects cannot be seen; told once per reason.
    async fn unavailable(&mut self, reason: &str) -> Result<(), Closed>;
    /// They can again.
    async fn available(&mut self) -> Result<(), Closed>;
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

/// Waits between tries. Capped low: a list a minute is no load, and people wait.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(200), cap: Duration::from_secs(30) };

/// Something that is waited for, such as a CRD, is asked for this often at least.
const WAITING: Duration = Duration::from_secs(5);

/// Watches until nobody listens any more. `what` names it for people.
pub(crate) async fn watch<K, O>(
    api: Api<K>,
    what: &str,
    config: &KubernetesConfig,
    observer: &mut O,
) -> Result<(), Closed>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    O: Observer<K>,
{
    let mut failures = 0;
    let mut told: Option<String> = None;
    let mut stream: Option<BoxStream<'static, watcher::Result<Event<K>>>> = None;
    let mut listing = true;
    loop {
        let events = stream.get_or_insert_with(|| {
            listing = true;
            watcher(api.clone(), settings(config)).boxed()
        });
        // A watch ends by itself and its silence is bounded by the client; a list must be, too.
        let next = if listing {
            tokio::time::timeout(config.list_timeout, events.next()).await.ok()
        } else {
            Some(events.next().await)
        };
        let (restart, reason) = match next {
            Some(Some(Ok(event))) => {
                let listed = matches!(event, Event::InitDone);
                listing = match event {
                    Event::Init | Event::InitApply(_) => true,
                    Event::InitDone | Event::Apply(_) | Event::Delete(_) => false,
                };
                let begun = matches!(event, Event::Init);
                match observer.event(event).await {
                    Ok(()) => {
                        // The beginning of a list is no success yet.
                        if !begun {
                            failures = 0;
                        }
                        if listed && told.take().is_some() {
                            observer.available().await?;
                        }
                        continue;
                    }
                    Err(Trouble::Closed) => return Err(Closed),
                    Err(Trouble::Doubtful(reason)) => (true, reason),
                }
            }
            Some(Some(Err(error))) => {
                debug!(%error, what, "watch");
                listing = true;
                match judge(&error, what) {
                    Verdict::GoOn => {
                        listing = false;
                        continue;
                    }
                    Verdict::Retry(reason) => (false, reason),
                    Verdict::Restart(reason) => (true, reason),
                }
            }
            Some(None) => (true, format!("watching {what} has ended")),
            None => (true, format!("listing {what} takes longer than {}s", config.list_timeout.as_secs())),
        };
        failures += 1;
        // A watch whose revision is too old is an everyday matter; only what lasts is worth telling.
        let lasting = failures > 1 || !restart;
        if lasting && told.as_ref() != Some(&reason) {
            observer.unavailable(&reason).await?;
            told = Some(reason);
        }
        if restart {
            stream = None;
        }
        tokio::time::sleep(BACKOFF.wait(failures).min(WAITING)).await;
    }
}

fn settings(config: &KubernetesConfig) -> watcher::Config {
    // kube wants whole seconds, and tells a dead connection five seconds later.
    let timeout = u32::try_from(config.watch_timeout.as_secs().max(1)).unwrap_or(u32::MAX);
    watcher::Config::default().page_size(config.page_size).timeout(timeout)
}
