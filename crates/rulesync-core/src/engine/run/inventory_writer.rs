//! The task that reads the inventory once, writes it when the record that it should hold changes, and polls it for
//! releases.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::inventory::{Inventory, InventoryRecord};
use crate::leadership::Leadership;
use crate::model::name::RulerNamespace;
use crate::policy::Backoff;

/// The interval at which the inventory is polled for releases.
const POLL_INTERVAL: Duration = Duration::from_secs(30);

/// The inventory and its task.
pub(super) struct InventoryWriter {
    inventory: Arc<dyn Inventory>,
    leadership: Leadership,
    progressed: Arc<Notify>,
    /// The record that it should hold; none before it was read.
    wanted: watch::Sender<Option<InventoryRecord>>,
    /// The record that was read last and is not yet taken.
    unread: Arc<Mutex<Option<ReadRecord>>>,
    /// The record as it is stored, as far as is known.
    stored: Arc<Mutex<InventoryRecord>>,
    /// True if it may be written.
    writes: Arc<AtomicBool>,
    read: bool,
    stop: CancellationToken,
}

impl InventoryWriter {
    pub(super) fn new(
        inventory: Arc<dyn Inventory>,
        progressed: Arc<Notify>,
        leadership: Leadership,
        writes: bool,
    ) -> Self {
        Self {
            inventory,
            leadership,
            progressed,
            wanted: watch::channel(None).0,
            unread: Arc::default(),
            stored: Arc::default(),
            writes: Arc::new(AtomicBool::new(writes)),
            read: false,
            stop: CancellationToken::new(),
        }
    }

    /// Starts the task that reads and writes it. An inventory that cannot be reached delays nothing.
    pub(super) fn start(&self, tasks: &mut JoinSet<()>) {
        let task = Task {
            inventory: Arc::clone(&self.inventory),
            leadership: self.leadership.clone(),
            progressed: Arc::clone(&self.progressed),
            wanted: self.wanted.subscribe(),
            unread: Arc::clone(&self.unread),
            stored: Arc::clone(&self.stored),
            writes: Arc::clone(&self.writes),
        };
        let stop = self.stop.clone();
        tasks.spawn(async move {
            stop.run_until_cancelled(task.run()).await;
        });
    }

    /// Returns the recorded namespaces of a destination, as they are stored.
    pub(super) fn stored_namespaces(&self, destination: &str) -> BTreeSet<RulerNamespace> {
        let stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        let namespaces = stored.namespaces.get(destination).into_iter().flatten();
        namespaces.map(|namespace| namespace.as_str().into()).collect()
    }

    /// Allows it to be written.
    pub(super) fn allow_writes(&self) {
        self.writes.store(true, Ordering::Relaxed);
        self.wanted.send_modify(|_| {});
    }

    /// Returns whether the inventory has been read.
    pub(super) fn is_read(&self) -> bool {
        self.read
    }

    /// Takes the record that was read since this was asked last.
    pub(super) fn take_read(&mut self) -> Option<ReadRecord> {
        let unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.read |= unread.is_some();
        unread
    }

    /// Sets the record that it should hold. It is written if it differs, or if another process may have written
    /// something else meanwhile.
    pub(super) fn want(&self, wanted: InventoryRecord, read_again: bool) {
        self.wanted.send_if_modified(|current| {
            let changed = current.as_ref() != Some(&wanted);
            if changed {
                *current = Some(wanted);
            }
            changed || read_again
        });
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
    }
}

/// A record that was read from the inventory.
pub(super) struct ReadRecord {
    pub(super) record: InventoryRecord,
    /// True if it was not read before since this process became the leader: another process may have written it.
    pub(super) is_first: bool,
}

struct Task {
    inventory: Arc<dyn Inventory>,
    leadership: Leadership,
    progressed: Arc<Notify>,
    wanted: watch::Receiver<Option<InventoryRecord>>,
    unread: Arc<Mutex<Option<ReadRecord>>>,
    stored: Arc<Mutex<InventoryRecord>>,
    writes: Arc<AtomicBool>,
}

impl Task {
    async fn run(mut self) {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(5 * 60) };
        let mut failures = 0;
        let mut stored = InventoryRecord::default();
        let mut known = false;
        loop {
            // Another process may have written it while it was the leader.
            if !self.leadership.may_write() {
                known = false;
                self.leadership.leading().await;
            }
            let unwritten = self.unwritten(&stored).filter(|_| known);
            let is_write = unwritten.is_some();
            let inventory = Arc::clone(&self.inventory);
            let request = async move {
                match unwritten {
                    Some(record) => inventory.write(&record).await.map(|()| record),
                    None => inventory.read().await,
                }
            };
            let result = tokio::select! {
                result = request => result,
                () = self.leadership.lost() => {
                    known = false;
                    continue;
                }
            };
            let wait = match result {
                Ok(record) => {
                    stored.clone_from(&record);
                    self.publish(&record);
                    if !is_write {
                        self.pass_on(record, !known);
                        known = true;
                    }
                    self.progressed.notify_one();
                    failures = 0;
                    POLL_INTERVAL
                }
                Err(error) => {
                    failures += 1;
                    let wait = backoff.wait(failures);
                    tracing::warn!(%error, retry_in = ?wait, "Inventory unreachable, removed routes are not cleaned up meanwhile");
                    wait
                }
            };
            tokio::select! {
                changed = self.wanted.changed(), if failures == 0 => if changed.is_err() { return },
                () = self.leadership.lost() => known = false,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Passes a record that was read on to the run.
    fn pass_on(&self, record: InventoryRecord, is_first: bool) {
        let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        // A record that was not taken yet may have been the first.
        let is_first = is_first || unread.as_ref().is_some_and(|unread| unread.is_first);
        *unread = Some(ReadRecord { record, is_first });
    }

    fn publish(&self, record: &InventoryRecord) {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).clone_from(record);
    }

    /// Returns the record to write, if it differs from the stored one.
    fn unwritten(&mut self, stored: &InventoryRecord) -> Option<InventoryRecord> {
        let wanted =
            self.wanted.borrow_and_update().clone().filter(|_| self.writes.load(Ordering::Relaxed))?;
        (wanted != *stored).then_some(wanted)
    }
}
