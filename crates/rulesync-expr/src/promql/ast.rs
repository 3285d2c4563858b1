//! The syntax tree. Not for building or judging it: that is `parse` and `check`.
//!
//! All nodes of an expression lie in one list, children before parents, and refer to each other by number.
//! So a tree of any depth is copied, compared and dropped without recursion, and "every node" is a plain loop.

use super::feature::{Feature, Use};
use super::functions::Function;
use super::operator::{Aggregator, BinaryOp, MatchOp};
use crate::span::Span;

/// A parsed expression that has passed the type checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    nodes: Vec<Node>,
    root: NodeId,
    features: Vec<Use>,
}

/// Names a node of the [`Expr`] it came from; meaningless for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) usize);

/// One node of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The bytes it was written with, modifiers included.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
    /// What it evaluates to.
    pub value_type: ValueType,
}

/// What an expression evaluates to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number.
    Scalar,
    /// A text.
    String,
    /// One sample a series.
    InstantVector,
    /// A range of samples a series.
    RangeVector,
}

impl ValueType {
    /// The name the documentation of Prometheus uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::InstantVector => "instant vector",
            Self::RangeVector => "range vector",
        }
    }
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ExprKind {
    /// A number, or a duration used as one.
    Number(NumberLiteral),
    /// A text in quotes, unescaped.
    String(String),
    /// `name{label="value"}`: the last sample of each series.
    VectorSelector(Box<VectorSelector>),
    /// `selector[5m]`: a range of samples of each series.
    MatrixSelector {
        /// The selector before the brackets. Its modifiers include those written behind the brackets.
        selector: NodeId,
        /// What stands between the brackets.
        range: Duration,
    },
    /// `expr[1h:5m]`: an expression evaluated again and again.
    Subquery(Box<Subquery>),
    /// `function(args...)`.
    Call(Call),
    /// `sum by (job) (expr)`.
    Aggregate(Box<Aggregate>),
    /// `lhs op rhs`.
    Binary(Box<Binary>),
    /// `-expr` or `+expr`.
    Unary {
        /// Whether the sign is a minus.
        negative: bool,
        /// What the sign belongs to.
        operand: NodeId,
    },
    /// `(expr)`.
    Paren(NodeId),
}

/// A number in an expression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberLiteral {
    /// Its value, a sign directly before it included; seconds if it is a duration.
    pub value: f64,
    /// Whether it was written as a duration, as `5m`.
    pub is_duration: bool,
}

/// A length of time between brackets or behind `offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duration {
    /// The bytes it was written with.
    pub span: Span,
    /// Seconds if it is a literal, none if it is arithmetic that the server works out.
    pub seconds: Option<f64>,
}

/// A choice of series.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSelector {
    /// The metric name before the braces.
    pub metric: Option<Name>,
    /// From `{` to `}`, if there are any braces.
    pub braces: Option<Span>,
    /// What stands between the braces, in order.
    pub matchers: Vec<Matcher>,
    /// What stands behind the selector.
    pub modifiers: Modifiers,
}

impl VectorSelector {
    /// The metric asked for by name, before the braces or in them; none if any metric may match.
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

/// A name and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name, without quotes or escapes.
    pub text: String,
    /// The bytes it was written with, quotes included.
    pub span: Span,
}

/// One condition on a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// From the label to the value.
    pub span: Span,
    /// The label; `__name__` for a quoted metric name alone.
    pub label: String,
    /// How the label is compared.
    pub op: MatchOp,
    /// What it is compared with, without quotes or escapes.
    pub value: String,
    /// The bytes of the value, quotes included.
    pub value_span: Span,
}

/// What may stand behind a selector or a subquery.
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

/// The time an `@` modifier pins evaluation to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum At {
    /// Seconds since 1970.
    Timestamp(f64),
    /// `start()` of the query.
    Start,
    /// `end()` of the query.
    End,
}

/// The parts of a subquery.
#[derive(Debug, Clone, PartialEq)]
pub struct Subquery {
    /// What is evaluated.
    pub expr: NodeId,
    /// Over how long.
    pub range: Duration,
    /// How often; the server's default if none.
    pub step: Option<Duration>,
    /// What stands behind the brackets.
    pub modifiers: Modifiers,
}

/// The parts of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What is called.
    pub function: &'static Function,
    /// Where its name stands.
    pub name_span: Span,
    /// What it is called with.
    pub args: Vec<NodeId>,
}

/// The parts of an aggregation.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// How samples become one.
    pub op: Aggregator,
    /// Where the operator stands.
    pub op_span: Span,
    /// Which series belong together.
    pub grouping: Option<Grouping>,
    /// The `5` of `topk(5, expr)`.
    pub param: Option<NodeId>,
    /// What is aggregated.
    pub expr: NodeId,
}

/// `by (...)` or `without (...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// Whether the labels are those left out.
    pub without: bool,
    /// The labels.
    pub labels: LabelList,
}

/// Labels in parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelList {
    /// From `(` to `)`.
    pub span: Span,
    /// The labels in order.
    pub labels: Vec<Name>,
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
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matching {
    /// `bool`: a comparison answers 0 or 1 instead of filtering.
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

/// The labels by which series of both sides are matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchingLabels {
    /// Whether these labels are compared, instead of all others.
    pub on: bool,
    /// The labels.
    pub list: LabelList,
}

/// Which side may have many series for one of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSide {
    /// Whether it is the left side.
    pub left: bool,
    /// Labels taken over from the other side.
    pub include: Option<LabelList>,
}

impl Expr {
    pub(super) fn new(nodes: Vec<Node>, root: NodeId, features: Vec<Use>) -> Self {
        Self { nodes, root, features }
    }

    /// What servers refuse unless a flag switches it on, each where it is used.
    #[must_use]
    pub fn features(&self) -> &[(Feature, Span)] {
        &self.features
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

    /// What the whole expression evaluates to.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        self.root().value_type
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

    /// Every node, children before parents and left before right. Aggregation parameters and the selectors
    /// within range selectors are nodes like all others, so nothing that reads series is left out.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = &Node> + ExactSizeIterator {
        self.nodes.iter()
    }

    /// Every selector of series in the order written.
    pub fn selectors(&self) -> impl Iterator<Item = &VectorSelector> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            ExprKind::VectorSelector(selector) => Some(&**selector),
            _ => None,
        })
    }

    /// The nodes directly below one, left to right.
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

    /// The number of the whole expression, to start a walk with [`Expr::children`].
    #[must_use]
    pub fn root_id(&self) -> NodeId {
        self.root
    }
}
