//! A Kubernetes API server for tests: good enough for kube's watcher, reflector and `Api`.
//!
//! | file | station |
//! |---|---|
//! | `server` | [`KubeServer`]: start, stop, and a test's own hand on the cluster |
//! | `faults` | [`KubeFaults`]: what breaks it while it runs |
//! | `api`, `answer`, `route`, `query`, `discovery` | HTTP: requests in, answers out |
//! | `cluster` | what requests share: the world behind a lock, switches, the pulse that wakes watches |
//! | `watch`, `list` | the two ways to read |
//! | `world`, `write`, `metadata`, `patch`, `schema` | the two ways to change things, and what is refused |
//! | `apply`, `ownership`, `fields` | server-side apply: configurations, who owns what, sets of fields |
//! | `store` | objects, revisions, events |
//! | `builtin`, `event` | what ConfigMaps, Leases and Events are made of and what is refused of them |
//! | `resource`, `selector`, `access`, `refused`, `clock` | kinds, selectors, users, errors, stamps |

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
mod fields;
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
