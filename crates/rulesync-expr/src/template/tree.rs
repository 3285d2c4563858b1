//! The syntax tree of a template. The tree is stored flat: every node is followed by its descendants, so that a tree
//! of any depth can be searched and dropped without recursion.

use std::borrow::Cow;

use crate::span::Span;

/// A parsed template. Its strings borrow from the source text where possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template<'t> {
    pub(super) nodes: Vec<Node<'t>>,
}

impl<'t> Template<'t> {
    /// Returns all nodes in source order, each one before its descendants.
    #[must_use]
    pub fn nodes(&self) -> &[Node<'t>] {
        &self.nodes
    }

    /// Returns the outermost nodes.
    pub fn roots(&self) -> impl Iterator<Item = &Node<'t>> {
        siblings(&self.nodes)
    }

    /// Returns the children of the node at `index` of [`Template::nodes`]; empty if there is no such node.
    pub fn children(&self, index: usize) -> impl Iterator<Item = &Node<'t>> {
        let within =
            self.nodes.get(index).and_then(|node| self.nodes.get(index + 1..=index + node.descendants));
        siblings(within.unwrap_or_default())
    }

    /// Returns every function named in the template, with the position of its name: functions that are called, piped
    /// into, or passed to another function.
    pub fn functions(&self) -> impl Iterator<Item = (&'t str, Span)> {
        self.nodes.iter().filter_map(|node| match node.kind {
            NodeKind::Function { name } => {
                Some((name, Span::new(node.span.start, node.span.start + name.len())))
            }
            _ => None,
        })
    }
}

/// Returns the nodes of a slice that have no parent in the slice.
fn siblings<'n, 't>(nodes: &'n [Node<'t>]) -> impl Iterator<Item = &'n Node<'t>> {
    let mut rest = nodes;
    std::iter::from_fn(move || {
        let (first, _) = rest.split_first()?;
        rest = rest.get(1 + first.descendants..).unwrap_or_default();
        Some(first)
    })
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node<'t> {
    /// The kind of the node.
    pub kind: NodeKind<'t>,
    /// The byte range in the source text; for a block, up to the end of its `{{ end }}`.
    pub span: Span,
    /// The number of descendants, which directly follow this node.
    pub descendants: usize,
}

/// The kind of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind<'t> {
    /// Text that is printed verbatim.
    Text,
    /// `{{ ... }}`: one pipeline.
    Action,
    /// `{{ if ... }}`: a pipeline, a [`Body`](Self::Body), and an [`Else`](Self::Else) if there is one.
    If,
    /// `{{ with ... }}`, with the same children.
    With,
    /// `{{ range ... }}`, with the same children.
    Range,
    /// The body of a block or definition.
    Body,
    /// The else branch of a block. `{{ else if ... }}` is an else branch that contains an `if`.
    Else,
    /// `{{ break }}`.
    Break,
    /// `{{ continue }}`.
    Continue,
    /// `{{ define "name" }}`: a body.
    Define {
        /// The name.
        name: Cow<'t, str>,
    },
    /// `{{ block "name" ... }}`: a pipeline and a body, which is defined and executed here.
    Block {
        /// The name.
        name: Cow<'t, str>,
    },
    /// `{{ template "name" ... }}`: an optional pipeline.
    Template {
        /// The name.
        name: Cow<'t, str>,
    },
    /// Commands, each of which gets the result of the one before. A pipeline within a command is in parentheses.
    Pipeline {
        /// The variables that the pipeline sets, including the `$`.
        sets: Vec<&'t str>,
        /// `true` if existing variables are assigned (`=`), `false` if they are declared here (`:=`).
        assigns: bool,
    },
    /// Operands: a function and its arguments, or a single value.
    Command,
    /// A function.
    Function {
        /// The name.
        name: &'t str,
    },
    /// A variable with optional fields: `$labels.job`.
    Variable {
        /// The name, including the `$`.
        name: &'t str,
    },
    /// `.Labels.job`.
    Field,
    /// `.`.
    Dot,
    /// `nil`.
    Nil,
    /// `true` or `false`.
    Bool,
    /// A number or a character.
    Number,
    /// A string.
    String {
        /// The unquoted and unescaped value.
        value: Cow<'t, str>,
    },
}
