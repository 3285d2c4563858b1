//! What a plan would change: its numbers, the differences group by group, and the forms in which it is shown and stored.

pub(crate) mod diff;
pub(crate) mod document;
pub(crate) mod markdown;
pub(crate) mod stored;
pub(crate) mod summary;
pub(crate) mod text;
pub(crate) mod yaml;
