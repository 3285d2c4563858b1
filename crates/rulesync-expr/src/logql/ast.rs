//! The syntax tree. `parse` builds it, `check` checks it.
//!
//! All nodes of an expression are in one list, children before parents, and refer to each other by index.
//! A tree of any depth is therefore cloned, compared and dropped without recursion; visiting every node is a loop.

use super::operator::{RangeOp, VectorOp};
use super::pipeline::Stage;
use super::selector::Selector;
use crate::promql::BinaryOp;
use crate::span::Span;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    nodes: Vec<Node>,
    root: NodeId,
}

/// The index of a node in its [`Expr`]; not valid for another expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) usize);

/// One node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The byte range in the input.
    pub span: Span,
    /// The form of the expression and its parts.
    pub kind: ExprKind,
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExprKind {
    /// `{job="nginx"} |= "error"`: log lines, not numbers.
    Log(Box<LogQuery>),
    /// `rate({job="nginx"} [5m])`: numbers computed from log lines.
    Range(Box<RangeAggregate>),
    /// `sum by (job) (expr)`.
    Vector(Box<VectorAggregate>),
    /// `lhs op rhs`.
    Binary(Box<Binary>),
    /// `label_replace(expr, "to", "$1", "from", "(.*)")`.
    LabelReplace(Box<LabelReplace>),
    /// A number literal, including its sign.
    Number(f64),
    /// `vector(1)`.
    Constant(f64),
    /// `(expr)`.
    Paren(NodeId),
    /// `variants(expr, ...) of ({job="nginx"} [5m])`: several values computed from the same lines.
    Variants(Box<Variants>),
}

/// A log query: a stream selector and a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct LogQuery {
    /// The stream selector.
    pub selector: Selector,
    /// The pipeline stages in source order.
    pub stages: Vec<Stage>,
}

/// A log query over a time range.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRange {
    /// The log query.
    pub query: LogQuery,
    /// The length of the range, in seconds.
    pub seconds: f64,
    /// The byte range from `[` to `]`, which may be before or after the stages.
    pub brackets: Span,
    /// The offset into the past, in seconds; negative is in the future.
    pub offset: Option<f64>,
}

/// The parts of a range aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAggregate {
    /// The aggregation operator.
    pub op: RangeOp,
    /// The byte range of the operator.
    pub op_span: Span,
    /// The parameter as written: the `0.99` of `quantile_over_time(0.99, ...)`.
    pub param: Option<Param>,
    /// The aggregated range.
    pub range: LogRange,
    /// The `by` or `without` clause.
    pub grouping: Option<Grouping>,
}

/// The parts of a vector aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorAggregate {
    /// The aggregation operator.
    pub op: VectorOp,
    /// The byte range of the operator.
    pub op_span: Span,
    /// The parameter as written: the `5` of `topk(5, expr)`.
    pub param: Option<Param>,
    /// The aggregated expression.
    pub expr: NodeId,
    /// The `by` or `without` clause.
    pub grouping: Option<Grouping>,
}

/// The parameter of an aggregation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// The number as written.
    pub text: String,
    /// The byte range in the input.
    pub span: Span,
}

/// `by (...)` or `without (...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// `true` for `without`.
    pub without: bool,
    /// The byte range from the keyword to the closing parenthesis.
    pub span: Span,
    /// The labels in source order.
    pub labels: Vec<String>,
}

/// The parts of a binary operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// The byte range of the operator.
    pub op_span: Span,
    /// Left operand.
    pub lhs: NodeId,
    /// Right operand.
    pub rhs: NodeId,
    /// The vector matching and other modifiers.
    pub matching: Matching,
}

/// The modifiers between a binary operator and its right operand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matching {
    /// `bool`: a comparison returns 0 or 1 instead of filtering.
    pub returns_bool: bool,
    /// `on (...)` or `ignoring (...)`.
    pub labels: Option<MatchingLabels>,
    /// `group_left` or `group_right`.
    pub group: Option<GroupSide>,
}

/// The labels by which the series of both sides are matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchingLabels {
    /// `true` for `on` (match by these labels), `false` for `ignoring` (match by all others).
    pub on: bool,
    /// The labels in source order.
    pub labels: Vec<String>,
}

/// The side that may have several series per series of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSide {
    /// `true` for `group_left`.
    pub left: bool,
    /// Labels copied from the other side.
    pub include: Vec<String>,
}

/// The parts of `label_replace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelReplace {
    /// The expression whose labels are changed.
    pub expr: NodeId,
    /// The destination label.
    pub to: String,
    /// The replacement.
    pub replacement: String,
    /// The source label.
    pub from: String,
    /// The regular expression that the source label must match.
    pub regex: String,
    /// The byte range of the regular expression, quotes included.
    pub regex_span: Span,
}

/// The parts of `variants`.
#[derive(Debug, Clone, PartialEq)]
pub struct Variants {
    /// The computed expressions.
    pub exprs: Vec<NodeId>,
    /// The log range they are computed from.
    pub of: LogRange,
}

impl Expr {
    pub(super) fn new(nodes: Vec<Node>, root: NodeId) -> Self {
        Self { nodes, root }
    }

    /// The root node. The tree is never empty.
    #[must_use]
    pub fn root(&self) -> &Node {
        self.node(self.root)
    }

    /// The byte range of the whole expression, without surrounding white space and comments.
    #[must_use]
    pub fn span(&self) -> Span {
        self.root().span
    }

    /// The kind of the root node.
    #[must_use]
    pub fn kind(&self) -> &ExprKind {
        &self.root().kind
    }

    /// Returns `true` if the expression evaluates to numbers, not to log lines as `{job="nginx"} |= "error"` does.
    #[must_use]
    pub fn is_metric(&self) -> bool {
        !self.is_log(self.root)
    }

    /// Returns `true` if a node, ignoring parentheses, evaluates to log lines.
    pub(super) fn is_log(&self, id: NodeId) -> bool {
        matches!(self.within_parens(id).kind, ExprKind::Log(_))
    }

    /// The node inside any parentheses.
    pub(super) fn within_parens(&self, id: NodeId) -> &Node {
        let mut node = self.node(id);
        while let ExprKind::Paren(inner) = node.kind {
            node = self.node(inner);
        }
        node
    }

    /// The node with the given ID.
    ///
    /// # Panics
    ///
    /// Panics if `id` belongs to another, larger expression.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// All nodes, children before parents and left before right.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = &Node> + ExactSizeIterator {
        self.nodes.iter()
    }

    /// All log queries, including those within aggregations, in source order.
    pub fn queries(&self) -> impl Iterator<Item = &LogQuery> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            ExprKind::Log(query) => Some(&**query),
            ExprKind::Range(aggregate) => Some(&aggregate.range.query),
            ExprKind::Variants(variants) => Some(&variants.of.query),
            _ => None,
        })
    }

    /// All stream selectors in source order. Nothing else in an expression selects data.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.queries().map(|query| &query.selector)
    }
}
