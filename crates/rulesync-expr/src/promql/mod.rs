//! A PromQL parser compatible with Prometheus 3.14. `lex` splits the input into `token`s, `parse` builds the syntax
//! tree (`ast`), `check` checks types, and `ruler` finds expressions that Prometheus accepts but can never evaluate.
//!
//! Anything that depends on data or time is not checked.

mod ast;
mod check;
mod constant;
mod feature;
mod functions;
mod lex;
mod literal;
mod operator;
mod options;
mod parse;
mod ruler;
mod same;
#[cfg(test)]
mod tests;
mod token;
mod value_type;

pub(crate) use ast::METRIC_NAME;
pub use ast::{
    Aggregate, At, Binary, Call, Duration, Expr, ExprKind, GroupSide, Grouping, LabelList, Matcher, Matching,
    MatchingLabels, Modifiers, Name, Node, NodeId, NumberLiteral, Subquery, VectorSelector,
};
pub use constant::constant_labels;
pub use feature::Feature;
pub use functions::{Arity, Availability, Function};
pub(crate) use operator::Precedence;
pub use operator::{Aggregator, BinaryOp, MatchOp};
pub use options::Options;
pub use parse::parse;
pub use ruler::ruler_check;
pub use same::means_the_same;
pub use value_type::ValueType;
