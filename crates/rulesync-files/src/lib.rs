//! Rules declared in files: a [`Source`](rulesync_core::Source) over a directory of manifests, or over one file.
//!
//! [`FilesSource`] reads `PrometheusRule` objects and plain Prometheus rule files, and looks for changes by polling,
//! which sees what file notifications miss: network file systems and the symbolic links of a mounted ConfigMap.
//!
//! How a text becomes objects is `manifest`, a pure function on top of `document` and `yaml`. What is said of them is
//! decided in `index`, which does no I/O either. `walk` and `poll` touch the file system; `source` talks to the engine.
//!
//! [`FileLedger`] keeps the engine's ledger in a file.
//!
//! What holds:
//!
//! - Files that end in `.yaml`, `.yml` or `.json` count, at any depth; names that begin with a dot do not. Symbolic
//!   links are followed, and each directory is looked at once: preferably where it is itself, else at the first link by
//!   name. A look takes in 100,000 such files, 64 MiB each and 1 GiB together, 1,000,000 names, and directories 40
//!   deep; beyond, the source is unavailable and says why, and nothing is taken away.
//! - Only regular files are read. A pipe, a device or a file without end is a document that cannot be read.
//! - A look that takes longer than 30 seconds is told, and goes on.
//! - A document that cannot be read takes nothing away: the objects last read from it stay, and a finding with file,
//!   line and column stands at them. Where it is not known which objects those are, the finding stands at the file
//!   itself, an object of kind `RuleFile`. The good documents around it are taken.
//! - An object declared twice is taken from the first file in the order of paths; a warning at the object names the
//!   other places.
//! - An object is deleted when two looks in a row do not find it. Editors that replace a file, or empty it before they
//!   write it, do not take rules away for a moment.
//! - A directory that is missing or cannot be read takes nothing away.

mod document;
mod identity;
mod index;
mod ledger;
mod manifest;
mod poll;
mod source;
mod walk;
mod yaml;

pub use ledger::FileLedger;
pub use source::{DEFAULT_POLL_INTERVAL, FilesSource};
