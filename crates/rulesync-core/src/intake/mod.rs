//! Intake: from a declared object to the groups of each of its destinations. Pure: an object that fails yields findings
//! and affects no other.
//!
//! Two steps. [`Accepted::of`] converts a declaration once, when it has changed. [`compile`] routes the accepted
//! declaration, transforms, checks, splits and encodes it for each destination, whenever the declaration, its
//! Kubernetes namespace or the routes have changed.

mod accepted;
mod check;
mod compile;
mod convert;
mod explain;
mod matching;
mod names;
mod routing_table;
mod split;
pub(crate) mod template;
mod tenancy;
pub(crate) mod text;
mod transform;

pub(crate) use accepted::{Accepted, Declaration};
pub(crate) use compile::{Compiled, Offer, Subject, compile, findings_about};
pub(crate) use convert::FaultyGroup;
pub(crate) use matching::RouteMatch;
pub(crate) use routing_table::RoutingTable;
pub use text::is_hidden;
pub(crate) use transform::Transform;
