//! Intake: from a declared object to what each of its targets should have. Pure: an object that fails yields findings
//! and stops nothing else.
//!
//! The stations, in order: [`select`](Selector), [`route`](targets), [`convert`], [`split`], [`check`].

mod check;
mod convert;
mod route;
mod select;
mod split;

pub use check::{Checked, check};
pub use convert::{Conversion, SOURCE_TENANTS_ANNOTATION, convert};
pub use route::{Route, targets};
pub use select::{Operator, Requirement, Selector, SelectorError};
pub use split::split;
