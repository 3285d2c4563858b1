//! The verbs, one a file: each has its `Args`, and a `run` that does it and returns the exit code.

pub(crate) mod check;
pub(crate) mod completion;
pub(crate) mod config_check;
pub(crate) mod config_schema;
pub(crate) mod crds;
pub(crate) mod man;
pub(crate) mod version;
