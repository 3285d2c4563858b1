//! A Kubernetes API server for tests, sufficient for kube's watcher, reflector and `Api`, and for kubectl.
//!
//! | file | content |
//! |---|---|
//! | `server`, `builder` | [`KubeServer`]: start, stop, and direct access for tests; its options |
//! | `kubectl` | [`Kubectl`]: a real kubectl for transcripts |
//! | `faults` | [`KubeFaults`]: faults while the server runs |
//! | `api`, `answer`, `route`, `request`, `query`, `protobuf` | HTTP: requests and answers |
//! | `cluster` | state shared by requests: the locked world, switches, notification of watches |
//! | `discovery`, `openapi`, `review` | what is served, and who may do what |
//! | `watch`, `list` | the two ways to read |
//! | `table`, `columns`, `age` | objects as rows, as `kubectl get` shows them |
//! | `world`, `write`, `decoding`, `intent`, `metadata`, `patch`, `strategic`, `schema`, `object_validation` | writes and their validation |
//! | `apply`, `ownership`, `fields` | server-side apply: configurations, field ownership, sets of fields |
//! | `store` | objects, revisions, events |
//! | `resource`, `prometheus_rule` | the served kinds; the definition that every server has |
//! | `builtin`, `event`, `pod` | structure and validation of ConfigMaps, Leases and Events; what tables show of Pods |
//! | `selector`, `field_selector`, `json_path` | which objects are meant, where in an object a value is |
//! | `access`, `rbac`, `refused`, `field_error`, `clock`, `stamps` | users, errors, times and identifiers |

mod access;
mod age;
mod answer;
mod api;
mod apply;
mod builder;
mod builtin;
mod clock;
mod cluster;
mod column;
mod columns;
mod decoding;
mod delete_options;
mod deletion;
mod discovery;
mod event;
mod event_validation;
mod faults;
mod field_error;
mod field_selector;
mod fields;
mod intent;
mod invalid;
mod json_error;
mod json_path;
mod kubectl;
mod list;
mod metadata;
mod metadata_validation;
mod object_validation;
mod openapi;
mod ownership;
mod patch;
mod pod;
mod prometheus_rule;
mod protobuf;
mod query;
mod rbac;
mod refused;
mod request;
mod resource;
mod review;
mod review_answer;
mod route;
mod schema;
mod selectable_field;
mod selector;
mod server;
mod stamps;
mod store;
mod strategic;
mod table;
mod typed;
mod watch;
mod world;
mod write;

pub use access::Access;
pub use builder::KubeServerBuilder;
pub use faults::KubeFaults;
pub use kubectl::Kubectl;
pub use rbac::{Grant, Grants};
pub use refused::Refused;
pub use server::KubeServer;
