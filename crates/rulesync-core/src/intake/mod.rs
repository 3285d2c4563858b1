//! Intake: from a declared object to what each of its destinations should have. Pure: an object that fails yields
//! findings and stops nothing else.
//!
//! The stations, in order: [`convert`], [`select`](Selector), [`match_routes`] (routes and permissions), [`split`],
//! [`check`], and what a route does to rules on the way ([`Transform`]).

mod check;
mod convert;
mod names;
mod permission;
mod route;
mod routing_input;
mod select;
mod split;
pub(crate) mod template;
pub(crate) mod text;
mod transform;
mod value;

pub use check::{Sound, check, check_name};
pub use convert::{Conversion, SOURCE_TENANTS_ANNOTATION, convert};
pub use permission::Permission;
pub use route::{
    RefusedTenant, Route, RouteMatch, Routed, Tenancy, TenantPattern, TenantPatternError, match_routes,
};
pub use routing_input::{NamespaceMetadata, RoutingInput, ValueSource};
pub use select::{Operator, Requirement, Selector, SelectorError};
pub use split::split;
pub use text::is_hidden;
pub use transform::{ExternalLabel, QueryMatcher, Transform};
pub use value::{Value, ValueFrom};
