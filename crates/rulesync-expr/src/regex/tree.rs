//! The properties of the parts of a regular expression: whether they match the empty string, and the quantities that
//! Go limits. The tree itself is not kept: a parsed part is a few numbers, whatever its size.

use super::error::RegexErrorKind;
use super::limits::Limits;

type Result = std::result::Result<(), RegexErrorKind>;

/// The form of a part, with the distinctions that matter when Go joins parts.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// A sequence of characters.
    Literal {
        fold: bool,
    },
    /// A set of characters: a class or a dot.
    Class,
    Empty,
    Sequence,
    Alternation,
    /// A counted repetition with its maximum count.
    Counted(u32),
    Other,
}

/// The beginning of a part, if Go looks for it when it factors alternatives.
#[derive(Clone, Copy, PartialEq)]
enum Lead {
    Character { code: u32, fold: bool },
    Class,
    Other,
}

/// A repetition operator.
#[derive(Clone, Copy)]
pub(super) enum Repetition {
    ZeroOrMore,
    OneOrMore,
    Optional,
    Counted { min: u32, max: Option<u32> },
}

/// A part of an expression.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) form: Form,
    lead: Lead,
    /// `true` if the part matches the empty string.
    pub(super) empty: bool,
    /// The number of levels in Go's tree.
    pub(super) height: u32,
    /// Go's estimate of the number of compiled instructions.
    pub(super) size: u64,
    /// The maximum number of times that counted repetitions repeat the innermost part.
    pub(super) copies: u32,
    /// The number of characters of a literal, or of bounds of a class's ranges.
    pub(super) runes: u64,
}

impl Node {
    const OTHER: Self =
        Self { form: Form::Other, lead: Lead::Other, empty: false, height: 1, size: 1, copies: 1, runes: 0 };

    const EMPTY: Self = Self { form: Form::Empty, empty: true, ..Self::OTHER };

    pub(super) fn literal(code: u32, fold: bool) -> Self {
        Self { form: Form::Literal { fold }, lead: Lead::Character { code, fold }, runes: 1, ..Self::OTHER }
    }

    pub(super) fn class(runes: u64) -> Self {
        Self { form: Form::Class, lead: Lead::Class, runes, ..Self::OTHER }
    }

    /// Creates an assertion, such as `^`; `holds` is `true` if the empty string satisfies it.
    pub(super) fn assertion(holds: bool) -> Self {
        Self { empty: holds, ..Self::OTHER }
    }

    fn capture(inner: Self) -> Self {
        Self { empty: inner.empty, ..Self::around(inner, 2) }
    }

    fn repeated(self, repetition: Repetition) -> Self {
        match repetition {
            Repetition::ZeroOrMore => Self { empty: true, ..Self::around(self, 2) },
            Repetition::Optional => Self { empty: true, ..Self::around(self, 1) },
            Repetition::OneOrMore => Self { empty: self.empty, ..Self::around(self, 1) },
            Repetition::Counted { min, max } => {
                let times = max.unwrap_or(min);
                let size = match max {
                    None if min == 0 => self.size.saturating_add(2),
                    None => self.size.saturating_mul(min.into()).saturating_add(1),
                    Some(max) => {
                        let optional = u64::from(max.saturating_sub(min));
                        self.size.saturating_mul(max.into()).saturating_add(optional).max(1)
                    }
                };
                let fixed_class = max == Some(min) && self.is_one_character();
                Self {
                    form: Form::Counted(times),
                    lead: if fixed_class { Lead::Class } else { Lead::Other },
                    empty: min == 0 || self.empty,
                    size,
                    // Go does not look into a part that is repeated zero times.
                    copies: if max == Some(0) { 1 } else { self.copies.saturating_mul(times.max(1)) },
                    ..Self::around(self, 0)
                }
            }
        }
    }

    fn around(inner: Self, more: u64) -> Self {
        Self {
            height: inner.height + 1,
            size: inner.size.saturating_add(more),
            copies: inner.copies,
            ..Self::OTHER
        }
    }

