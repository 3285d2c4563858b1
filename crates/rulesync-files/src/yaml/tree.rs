//! A YAML document as a tree of untyped nodes: every key and every value has its line and column. `scalar` decodes
//! scalars like go-yaml, and `mapping` reads mappings.
//!
//! The nodes of a document are one list, in the order of the text. The value of a scalar is stored only if the document
//! does not contain it verbatim. A node has 32 bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use rulesync_core::finding::Position;
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::document::Document;
use super::escape::{Marked, mark_apostrophes};
use super::problem::Problem;

/// More than half a million rules need. A small text must never become a large tree.
const MAX_NODES: usize = 10_000_000;

/// The maximum number of nodes that aliases repeat; a label has two.
const MAX_ALIASED_NODES: usize = 200_000;

/// The maximum size of the scalars that aliases repeat, in bytes.
const MAX_ALIASED_BYTES: usize = 16 * 1024 * 1024;

/// A parsed document.
#[derive(Debug)]
pub(crate) struct Tree<'t> {
    text: Cow<'t, str>,
    nodes: Vec<Entry>,
    /// The values of scalars that the document does not contain verbatim.
    texts: Vec<Box<str>>,
    /// The tags of the few nodes that have one.
    tags: BTreeMap<u32, Box<str>>,
}

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'t> {
    tree: &'t Tree<'t>,
    index: u32,
}

/// The shape of a node, with aliases resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Scalar,
    Sequence,
    Mapping,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A scalar whose value is a slice of the document.
    Scalar(ScalarStyle),
    /// A scalar whose value is in [`Tree::texts`].
    OwnedScalar(ScalarStyle),
    Sequence,
    Mapping,
    /// An alias of the node with index `text.0`.
    Alias,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    /// The line in the file, from 1.
    line: u32,
    /// The column in characters, from 1.
    column: u32,
    /// The byte offset in the document.
    start: u32,
    /// The byte range of a scalar in the document, or its index in [`Tree::texts`].
    text: (u32, u32),
    /// The index of the node after this one and its descendants.
    next: u32,
}

impl<'t> Tree<'t> {
    /// Parses a document.
    ///
    /// # Errors
    ///
    /// The first error of the parser, or an exceeded limit.
    pub(crate) fn parse(document: Document<'t>) -> Result<Self, Problem> {
        let text = document.text;
        let error = match Builder::new(document, text, None).read() {
            Ok(built) => return Ok(built.tree(Cow::Borrowed(text))),
            Err(error) => error,
        };
        if error.is_unknown_escape()
            && let Some(Marked { text, mark }) = mark_apostrophes(text)
        {
            let built = Builder::new(document, &text, Some(mark)).read();
            return built
                .map(|built| built.tree(Cow::Owned(text)))
                .map_err(|error| problem(document, &error));
        }
        Err(problem(document, &error))
    }

    /// The root node.
    pub(crate) fn root(&'t self) -> Node<'t> {
        Node { tree: self, index: 0 }
    }

    fn entry(&self, index: u32) -> &Entry {
        // Indices come from this tree.
        self.nodes.get(index as usize).unwrap_or(&EMPTY)
    }
}

/// The entry of an invalid index.
static EMPTY: Entry = Entry {
    kind: Kind::Scalar(ScalarStyle::Plain),
    line: 1,
    column: 1,
    start: 0,
    text: (0, 0),
    next: u32::MAX,
};

impl<'t> Node<'t> {
    fn entry(self) -> &'t Entry {
        self.tree.entry(self.index)
    }

    /// Resolves an alias; any other node is returned as it is.
    fn target(self) -> Self {
        match self.entry() {
            // The target of an alias is never an alias.
            Entry { kind: Kind::Alias, text: (index, _), .. } => Self { index: *index, ..self },
            _ => self,
        }
    }

    /// The position in the file; for an alias that of its use.
    pub(crate) fn position(self) -> Position {
        let Entry { line, column, .. } = self.entry();
        Position { line: *line as usize, column: *column as usize }
    }

    pub(crate) fn shape(self) -> Shape {
        match self.target().entry().kind {
            Kind::Sequence => Shape::Sequence,
            Kind::Mapping => Shape::Mapping,
            _ => Shape::Scalar,
        }
    }

    /// The value and style of a scalar; `None` if the node is not a scalar.
    pub(crate) fn scalar(self) -> Option<(&'t str, ScalarStyle)> {
        let Entry { kind, text: (start, end), .. } = self.target().entry();
        match kind {
            Kind::Scalar(style) => Some((self.tree.text.get(*start as usize..*end as usize)?, *style)),
            Kind::OwnedScalar(style) => Some((self.tree.texts.get(*start as usize)?, *style)),
            _ => None,
        }
    }

