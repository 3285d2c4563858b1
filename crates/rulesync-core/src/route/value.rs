//! The values of the labels and matchers that a route adds: set in the configuration, or read from an object or its
//! Kubernetes namespace, within limits.

use std::borrow::Cow;
use std::fmt;

use rulesync_expr::{WordListError, regex_of_words};

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
        match self.find(input)? {
            Found::Configured(text) => Ok(text),
            Found::Taken(source, text) => source.permit(text, input),
        }
    }

    /// Returns the value for one object as a regular expression. What is read from the object or its Kubernetes namespace
    /// is a list of words, each of which must be permitted.
    pub(crate) fn resolve_regex<'a>(
        &'a self,
        input: &RoutingInput<'a>,
    ) -> Result<Cow<'a, str>, ValueFault<'a>> {
        match self.find(input)? {
            Found::Configured(text) => Ok(text.into()),
            Found::Taken(source, text) => {
                let regex =
                    regex_of_words(text).map_err(|error| ValueFault::Words(&source.origin, text, error))?;
                text.split('|').try_for_each(|word| source.permit(word, input).map(|_| ()))?;
                Ok(regex.into())
            }
        }
    }

    fn find<'a>(&'a self, input: &RoutingInput<'a>) -> Result<Found<'a>, ValueFault<'a>> {
        let source = match self {
            Self::Constant(text) => return Ok(Found::Configured(text)),
            Self::From(source) => source,
        };
        let Some(text) = source.origin.value(input).filter(|text| !text.is_empty()) else {
            let default = source.default.as_deref().map(Found::Configured);
            return default.ok_or(ValueFault::Missing(&source.origin));
        };
        match taken_fault(text) {
            Some(fault) => Err(ValueFault::Text(&source.origin, text, fault)),
            None => Ok(Found::Taken(source, text)),
        }
    }
}

/// A value, by who chose it.
enum Found<'a> {
    /// The administrator.
    Configured(&'a str),
    /// Whoever wrote the object or its Kubernetes namespace. Not yet permitted.
    Taken(&'a ValueFrom, &'a str),
}

impl ValueFrom {
    fn permit<'a>(&'a self, text: &'a str, input: &RoutingInput<'_>) -> Result<&'a str, ValueFault<'a>> {
        if self.allow.is_empty() || self.allow.iter().any(|permission| permission.covers(input, text)) {
            Ok(text)
        } else {
            Err(ValueFault::NotAllowed(&self.origin, text))
        }
    }
}

/// The reason why an object gets no value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ValueFault<'a> {
    /// It has none, and there is no default.
    Missing(&'a ValueSource),
    /// Its value is not a name.
    Text(&'a ValueSource, &'a str, TextFault),
    /// Its value is not a list of words, where these are to be matched.
    Words(&'a ValueSource, &'a str, WordListError),
    /// Its Kubernetes namespace may not choose this value.
    NotAllowed(&'a ValueSource, &'a str),
}

impl ValueFault<'_> {
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Missing(_) => "set it, or let whoever runs rulesync give the route a `default`",
            Self::Text(_, _, fault) => fault.hint,
            Self::Words(..) => {
                "write the values themselves, with `|` between them: each matches itself alone"
            }
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
            Self::Words(origin, value, error) => write!(f, "{origin} is {}, which {error}", shown(value)),
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