    /// Joins several parts. Parts of the same form are flattened, as in Go, so they add no level.
    fn joined(form: Form, parts: &[Self]) -> Self {
        let level = |part: &Self| if part.form == form { part.height } else { part.height + 1 };
        let sequence = form == Form::Sequence;
        let forks = if sequence { 0 } else { parts.len() as u64 - 1 };
        Self {
            form,
            lead: parts.first().filter(|_| sequence).map_or(Lead::Other, |part| part.lead),
            empty: if sequence {
                parts.iter().all(|part| part.empty)
            } else {
                parts.iter().any(|part| part.empty)
            },
            height: parts.iter().map(level).max().unwrap_or(1),
            size: parts.iter().fold(forks, |sum, part| sum.saturating_add(part.size)),
            copies: parts.iter().map(|part| part.copies).max().unwrap_or(1),
            runes: 0,
        }
    }

    /// Updates the size of a literal that Go moves: Go then counts all characters, not those at the first count.
    fn recounted(self) -> Self {
        match self.form {
            Form::Literal { .. } => Self { size: self.runes, ..self },
            _ => self,
        }
    }

    fn is_one_character(&self) -> bool {
        self.form == Form::Class || matches!(self.form, Form::Literal { .. }) && self.runes == 1
    }
}

/// A parenthesized group, or the whole expression.
struct Group {
    /// The offset of the opening parenthesis.
    offset: usize,
    captures: bool,
    /// `true` if case is ignored outside of the group.
    fold_outside: bool,
    /// The alternatives before the current one.
    alternatives: Vec<Node>,
    /// The parts of the current alternative.
    parts: Vec<Node>,
}

impl Group {
    fn new(offset: usize, captures: bool, fold_outside: bool) -> Self {
        Self { offset, captures, fold_outside, alternatives: Vec::new(), parts: Vec::new() }
    }
}

