//! Rules declared in files: a [`Source`](rulesync_core::Source) over a directory of manifests, or over one file.
//!
//! [`FilesSource`] reads `PrometheusRule` objects and plain Prometheus rule files, and looks for changes by polling,
//! which sees what file notifications miss: network file systems and the symbolic links of a mounted ConfigMap.
//!
//! How a text becomes objects is `manifest`, a pure function on top of `yaml`, whose tree knows the place of every node.
//! What is said of the objects is decided in `index`, which does no I/O either. `walk` and `poll` touch the file system;
//! `source` talks to the engine.
//!
//! [`FileInventory`] keeps the engine's inventory in a file.
//!
//! What holds:
//!
//! - Files that end in `.yaml`, `.yml` or `.json` count, or those that match [`FilesSource::glob`], at any depth; names
//!   that begin with a dot do not. Symbolic
//!   links are followed, and each directory is looked at once: preferably where it is itself, else at the first link by
//!   name. A look takes in 100,000 such files, 64 MiB each and 1 GiB together, 1,000,000 names, and directories 40
//!   deep; beyond, the source is unavailable and says why, and nothing is taken away.
//! - Only regular files are read. A pipe, a device or a file without end is a document that cannot be read.
//! - A look that takes longer than 30 seconds is told, and goes on.
//! - A file that declared objects and now declares fewer is believed only if every document in it is understood: it is an
//!   object with rules, a rule file, or an object of a kind that has none. Otherwise the objects that are missing stay,
//!   and a finding with file, line and column stands at them. Where nobody knows which objects those are, it stands at
//!   the file itself, an object of kind `RuleFile`, and rulers keep whatever nobody declares. The good documents around
//!   it are taken. [`FileMemory`] knows what files declared before the process began.
//! - A file that never declared anything and is not understood is a warning.
//! - `groups: []`, an object taken out of a file, a file of nothing but comments and a file that is deleted are meant; a
//!   file of no bytes is not.
//! - A group that is not as it must be is refused, with its place, and the version that rulers have of it stays. The other
//!   groups of the object are taken.
//! - An object that gets another name in its file, and a rule file that is renamed, go from rulers when their rules have
//!   been written by the new name.
//! - An object declared twice, other than a rule file, is taken from the first file in the order of paths; a warning at the object names the
//!   other places.
//! - An object is deleted when two looks in a row do not find it. Editors that replace a file, or empty it before they
//!   write it, do not take rules away for a moment.
//! - A directory that is missing or cannot be read takes nothing away.

mod choice;
mod identity;
mod index;
mod inventory;
mod manifest;
mod memory;
mod poll;
mod source;
mod walk;
mod yaml;

pub use choice::GlobError;
pub use inventory::FileInventory;
pub use memory::FileMemory;
pub use source::{DEFAULT_POLL_INTERVAL, FilesSource};
