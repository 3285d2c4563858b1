//! A Kubernetes API server for tests, sufficient for kube's watcher, reflector and `Api`.
//!
//! | file | content |
//! |---|---|
//! | `server` | [`KubeServer`]: start, stop, and direct access for tests |
//! | `faults` | [`KubeFaults`]: faults while the server runs |
//! | `api`, `answer`, `route`, `query`, `discovery` | HTTP: requests and answers |
//! | `cluster` | state shared by requests: the locked world, switches, notification of watches |
//! | `watch`, `list` | the two ways to read |
//! | `world`, `write`, `intent`, `metadata`, `patch`, `schema` | writes and their validation |
//! | `apply`, `ownership`, `fields` | server-side apply: configurations, field ownership, sets of fields |
//! | `store` | objects, revisions, events |
//! | `builtin`, `event` | structure and validation of ConfigMaps, Leases and Events |
//! | `resource`, `selector`, `access`, `refused`, `field_error`, `clock` | kinds, selectors, users, errors, timestamps |

mod access;
mod answer;
mod api;
mod apply;
mod builtin;
mod clock;
mod cluster;
mod discovery;
mod event;
mod faults;
mod field_error;
mod fields;
mod intent;
mod list;
mod metadata;
mod ownership;
mod patch;
mod query;
mod refused;
mod resource;
mod route;
mod schema;
mod selector;
mod server;
mod store;
mod watch;
mod world;
mod write;

pub use access::Access;
pub use faults::KubeFaults;
pub use refused::Refused;
pub use server::{KubeServer, KubeServerBuilder};
