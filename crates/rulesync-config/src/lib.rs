//! The configuration of rulesync: one YAML file to an engine that is ready to run.
//!
//! [`Config`] is the file as parsed, with `${NAME}` taken from the environment. [`Config::validate`] finds every error
//! that the text has, each with line and column, without I/O; [`ValidConfig::build`] reads files and makes clients; the
//! [`App`] runs until it is told to stop, once, or as a plan, and applies changes of the file.
//!
//! ```no_run
//! # use std::path::Path;
//! use rulesync_config::{Config, Lifetime, Options};
//! use rulesync_core::engine::LogReporter;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config::read(Path::new("rulesync.yaml")).await?.validate()?;
//! let app = config.build(Options::new(Lifetime::Once).reporter(LogReporter)).await?;
//! let summary = app.once(std::future::pending()).await?;
//! println!("{} changes", summary.applied);
//! # Ok(())
//! # }
//! ```
//!
//! All errors are reported at once:
//!
//! ```
//! # use std::{collections::HashMap, path::Path};
//! let text = "owner: Prod\nsources: [{type: files, path: rules/}]\nrulers: [{name: central, type: mimirr}]\nroutes: []";
//! let config = rulesync_config::Config::parse(text, Path::new("rulesync.yaml"), HashMap::new())?;
//! let errors = config.validate().unwrap_err();
//! let lines: Vec<_> = errors.iter().map(|error| (error.line(), error.hint())).collect();
//! assert_eq!(lines[1], (Some(3), Some("did you mean `mimir`?")));
//! assert_eq!(lines.len(), 3);
//! # Ok::<(), rulesync_config::ConfigErrors>(())
//! ```
//!
//! The keys of the file are documented in `docs/configuration.md`, which [`reference`](mod@reference) generates together
//! with a JSON Schema.
//!
//! A file that ends in `.alloy` is a configuration of Grafana Alloy, of which the components that write rules are used;
//! see [`Config::read_with_owner`].
//!
//! The configuration of a web server in the form of Prometheus' exporter-toolkit is in [`web`].
//!
//! # Features
//!
//! `alloy` reads configurations of Grafana Alloy. `kubernetes`, `mimir` (with Cortex), `loki`, `prometheus` (with vmalert), `files` and `embedded` select the kinds of
//! sources and rulers that are compiled in; all are on by default. A configuration that needs another one is refused with
//! the name of the feature. The schema is the same for all builds.

mod alloy;
mod app;
mod assembly;
mod config;
mod error;
mod file;
mod in_force;
mod names;
mod options;
mod profile;
#[cfg(feature = "kubernetes")]
mod publishing;
mod reading;
pub mod reference;
mod reload;
mod settings;
mod validate;
pub mod web;
mod yaml;

pub use alloy::is_alloy;
pub use app::App;
pub use assembly::{Lifetime, OpenRuler};
pub use config::{Config, ValidConfig};
pub use error::{ConfigError, ConfigErrors};
pub use in_force::ConfigInForce;
pub use options::Options;
pub use profile::{RulerProfile, SourceError};
pub use settings::INVENTORY_FILE;
