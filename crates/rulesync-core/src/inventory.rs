//! The inventory: the destinations that were ever written to, stored outside the process, so that a tenant without
//! rules, or a removed route, is cleaned up across restarts, and that names as declared are known to be own ones. If it is
//! lost, that cleanup is lost, and such names are foreign.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;

use crate::naming::Naming;

/// The contents of an inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InventoryRecord {
    /// Destinations that may hold own rules, as `ruler/tenant`, or `ruler` where no tenant is named.
    pub destinations: BTreeSet<String>,
    /// Destinations whose held deletes an operator has released by a note in the inventory, written the same way; `*`
    /// means all.
    pub released: BTreeSet<String>,
    /// The time since when no route leads to destinations that are to be emptied, in seconds since 1970: a restart does
    /// not restart the window after which their rules are deleted.
    pub retiring: BTreeMap<String, u64>,
    /// The namings of own rules at destinations, written the same way, where a route or a ruler has another than the
    /// installation: rules of a removed route are recognized by it.
    pub namings: BTreeMap<String, Vec<Naming>>,
    /// The ruler namespaces at destinations, written the same way, that are named as declared ([`Naming::Verbatim`]): own
    /// ones are recorded before they are first written.
    pub namespaces: BTreeMap<String, BTreeSet<String>>,
}

/// The reason why an inventory cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InventoryError(pub String);

/// Stores an [`InventoryRecord`]. Failures are reported and retried; they delay nothing.
#[async_trait]
pub trait Inventory: fmt::Debug + Send + Sync + 'static {
    /// Returns the stored record; an empty one if none was ever written.
    ///
    /// # Errors
    ///
    /// [`InventoryError`] with the problem and what would help.
    async fn read(&self) -> Result<InventoryRecord, InventoryError>;

    /// Stores this record in place of the previous one. Releases that `record` does not contain are removed.
    ///
    /// # Errors
    ///
    /// [`InventoryError`] with the problem and what would help.
    async fn write(&self, record: &InventoryRecord) -> Result<(), InventoryError>;
}
