//! What a template consists of, as a tree that is kept flat: every node is followed by those within it. So a tree of
//! any depth can be searched, and dropped, without recursion.

use std::borrow::Cow;

use crate::span::Span;

/// A parsed template. The texts in it are those of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template<'t> {
    pub(super) nodes: Vec<Node<'t>>,
}

impl<'t> Template<'t> {
    /// Every node in the order of the text, each one before those within it.
    #[must_use]
    pub fn nodes(&self) -> &[Node<'t>] {
        &self.nodes
    }

    /// The outermost nodes.
    pub fn roots(&self) -> impl Iterator<Item = &Node<'t>> {
        siblings(&self.nodes)
    }

    /// The nodes directly within the node at `index` of [`Template::nodes`]; nothing if there is none.
    pub fn children(&self, index: usize) -> impl Iterator<Item = &Node<'t>> {
        let within =
            self.nodes.get(index).and_then(|node| self.nodes.get(index + 1..=index + node.descendants));
        siblings(within.unwrap_or_default())
    }

    /// Every function that the template names, wherever it is: called, piped into, or handed to another one. With
    /// where it is named.
    pub fn functions(&self) -> impl Iterator<Item = (&'t str, Span)> {
        self.nodes.iter().filter_map(|node| match node.kind {
            NodeKind::Function { name } => {
                Some((name, Span::new(node.span.start, node.span.start + name.len())))
            }
            _ => None,
        })
    }
}

/// The nodes of a run that are within no other of it.
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
    /// What it is.
    pub kind: NodeKind<'t>,
    /// The bytes it was written with: of a block, up to the end of its `{{ end }}`.
    pub span: Span,
    /// How many nodes behind it, without a gap, are within it.
    pub descendants: usize,
}

/// What a part of a template is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind<'t> {
    /// Text that is printed as it is.
    Text,
    /// `{{ ... }}`: one pipeline.
    Action,
    /// `{{ if ... }}`: a pipeline, a [`Body`](Self::Body), and an [`Else`](Self::Else) if there is one.
    If,
    /// `{{ with ... }}`, of the same parts.
    With,
    /// `{{ range ... }}`, of the same parts.
    Range,
    /// What a block does or defines.
    Body,
    /// What a block does otherwise. `{{ else if ... }}` is one with an `if` in it.
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
    /// `{{ block "name" ... }}`: a pipeline and a body, which is defined and used here.
    Block {
        /// The name.
        name: Cow<'t, str>,
    },
    /// `{{ template "name" ... }}`: a pipeline, or nothing.
    Template {
        /// The name.
        name: Cow<'t, str>,
    },
    /// Commands, each of which gets what the one before it made. Within a command it is in parentheses.
    Pipeline {
        /// The variables that it sets, with their `$`.
        sets: Vec<&'t str>,
        /// Whether they are declared elsewhere (`=`) or here (`:=`).
        assigns: bool,
    },
    /// Operands: a function and its arguments, or one value.
    Command,
    /// A function.
    Function {
        /// Its name.
        name: &'t str,
    },
    /// A variable, perhaps with fields: `$labels.job`.
    Variable {
        /// Its name, with the `$`.
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
        /// What it says, without quotes and escapes.
        value: Cow<'t, str>,
    },
}
