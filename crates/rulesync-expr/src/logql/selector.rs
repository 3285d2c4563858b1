//! Which log streams a query reads.

use crate::promql::MatchOp;
use crate::span::Span;

/// A selector of log streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The byte range from `{` to `}`, both included.
    pub span: Span,
    /// The matchers between the braces, in source order.
    pub matchers: Vec<Matcher>,
}

/// A stream label matcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// The byte range from the label to the end of the value, quotes included.
    pub span: Span,
    /// The label.
    pub label: String,
    /// The matching operator.
    pub op: MatchOp,
    /// The value or pattern, without quotes or escapes.
    pub value: String,
    /// The byte range of the value, quotes included.
    pub value_span: Span,
}
