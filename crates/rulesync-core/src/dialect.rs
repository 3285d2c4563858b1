//! The language of a ruler's expressions, as far as the engine must know it.

use std::fmt;

use crate::finding::Finding;

/// A query language. It advises: the ruler is the judge of every expression.
pub trait Dialect: fmt::Debug + Send + Sync + 'static {
    /// The language's name, such as `promql`.
    fn name(&self) -> &'static str;

    /// What seems wrong with an expression: warnings with a position, for the author.
    fn check(&self, expr: &str) -> Vec<Finding>;
}

/// PromQL as Prometheus 3 and the rulers built on it understand it, experimental syntax included.
#[derive(Debug, Clone, Copy, Default)]
pub struct PromQl;

impl Dialect for PromQl {
    fn name(&self) -> &'static str {
        "promql"
    }

    fn check(&self, _expr: &str) -> Vec<Finding> {
        Vec::new()
    }
}
