//! Parses a pattern from left to right, as Go's parser does with the flags of `regexp.Compile`, and stops at the first
//! error. Nesting uses heap, never stack; time is linear in the length of the pattern.

use std::ops::Range;

use super::error::RegexError;
use super::error::RegexErrorKind::{
    self, InvalidEscape, InvalidNamedCapture, InvalidPerlSyntax, InvalidRepeatCount, InvalidUtf8,
    MissingRepeatArgument, NestedRepetition,
};
use super::limits::MOST_COPIES;
use super::node::{Node, Repetition};
use super::tree::Tree;
use crate::span::Span;

pub(super) type Result<T> = std::result::Result<T, RegexError>;

/// The properties of a pattern that Go accepts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Regex {
    /// The names of the capture groups in order, possibly with duplicates.
    pub(crate) names: Vec<String>,
    /// `true` if the pattern matches the empty string.
    pub(crate) matches_empty: bool,
}

/// Parses a pattern as Go does.
pub(super) fn parse(pattern: &[u8]) -> Result<Regex> {
    Parser::new(pattern).parse()
}

/// The state of the parser.
pub(super) struct Parser<'a> {
    pub(super) pattern: &'a [u8],
    /// The longest prefix of the pattern that is valid UTF-8.
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// `true` if case is ignored at the current position.
    pub(super) fold: bool,
    /// `false` once the rest of the pattern is known to contain no `:]`.
    pub(super) posix_may_come: bool,
    names: Vec<String>,
    tree: Tree,
}

