//! PromQL as Prometheus 3.14 reads it. The tour: `lex` cuts the text into `token`s, `parse` builds the tree
//! of `ast` from them, `check` judges whether its parts fit together, `ruler` finds what Prometheus accepts and can
//! never evaluate.
//!
//! What is not checked: anything that depends on data or on time.

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

/// Which of the language's variants to read. The default is everything that some ruler accepts, because a
/// local verdict should rather be too mild than too strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What Prometheus hides behind feature flags: experimental functions and aggregations, arithmetic on
    /// durations, `anchored` and `smoothed`, `fill` modifiers.
    pub experimental: bool,
    /// Functions that Prometheus 3 dropped and older rulers, as Cortex, still know: `holt_winters`.
    pub legacy_functions: bool,
    /// Names in quotes, which may hold any character: `{"my.metric", "my.label"="x"}`.
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
/// The first error Prometheus would report. Types are judged only where the syntax is right.
pub fn parse(input: &str, options: &Options) -> Result<Expr, ParseError> {
    let expr = parse::Parser::new(input, *options).parse()?;
    check::check(input, &expr)?;
    Ok(expr)
}
