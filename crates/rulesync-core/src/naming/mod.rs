//! The names of ruler namespaces: the only place that decides who owns one.

mod alloy;
mod classifier;
mod form;
mod input;
mod named;
mod namespace_policy;
mod owner;
mod pattern;
mod scheme;

pub(crate) use classifier::NamespaceClassifier;

pub use alloy::{AlloyNaming, AlloyNamingError};
pub use form::FILE_NAMESPACE;
pub use input::NamingInput;
pub use named::Named;
pub use namespace_policy::{NamespaceClass, NamespacePolicy};
pub use owner::{Owner, OwnerError};
pub use pattern::Pattern;
pub use scheme::Naming;
