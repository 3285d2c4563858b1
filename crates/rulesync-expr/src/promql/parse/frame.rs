//! What is on the stack of the parser: constructs that are not complete.

use crate::promql::ast::{Grouping, Matching, NodeId};
use crate::promql::operator::{Aggregator, BinaryOp, Precedence};
use crate::span::Span;

/// An incomplete construct.
pub(super) enum Frame {
    /// A sign without its operand.
    Sign { negative: bool, start: usize },
    /// A binary operation without its right operand.
    Binary { lhs: NodeId, operation: Operation },
    /// An open parenthesis.
    Paren { start: usize },
    /// A call whose arguments are being parsed.
    Call { name: Span, args: Vec<NodeId> },
    /// An aggregation whose arguments are being parsed.
    Aggregate { op: Aggregator, clause: Clause, args: Vec<NodeId> },
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

/// An aggregation without its arguments.
pub(super) struct Clause {
    pub(super) op_span: Span,
    pub(super) grouping: Option<Grouping>,
}
