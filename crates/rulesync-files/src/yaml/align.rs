//! Maps positions in the value of a scalar to positions in the file, which differ by quotes, escapes, folded lines and
//! indentation. The value and its source are walked in parallel; if they do not match, there is no result.

use std::iter::Peekable;
use std::str::Chars;

use rulesync_core::finding::Position;
use rulesync_core::model::Segment;
use serde_saphyr::granit_parser::ScalarStyle;

use super::escape::is_mark;
use super::tree::Node;

const START: Position = Position { line: 1, column: 1 };

/// Returns the segments of a scalar's value from its byte `skip` on; `None` if they cannot be determined.
pub(crate) fn segments(node: Node<'_>, skip: usize) -> Option<Vec<Segment>> {
    let (text, style) = node.scalar()?;
    let (source, start) = node.source();
    let mut walk = Walk {
        source: source.chars().peekable(),
        at: start,
        indent: start.column,
        style,
        in_run: false,
        started: false,
        blanks: 0,
    };
    if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
        walk.advance();
    }
    let mut segments: Vec<Segment> = Vec::new();
    let (mut text_position, mut contiguous) = (START, false);
    for (index, character) in text.char_indices() {
        let Step { at, exact } = walk.step(character)?;
        if index < skip {
            continue;
        }
        if !contiguous || !exact {
            segments.push(Segment { text: text_position, file: at });
        }
        text_position = match character {
            '\n' => Position { line: text_position.line + 1, column: 1 },
            _ => Position { column: text_position.column + character.len_utf8(), ..text_position },
        };
        // Columns within a value count bytes, those in a file count characters.
        contiguous = exact && character.is_ascii();
    }
    match segments.as_slice() {
        [Segment { text: START, file }] if *file == start => Some(Vec::new()),
        _ => Some(segments),
    }
}

/// A walk along the source of a scalar.
struct Walk<'t> {
    source: Peekable<Chars<'t>>,
    /// The position of the next character of the source.
    at: Position,
    /// The column in which the lines of a block scalar begin.
    indent: usize,
    style: ScalarStyle,
    /// Set after a run of several line breaks, which are several line breaks in the value, too.
    in_run: bool,
    /// Set once any character of a block scalar was passed.
    started: bool,
    /// The number of blanks that follow and do not precede a line break, cached so that they are scanned only once.
    blanks: usize,
}

/// The source of one character of the value.
struct Step {
    at: Position,
    /// Set if the source contains the character itself.
    exact: bool,
}

