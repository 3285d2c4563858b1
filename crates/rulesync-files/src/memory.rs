//! The declarations of files that a source remembers from one process to the next, stored in the ledger's file.

use std::sync::{Arc, OnceLock};

use crate::index::Declared;
use crate::ledger::FileLedger;

/// Storage in which sources remember which file declared which objects, so that a file that breaks keeps their rules
/// even if it breaks while no process is running.
///
/// Empty until [`keep_in`](Self::keep_in) sets a ledger, which must happen before the sources run. Without a ledger,
/// every file that may have contained rules and is not understood prevents the deletion of all undeclared rules.
#[derive(Debug, Clone, Default)]
pub struct FileMemory(Arc<OnceLock<Store>>);

#[derive(Debug)]
struct Store {
    ledger: FileLedger,
    writes: bool,
}

impl FileMemory {
    /// Uses a ledger as storage from now on, read-only unless `writes` is set. Only the first call has an effect.
    pub fn keep_in(&self, ledger: FileLedger, writes: bool) {
        // Running sources have already read from the first one.
        let _ = self.0.set(Store { ledger, writes });
    }

    /// Returns the last stored declarations of a source; `None` if they are not known. Blocks.
    pub(crate) fn recall(&self, source: &str) -> Option<Declared> {
        let store = self.0.get()?;
        store.ledger.declared(source).unwrap_or_else(|error| {
            tracing::warn!(source, %error, "Failed to read from the ledger which files declared which objects: files \
                that are not understood prevent the deletion of undeclared rules");
            None
        })
    }

    /// Stores the declarations of a source. Blocks. Returns `false` if the caller must retry.
    pub(crate) fn remember(&self, source: &str, declared: &Declared) -> bool {
        let Some(store) = self.0.get().filter(|store| store.writes) else { return true };
        let written = store.ledger.remember(source, declared);
        if let Err(error) = &written {
            tracing::warn!(source, %error, "Failed to write the declarations of files to the ledger, will retry");
        }
        written.is_ok()
    }
}
