//! Rulers from a client's view: the configuration API of Mimir, Cortex and Loki, and its effects in their state API.
//!
//! Nothing is evaluated. The differences between the kinds are data (`kind`); all kinds share the same code.

mod answer;
mod api;
mod disk;
mod encode;
mod group;
mod kind;
mod list;
mod names;
mod natural;
mod poison;
mod query;
mod render;
mod report;
mod route;
mod server;
mod span;
mod state;
mod store;
mod tenant;
mod validate;
mod yaml_in;
mod yaml_out;
mod yaml_style;

pub use group::{StoredGroup, StoredRule};
pub use kind::{EmptyList, Field, Kind, Limits, MissingDelete, NameScheme};
pub use server::{PutError, RulerBuilder, RulerServer, Rules};
pub use span::Millis;
