//! What is on the stack of the parser: constructs that are not complete.

use crate::logql::ast::{Grouping, Matching, NodeId, Param};
use crate::logql::operator::VectorOp;
use crate::promql::{BinaryOp, Precedence};
use crate::span::Span;

/// An incomplete construct.
pub(super) enum Frame {
    /// A binary operation without its right operand.
    Binary { lhs: NodeId, operation: Operation },
    /// An open parenthesis.
    Paren { start: usize },
    /// An aggregation whose operand is being parsed.
    Vector(Aggregation),
    /// A `label_replace` whose operand is being parsed.
    LabelReplace { start: usize },
    /// The list of `variants`.
    Variants { start: usize, exprs: Vec<NodeId> },
}

/// An aggregation without its operand.
pub(super) struct Aggregation {
    pub(super) op: VectorOp,
    pub(super) op_span: Span,
    pub(super) param: Option<Param>,
    pub(super) grouping: Option<Grouping>,
}

/// A binary operation without its operands.
pub(super) struct Operation {
    pub(super) op: BinaryOp,
    pub(super) op_span: Span,
    pub(super) matching: Matching,
}

impl Operation {
    pub(super) fn precedence(&self) -> Precedence {
        self.op.precedence()
    }
}
