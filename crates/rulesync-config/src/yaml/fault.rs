//! Why a value of a tree cannot be read. A message never shows the value of a scalar of the wrong type: it may be a secret
//! in the wrong place.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::path::Path;

/// Why a value cannot be read.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Where; absent until the value around it is known.
    pub(crate) path: Option<Path>,
    pub(crate) reason: Reason,
}

#[derive(Debug)]
pub(crate) enum Reason {
    /// A required key of the mapping is missing.
    Missing(&'static str),
    /// The key is none of these.
    UnknownKey(&'static [&'static str]),
    /// The value is none of these.
    Unknown(String, &'static [&'static str]),
    /// Anything else, as a message.
    Other(String),
}

impl Fault {
    /// Adds the path, unless a value within is known to be the cause.
    pub(crate) fn at(mut self, path: &Path) -> Self {
        self.path.get_or_insert_with(|| path.clone());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(key) => write!(f, "`{key}` is missing"),
            Self::UnknownKey(_) => f.write_str("unknown key"),
            Self::Unknown(value, _) => write!(f, "unknown value `{value}`"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: None, reason: Reason::Other(message.to_string()) }
    }
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Bool(_) => "a boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
            Unexpected::Str(_) | Unexpected::Char(_) => "a string",
            Unexpected::Seq => "a list",
            Unexpected::Map => "a mapping",
            _ => "no value",
        };
        Self::custom(format_args!("expected {expected}, found {found}"))
    }
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }
    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self { path: None, reason: Reason::Unknown(variant.to_owned(), expected) }
    }
    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self { path: None, reason: Reason::UnknownKey(expected) }
    }
    fn missing_field(field: &'static str) -> Self {
        Self { path: None, reason: Reason::Missing(field) }
    }
}
