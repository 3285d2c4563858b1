//! What a ruler stores, and what distinguishes the kinds of rulers.

pub(crate) mod group;
pub(crate) mod kind;
pub(crate) mod span;
