//! What is imported, and how.

use std::collections::BTreeMap;

/// A file.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name in messages. `.alloy` or `.river` at its end says that it is a configuration; `.yaml`, `.yml` or `.json`
    /// that it is a manifest or the values of a Helm chart. Any other file may be either.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// How to import.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The owner, which Alloy's configuration does not have. A constant would let installations delete each other's
    /// rules.
    pub owner: String,
    /// The names of ruler namespaces.
    pub naming: NamingMode,
    /// Whether components without errors are imported if others have some.
    pub bypass_errors: bool,
    /// The environment in which the configuration is used, if it is known: `coalesce` asks it.
    pub environment: Option<BTreeMap<String, String>>,
}

/// How ruler namespaces are named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NamingMode {
    /// As Alloy named them, so that nothing is written anew.
    #[default]
    Keep,
    /// By the owner. What Alloy wrote is replaced.
    Owner,
}
