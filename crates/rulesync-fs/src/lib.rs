//! File access that cannot hang, grow without bound or be redirected to another file. Knows nothing of rules.
//!
//! - [`read`] and [`open`] take regular files only, are not held up by a pipe, and read no more than a limit.
//! - [`read_inherited`] reads what a shell hands over as `/dev/fd/N`, which may be a pipe.
//! - [`run_with_deadline`] and [`read_with_deadline`] do so away from the caller's thread. A file system that does not
//!   answer costs one thread for each path, however often it is tried.
//! - [`Shared`] keeps for a while what was read, so that a file is read once for all who want it.
//! - [`open_own`], [`create_own`] and [`replace`] are for files of the process itself: they follow no link in place of
//!   the file. [`remove_left_over`] clears away what a process that died did not get to replace.

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
