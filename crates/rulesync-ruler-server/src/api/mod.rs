//! The two APIs of a ruler: the configuration API, and the state API with the other pages about its status.

pub(crate) mod config;
mod list;
pub(crate) mod state;
