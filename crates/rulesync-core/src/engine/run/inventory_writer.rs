//! Synchronizes the inventory with the destinations: it is read once, written when they change, and polled for releases
//! while deletes are held.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Run;
use crate::destination::Command;
use crate::inventory::{Inventory, InventoryRecord};
use crate::leadership::Leadership;
use crate::model::tenant::DestinationId;
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
    read: bool,
    stop: CancellationToken,
}

impl InventoryWriter {
    pub(super) fn new(
        inventory: Arc<dyn Inventory>,
        progressed: Arc<Notify>,
        leadership: Leadership,
    ) -> Self {
        Self {
            inventory,
            leadership,
            progressed,
            wanted: watch::channel(None).0,
            unread: Arc::default(),
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
        };
        let stop = self.stop.clone();
        tasks.spawn(async move {
            stop.run_until_cancelled(task.run()).await;
        });
    }

    /// Returns whether the inventory has been read.
    pub(super) fn is_read(&self) -> bool {
        self.read
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
    }
}

/// A record that was read from the inventory.
struct ReadRecord {
    record: InventoryRecord,
    /// True if it was not read before since this process became the leader: another process may have written it.
    is_first: bool,
}

struct Task {
    inventory: Arc<dyn Inventory>,
    leadership: Leadership,
    progressed: Arc<Notify>,
    wanted: watch::Receiver<Option<InventoryRecord>>,
    unread: Arc<Mutex<Option<ReadRecord>>>,
}

impl Task {
    async fn run(mut self) {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(5 * 60) };
        let mut failures = 0;
        let mut stored = InventoryRecord::default();
        let mut known = false;
        loop {
            // Another process may have written it while it was the leader.
            self.leadership.leading().await;
            let result = match (known, self.unwritten(&stored)) {
                (true, Some(record)) => self.inventory.write(&record).await.map(|()| stored = record),
                _ => self.inventory.read().await.map(|record| {
                    stored.clone_from(&record);
                    let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
                    // A record that was not taken yet may have been the first.
                    let is_first = !known || unread.as_ref().is_some_and(|unread| unread.is_first);
                    *unread = Some(ReadRecord { record, is_first });
                    known = true;
                    self.progressed.notify_one();
                }),
            };
            let wait = match result {
                Ok(()) => {
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

    /// Returns the record to write, if it differs from the stored one.
    fn unwritten(&mut self, stored: &InventoryRecord) -> Option<InventoryRecord> {
        let wanted = self.wanted.borrow_and_update().clone()?;
        (wanted != *stored).then_some(wanted)
    }
}

impl Run {
    /// Takes the record that was read from the inventory, and sets the one that it should hold.
    pub(super) fn update_inventory(&mut self) {
        let Some(inventory_writer) = &mut self.inventory_writer else { return };
        let unread = inventory_writer.unread.lock().unwrap_or_else(PoisonError::into_inner).take();
        inventory_writer.read |= unread.is_some();
        let read_again = unread.as_ref().is_some_and(|unread| unread.is_first);
        if let Some(ReadRecord { record: InventoryRecord { destinations, released, retiring }, .. }) = unread
        {
            for destination in &released {
                let every = destination == EVERY_DESTINATION;
                let running = self.destinations.iter_mut().chain(self.retiring.iter_mut());
                for (_, destination) in running.filter(|(id, _)| every || id.to_string() == *destination) {
                    // The destination logs whether anything was held.
                    destination.send(Command::Release(tokio::sync::oneshot::channel().0));
                }
            }
            if read_again {
                self.known_destinations.extend(destinations.iter().filter_map(|text| parse(text)));
                let since = retiring.iter().filter_map(|(text, since)| Some((parse(text)?, *since)));
                self.retiring_since.extend(since);
                self.known_destinations_changed = true;
                self.adjust_destinations();
            }
        }
        if let Some(inventory_writer) = self
            .inventory_writer
            .as_ref()
            .filter(|inventory_writer| inventory_writer.read && self.known_destinations_changed)
        {
            self.known_destinations_changed = false;
            let since = self.retiring_since.iter().filter(|(id, _)| self.retiring.contains_key(*id));
            let wanted = InventoryRecord {
                destinations: self.known_destinations.iter().map(ToString::to_string).collect(),
                released: BTreeSet::new(),
                retiring: since.map(|(id, since)| (id.to_string(), *since)).collect(),
            };
            inventory_writer.wanted.send_if_modified(|current| {
                let changed = current.as_ref() != Some(&wanted);
                if changed {
                    *current = Some(wanted);
                }
                // Another process may have written something else meanwhile.
                changed || read_again
            });
        }
    }
}

impl Run {
    /// Returns the destinations of an inventory that nothing leads to.
    pub(in crate::engine) fn unrouted(&self, record: &InventoryRecord) -> Vec<String> {
        let unrouted =
            record.destinations.iter().filter(|text| parse(text).is_some_and(|id| !self.is_wanted(&id)));
        unrouted.cloned().collect()
    }
}

/// The name of all destinations in a release.
const EVERY_DESTINATION: &str = "*";

/// Reads a destination as it is printed; none for other text, such as a note by hand.
fn parse(text: &str) -> Option<DestinationId> {
    match text.split_once('/') {
        Some((ruler, tenant)) => {
            Some(DestinationId { ruler: ruler.into(), tenant: Some(tenant.parse().ok()?) })
        }
        None => Some(DestinationId { ruler: text.into(), tenant: None }),
    }
}
