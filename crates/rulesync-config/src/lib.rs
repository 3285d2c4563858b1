//! The configuration file: one YAML file to the parts of an engine, with secrets from files and the environment, and
//! kept in force while it changes.
//!
//! [`Config`] is the file's shape, [`Wiring`] makes the parts, [`Configuration`] keeps a file in force. Every key and
//! its meaning is documented on [`Config`] and the types below it.
//!
//! ```
//! # use std::collections::HashMap;
//! let text = "owner: prod-eu\nsources: [{type: files, path: rules/}]\nrulers: [{name: central, type: mimirr}]\nroutes: []";
//! let error = rulesync_config::Config::parse(text, "rulesync.yaml", HashMap::new()).unwrap_err();
//! assert!(error.to_string().ends_with("(did you mean `mimir`?)"), "{error}");
//! ```

mod environment;
mod file;
mod reload;
mod wiring;

pub use file::{Config, FileError, MetricsConfig, RouteConfig, RulerConfig, RulerKind, SourceConfig};
pub use reload::{ConfigError, Configuration};
pub use wiring::{Wiring, WiringError};
