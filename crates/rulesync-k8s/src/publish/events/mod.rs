//! Events on source objects: what has changed for the worse, and that it is well again.
//!
//! [`notices`] compares what is known of an object with what was known before, of which only [`Facts`] are kept. What
//! rulers were told to delete is in no status: [`removals`] turns it into notices. A [`Notice`] becomes an `Event`
//! ([`event`]) whose name follows from the object, the reason and the note, so that the same one is never made twice.

mod event;
mod facts;
mod notice;
mod removal;

pub use event::{Subject, event};
pub use facts::{Facts, notices};
pub use notice::{Notice, NoticeReason};
pub use removal::{Removal, removals};