impl<'a> Parser<'a> {
    fn new(pattern: &'a [u8]) -> Self {
        let text = match std::str::from_utf8(pattern) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&pattern[..error.valid_up_to()]).unwrap_or_default(),
        };
        let (names, tree) = (Vec::new(), Tree::new());
        Self { pattern, text, at: 0, fold: false, posix_may_come: true, names, tree }
    }

    fn parse(mut self) -> Result<Regex> {
        // The start of the repetition read immediately before, if any.
        let mut last_repetition = None;
        while let Some(byte) = self.peek() {
            let start = self.at;
            last_repetition = match self.repetition(byte)? {
                Some(repetition) => {
                    self.repeat(start, repetition, last_repetition)?;
                    Some(start)
                }
                None => {
                    self.other(byte)?;
                    None
                }
            };
        }
        let (pattern, at, names) = (self.pattern, self.at, self.names);
        match self.tree.end() {
            Ok(node) => Ok(Regex { names, matches_empty: node.empty }),
            Err((kind, open)) => Err(whole(kind, pattern, open.unwrap_or(at))),
        }
    }

    /// Reads anything but a repetition.
    fn other(&mut self, byte: u8) -> Result<()> {
        let start = self.at;
        match byte {
            b'(' if self.peek_at(1) == Some(b'?') => return self.group_or_flags(),
            b'[' => {
                let class = self.brackets()?;
                return self.limited(start, |tree| tree.add_class(class.runes, class.may_be_one));
            }
            b'\\' => return self.escape(),
            b'(' | b'|' | b')' | b'^' | b'$' | b'.' => {}
            _ => {
                let c = self.character()?;
                return self.literal(start, c.map_or(0, u32::from));
            }
        }
        self.at += 1;
        let fold = self.fold;
        match byte {
            b'(' => self.limited(start, |tree| tree.open(start, true, fold)),
            b'|' => self.limited(start, Tree::next_alternative),
            b')' => {
                self.fold = self.tree.close().map_err(|kind| whole(kind, self.pattern, start))?;
                Ok(())
            }
            b'.' => self.limited(start, |tree| tree.add(Node::class(0))),
            _ => self.limited(start, |tree| tree.add(Node::assertion(true))),
        }
    }

    fn literal(&mut self, start: usize, code: u32) -> Result<()> {
        let fold = self.fold;
        self.limited(start, |tree| tree.add(Node::literal(code, fold)))
    }

    /// Reads `*`, `+`, `?` or a repetition in braces; otherwise reads nothing.
    fn repetition(&mut self, byte: u8) -> Result<Option<Repetition>> {
        let repetition = match byte {
            b'*' => Repetition::ZeroOrMore,
            b'+' => Repetition::OneOrMore,
            b'?' => Repetition::Optional,
            b'{' => return self.counted_repetition(),
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(repetition))
    }

    /// Reads `{2}`, `{2,}` or `{2,5}`; anything else in braces is literal and is not read.
    fn counted_repetition(&mut self) -> Result<Option<Repetition>> {
        let start = self.at;
        let Some((min, max)) = self.counts() else {
            self.at = start;
            return Ok(None);
        };
        if min.max(max.unwrap_or(0)) > MOST_COPIES || max.is_some_and(|max| min > max) {
            return Err(self.error(InvalidRepeatCount, start..self.at));
        }
        Ok(Some(Repetition::Counted { min, max }))
    }

    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        self.at += 1;
        let min = self.number()?;
        let max = match self.skip(b",") {
            false => Some(min),
            true if self.peek() == Some(b'}') => None,
            true => Some(self.number()?),
        };
        self.skip(b"}").then_some((min, max))
    }

    /// Reads a number without leading zeros, saturating at `u32::MAX`.
    fn number(&mut self) -> Option<u32> {
        let rest = &self.pattern[self.at..];
        let digits = &rest[..rest.iter().take_while(|byte| byte.is_ascii_digit()).count()];
        if digits.is_empty() || digits.len() > 1 && digits[0] == b'0' {
            return None;
        }
        self.at += digits.len();
        let add = |number: u32, digit: &u8| number.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
        Some(digits.iter().fold(0, add))
    }

    /// Repeats the last part; the repetition operator begins at `start`.
    fn repeat(&mut self, start: usize, repetition: Repetition, last: Option<usize>) -> Result<()> {
        self.skip(b"?");
        if let Some(last) = last {
            return Err(self.error(NestedRepetition, last..self.at));
        }
        self.tree.repeat(repetition).map_err(|kind| match kind {
            MissingRepeatArgument | InvalidRepeatCount => self.error(kind, start..self.at),
            _ => whole(kind, self.pattern, start),
        })
    }

    /// Reads an escape sequence.
    fn escape(&mut self) -> Result<()> {
        let start = self.at;
        let assertion = match self.peek_at(1) {
            Some(b'A' | b'z' | b'B') => true,
            // The empty string has no word boundary.
            Some(b'b') => false,
            Some(b'Q') => return self.quotation(),
            Some(b'C') => return Err(self.error(InvalidEscape, start..start + 2)),
            _ => {
                return match self.class_escape()? {
                    Some(class) => self.limited(start, |tree| tree.add_class(class.runes, class.may_be_one)),
                    None => {
                        let code = self.escaped_character()?;
                        self.literal(start, code)
                    }
                };
            }
        };
        self.at += 2;
        self.limited(start, |tree| tree.add(Node::assertion(assertion)))
    }

    /// Reads `\Q...\E`, or up to the end of the pattern.
    fn quotation(&mut self) -> Result<()> {
        self.at += 2;
        let rest = &self.pattern[self.at..];
        let end = self.at + rest.windows(2).position(|pair| pair == b"\\E").unwrap_or(rest.len());
        while self.at < end {
            let start = self.at;
            let Some(c) = self.text.get(start..).and_then(|text| text.chars().next()) else {
                return Err(self.error(InvalidUtf8, start..end));
            };
            self.at += c.len_utf8();
            self.literal(start, c.into())?;
        }
        self.at = self.pattern.len().min(end + 2);
        Ok(())
    }

    /// Reads a group or flags that begin with `(?`.
    fn group_or_flags(&mut self) -> Result<()> {
        let start = self.at;
        let rest = &self.pattern[start..];
        if rest.starts_with(b"(?P<") && rest.len() > 4 {
            return self.named_group(start + 4);
        }
        if rest.starts_with(b"(?<") && rest.len() > 3 {
            return self.named_group(start + 3);
        }
        self.at += 2;
        let (mut fold, mut negative, mut is_flag_due) = (self.fold, false, false);
        while let Some(c) = self.character()? {
            match c {
                'i' => fold = !negative,
                'm' | 's' | 'U' => {}
                '-' if !negative => {
                    (negative, is_flag_due) = (true, true);
                    continue;
                }
                ':' | ')' if !is_flag_due => {
                    let outside = std::mem::replace(&mut self.fold, fold);
                    return match c {
                        ':' => self.limited(start, |tree| tree.open(start, false, outside)),
                        _ => Ok(()),
                    };
                }
                _ => break,
            }
            is_flag_due = false;
        }
        Err(self.error(InvalidPerlSyntax, start..self.at))
    }

    /// Opens a named group; the name begins at `name_start`.
    fn named_group(&mut self, name_start: usize) -> Result<()> {
        let start = self.at;
        self.at = name_start;
        let Some(name) = self.until(b'>')? else {
            return Err(self.error(InvalidNamedCapture, start..self.pattern.len()));
        };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(self.error(InvalidNamedCapture, start..self.at));
        }
        self.names.push(name.to_owned());
        let fold = self.fold;
        self.limited(start, |tree| tree.open(start, true, fold))
    }

    /// Performs a step that may exceed one of Go's limits; the part of the pattern concerned begins at `start`.
    fn limited(
        &mut self,
        start: usize,
        step: impl FnOnce(&mut Tree) -> std::result::Result<(), RegexErrorKind>,
    ) -> Result<()> {
        step(&mut self.tree).map_err(|kind| whole(kind, self.pattern, start))
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.pattern.get(self.at + ahead).copied()
    }

    /// Skips `expected` if it is next, and returns whether it was.
    pub(super) fn skip(&mut self, expected: &[u8]) -> bool {
        let is_next = self.pattern[self.at..].starts_with(expected);
        if is_next {
            self.at += expected.len();
        }
        is_next
    }

    /// Reads a character, or returns `None` at the end.
    pub(super) fn character(&mut self) -> Result<Option<char>> {
        let next = self.text.get(self.at..).and_then(|text| text.chars().next());
        if next.is_none() && self.at < self.pattern.len() {
            return Err(self.error(InvalidUtf8, self.at..self.pattern.len()));
        }
        self.at += next.map_or(0, char::len_utf8);
        Ok(next)
    }

    /// Reads up to and including `end`; reads nothing and returns `None` if `end` does not occur.
    pub(super) fn until(&mut self, end: u8) -> Result<Option<&'a str>> {
        let length = self.pattern[self.at..].iter().position(|&byte| byte == end);
        let stop = length.map_or(self.pattern.len(), |length| self.at + length);
        if self.text.len() < stop {
            return Err(self.error(InvalidUtf8, self.text.len()..stop));
        }
        let text = self.text.get(self.at..stop);
        Ok(length.and(text).inspect(|_| self.at = stop + 1))
    }

    /// Creates an error for which Go shows the invalid part.
    pub(super) fn error(&self, kind: RegexErrorKind, part: Range<usize>) -> RegexError {
        let span = Span::new(part.start, part.end);
        let part = String::from_utf8_lossy(self.pattern.get(part).unwrap_or_default()).into_owned();
        RegexError { kind, span, part }
    }
}

/// Creates an error for which Go shows the whole pattern.
fn whole(kind: RegexErrorKind, pattern: &[u8], offset: usize) -> RegexError {
    let part = String::from_utf8_lossy(pattern).into_owned();
    RegexError { kind, span: Span::new(offset, pattern.len()), part }
}
