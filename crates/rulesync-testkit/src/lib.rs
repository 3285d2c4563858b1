//! Servers for tests, in the process and on loopback ports: rulers that answer as Mimir, Cortex and Loki do,
//! and a Kubernetes API server.
//!
//! They are real HTTP servers, so a client under test needs no seam: it gets an address. Every server has a
//! [`Journal`] of the requests it saw, so that a test can assert how many there were and what they carried, and
//! [`Faults`], which break it while it runs. What the servers answer follows recordings of the real ones; it is
//! not a simulation of what they do behind their API.

pub mod conformance;
mod fault;
mod journal;
mod kube;
mod listen;
pub mod mutate;
mod ruler;

pub use fault::{Fault, FaultId, Faults};
pub use journal::{Detail, Journal, Recorded};
pub use kube::{Access, KubeFaults, KubeServer, KubeServerBuilder, Refused};
pub use ruler::{
    EmptyList, Field, Kind, Limits, Millis, MissingDelete, NameScheme, PutError, RulerBuilder, RulerServer,
    Rules, StoredGroup, StoredRule,
};
