//! Why matchers cannot be enforced in an expression.

use crate::error::ParseError;
use crate::span::Position;

/// The reason why matchers cannot be enforced in an expression. The rule must not be used without them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnforceError {
    /// The expression cannot be parsed, so its selectors are unknown.
    Unparsed(ParseError),
    /// A selector lacks a required matcher.
    Missing {
        /// The matcher as written in an expression.
        matcher: String,
        /// The position of the selector.
        position: Position,
    },
    /// A selector would only have matchers that match the empty string, which no ruler accepts: the author's matchers on
    /// the label, which this one replaces, were the only ones that select anything.
    MatchesEmpty {
        /// The matcher as written in an expression.
        matcher: String,
        /// The position of the selector.
        position: Position,
    },
    /// A function reads series that no selector specifies, as `info` does.
    Unnamed {
        /// The function.
        function: &'static str,
        /// The position of the call.
        position: Position,
    },
    /// The result failed verification, which would be a bug in this crate.
    Unproven,
}

impl EnforceError {
    /// The position in the expression, if known.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::Unparsed(error) => Some(error.position()),
            Self::Missing { position, .. }
            | Self::MatchesEmpty { position, .. }
            | Self::Unnamed { position, .. } => Some(*position),
            Self::Unproven => None,
        }
    }
}

impl std::fmt::Display for EnforceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unparsed(error) => {
                write!(
                    f,
                    "matchers cannot be added to an expression that cannot be parsed: {}",
                    error.message()
                )
            }
            Self::Missing { matcher, .. } => write!(f, "a selector lacks the matcher {matcher}"),
            Self::MatchesEmpty { matcher, .. } => write!(
                f,
                "a selector has no other matcher that selects anything beside those that {matcher} replaces, and rulers \
                 reject a selector of everything: name a metric, or add a matcher on another label"
            ),
            Self::Unnamed { function, .. } => {
                write!(f, "{function}() reads series that no selector specifies, so no matcher can be added")
            }
            Self::Unproven => f.write_str("the expression with the added matchers failed verification"),
        }
    }
}

impl std::error::Error for EnforceError {}
