//! What a source remembers of its files from one process to the next: which of them declared what, in the file of the
//! inventory.

use std::sync::{Arc, OnceLock};

use crate::index::Declared;
use crate::inventory::FileInventory;

/// Where sources remember which file declared which objects, so that a file that breaks keeps their rules also when it
/// does so while no process runs.
///
/// Empty until an inventory is given to it, which must be before the sources run. Without one, every file that may have held
/// rules and is not understood keeps what nobody declares from being deleted.
#[derive(Debug, Clone, Default)]
pub struct FileMemory(Arc<OnceLock<Kept>>);

#[derive(Debug)]
struct Kept {
    inventory: FileInventory,
    writes: bool,
}

impl FileMemory {
    /// Remembers in an inventory from now on; only reads what is there unless it `writes`. The first inventory counts.
    pub fn keep_in(&self, inventory: FileInventory, writes: bool) {
        // Sources that run have asked already.
        let _ = self.0.set(Kept { inventory, writes });
    }

    /// What a source declared when this was written last; none if nobody knows. Blocks.
    pub(crate) fn recall(&self, source: &str) -> Option<Declared> {
        let kept = self.0.get()?;
        kept.inventory.declared(source).unwrap_or_else(|error| {
            tracing::warn!(source, %error, "The inventory does not tell which files declared what: files that are not \
                understood keep what nobody declares from being deleted");
            None
        })
    }

    /// Remembers what a source declares. Blocks. The answer is whether it need not be tried again.
    pub(crate) fn remember(&self, source: &str, declared: &Declared) -> bool {
        let Some(kept) = self.0.get().filter(|kept| kept.writes) else { return true };
        let written = kept.inventory.remember(source, declared);
        if let Err(error) = &written {
            tracing::warn!(source, %error, "What files declare could not be written to the inventory, will be retried");
        }
        written.is_ok()
    }
}
