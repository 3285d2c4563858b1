//! File access that cannot hang, grow without bound or be redirected to another file. Independent of rules.
//!
//! - [`read`] and [`open`] accept only regular files and do not block on a pipe; [`read`] reads up to a limit.
//! - [`read_inherited`] reads a descriptor that a shell passes as `/dev/fd/N`, which may be a pipe.
//! - [`run_with_deadline`] and [`read_with_deadline`] access files on a separate thread. A file system that does not
//!   respond costs one thread for each path, regardless of the number of attempts.
//! - [`Shared`] caches a value for some time, so that a file is read once for all callers.
//! - [`open_own`], [`create_own`] and [`replace`] are for the process's own files: they do not follow a link in place
//!   of the file. [`remove_left_over`] removes temporary files left by a process that died.

#![warn(missing_docs)]

mod deadline;
mod error;
mod open;
mod read;
mod replace;
mod shared;

pub use deadline::{read_with_deadline, run_with_deadline};
pub use error::FileError;
pub use open::{create_own, open, open_own};
pub use read::{Content, is_inherited, read, read_inherited, read_to_limit};
pub use replace::{Durability, TEMPORARY_PREFIX, remove_left_over, replace, sync_directory};
pub use shared::{Got, Shared};
