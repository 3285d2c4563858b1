//! The task that reads the inventory once, writes it when the record that it should hold changes, and polls it for
//! releases.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// The number of stored records so far.
    version: Arc<AtomicU64>,
    /// How often it was read by a new leader.
    reads: Arc<AtomicU64>,
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
            version: Arc::default(),
            reads: Arc::default(),
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
            version: Arc::clone(&self.version),
            reads: Arc::clone(&self.reads),
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

    /// Returns the version of the stored record, which changes with it.
    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// Returns how often it was read by a new leader.
    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
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

/// Returns whether two records differ in nothing but the releases of an operator.
fn is_same(one: &InventoryRecord, other: &InventoryRecord) -> bool {
    let without_releases =
        |record: &InventoryRecord| InventoryRecord { released: BTreeSet::new(), ..record.clone() };
    without_releases(one) == without_releases(other)
}

/// A record that was read from the inventory.
pub(super) struct ReadRecord {
    pub(super) record: InventoryRecord,
    /// True if another process may have written it: it was not read before since this process became the leader, or it is
    /// not as this process left it.
    pub(super) is_first: bool,
}

struct Task {
    inventory: Arc<dyn Inventory>,
    leadership: Leadership,
    progressed: Arc<Notify>,
    wanted: watch::Receiver<Option<InventoryRecord>>,
    unread: Arc<Mutex<Option<ReadRecord>>>,
    stored: Arc<Mutex<InventoryRecord>>,
    version: Arc<AtomicU64>,
    reads: Arc<AtomicU64>,
    writes: Arc<AtomicBool>,
}

impl Task {
    async fn run(mut self) {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(30) };
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
            let (inventory, before) = (Arc::clone(&self.inventory), &stored);
            let request = async move {
                let current = inventory.read().await?;
                match unwritten {
                    // What another process has stored meanwhile is taken into account first.
                    Some(record) if is_same(&current, before) => {
                        inventory.write(&record).await.map(|()| (record, true))
                    }
                    _ => Ok((current, false)),
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
                Ok((record, is_written)) => {
                    let by_others = !is_written && !is_same(&record, &stored);
                    stored.clone_from(&record);
                    self.publish(&record);
                    if !is_written {
                        self.reads.fetch_add(u64::from(!known), Ordering::Relaxed);
                        self.pass_on(record, !known || by_others);
                        known = true;
                    }
                    self.progressed.notify_one();
                    failures = 0;
                    POLL_INTERVAL
                }
                Err(error) => {
                    failures += 1;
                    let wait = backoff.wait(failures);
                    tracing::warn!(%error, retry_in = ?wait, "Inventory unreachable: meanwhile removed routes are not cleaned up, and nothing is written under names as declared");
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
        self.version.fetch_add(1, Ordering::Relaxed);
        self.stored.lock().unwrap_or_else(PoisonError::into_inner).clone_from(record);
    }

    /// Returns the record to write, if it differs from the stored one.
    fn unwritten(&mut self, stored: &InventoryRecord) -> Option<InventoryRecord> {
        let wanted =
            self.wanted.borrow_and_update().clone().filter(|_| self.writes.load(Ordering::Relaxed))?;
        (wanted != *stored).then_some(wanted)
    }
}
