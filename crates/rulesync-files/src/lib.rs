//! Rules declared in files: a [`Source`](rulesync_core::Source) over a directory of manifests, or over one file.
//!
//! [`FilesSource`] reads `PrometheusRule` objects and plain Prometheus rule files. It detects changes by polling, which
//! also covers what file notifications miss: network file systems and the symbolic links of a mounted ConfigMap.
//!
//! [`manifest`] turns the text of a file into objects; it is a pure function on top of `yaml`, whose tree stores the
//! position of every node. `index`, which does no I/O either, decides which events to emit. `walk` and `poll` access
//! the file system; `source` sends the events to the engine.
//!
//! [`FileInventory`] keeps the engine's inventory in a file.
//!
//! Guarantees:
//!
//! - Files that end in `.yaml`, `.yml` or `.json`, or those that match [`FilesSource::glob`], are read at any depth;
//!   names that begin with a dot are skipped. Symbolic links are followed, and each directory is visited once: at its
//!   own path if possible, otherwise through the first link by name. A poll covers up to 100,000 such files, 64 MiB
//!   each and 1 GiB in total, 1,000,000 names, and directories 40 deep; beyond these limits the source is unavailable,
//!   states the reason, and no object is deleted.
//! - Only regular files are read. A pipe, a device or a file without end is an unreadable document.
//! - A poll that takes longer than 30 seconds is reported, and continues.
//! - A file that declared objects and now declares fewer is trusted only if every document in it is understood: it is
//!   an object with rules, a rule file, or an object of a kind without rules. Otherwise the missing objects are kept
//!   and get a finding with file, line and column. If it is unknown which objects are missing, the finding is attached
//!   to the file itself, an object of kind `RuleFile`, and rulers keep all rules that no file declares. The valid
//!   documents of the file are used. [`FileMemory`] records what files declared before the process started.
//! - A file that never declared anything and is not understood is a warning.
//! - `groups: []`, an object removed from a file, a file that contains only comments and a deleted file are
//!   intentional; an empty file (zero bytes) is not.
//! - An invalid group is rejected, with its position, and the version in the rulers is kept. The other groups of the
//!   object are used.
//! - When an object gets another name in its file, or a rule file is renamed, the old object is removed from rulers
//!   only after its rules have been written under the new name.
//! - An object other than a rule file that is declared more than once is read from the first file in the order of
//!   paths; a warning on the object names the other locations.
//! - An object is deleted when two polls in a row do not find it, so editors that replace a file, or empty it before
//!   they write it, do not remove rules for a moment.
//! - A directory that is missing or cannot be read deletes nothing.

mod filter;
mod find;
mod identity;
mod index;
mod inventory;
pub mod manifest;
mod memory;
mod poll;
mod source;
mod walk;
mod yaml;

pub use filter::GlobError;
pub use find::{FindError, FoundFiles, MAX_FILE_BYTES, find_files};
pub use identity::Identities;
pub use inventory::FileInventory;
pub use memory::FileMemory;
pub use source::{DEFAULT_POLL_INTERVAL, FilesSource};
