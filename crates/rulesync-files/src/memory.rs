//! The declarations of files that a source remembers from one process to the next, stored in the inventory's file.

use std::sync::{Arc, OnceLock};

use crate::index::Declared;
use crate::inventory::FileInventory;

/// Storage in which sources remember which file declared which objects, so that a file that breaks keeps their rules
/// even if it breaks while no process is running.
///
/// Empty until [`keep_in`](Self::keep_in) sets an inventory, which must happen before the sources run. Without an
/// inventory, every file that may have contained rules and is not understood prevents the deletion of all undeclared
/// rules.
#[derive(Debug, Clone, Default)]
pub struct FileMemory(Arc<OnceLock<Store>>);

#[derive(Debug)]
struct Store {
    inventory: FileInventory,
    writes: bool,
}

impl FileMemory {
    /// Uses an inventory as storage from now on, read-only unless `writes` is set. Only the first call has an effect.
    pub fn keep_in(&self, inventory: FileInventory, writes: bool) {
        // Running sources have already read from the first one.
        let _ = self.0.set(Store { inventory, writes });
    }

    /// Returns the last stored declarations of a source; `None` if they are not known. Blocks.
    pub(crate) fn recall(&self, source: &str) -> Option<Declared> {
        let store = self.0.get()?;
        store.inventory.declared(source).unwrap_or_else(|error| {
            tracing::warn!(source, %error, "Failed to read from the inventory which files declared which objects: files \
                that are not understood prevent the deletion of undeclared rules");
            None
        })
    }

    /// Stores the declarations of a source. Blocks. Returns `false` if the caller must retry.
    pub(crate) fn remember(&self, source: &str, declared: &Declared) -> bool {
        let Some(store) = self.0.get().filter(|store| store.writes) else { return true };
        let written = store.inventory.remember(source, declared);
        if let Err(error) = &written {
            tracing::warn!(source, %error, "Failed to write the declarations of files to the inventory, will retry");
        }
        written.is_ok()
    }
}