    /// The text of the document from the beginning of a scalar, and the position of that in the file; for block scalars
    /// from the first line of their content.
    pub(crate) fn source(self) -> (&'t str, Position) {
        let target = self.target();
        let text = self.tree.text.get(target.entry().start as usize..).unwrap_or_default();
        (text, target.position())
    }

    /// The resolved tag, such as `tag:yaml.org,2002:str`; `None` if the node has none.
    pub(crate) fn tag(self) -> Option<&'t str> {
        self.tree.tags.get(&self.target().index).map(AsRef::as_ref)
    }

    /// The items of a sequence, or the alternating keys and values of a mapping.
    pub(crate) fn children(self) -> impl Iterator<Item = Node<'t>> {
        let target = self.target();
        let end = match target.entry().kind {
            Kind::Sequence | Kind::Mapping => target.entry().next,
            _ => target.index + 1,
        };
        let mut index = target.index + 1;
        std::iter::from_fn(move || {
            let node = Node { tree: self.tree, index };
            (index < end).then(|| {
                index = node.entry().next;
                node
            })
        })
    }

    /// The keys and values of a mapping.
    pub(crate) fn pairs(self) -> impl Iterator<Item = (Node<'t>, Node<'t>)> {
        let mut children = self.children();
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }
}

/// The error of a document, from the parser or from the tree.
#[derive(Debug)]
enum ReadError {
    Parser(ScanError),
    Tree(String, u32, u32),
}

impl ReadError {
    /// Returns `true` if a quoted scalar has an escape that YAML does not define.
    fn is_unknown_escape(&self) -> bool {
        matches!(self, Self::Parser(error) if *error.kind() == granit_parser::ErrorKind::UnknownQuotedScalarEscape)
    }
}

fn problem(document: Document<'_>, error: &ReadError) -> Problem {
    match error {
        ReadError::Parser(error) => Problem {
            message: error.kind().to_string(),
            position: Position {
                line: document.lines_before + error.marker().line().max(1),
                column: error.marker().col() + 1,
            },
        },
        ReadError::Tree(message, line, column) => Problem {
            message: message.clone(),
            position: Position { line: *line as usize, column: *column as usize },
        },
    }
}

/// Builds a tree from the parser's events.
struct Builder<'d> {
    lines_before: usize,
    text: &'d str,
    /// The character that replaces a backslash before an apostrophe.
    mark: Option<char>,
    nodes: Vec<Entry>,
    texts: Vec<Box<str>>,
    tags: BTreeMap<u32, Box<str>>,
    /// Incomplete collections, with their anchors.
    open: Vec<(u32, Option<usize>)>,
    /// The nodes with anchors, by the parser's anchor ids.
    anchors: HashMap<usize, u32>,
    /// The size of each anchored node with all its aliases expanded, in nodes and bytes of scalars.
    sizes: HashMap<u32, (usize, usize)>,
    /// The total size that aliases have repeated so far, in nodes and bytes.
    repeated: (usize, usize),
}

struct Built {
    nodes: Vec<Entry>,
    texts: Vec<Box<str>>,
    tags: BTreeMap<u32, Box<str>>,
}

