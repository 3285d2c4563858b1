//! Joins the parts of a regular expression as Go does. The tree itself is not kept: a parsed part is a few numbers,
//! whatever its size.

use super::error::RegexErrorKind;
use super::limits::{Limits, MOST_COPIES};
use super::node::{Form, Lead, Node, Repetition};

type Result = std::result::Result<(), RegexErrorKind>;

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
                if min.max(max.unwrap_or(0)) >= 2 && node.copies > MOST_COPIES =>
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
