//! The configuration file: one YAML file to the parts of an engine, with secrets from files and the environment, and
//! kept in force while it changes.
//!
//! [`Config`] is the file's shape, [`Wiring`] makes the parts that can be replaced while an engine runs, [`process`]
//! those that cannot, [`Configuration`] keeps a file in force. Every key and its meaning is documented on [`Config`]
//! and the types below it.
//!
//! ```
//! # use std::collections::HashMap;
//! let text = "owner: prod-eu\nsources: [{type: files, path: rules/}]\nrulers: [{name: central, type: mimirr}]\nroutes: []";
//! let error = rulesync_config::Config::parse(text, "rulesync.yaml", HashMap::new()).unwrap_err();
//! assert!(error.to_string().ends_with("(did you mean `mimir`?)"), "{error}");
//! ```

mod environment;
mod file;
mod process;
mod reading;
mod reload;
mod route;
mod wiring;

pub use file::{
    AdoptConfig, Config, DeleteGuardConfig, FileError, InventoryConfig, LeaderElectionConfig, MetricsConfig,
    NamingConfig, RulerConfig, RulerKind, SourceConfig, Switch,
};
pub use process::{Lifetime, Process, process};
pub use reload::{ConfigError, Configuration};
pub use route::{
    AllowConfig, AllowValuesConfig, ExternalLabelConfig, LabelMode, MatcherMode, ObjectKind, OriginConfig,
    OriginKind, QueryMatcherConfig, RouteConfig, RouteError, SourceTenantsConfig, TenantConfig,
};
pub use rulesync_k8s::LeaseElection;
pub use rulesync_prometheus::Variant;
pub use wiring::{Wired, Wiring, WiringError};
