//! The verbs, one a file: each has its `Args`, and a `run` that does it and returns the exit code.

pub(crate) mod adopt;
pub(crate) mod check;
pub(crate) mod completion;
pub(crate) mod config_check;
pub(crate) mod config_schema;
pub(crate) mod crds;
pub(crate) mod delete;
pub(crate) mod delete_namespace;
mod direct_args;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod fleet;
pub(crate) mod get;
pub(crate) mod import_alloy;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod print;
pub(crate) mod purge;
mod run_args;
pub(crate) mod sync;
pub(crate) mod test;
pub(crate) mod version;
