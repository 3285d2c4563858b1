//! Expressions to values, as far as files say them. What is known only where the configuration is used, such as an
//! environment variable or a secret, stays what it is.

mod error;
mod evaluator;
mod format;
mod functions;
mod operators;
mod reference;
mod scope;
mod value;

#[cfg(test)]
mod tests;

pub(crate) use scope::Scope;
pub(crate) use value::{Part, Stored, StoredKind, Text, Value};
