//! In-process servers on loopback ports for tests: rulers that answer as Mimir, Cortex and Loki do, and a Kubernetes
//! API server. With them comes whatever else several crates' tests need; none of it is in the daemon.
//!
//! They are real HTTP servers: a client under test only needs their address. Every server has a [`Journal`] of the
//! requests it received, so that a test can assert their number and content, and [`Faults`], which break the server
//! while it runs. The answers follow recordings of real servers; what those do behind their API is not simulated.

mod fault;
mod journal;
mod kube;
mod listen;
pub mod mutate;
pub mod needs;
mod pace;
pub mod ports;
pub mod recording;
mod ruler;
pub mod transcript;
pub mod wire;

pub use fault::{Fault, FaultId, Faults};
pub use journal::{Detail, Journal, Recorded};
pub use kube::{Access, Grant, Grants, KubeFaults, KubeServer, KubeServerBuilder, Kubectl, Refused};
pub use ruler::{RulerServer, RulerServerBuilder};
pub use rulesync_ruler_server::{
    EmptyList, Field, Kind, Limits, Millis, MissingDelete, NameScheme, PutError, RulerBuilder, Rules,
    StoredGroup, StoredRule,
};
