//! A YAML document as a tree of located nodes: every key and every value knows its line and column. Nothing is typed
//! here; what a scalar means to go-yaml is `scalar`, what a mapping holds is `mapping`.
//!
//! The nodes of a document are one list, in the order of the text, and a text is kept only where it is not in the
//! document as it stands: a node is 32 bytes.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use rulesync_core::Position;
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::escape::{Marked, mark_apostrophes};
use super::{Document, Problem};

/// More than half a million rules have. A small text must never become a large tree.
const MOST_NODES: usize = 10_000_000;

/// What aliases may repeat, in nodes; a label is two of them.
const ALIASED_NODES: usize = 200_000;

/// What aliases may repeat, in bytes of text.
const ALIASED_BYTES: usize = 16 * 1024 * 1024;

/// One document.
#[derive(Debug)]
pub(crate) struct Tree<'t> {
    text: Cow<'t, str>,
    nodes: Vec<Entry>,
    /// Texts that are not in the document as they stand.
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

/// What a node is, whatever alias leads to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Scalar,
    Sequence,
    Mapping,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// With its text in the document.
    Scalar(ScalarStyle),
    /// With its text among the tree's own.
    OwnText(ScalarStyle),
    Sequence,
    Mapping,
    /// What it stands for is at `text.0`.
    Alias,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    /// In the file, from 1.
    line: u32,
    /// In characters, from 1.
    column: u32,
    /// Where in the document it begins.
    start: u32,
    /// The bytes of a scalar's text, or its number among the tree's own.
    text: (u32, u32),
    /// The node behind it and all that is in it.
    next: u32,
}

impl<'t> Tree<'t> {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// What stands in the way, and where.
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

    /// The node that holds all others.
    pub(crate) fn root(&'t self) -> Node<'t> {
        Node { tree: self, index: 0 }
    }

    fn entry(&self, index: u32) -> &Entry {
        // Indices come from this tree.
        self.nodes.get(index as usize).unwrap_or(&NOTHING)
    }
}

/// What an index that leads nowhere would lead to.
static NOTHING: Entry = Entry {
    kind: Kind::Scalar(ScalarStyle::Plain),
    line: 1,
    column: 1,
    start: 0,
    text: (0, 0),
    next: u32::MAX,
};

impl<'t> Node<'t> {
    fn own(self) -> &'t Entry {
        self.tree.entry(self.index)
    }

    /// What an alias stands for, or itself.
    fn target(self) -> Self {
        match self.own() {
            // What an alias stands for is no alias.
            Entry { kind: Kind::Alias, text: (index, _), .. } => Self { index: *index, ..self },
            _ => self,
        }
    }

    /// Where it stands in the file; an alias where it is used.
    pub(crate) fn position(self) -> Position {
        let Entry { line, column, .. } = self.own();
        Position { line: *line as usize, column: *column as usize }
    }

    pub(crate) fn shape(self) -> Shape {
        match self.target().own().kind {
            Kind::Sequence => Shape::Sequence,
            Kind::Mapping => Shape::Mapping,
            _ => Shape::Scalar,
        }
    }

    /// A scalar's text and style; none for what is no scalar.
    pub(crate) fn scalar(self) -> Option<(&'t str, ScalarStyle)> {
        let Entry { kind, text: (start, end), .. } = self.target().own();
        match kind {
            Kind::Scalar(style) => Some((self.tree.text.get(*start as usize..*end as usize)?, *style)),
            Kind::OwnText(style) => Some((self.tree.texts.get(*start as usize)?, *style)),
            _ => None,
        }
    }

    /// The document's text from where a scalar begins, and where in the file that is; for blocks from the first line
    /// of their content.
    pub(crate) fn source(self) -> (&'t str, Position) {
        let target = self.target();
        let text = self.tree.text.get(target.own().start as usize..).unwrap_or_default();
        (text, target.position())
    }

