//! The syntax tree. Not for building or judging it: that is `parse` and `check`.
//!
//! All nodes of an expression lie in one list, children before parents, and refer to each other by number.
//! So a tree of any depth is copied, compared and dropped without recursion, and "every node" is a plain loop.

use super::operator::{RangeOp, VectorOp};
use super::pipeline::Stage;
use crate::promql::{BinaryOp, MatchOp};
use crate::span::Span;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    nodes: Vec<Node>,
    root: NodeId,
}

/// Names a node of the [`Expr`] it came from; meaningless for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) usize);

/// One node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The bytes it was written with.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExprKind {
    /// `{job="nginx"} |= "error"`: lines, not numbers.
    Log(Box<LogQuery>),
    /// `rate({job="nginx"} [5m])`: a number out of lines.
    Range(Box<RangeAggregate>),
    /// `sum by (job) (expr)`.
    Vector(Box<VectorAggregate>),
    /// `lhs op rhs`.
    Binary(Box<Binary>),
    /// `label_replace(expr, "to", "$1", "from", "(.*)")`.
    LabelReplace(Box<LabelReplace>),
    /// A number with its sign.
    Number(f64),
    /// `vector(1)`.
    Constant(f64),
    /// `(expr)`.
    Paren(NodeId),
    /// `variants(expr, ...) of ({job="nginx"} [5m])`: several numbers out of the same lines.
    Variants(Box<Variants>),
}

/// A choice of log streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// From `{` to `}`, both included.
    pub span: Span,
    /// What stands between the braces, in order.
    pub matchers: Vec<Matcher>,
}

/// One condition on a label of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// From the label to the end of the value, quotes included.
    pub span: Span,
    /// The label.
    pub label: String,
    /// How the label is compared.
    pub op: MatchOp,
    /// What it is compared with, without quotes or escapes.
    pub value: String,
    /// The bytes of the value, quotes included.
    pub value_span: Span,
}

/// Streams, and what is done to their lines.
#[derive(Debug, Clone, PartialEq)]
pub struct LogQuery {
    /// Which streams.
    pub selector: Selector,
    /// What is done to each line, in order.
    pub stages: Vec<Stage>,
}

/// The lines of a length of time.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRange {
    /// Which lines.
    pub query: LogQuery,
    /// Over how long, in seconds.
    pub seconds: f64,
    /// From `[` to `]`. It may stand before the stages or behind them.
    pub brackets: Span,
    /// How long ago, in seconds; negative is in the future.
    pub offset: Option<f64>,
}

/// The parts of an aggregation of lines.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAggregate {
    /// How lines become a sample.
    pub op: RangeOp,
    /// Where its name stands.
    pub op_span: Span,
    /// The `0.99` of `quantile_over_time(0.99, ...)`, as written.
    pub param: Option<Param>,
    /// What is aggregated.
    pub range: LogRange,
    /// Which lines belong together.
    pub grouping: Option<Grouping>,
}

/// The parts of an aggregation of series.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorAggregate {
    /// How series become one.
    pub op: VectorOp,
    /// Where its name stands.
    pub op_span: Span,
    /// The `5` of `topk(5, expr)`, as written.
    pub param: Option<Param>,
    /// What is aggregated.
    pub expr: NodeId,
    /// Which series belong together.
    pub grouping: Option<Grouping>,
}

/// A number that belongs to an aggregation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// The number as written.
    pub text: String,
    /// The bytes of it.
    pub span: Span,
}

/// `by (...)` or `without (...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// Whether the labels are those left out.
    pub without: bool,
    /// From the keyword to the closing parenthesis.
    pub span: Span,
    /// The labels in order.
    pub labels: Vec<String>,
}

/// The parts of a binary operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// What is done.
    pub op: BinaryOp,
    /// Where the operator stands.
    pub op_span: Span,
    /// Left operand.
    pub lhs: NodeId,
    /// Right operand.
    pub rhs: NodeId,
    /// Which series meet which.
    pub matching: Matching,
}

/// What stands between a binary operator and its right operand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matching {
    /// `bool`: a comparison answers 0 or 1 instead of filtering.
    pub returns_bool: bool,
    /// `on (...)` or `ignoring (...)`.
    pub labels: Option<MatchingLabels>,
    /// `group_left` or `group_right`.
    pub group: Option<GroupSide>,
}

/// The labels by which series of both sides are matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchingLabels {
    /// Whether these labels are compared, instead of all others.
    pub on: bool,
    /// The labels in order.
    pub labels: Vec<String>,
}

/// Which side may have many series for one of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSide {
    /// Whether it is the left side.
    pub left: bool,
    /// Labels taken over from the other side.
    pub include: Vec<String>,
}

/// The parts of `label_replace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelReplace {
    /// Whose labels are changed.
    pub expr: NodeId,
    /// The label written.
    pub to: String,
    /// What it becomes.
    pub replacement: String,
    /// The label read.
    pub from: String,
    /// The regular expression it must match.
    pub regex: String,
    /// The bytes of the regular expression, quotes included.
    pub regex_span: Span,
}

/// The parts of `variants`.
#[derive(Debug, Clone, PartialEq)]
pub struct Variants {
    /// The numbers asked for.
    pub exprs: Vec<NodeId>,
    /// The lines they are taken from.
    pub of: LogRange,
}

impl Expr {
    pub(super) fn new(nodes: Vec<Node>, root: NodeId) -> Self {
        Self { nodes, root }
    }

    /// The whole expression. The tree is never empty.
    #[must_use]
    pub fn root(&self) -> &Node {
        self.node(self.root)
    }

    /// The bytes of the whole expression, without blanks and comments around it.
    #[must_use]
    pub fn span(&self) -> Span {
        self.root().span
    }

    /// What the whole expression is.
    #[must_use]
    pub fn kind(&self) -> &ExprKind {
        &self.root().kind
    }

    /// Whether it has a number for an answer. Lines, as in `{job="nginx"} |= "error"`, are none.
    #[must_use]
    pub fn is_metric(&self) -> bool {
        !self.is_log(self.root)
    }

    /// Whether a node, parentheses aside, answers with lines.
    pub(super) fn is_log(&self, id: NodeId) -> bool {
        matches!(self.within_parens(id).kind, ExprKind::Log(_))
    }

    /// The first node that is no parenthesis.
    pub(super) fn within_parens(&self, id: NodeId) -> &Node {
        let mut node = self.node(id);
        while let ExprKind::Paren(inner) = node.kind {
            node = self.node(inner);
        }
        node
    }

    /// The node of that number.
    ///
    /// # Panics
    ///
    /// If `id` is of another, larger expression.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Every node, children before parents and left before right.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = &Node> + ExactSizeIterator {
        self.nodes.iter()
    }

    /// Every log query, alone or within an aggregation, in the order written.
    pub fn queries(&self) -> impl Iterator<Item = &LogQuery> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            ExprKind::Log(query) => Some(&**query),
            ExprKind::Range(aggregate) => Some(&aggregate.range.query),
            ExprKind::Variants(variants) => Some(&variants.of.query),
            _ => None,
        })
    }

    /// Every selector of streams in the order written. Nothing else in an expression chooses what is read.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.queries().map(|query| &query.selector)
    }
}