impl Built {
    fn tree(self, text: Cow<'_, str>) -> Tree<'_> {
        let Self { nodes, texts, tags } = self;
        Tree { text, nodes, texts, tags }
    }
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl<'d> Builder<'d> {
    fn new(document: Document<'_>, text: &'d str, mark: Option<char>) -> Self {
        Self {
            lines_before: document.lines_before,
            text,
            mark,
            nodes: Vec::new(),
            texts: Vec::new(),
            tags: BTreeMap::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            sizes: HashMap::new(),
            repeated: (0, 0),
        }
    }

    fn read(mut self) -> Result<Built, ReadError> {
        let options = granit_parser::options! {
            // As in libyaml and go-yaml.
            block_scalar_eof_without_line_feed: true,
            emit_comments: false,
        };
        for event in Parser::new_from_str_with_options(self.text, options) {
            let (event, span) = event.map_err(ReadError::Parser)?;
            if self.nodes.len() >= MAX_NODES {
                return Err(self.error_at_last_node("the document contains more nodes than rulesync reads"));
            }
            match event {
                Event::Scalar(text, style, anchor, tag) => {
                    let (kind, range) = self.text(&text, style);
                    let node = self.add(kind, span, range);
                    self.tag(node, tag.as_deref());
                    self.anchor(node, anchor, (1, text.len()));
                }
                Event::SequenceStart(_, anchor, tag) => {
                    let node = self.add(Kind::Sequence, span, (0, 0));
                    self.begin(node, anchor, tag.as_deref());
                }
                Event::MappingStart(_, anchor, tag) => {
                    let node = self.add(Kind::Mapping, span, (0, 0));
                    self.begin(node, anchor, tag.as_deref());
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(),
                Event::Alias(id) => self.alias(id, span)?,
                _ => {}
            }
        }
        if self.nodes.is_empty() {
            let nothing = Span::default();
            self.add(Kind::Scalar(ScalarStyle::Plain), nothing, (0, 0));
        }
        let Self { nodes, texts, tags, .. } = self;
        Ok(Built { nodes, texts, tags })
    }

    /// Stores the value of a scalar.
    fn text(&mut self, text: &str, style: ScalarStyle) -> (Kind, (u32, u32)) {
        let marked = self.mark.filter(|mark| text.contains(*mark));
        // A value that the parser has not copied is a slice of the document.
        if marked.is_none()
            && let Some(start) = text.as_ptr().addr().checked_sub(self.text.as_ptr().addr())
            && self.text.get(start..start + text.len()) == Some(text)
        {
            return (Kind::Scalar(style), (to_u32(start), to_u32(start + text.len())));
        }
        let own: Box<str> = match (marked, style) {
            (Some(mark), ScalarStyle::DoubleQuoted) => text.replace(mark, "").into(),
            (Some(mark), _) => text.replace(mark, "\\").into(),
            (None, _) => text.into(),
        };
        self.texts.push(own);
        (Kind::OwnedScalar(style), (to_u32(self.texts.len() - 1), 0))
    }

    fn add(&mut self, kind: Kind, span: Span, text: (u32, u32)) -> u32 {
        let node = to_u32(self.nodes.len());
        self.nodes.push(Entry {
            kind,
            line: to_u32(span.start.line().max(1) + self.lines_before),
            column: to_u32(span.start.col() + 1),
            start: to_u32(span.start.byte_offset().unwrap_or_default()),
            text,
            next: node + 1,
        });
        node
    }

    fn tag(&mut self, node: u32, tag: Option<&Tag>) {
        if let Some(tag) = tag {
            self.tags.insert(node, format!("{}{}", tag.handle(), tag.suffix()).into());
        }
    }

    fn begin(&mut self, node: u32, anchor: usize, tag: Option<&Tag>) {
        self.tag(node, tag);
        self.open.push((node, Some(anchor).filter(|anchor| *anchor > 0)));
    }

    fn end(&mut self) {
        let Some((node, anchor)) = self.open.pop() else { return };
        let next = to_u32(self.nodes.len());
        if let Some(entry) = self.nodes.get_mut(node as usize) {
            entry.next = next;
        }
        if let Some(anchor) = anchor {
            let size = self.size(node, next);
            self.anchor(node, anchor, size);
        }
    }

    /// The size that every alias of a node repeats.
    fn size(&self, node: u32, next: u32) -> (usize, usize) {
        let mut size = (0_usize, 0_usize);
        for entry in self.nodes.get(node as usize..next as usize).unwrap_or_default() {
            let more = match entry.kind {
                Kind::Alias => self.sizes.get(&entry.text.0).copied().unwrap_or((1, 0)),
                Kind::Scalar(_) => (1, entry.text.1.saturating_sub(entry.text.0) as usize),
                Kind::OwnedScalar(_) => {
                    (1, self.texts.get(entry.text.0 as usize).map_or(0, |text| text.len()))
                }
                Kind::Sequence | Kind::Mapping => (1, 0),
            };
            size = (size.0.saturating_add(more.0), size.1.saturating_add(more.1));
        }
        size
    }

    fn anchor(&mut self, node: u32, anchor: usize, size: (usize, usize)) {
        if anchor > 0 {
            self.anchors.insert(anchor, node);
            self.sizes.insert(node, size);
        }
    }

    /// Creates an error at the last node.
    fn error_at_last_node(&self, message: &str) -> ReadError {
        let (line, column) = self.nodes.last().map_or((1, 1), |entry| (entry.line, entry.column));
        ReadError::Tree(message.to_owned(), line, column)
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), ReadError> {
        let node = self.add(Kind::Alias, span, (0, 0));
        let target = self.anchors.get(&id).copied();
        let Some((target, size)) = target.and_then(|node| Some((node, *self.sizes.get(&node)?))) else {
            return Err(self.error_at_last_node("the alias refers to a node that contains it"));
        };
        self.repeated = (self.repeated.0.saturating_add(size.0), self.repeated.1.saturating_add(size.1));
        if self.repeated.0 > MAX_ALIASED_NODES || self.repeated.1 > MAX_ALIASED_BYTES {
            return Err(self.error_at_last_node("aliases expand to more than rulesync reads"));
        }
        if let Some(entry) = self.nodes.get_mut(node as usize) {
            entry.text = (target, 0);
        }
        Ok(())
    }
}
