//! The values of the labels and matchers that a route adds: set in the configuration, or read from an object or its
//! Kubernetes namespace, within limits.

use std::fmt;

use super::input::{RoutingInput, ValueSource};
use super::permission::Permission;
use crate::intake::text::{TextFault, taken_fault};

/// The value of a label or matcher that a route adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// This text, for all objects. It may contain templates, since it comes from the configuration.
    Constant(String),
    /// A text that is read for each object.
    From(ValueFrom),
}

/// The source of a value, and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueFrom {
    /// The source.
    pub origin: ValueSource,
    /// The value for objects without one. An empty value counts as none.
    pub default: Option<String>,
    /// Permissions to choose values; empty: everyone may choose any.
    pub allow: Vec<Permission>,
}

impl From<ValueSource> for Value {
    fn from(origin: ValueSource) -> Self {
        Self::From(ValueFrom { origin, default: None, allow: Vec::new() })
    }
}

impl Value {
    /// Returns the source, if it is read for each object.
    pub fn source(&self) -> Option<&ValueFrom> {
        match self {
            Self::Constant(_) => None,
            Self::From(source) => Some(source),
        }
    }

    /// Returns the text from the configuration: the constant or the default.
    pub(crate) fn configured(&self) -> Option<&str> {
        match self {
            Self::Constant(text) => Some(text),
            Self::From(source) => source.default.as_deref(),
        }
    }

    /// Returns the value for one object.
    pub(crate) fn resolve<'a>(&'a self, input: &RoutingInput<'a>) -> Result<&'a str, ValueFault<'a>> {
        let source = match self {
            Self::Constant(text) => return Ok(text),
            Self::From(source) => source,
        };
        let Some(value) = source.origin.value(input).filter(|value| !value.is_empty()) else {
            return source.default.as_deref().ok_or(ValueFault::Missing(&source.origin));
        };
        if let Some(fault) = taken_fault(value) {
            return Err(ValueFault::Text(&source.origin, value, fault));
        }
        if !source.allow.is_empty() && !source.allow.iter().any(|permission| permission.covers(input, value))
        {
            return Err(ValueFault::NotAllowed(&source.origin, value));
        }
        Ok(value)
    }
}

/// The reason why an object gets no value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ValueFault<'a> {
    /// It has none, and there is no default.
    Missing(&'a ValueSource),
    /// Its value is not a name.
    Text(&'a ValueSource, &'a str, TextFault),
    /// Its Kubernetes namespace may not choose this value.
    NotAllowed(&'a ValueSource, &'a str),
}

impl ValueFault<'_> {
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Missing(_) => "set it, or let whoever runs rulesync give the route a `default`",
            Self::Text(_, _, fault) => fault.hint,
            Self::NotAllowed(..) => {
                "whoever runs rulesync can add it to the `allow` of that label or matcher"
            }
        }
    }
}

impl fmt::Display for ValueFault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(origin) => write!(f, "{origin} is missing"),
            Self::Text(origin, value, fault) => {
                write!(f, "{origin} is {}, which {}", shown(value), fault.problem)
            }
            Self::NotAllowed(origin, value) => {
                write!(f, "{origin} is {}, which is not allowed there", shown(value))
            }
        }
    }
}

/// Returns the beginning of a value, quoted: an annotation may be long.
pub(crate) fn shown(value: &str) -> String {
    const MAX_CHARACTERS: usize = 64;
    match value.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{:?}…", &value[..end]),
        None => format!("{value:?}"),
    }
}
