//! From settings to the parts of an engine: reads files, makes clients, starts servers.

mod check;
#[cfg(feature = "embedded")]
mod embedded;
mod files;
mod observer;
mod parts;
mod process;
mod rulers;
mod sources;

pub use parts::OpenRuler;
pub(crate) use parts::{Parts, PartsBuilder};
pub use process::Lifetime;
pub(crate) use process::{Process, process};

#[cfg(test)]
mod tests;
