//! Intake: from a declared object to what each of its destinations should have. Pure: an object that fails yields
//! findings and stops nothing else.
//!
//! The steps, in order: [`convert`], [`match_routes`] (selection and permissions), [`check`], what a route adds to rules
//! ([`Transform`]), and [`split`].

mod check;
mod convert;
mod matching;
mod names;
mod split;
pub(crate) mod template;
pub(crate) mod text;
mod transform;

pub(crate) use check::{Sound, check, check_name};
pub(crate) use convert::convert;
pub(crate) use matching::{RefusedTenant, RouteMatch, Routed, match_routes};
pub(crate) use split::split;
pub use text::is_hidden;
pub(crate) use transform::Transform;
