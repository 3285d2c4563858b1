//! The syntax tree. `parse` builds it, `check` checks it.
//!
//! All nodes of an expression are in one list, children before parents, and refer to each other by index.
//! A tree of any depth is therefore cloned, compared and dropped without recursion; visiting every node is a loop.

use super::feature::{Feature, Use};
use super::functions::Function;
use super::operator::{Aggregator, BinaryOp, MatchOp};
use super::value_type::ValueType;
use crate::span::Span;

/// A parsed expression that has passed the type checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    nodes: Vec<Node>,
    root: NodeId,
    features: Vec<Use>,
}

/// The index of a node in its [`Expr`]; not valid for another expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) usize);

/// One node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The byte range in the input, modifiers included.
    pub span: Span,
    /// The form of the expression and its parts.
    pub kind: ExprKind,
    /// The type of its value.
    pub value_type: ValueType,
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExprKind {
    /// A number, or a duration used as one.
    Number(NumberLiteral),
    /// A string literal, unescaped.
    String(String),
    /// `name{label="value"}`: the last sample of each series.
    VectorSelector(Box<VectorSelector>),
    /// `selector[5m]`: a range of samples of each series.
    MatrixSelector {
        /// The selector before the brackets. Its modifiers include those written after the brackets.
        selector: NodeId,
        /// The range between the brackets.
        range: Duration,
    },
    /// `expr[1h:5m]`: an expression evaluated repeatedly over a range.
    Subquery(Box<Subquery>),
    /// `function(args...)`.
    Call(Call),
    /// `sum by (job) (expr)`.
    Aggregate(Box<Aggregate>),
    /// `lhs op rhs`.
    Binary(Box<Binary>),
    /// `-expr` or `+expr`.
    Unary {
        /// `true` for a minus sign.
        negative: bool,
        /// The expression after the sign.
        operand: NodeId,
    },
    /// `(expr)`.
    Paren(NodeId),
}

/// A number literal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberLiteral {
    /// The value, including a sign directly before it; in seconds if it is a duration.
    pub value: f64,
    /// `true` if it was written as a duration, such as `5m`.
    pub is_duration: bool,
}

/// A duration in brackets or after `offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duration {
    /// The byte range in the input.
    pub span: Span,
    /// Seconds if it is a literal; `None` if it is arithmetic, which the server evaluates.
    pub seconds: Option<f64>,
}

/// A selector of series.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSelector {
    /// The metric name before the braces.
    pub metric: Option<Name>,
    /// The byte range from `{` to `}`, if there are braces.
    pub braces: Option<Span>,
    /// The matchers between the braces, in source order.
    pub matchers: Vec<Matcher>,
    /// The modifiers after the selector.
    pub modifiers: Modifiers,
}

impl VectorSelector {
    /// The metric selected by name, before or inside the braces; `None` if there is no equality matcher on the name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let before = self.metric.as_ref().map(|name| name.text.as_str());
        before.or_else(|| {
            let mut equal = self.matchers.iter().filter(|matcher| matcher.op == MatchOp::Equal);
            equal.find(|matcher| matcher.label == METRIC_NAME).map(|matcher| matcher.value.as_str())
        })
    }
}

/// The label that holds the name of the metric.
pub(crate) const METRIC_NAME: &str = "__name__";

/// A name and its location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name, without quotes or escapes.
    pub text: String,
    /// The byte range in the input, quotes included.
    pub span: Span,
}

/// A label matcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// The byte range from the label to the value.
    pub span: Span,
    /// The label; `__name__` for a quoted metric name alone.
    pub label: String,
    /// The matching operator.
    pub op: MatchOp,
    /// The value or pattern, without quotes or escapes.
    pub value: String,
    /// The byte range of the value, quotes included.
    pub value_span: Span,
}

/// The modifiers of a selector or a subquery.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Modifiers {
    /// `offset 5m`.
    pub offset: Option<Duration>,
    /// `@ 1700000000`.
    pub at: Option<At>,
    /// `anchored`.
    pub anchored: bool,
    /// `smoothed`.
    pub smoothed: bool,
}