/// The parts that are not joined yet. The parser adds them in pattern order.
pub(super) struct Tree {
    /// The groups around the current one, outermost first.
    outer: Vec<Group>,
    group: Group,
    limits: Limits,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { outer: Vec::new(), group: Group::new(0, false, false), limits: Limits::new() }
    }

    /// Adds a part that matches at most one character.
    pub(super) fn add(&mut self, node: Node) -> Result {
        self.limits.allocate();
        self.push(node)
    }

    /// Adds a class. Go turns a class of only one character, or only one in both cases, into a literal.
    pub(super) fn add_class(&mut self, runes: u64, may_become_literal: bool) -> Result {
        if may_become_literal {
            self.limits.ignore();
        }
        self.add(Node::class(runes))
    }

    /// Repeats the last part.
    pub(super) fn repeat(&mut self, repetition: Repetition) -> Result {
        let last = self.group.parts.last_mut().ok_or(RegexErrorKind::MissingRepeatArgument)?;
        let node = last.repeated(repetition);
        *last = node;
        self.limits.allocate();
        self.check(node)?;
        match repetition {
            Repetition::Counted { min, max }
                if min.max(max.unwrap_or(0)) >= 2 && node.copies > super::MOST_COPIES =>
            {
                Err(RegexErrorKind::InvalidRepeatCount)
            }
            _ => Ok(()),
        }
    }

    /// Opens a group at `offset`.
    pub(super) fn open(&mut self, offset: usize, captures: bool, fold_outside: bool) -> Result {
        self.limits.allocate();
        self.join_literals();
        let group = Group::new(offset, captures, fold_outside);
        self.outer.push(std::mem::replace(&mut self.group, group));
        self.check(Node::OTHER)
    }

    /// Closes the current group, and returns whether case is ignored outside of it.
    pub(super) fn close(&mut self) -> std::result::Result<bool, RegexErrorKind> {
        let node = self.finish()?;
        let outside = self.outer.pop().ok_or(RegexErrorKind::UnexpectedParenthesis)?;
        let closed = std::mem::replace(&mut self.group, outside);
        self.push(if closed.captures { Node::capture(node) } else { node })?;
        Ok(closed.fold_outside)
    }

    /// Ends an alternative; another one follows.
    pub(super) fn next_alternative(&mut self) -> Result {
        let is_first = self.group.alternatives.is_empty();
        self.end_alternative()?;
        if is_first {
            self.limits.allocate();
            self.check(Node::OTHER)?;
        }
        Ok(())
    }

    /// Returns the whole expression, or an error with the offset of the innermost unclosed group, if any.
    pub(super) fn end(mut self) -> std::result::Result<Node, (RegexErrorKind, Option<usize>)> {
        let node = self.finish().map_err(|kind| (kind, None))?;
        if self.outer.is_empty() {
            Ok(node)
        } else {
            Err((RegexErrorKind::MissingParenthesis, Some(self.group.offset)))
        }
    }

    /// Joins the alternatives of the current group.
    fn finish(&mut self) -> std::result::Result<Node, RegexErrorKind> {
        self.end_alternative()?;
        let alternatives = std::mem::take(&mut self.group.alternatives);
        if may_be_factored(&alternatives) {
            self.limits.ignore();
        }
        let node = self.join(Form::Alternation, &alternatives);
        self.count(node)?;
        Ok(node)
    }

    fn end_alternative(&mut self) -> Result {
        self.join_literals();
        let parts = std::mem::take(&mut self.group.parts);
        let node = self.join(Form::Sequence, &parts);
        self.count(node)?;
        match self.group.alternatives.last_mut() {
            Some(last) if last.is_one_character() && node.is_one_character() => {
                if may_fold(last.lead, node.lead) {
                    self.limits.ignore();
                }
                *last = Node::class(last.runes.max(node.runes).max(2));
                self.limits.free();
            }
            _ => self.group.alternatives.push(node),
        }
        Ok(())
    }

    fn join(&mut self, form: Form, parts: &[Node]) -> Node {
        match parts {
            [] => {
                self.limits.allocate();
                Node::EMPTY
            }
            [single] => single.recounted(),
            _ => {
                self.limits.allocate();
                for _ in parts.iter().filter(|part| part.form == form) {
                    self.limits.free();
                }
                Node::joined(form, parts)
            }
        }
    }

    fn push(&mut self, node: Node) -> Result {
        self.join_literals();
        let node = node.recounted();
        self.group.parts.push(node);
        self.count(node)
    }

    /// Merges the last two parts if both are literals: a repetition can no longer apply to the first.
    fn join_literals(&mut self) {
        if let [.., before, last] = self.group.parts.as_mut_slice()
            && matches!(before.form, Form::Literal { .. })
            && before.form == last.form
        {
            before.runes += last.runes;
            // Go does not recount a part once it counts sizes.
            if !self.limits.counts_size() {
                before.size += last.size;
            }
            self.group.parts.pop();
            self.limits.free();
        }
    }

    /// Counts a part each time it moves, as Go does.
    fn count(&mut self, node: Node) -> Result {
        self.limits.add_runes(node.runes);
        self.check(node)
    }

    fn check(&mut self, node: Node) -> Result {
        let unjoined = self.outer.iter().chain([&self.group]);
        let nodes = unjoined.flat_map(|group| group.alternatives.iter().chain(&group.parts));
        self.limits.check(node, nodes)
    }
}

/// Returns `true` if Go may factor out a common prefix of the alternatives.
fn may_be_factored(alternatives: &[Node]) -> bool {
    alternatives.len() > 1
        && (alternatives.iter().any(|node| node.form == Form::Alternation)
            || alternatives.windows(2).any(|pair| match pair {
                [a, b] if a.form == Form::Empty && b.form == Form::Empty => true,
                [a, b] => match (a.lead, b.lead) {
                    (Lead::Class, Lead::Class) => true,
                    (Lead::Character { fold, .. }, Lead::Character { fold: other, .. }) => {
                        fold == other && may_fold(a.lead, b.lead)
                    }
                    _ => false,
                },
                _ => false,
            }))
}

/// Returns `true` if two characters may be equal, ignoring case. An exact answer beyond ASCII would require tables.
fn may_fold(a: Lead, b: Lead) -> bool {
    match (a, b) {
        (Lead::Character { code: a, .. }, Lead::Character { code: b, .. }) => {
            match (u8::try_from(a), u8::try_from(b)) {
                (Ok(a), Ok(b)) if a.is_ascii() && b.is_ascii() => a.eq_ignore_ascii_case(&b),
                _ => true,
            }
        }
        _ => false,
    }
}
