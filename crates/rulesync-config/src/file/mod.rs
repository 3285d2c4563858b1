//! The configuration file: its keys, their types and defaults. The comments of these types are the configuration
//! reference; `docs/configuration.md` and `deploy/config.schema.json` are generated from them.

mod absent;
mod duration;
mod http;
mod naming;
mod policy;
mod process;
mod root;
mod route;
mod ruler;
mod selector;
mod source;
mod status;
mod value;
mod value_source;

pub(crate) use absent::nullable;
pub(crate) use naming::{NamingFile, NamingType};
pub(crate) use policy::Switch;
pub(crate) use process::{InventoryFile, InventoryType, LeaderElectionFile};
pub(crate) use root::{File, RENAMED};
pub(crate) use route::{AllowFile, FromFile, Kind, RouteFile, TenantFile};
pub(crate) use ruler::{RulerFile, RulerType, VariantName};
pub(crate) use selector::SelectorFile;
pub(crate) use source::{SourceFile, SourceType};
pub(crate) use status::MAX_WRITES_PER_SECOND;
#[cfg(feature = "kubernetes")]
pub(crate) use status::{StatusAnnotate, StatusEvents, StatusObjects, StatusReports};
pub(crate) use value::{
    AllowValuesFile, ExternalLabelFile, LabelMode, MatchOpName, MatcherMode, QueryMatcherFile,
};
pub(crate) use value_source::ValueSourceName;
