//! The shared state of the running API server: the world, the switches that faults set, and the notification that wakes
//! watches. Locks are held for single steps only and never across an await.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::access::Users;
use super::clock::Clock;
use super::refused::Refused;
use super::world::World;

/// The time a request waits for a revision that has not been reached.
const REVISION_TIMEOUT: Duration = Duration::from_secs(3);

/// The shared state of a server; see the module documentation.
#[derive(Debug)]
pub(crate) struct Cluster {
    world: Mutex<World>,
    switches: Mutex<Switches>,
    /// Incremented whenever the world or a switch changes.
    changes: watch::Sender<u64>,
    watches: AtomicU64,
    /// The clock of the world, which can be read without a lock.
    pub(crate) clock: Clock,
    pub(crate) users: Users,
    pub(crate) gzip: bool,
    bookmark_interval: Duration,
}

/// The state set by faults. Watches are numbered as they open, so that "all watches open now" is a number.
#[derive(Debug, Default)]
pub(crate) struct Switches {
    pub(crate) etcd_down: bool,
    pub(crate) http_410: bool,
    pub(crate) refuse_streaming: bool,
    pub(crate) stalled_through: u64,
    pub(crate) cut_through: u64,
    pub(crate) ended_through: u64,
    pub(crate) bookmark_calls: u64,
    pub(crate) forbidden: Vec<(String, String)>,
}

/// The state of a watch according to the switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WatchState {
    Live,
    /// Open forever and silent.
    Stalled,
    /// Silent because no events are known, but ends on time.
    Silent,
    Cut,
    Ended,
}

impl Cluster {
    pub(crate) fn new(world: World, users: Users, gzip: bool, bookmark_interval: Duration) -> Self {
        Self {
            clock: world.stamps.clock.clone(),
            world: Mutex::new(world),
            switches: Mutex::default(),
            changes: watch::Sender::new(0),
            watches: AtomicU64::new(0),
            users,
            gzip,
            bookmark_interval,
        }
    }

    /// Locks the world, for a single step.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world and wakes the watches.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        let result = change(&mut self.world());
        self.notify_watches();
        result
    }

    /// Locks the switches, for reading.
    pub(crate) fn switches(&self) -> MutexGuard<'_, Switches> {
        self.switches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes switches and wakes the watches.
    pub(crate) fn switch<T>(&self, change: impl FnOnce(&mut Switches) -> T) -> T {
        let result = change(&mut self.switches());
        self.notify_watches();
        result
    }

    pub(crate) fn notify_watches(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Registers a new watch; returns its number and the number of bookmark requests before it.
    pub(crate) fn register_watch(&self) -> (u64, u64) {
        (self.watches.fetch_add(1, Ordering::Relaxed) + 1, self.bookmark_calls())
    }

    /// The number of the most recent watch.
    pub(crate) fn newest_watch(&self) -> u64 {
        self.watches.load(Ordering::Relaxed)
    }

    pub(crate) fn watch_state(&self, watch: u64) -> WatchState {
        let switches = self.switches();
        if watch <= switches.cut_through {
            WatchState::Cut
        } else if watch <= switches.ended_through {
            WatchState::Ended
        } else if watch <= switches.stalled_through {
            WatchState::Stalled
        } else if switches.etcd_down {
            WatchState::Silent
        } else {
            WatchState::Live
        }
    }

    pub(crate) fn bookmark_calls(&self) -> u64 {
        self.switches().bookmark_calls
    }

    pub(crate) fn bookmark_interval(&self) -> Duration {
        self.bookmark_interval
    }

    /// Waits while etcd is down.
    pub(crate) async fn wait_for_etcd(&self) {
        let mut changes = self.subscribe();
        while self.switches().etcd_down {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits until the revision is reached.
    ///
    /// # Errors
    /// 504 after [`REVISION_TIMEOUT`].
    pub(crate) async fn wait_for_revision(&self, revision: u64) -> Result<(), Refused> {
        let mut changes = self.subscribe();
        let end = Instant::now() + REVISION_TIMEOUT;
        loop {
            let current = self.world().store.revision();
            if current >= revision {
                return Ok(());
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = sleep_until(end) => return Err(Refused::too_large(revision, current)),
            }
        }
    }
}
