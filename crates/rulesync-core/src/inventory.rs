//! The inventory: which destinations were ever written to, remembered outside the process, so that a tenant that no
//! longer has any rule, or a route that was removed, is cleaned up across restarts. Losing it loses nothing but that
//! clean-up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;

/// What an inventory holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InventoryRecord {
    /// Destinations that may hold rules of ours, as `ruler/tenant`, or `ruler` where no tenant is named.
    pub destinations: BTreeSet<String>,
    /// Destinations whose held deletes an operator has released by a note in the inventory, written the same way; `*`
    /// is all.
    pub released: BTreeSet<String>,
    /// Since when no route leads to destinations that are to be emptied, in seconds since 1970: a restart does not
    /// begin the time anew for which their rules are still kept.
    pub retiring: BTreeMap<String, u64>,
}

/// Why an inventory cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InventoryError(pub String);

/// Keeps a [`InventoryRecord`]. Failures are told and tried again; they hold nothing up.
#[async_trait]
pub trait Inventory: fmt::Debug + Send + Sync + 'static {
    /// What is remembered; an empty record if nothing was ever written.
    ///
    /// # Errors
    ///
    /// [`InventoryError`] with what stands in the way and what would help.
    async fn read(&self) -> Result<InventoryRecord, InventoryError>;

    /// Remembers these destinations in place of those before. Releases that are not in `record` any more are taken off.
    ///
    /// # Errors
    ///
    /// [`InventoryError`] with what stands in the way and what would help.
    async fn write(&self, record: &InventoryRecord) -> Result<(), InventoryError>;
}
