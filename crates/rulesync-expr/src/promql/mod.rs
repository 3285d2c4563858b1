//! A PromQL parser compatible with Prometheus 3.14. `lex` splits the input into `token`s, `parse` builds the syntax
//! tree (`ast`), `check` checks types, and `ruler` finds expressions that Prometheus accepts but can never evaluate.
//!
//! Anything that depends on data or time is not checked.

mod ast;
mod check;
mod feature;
mod functions;
mod lex;
mod literal;
mod operator;
mod parse;
mod ruler;
mod same;
#[cfg(test)]
mod tests;
mod token;

use crate::error::ParseError;

pub(crate) use ast::METRIC_NAME;
pub use ast::{
    Aggregate, At, Binary, Call, Duration, Expr, ExprKind, GroupSide, Grouping, LabelList, Matcher, Matching,
    MatchingLabels, Modifiers, Name, Node, NodeId, NumberLiteral, Subquery, ValueType, VectorSelector,
};
pub use feature::Feature;
pub use functions::{Arity, Availability, Function};
pub(crate) use operator::Precedence;
pub use operator::{Aggregator, BinaryOp, MatchOp};
pub use ruler::ruler_check;
pub use same::means_the_same;

/// The language variant to parse. The default enables everything that some ruler accepts, because a local check
/// should rather be too lenient than too strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Enables features that need a flag in Prometheus: experimental functions and aggregations, arithmetic on
    /// durations, `anchored` and `smoothed`, `fill` modifiers.
    pub experimental: bool,
    /// Enables functions that Prometheus 3 removed and older rulers such as Cortex still support: `holt_winters`.
    pub legacy_functions: bool,
    /// Enables quoted names, which may contain any character: `{"my.metric", "my.label"="x"}`.
    pub utf8_names: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { experimental: true, legacy_functions: true, utf8_names: true }
    }
}

/// Parses an expression and checks its types.
///
/// ```
/// use rulesync_expr::promql::{self, Options, ValueType};
///
/// let expr = promql::parse("up == 0 # everything that is down", &Options::default())?;
/// assert_eq!(expr.value_type(), ValueType::InstantVector);
/// assert_eq!(expr.span().text("up == 0 # everything that is down"), "up == 0");
/// # Ok::<(), rulesync_expr::ParseError>(())
/// ```
///
/// # Errors
///
/// Returns the first error that Prometheus would report. Types are checked only if the syntax is valid.
pub fn parse(input: &str, options: &Options) -> Result<Expr, ParseError> {
    let expr = parse::Parser::new(input, *options).parse()?;
    check::check(input, &expr)?;
    Ok(expr)
}
