//! What a page and its twin in the API show alike: what is asked for, and the answers of the engine.

pub(crate) mod action;
pub(crate) mod destination;
pub(crate) mod destination_query;
pub(crate) mod object;
pub(crate) mod object_query;
pub(crate) mod overview;
pub(crate) mod paging;
