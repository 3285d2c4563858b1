//! Intake: from a declared object to what each of its targets should have. Pure: an object that fails yields findings
//! and stops nothing else.
//!
//! The stations, in order: [`convert`], [`select`](Selector), [`place`] (routes and permissions), [`split`], [`check`],
//! and what a route does to rules on the way ([`Treatment`]).

mod check;
mod convert;
mod names;
mod origin;
mod permission;
mod route;
mod select;
mod split;
pub(crate) mod template;
pub(crate) mod text;
mod treat;
mod value;

pub use check::{Sound, check, check_name};
pub use convert::{Conversion, SOURCE_TENANTS_ANNOTATION, convert};
pub use origin::{Facts, NamespaceFacts, Origin};
pub use permission::Permission;
pub use route::{Placed, Placement, RefusedTenant, Route, Tenancy, TenantPattern, TenantPatternError, place};
pub use select::{Operator, Requirement, Selector, SelectorError};
pub use split::split;
pub use text::is_hidden;
pub use treat::{ExternalLabel, QueryMatcher, Treatment};
pub use value::{Value, ValueSource};