impl Walk<'_> {
    /// Advances past the source of the next character of the value; `None` if the source does not match.
    fn step(&mut self, character: char) -> Option<Step> {
        if self.in_run && character == '\n' && self.source.peek() != Some(&'\\') {
            return Some(Step { at: self.at, exact: false });
        }
        self.in_run = false;
        // Blank lines at the beginning of a block scalar precede its position.
        if !self.started && character == '\n' && self.is_block() && !self.is_at_break() {
            return Some(Step { at: self.at, exact: false });
        }
        self.started = true;
        while self.style == ScalarStyle::DoubleQuoted && self.pass_joined_line() {}
        let at = self.at;
        if self.is_at_break() {
            self.pass_breaks(self.style != ScalarStyle::Literal);
            self.in_run = character == '\n' && self.style != ScalarStyle::Literal;
            return matches!(character, '\n' | ' ').then_some(Step { at, exact: false });
        }
        let next = *self.source.peek()?;
        match self.style {
            ScalarStyle::DoubleQuoted if next == '\\' => {
                self.pass_escape()?;
                return Some(Step { at, exact: false });
            }
            ScalarStyle::DoubleQuoted if is_mark(next) && next != character => {
                self.advance();
                return (self.advance()? == character).then_some(Step { at, exact: false });
            }
            ScalarStyle::SingleQuoted if next == '\'' => {
                self.advance();
                return (self.advance()? == character).then_some(Step { at, exact: false });
            }
            _ => {}
        }
        let same = next == character || (character == '\\' && is_mark(next));
        self.advance();
        same.then_some(Step { at, exact: true })
    }

    fn advance(&mut self) -> Option<char> {
        let character = self.source.next()?;
        self.blanks = self.blanks.saturating_sub(1);
        self.at = match character {
            '\n' => Position { line: self.at.line + 1, column: 1 },
            _ => Position { column: self.at.column + 1, ..self.at },
        };
        Some(character)
    }

    fn is_block(&self) -> bool {
        matches!(self.style, ScalarStyle::Literal | ScalarStyle::Folded)
    }

    /// Returns `true` if only insignificant blanks precede the end of the line.
    fn is_at_break(&mut self) -> bool {
        if self.blanks > 0 {
            return false;
        }
        let mut rest = self.source.clone();
        let mut blanks = 0;
        if !self.is_block() {
            while rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {
                blanks += 1;
            }
        }
        rest.next_if_eq(&'\r');
        let is_at_break = rest.peek() == Some(&'\n');
        self.blanks = if is_at_break { 0 } else { blanks };
        is_at_break
    }

    /// Passes a line break and the indentation of the next line; with `all`, also the line breaks that follow.
    fn pass_breaks(&mut self, all: bool) {
        let is_block = self.is_block();
        loop {
            while self.advance().is_some_and(|character| character != '\n') {}
            while self.source.peek().is_some_and(|next| {
                *next == ' ' && (!is_block || self.at.column < self.indent) || *next == '\t' && !is_block
            }) {
                self.advance();
            }
            if !all || !self.is_at_break() {
                return;
            }
        }
    }

    /// Passes a line break that is escaped with a backslash. Returns `false` if there is none.
    fn pass_joined_line(&mut self) -> bool {
        let mut rest = self.source.clone();
        let joined = rest.next() == Some('\\') && {
            rest.next_if_eq(&'\r');
            rest.peek() == Some(&'\n')
        };
        if joined {
            self.pass_breaks(true);
        }
        joined
    }

    fn pass_escape(&mut self) -> Option<()> {
        self.advance();
        let digits = match self.advance()? {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let code: Option<String> = (0..digits).map(|_| self.advance()).collect();
        // The second half of a surrogate pair.
        if digits == 4 && code?.to_lowercase().starts_with(['d']) && self.source.peek() == Some(&'\\') {
            let mut rest = self.source.clone();
            rest.next();
            if rest.next() == Some('u') && rest.next().is_some_and(|c| c.eq_ignore_ascii_case(&'d')) {
                for _ in 0..6 {
                    self.advance();
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Tree;
    use super::super::document::Document;
    use super::*;

    /// The letters and digits of the value of `k`, each with the character at its position according to the segments.
    fn located(document: &str) -> Vec<(char, Option<char>)> {
        let tree = Tree::parse(Document { text: document, lines_before: 0 }).unwrap();
        let (_, value) = tree.root().pairs().next().unwrap();
        let (text, _) = value.scalar().unwrap();
        let mut segments = segments(value, 0).unwrap_or_else(|| panic!("{document:?} has no segments"));
        segments.insert(0, Segment { text: START, file: value.position() });
        let lines: Vec<Vec<char>> = document.split('\n').map(|line| line.chars().collect()).collect();
        let mut text_position = START;
        let mut located = Vec::new();
        for character in text.chars() {
            let segment = segments.iter().rev().find(|segment| segment.text <= text_position).unwrap();
            if character.is_alphanumeric() {
                assert_eq!(segment.text.line, text_position.line, "{document:?}");
                let column = segment.file.column + text_position.column - segment.text.column;
                located.push((
                    character,
                    lines.get(segment.file.line - 1).and_then(|line| line.get(column - 1)).copied(),
                ));
            }
            text_position = match character {
                '\n' => Position { line: text_position.line + 1, column: 1 },
                _ => Position { column: text_position.column + character.len_utf8(), ..text_position },
            };
        }
        located
    }

    #[test]
    fn segments_locate_every_letter() {
        for document in [
            "k: up == 0",
            "k: 'it''s up'",
            "k: \"a \\\"b\\\" c\\n d \\u0065x\"",
            "k: \"a\\\n   b\n  c\n\n\n  d\"",
            "k: \"it\\'s é so\"",
            "k: é ü x",
            "k: up\n  == 0\n\n  or x",
            "k: 'up\n  == 0\n\n  or x'",
            "k: |\n  a\n    b\n\n  c\n",
            "k: |2-\n   a\n  b",
            "k: >\n  a b\n  c\n\n  d\n    e\n  f\n",
            "k: >-\r\n  a\r\n  b\r\n",
            "k: |\n\n  a\n",
            "{\"k\": \"a\\/b \\ud83d\\ude00 c\"}",
            "a\\'b: c\\'d",
        ] {
            for (letter, found) in located(document) {
                // An escaped character is located at its escape.
                assert!(found == Some(letter) || found == Some('\\'), "{document:?}: {letter} at {found:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn segments_locate_letters_of_blocks(lines in prop::collection::vec("[a-z]( {0,3}[a-z(){}]){0,5}", 1..6), indent in 1usize..6) {
            let indented: String = lines.iter().map(|line| format!("{}{line}\n", " ".repeat(indent))).collect();
            for document in [format!("k: |\n{indented}"), format!("k: >\n{indented}"), format!("k:\n{}", indented.replace(['{', '}'], "x"))] {
                for (letter, found) in located(&document) {
                    prop_assert_eq!(Some(letter), found, "{:?}", document);
                }
            }
        }
    }
}
