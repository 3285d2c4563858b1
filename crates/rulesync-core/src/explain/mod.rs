//! Explanations: why an object is where it is, or is not, and whose a ruler namespace is. Reports, like the status, but of
//! one object or one namespace, and with the reasons.
//!
//! A running engine explains with all that it knows ([`EngineHandle::explain`](crate::engine::EngineHandle::explain)); without
//! one, a [`Checker`](crate::check::Checker) explains what follows from declarations and routes alone. Both read the same
//! requirements that routing goes by.
//!
//! As JSON, it is the answer of the daemon's `/api/v1/explain`, which changes only with its [`VERSION`].

mod destination;
mod filter;
mod namespace;
mod object;
mod reference;
mod route;

pub use crate::object_text::ObjectText;
pub use destination::{DestinationExplanation, ExplainedGroup, HeldGroups, StoredState};
pub use filter::DestinationFilter;
pub use namespace::{NamespaceExplanation, NamingAge, Ownership};
pub use object::{Explained, ObjectExplanation, VERSION};
pub use reference::{ObjectRef, ObjectRefError};
pub use route::{
    ExplainedPermission, ExplainedRequirement, ExplainedTenant, RequirementSubject, RouteExplanation,
    RouteVerdict,
};