/// The evaluation time set by an `@` modifier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// Seconds since the Unix epoch.
    Timestamp(f64),
    /// `start()` of the query.
    Start,
    /// `end()` of the query.
    End,
}

/// The parts of a subquery.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// The evaluated expression.
    pub expr: NodeId,
    /// The range.
    pub range: Duration,
    /// The evaluation interval; the server's default if `None`.
    pub step: Option<Duration>,
    /// The modifiers after the brackets.
    pub modifiers: Modifiers,
}

/// The parts of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The called function.
    pub function: &'static Function,
    /// The byte range of the function name.
    pub name_span: Span,
    /// The arguments.
    pub args: Vec<NodeId>,
}

/// The parts of an aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The aggregation operator.
    pub op: Aggregator,
    /// The byte range of the operator.
    pub op_span: Span,
    /// The `by` or `without` clause.
    pub grouping: Option<Grouping>,
    /// The parameter: the `5` of `topk(5, expr)`.
    pub param: Option<NodeId>,
    /// The aggregated expression.
    pub expr: NodeId,
}

/// `by (...)` or `without (...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// `true` for `without`.
    pub without: bool,
    /// The labels.
    pub labels: LabelList,
}

/// Labels in parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelList {
    /// The byte range from `(` to `)`.
    pub span: Span,
    /// The labels in source order.
    pub labels: Vec<Name>,
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
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matching {
    /// `bool`: a comparison returns 0 or 1 instead of filtering.
    pub returns_bool: bool,
    /// `on (...)` or `ignoring (...)`.
    pub labels: Option<MatchingLabels>,
    /// `group_left` or `group_right`.
    pub group: Option<GroupSide>,
    /// `fill` and `fill_left`: the value of series missing on the left.
    pub fill_left: Option<f64>,
    /// `fill` and `fill_right`: the value of series missing on the right.
    pub fill_right: Option<f64>,
}

/// The labels by which the series of both sides are matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchingLabels {
    /// `true` for `on` (match by these labels), `false` for `ignoring` (match by all others).
    pub on: bool,
    /// The labels.
    pub list: LabelList,
}

/// The side that may have several series per series of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSide {
    /// `true` for `group_left`.
    pub left: bool,
    /// Labels copied from the other side.
    pub include: Option<LabelList>,
}

impl Expr {
    pub(super) fn new(nodes: Vec<Node>, root: NodeId, features: Vec<Use>) -> Self {
        Self { nodes, root, features }
    }

    /// Every use of a feature that servers reject unless its flag is enabled.
    #[must_use]
    pub fn features(&self) -> &[(Feature, Span)] {
        &self.features
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

    /// The value type of the whole expression.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        self.root().value_type
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

    /// All nodes, children before parents and left before right. Aggregation parameters and the selectors
    /// within range selectors are nodes as well, so every selector of series is included.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = &Node> + ExactSizeIterator {
        self.nodes.iter()
    }

    /// All selectors of series in source order.
    pub fn selectors(&self) -> impl Iterator<Item = &VectorSelector> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            ExprKind::VectorSelector(selector) => Some(&**selector),
            _ => None,
        })
    }

    /// The direct children of a node, left to right.
    #[must_use]
    pub fn children(&self, id: NodeId) -> Vec<NodeId> {
        match &self.node(id).kind {
            ExprKind::Number(_) | ExprKind::String(_) | ExprKind::VectorSelector(_) => Vec::new(),
            ExprKind::MatrixSelector { selector, .. } => vec![*selector],
            ExprKind::Subquery(subquery) => vec![subquery.expr],
            ExprKind::Call(call) => call.args.clone(),
            ExprKind::Aggregate(aggregate) => aggregate.param.into_iter().chain([aggregate.expr]).collect(),
            ExprKind::Binary(binary) => vec![binary.lhs, binary.rhs],
            ExprKind::Unary { operand, .. } => vec![*operand],
            ExprKind::Paren(inner) => vec![*inner],
        }
    }

    /// The ID of the root node, to traverse the tree with [`Expr::children`].
    #[must_use]
    pub fn root_id(&self) -> NodeId {
        self.root
    }
}
