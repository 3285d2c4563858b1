//! The inventory and the destinations: which may hold rules of this owner, and which deletes an operator has released.

use std::collections::BTreeSet;

use tokio::sync::oneshot;

use super::inventory_writer::ReadRecord;
use super::{Mode, Run};
use crate::destination::Command;
use crate::inventory::InventoryRecord;
use crate::model::tenant::DestinationId;

impl Run {
    /// Takes the record that was read from the inventory, and sets the one that it should hold.
    pub(super) fn update_inventory(&mut self) {
        let Some(inventory_writer) = &mut self.inventory_writer else { return };
        let unread = inventory_writer.take_read();
        let read_again = unread.as_ref().is_some_and(|unread| unread.is_first);
        if let Some(ReadRecord {
            record: InventoryRecord { destinations, released, retiring, mut namings, namespaces },
            ..
        }) = unread
        {
            for destination in &released {
                let every = destination == EVERY_DESTINATION;
                let running = self.destinations.iter_mut().chain(self.retiring.iter_mut());
                for (_, destination) in running.filter(|(id, _)| every || id.to_string() == *destination) {
                    // The destination logs whether anything was held.
                    destination.send(Command::Release(oneshot::channel().0));
                }
            }
            if read_again {
                for (text, id) in destinations.iter().filter_map(|text| Some((text, parse(text)?))) {
                    let known = self.known_destinations.entry(id).or_default();
                    let stored = namings.remove(text).unwrap_or_default();
                    known.extend(
                        stored.into_iter().filter(|naming| !known.contains(naming)).collect::<Vec<_>>(),
                    );
                }
                let since = retiring.iter().filter_map(|(text, since)| Some((parse(text)?, *since)));
                self.retiring_since.extend(since);
                self.records.read(namespaces);
                // The daemon carries these out, and a one-shot run leaves them to it.
                self.unreleased = if self.mode == Mode::Forever { BTreeSet::new() } else { released };
                self.known_destinations_changed = true;
                self.adjust_destinations();
            }
        }
        if let Some(inventory_writer) = self
            .inventory_writer
            .as_ref()
            .filter(|inventory_writer| inventory_writer.is_read() && self.known_destinations_changed)
        {
            self.known_destinations_changed = false;
            // One-shot runs leave the cleanup to the daemon.
            let is_retiring = |id| self.mode != Mode::Forever || self.retiring.contains_key(id);
            let since = self.retiring_since.iter().filter(|(id, _)| is_retiring(*id));
            let wanted = InventoryRecord {
                destinations: self.known_destinations.keys().map(ToString::to_string).collect(),
                released: self.unreleased.clone(),
                retiring: since.map(|(id, since)| (id.to_string(), *since)).collect(),
                namings: (self.known_destinations.iter())
                    .filter(|(_, namings)| !namings.is_empty())
                    .map(|(id, namings)| (id.to_string(), namings.clone()))
                    .collect(),
                namespaces: self.records.to_store(),
            };
            inventory_writer.want(wanted, read_again);
        }
    }

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