    /// Its tag as resolved, such as `tag:yaml.org,2002:str`; none if it says none.
    pub(crate) fn tag(self) -> Option<&'t str> {
        self.tree.tags.get(&self.target().index).map(AsRef::as_ref)
    }

    /// What is in a sequence, or the keys and values of a mapping in turn.
    pub(crate) fn children(self) -> impl Iterator<Item = Node<'t>> {
        let target = self.target();
        let end = match target.own().kind {
            Kind::Sequence | Kind::Mapping => target.own().next,
            _ => target.index + 1,
        };
        let mut index = target.index + 1;
        std::iter::from_fn(move || {
            let node = Node { tree: self.tree, index };
            (index < end).then(|| {
                index = node.own().next;
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

/// Why a document cannot be read: the parser's word, or ours.
#[derive(Debug)]
enum ReadError {
    Parser(ScanError),
    Ours(String, u32, u32),
}

impl ReadError {
    /// Whether a quoted text has an escape that YAML does not know.
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
        ReadError::Ours(message, line, column) => Problem {
            message: message.clone(),
            position: Position { line: *line as usize, column: *column as usize },
        },
    }
}

/// Makes a tree of the parser's events.
struct Builder<'d> {
    lines_before: usize,
    text: &'d str,
    /// Stands for a backslash before an apostrophe.
    mark: Option<char>,
    nodes: Vec<Entry>,
    texts: Vec<Box<str>>,
    tags: BTreeMap<u32, Box<str>>,
    /// Collections that are not complete.
    open: Vec<(u32, Option<usize>)>,
    /// The nodes with anchors, by the parser's numbers.
    anchors: HashMap<usize, u32>,
    /// How large each of them is with all aliases in it followed: nodes and bytes of text.
    sizes: HashMap<u32, (usize, usize)>,
    /// What aliases have repeated so far: nodes and bytes.
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

fn narrow(number: usize) -> u32 {
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
            // As libyaml and go-yaml do.
            block_scalar_eof_without_line_feed: true,
            emit_comments: false,
        };
        for event in Parser::new_from_str_with_options(self.text, options) {
            let (event, span) = event.map_err(ReadError::Parser)?;
            if self.nodes.len() >= MOST_NODES {
                return Err(self.ours("the document holds more than rulesync reads"));
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

    /// Where a scalar's text is kept.
    fn text(&mut self, text: &str, style: ScalarStyle) -> (Kind, (u32, u32)) {
        let marked = self.mark.filter(|mark| text.contains(*mark));
        // What the parser has not copied lies within the document.
        if marked.is_none()
            && let Some(start) = text.as_ptr().addr().checked_sub(self.text.as_ptr().addr())
            && self.text.get(start..start + text.len()) == Some(text)
        {
            return (Kind::Scalar(style), (narrow(start), narrow(start + text.len())));
        }
        let own: Box<str> = match (marked, style) {
            (Some(mark), ScalarStyle::DoubleQuoted) => text.replace(mark, "").into(),
            (Some(mark), _) => text.replace(mark, "\\").into(),
            (None, _) => text.into(),
        };
        self.texts.push(own);
        (Kind::OwnText(style), (narrow(self.texts.len() - 1), 0))
    }

    fn add(&mut self, kind: Kind, span: Span, text: (u32, u32)) -> u32 {
        let node = narrow(self.nodes.len());
        self.nodes.push(Entry {
            kind,
            line: narrow(span.start.line().max(1) + self.lines_before),
            column: narrow(span.start.col() + 1),
            start: narrow(span.start.byte_offset().unwrap_or_default()),
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
        let next = narrow(self.nodes.len());
        if let Some(entry) = self.nodes.get_mut(node as usize) {
            entry.next = next;
        }
        if let Some(anchor) = anchor {
            let size = self.size(node, next);
            self.anchor(node, anchor, size);
        }
    }

    /// How much an anchored node repeats wherever it is used.
    fn size(&self, node: u32, next: u32) -> (usize, usize) {
        let mut size = (0_usize, 0_usize);
        for entry in self.nodes.get(node as usize..next as usize).unwrap_or_default() {
            let more = match entry.kind {
                Kind::Alias => self.sizes.get(&entry.text.0).copied().unwrap_or((1, 0)),
                Kind::Scalar(_) => (1, entry.text.1.saturating_sub(entry.text.0) as usize),
                Kind::OwnText(_) => (1, self.texts.get(entry.text.0 as usize).map_or(0, |text| text.len())),
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

    /// What is wrong with the latest node.
    fn ours(&self, message: &str) -> ReadError {
        let (line, column) = self.nodes.last().map_or((1, 1), |entry| (entry.line, entry.column));
        ReadError::Ours(message.to_owned(), line, column)
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), ReadError> {
        let node = self.add(Kind::Alias, span, (0, 0));
        let target = self.anchors.get(&id).copied();
        let Some((target, size)) = target.and_then(|node| Some((node, *self.sizes.get(&node)?))) else {
            return Err(self.ours("the alias stands in what it stands for"));
        };
        self.repeated = (self.repeated.0.saturating_add(size.0), self.repeated.1.saturating_add(size.1));
        if self.repeated.0 > ALIASED_NODES || self.repeated.1 > ALIASED_BYTES {
            return Err(self.ours("aliases repeat more than rulesync reads"));
        }
        if let Some(entry) = self.nodes.get_mut(node as usize) {
            entry.text = (target, 0);
        }
        Ok(())
    }
}
