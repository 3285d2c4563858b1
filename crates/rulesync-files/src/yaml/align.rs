//! Where in the file the characters of a scalar's text stand: quotes, escapes, folded lines and indentation lie between
//! the two. Both are walked side by side, and where they do not agree nothing is said.

use std::iter::Peekable;
use std::str::Chars;

use rulesync_core::{Position, Segment};
use serde_saphyr::granit_parser::ScalarStyle;

use super::escape::is_mark;
use super::tree::Node;

const START: Position = Position { line: 1, column: 1 };

/// The segments of a scalar's text from its byte `skip` on; none where they cannot be told.
pub(crate) fn segments(node: Node<'_>, skip: usize) -> Option<Vec<Segment>> {
    let (text, style) = node.scalar()?;
    let (source, start) = node.source();
    let mut walk = Walk {
        source: source.chars().peekable(),
        at: start,
        indent: start.column,
        style,
        in_run: false,
        begun: false,
        blanks: 0,
    };
    if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
        walk.advance();
    }
    let mut segments: Vec<Segment> = Vec::new();
    let (mut inside, mut contiguous) = (START, false);
    for (index, character) in text.char_indices() {
        let Step { at, exact } = walk.step(character)?;
        if index < skip {
            continue;
        }
        if !contiguous || !exact {
            segments.push(Segment { text: inside, file: at });
        }
        inside = match character {
            '\n' => Position { line: inside.line + 1, column: 1 },
            _ => Position { column: inside.column + character.len_utf8(), ..inside },
        };
        // Columns of a text are bytes, and those of a file characters.
        contiguous = exact && character.is_ascii();
    }
    match segments.as_slice() {
        [Segment { text: START, file }] if *file == start => Some(Vec::new()),
        _ => Some(segments),
    }
}

/// A walk along a scalar as it stands in the file.
struct Walk<'t> {
    source: Peekable<Chars<'t>>,
    /// Where the next character of the source stands.
    at: Position,
    /// The column in which the lines of a block begin.
    indent: usize,
    style: ScalarStyle,
    /// Whether it has just passed several line breaks, which are several in the text, too.
    in_run: bool,
    /// Whether it has passed anything of a block.
    begun: bool,
    /// So many blanks follow without a line break behind them: they are looked at once, and not each time anew.
    blanks: usize,
}

/// One character of the text.
struct Step {
    at: Position,
    /// Whether it stands in the source as it is.
    exact: bool,
}

impl Walk<'_> {
    /// Goes past what stands for the next character of the text; none if that is not it.
    fn step(&mut self, character: char) -> Option<Step> {
        if self.in_run && character == '\n' && self.source.peek() != Some(&'\\') {
            return Some(Step { at: self.at, exact: false });
        }
        self.in_run = false;
        // Blank lines in front of a block lie before its beginning.
        if !self.begun && character == '\n' && self.is_block() && !self.is_at_break() {
            return Some(Step { at: self.at, exact: false });
        }
        self.begun = true;
        while self.style == ScalarStyle::DoubleQuoted && self.passes_joined_lines() {}
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

    /// Whether the line ends here, but for blanks that do not count.
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

    /// Passes a line break and what indents the next line; if `all`, also those that follow it.
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

    /// Passes a line break that a backslash joins, if there is one.
    fn passes_joined_lines(&mut self) -> bool {
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
        // The second half of one beyond sixteen bits.
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

    use super::super::{Document, Tree};
    use super::*;

    /// Where each letter and digit of the text of `k` stands in the document, by what the segments say, beside what
    /// stands there.
    fn told(document: &str) -> Vec<(char, Option<char>)> {
        let tree = Tree::parse(Document { text: document, lines_before: 0 }).unwrap();
        let (_, value) = tree.root().pairs().next().unwrap();
        let (text, _) = value.scalar().unwrap();
        let mut segments = segments(value, 0).unwrap_or_else(|| panic!("{document:?} is not told"));
        segments.insert(0, Segment { text: START, file: value.position() });
        let lines: Vec<Vec<char>> = document.split('\n').map(|line| line.chars().collect()).collect();
        let mut inside = START;
        let mut told = Vec::new();
        for character in text.chars() {
            let segment = segments.iter().rev().find(|segment| segment.text <= inside).unwrap();
            if character.is_alphanumeric() {
                assert_eq!(segment.text.line, inside.line, "{document:?}");
                let column = segment.file.column + inside.column - segment.text.column;
                told.push((
                    character,
                    lines.get(segment.file.line - 1).and_then(|line| line.get(column - 1)).copied(),
                ));
            }
            inside = match character {
                '\n' => Position { line: inside.line + 1, column: 1 },
                _ => Position { column: inside.column + character.len_utf8(), ..inside },
            };
        }
        told
    }

    #[test]
    fn every_letter_is_found_where_it_stands() {
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
            for (letter, there) in told(document) {
                // What is escaped begins with its escape.
                assert!(there == Some(letter) || there == Some('\\'), "{document:?}: {letter} at {there:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn blocks_are_told_line_by_line(lines in prop::collection::vec("[a-z]( {0,3}[a-z(){}]){0,5}", 1..6), indent in 1usize..6) {
            let indented: String = lines.iter().map(|line| format!("{}{line}\n", " ".repeat(indent))).collect();
            for document in [format!("k: |\n{indented}"), format!("k: >\n{indented}"), format!("k:\n{}", indented.replace(['{', '}'], "x"))] {
                for (letter, there) in told(&document) {
                    prop_assert_eq!(Some(letter), there, "{:?}", document);
                }
            }
        }
    }
}
