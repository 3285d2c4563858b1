//! Writes YAML byte for byte like Go's `yaml.v3`: indentation, quoting, block scalars, order of keys.
//!
//! Rulers answer in it, and clients have problems with some of its properties (a wrong indentation hint, an unquoted
//! `<<`), so a cleaner writer would not do. Only block style is written, except for empty collections.

use super::style::{Style, escape, has_hint, is_break, is_printable, style};

/// A YAML node.
pub(crate) enum Node<'a> {
    /// A string, quoted where needed.
    Text(&'a str),
    /// A number or boolean, written verbatim.
    Plain(String),
    /// A mapping, written in the given order.
    Map(Vec<(&'a str, Node<'a>)>),
    /// A sequence.
    Seq(Vec<Node<'a>>),
}

/// The indentation of collections, in columns.
const STEP: usize = 4;

/// The maximum length in bytes of a simple key; longer keys are written in the `? key` form.
const SIMPLE_KEY: usize = 128;

/// Renders a complete document.
pub(crate) fn document(node: &Node<'_>) -> String {
    let mut writer = Writer::default();
    match node {
        Node::Map(entries) if entries.is_empty() => writer.put_str("{}"),
        Node::Map(entries) => writer.map(entries, 0),
        Node::Seq(items) => writer.seq(items, 0),
        Node::Text(text) => writer.scalar(text, false, STEP),
        Node::Plain(text) => writer.plain(text),
    }
    writer.indent_to(0);
    writer.out
}

/// Renders one item of a sequence whose dashes are at column `indent`. Concatenated items make up the sequence.
pub(crate) fn item(value: &Node<'_>, indent: usize) -> String {
    let mut writer = Writer::default();
    writer.seq(std::slice::from_ref(value), indent);
    writer.indent_to(0);
    writer.out
}

/// Renders a top-level key whose value is a sequence, up to the first [`item`]. Also returns the number of columns of
/// the first item that are already written: the `: ` of the long form of a key takes up the first ones.
pub(crate) fn sequence_key(key: &str) -> (String, usize) {
    let mut writer = Writer::default();
    let inline = writer.key(key, 0);
    if !inline {
        writer.indent_to(0);
    }
    let taken = writer.column;
    (writer.out, taken)
}

/// The indentation of a value in a mapping at `indent`.
pub(crate) fn deeper(indent: usize) -> usize {
    STEP * ((indent + STEP) / STEP)
}

struct Writer {
    out: String,
    column: usize,
    /// `true` if the last character was white space, or there is none.
    whitespace: bool,
    /// `true` if this line has only indentation and indicators so far.
    indention: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Self { out: String::new(), column: 0, whitespace: true, indention: true }
    }
}

impl Writer {
    fn map(&mut self, entries: &[(&str, Node<'_>)], indent: usize) {
        for (key, value) in entries {
            self.entry(key, value, indent);
        }
    }

    fn entry(&mut self, key: &str, value: &Node<'_>, indent: usize) {
        self.key(key, indent);
        match value {
            Node::Text(text) => self.scalar(text, false, deeper(indent)),
            Node::Plain(text) => self.plain(text),
            Node::Map(entries) => self.map(entries, deeper(indent)),
            Node::Seq(items) => self.seq(items, deeper(indent)),
        }
    }

    /// Writes a key and its colon; returns `true` if a collection may begin on the same line.
    fn key(&mut self, key: &str, indent: usize) -> bool {
        self.indent_to(indent);
        let long = key.len() > SIMPLE_KEY || key.chars().any(is_break);
        if long {
            self.indicator("?", true, true);
            self.scalar(key, false, deeper(indent));
            self.indent_to(indent);
            self.indicator(":", true, true);
        } else {
            self.scalar(key, true, deeper(indent));
            self.indicator(":", false, false);
        }
        long
    }

    fn seq(&mut self, items: &[Node<'_>], indent: usize) {
        if items.is_empty() {
            self.plain("[]");
        }
        for item in items {
            self.indent_to(indent);
            self.indicator("-", true, true);
            match item {
                // A mapping starts on the line of the dash.
                Node::Map(entries) => self.map(entries, indent + 2),
                Node::Seq(items) => self.seq(items, indent + 2),
                Node::Text(text) => self.scalar(text, false, indent + 2),
                Node::Plain(text) => self.plain(text),
            }
        }
    }

    /// Writes a string; `indent` is the column of its continuation lines.
    fn scalar(&mut self, text: &str, key: bool, indent: usize) {
        match style(text, key) {
            Style::Plain => self.plain(text),
            Style::Single => self.single_quoted(text, indent),
            Style::Double => self.double_quoted(text),
            Style::Literal => self.literal(text, indent),
        }
    }

    fn plain(&mut self, text: &str) {
        if !self.whitespace {
            self.put(' ');
        }
        self.put_str(text);
        self.whitespace = false;
        self.indention = false;
    }

    fn single_quoted(&mut self, text: &str, indent: usize) {
        self.indicator("'", true, false);
        let mut after_break = false;
        for c in text.chars() {
            if is_break(c) {
                self.line_break(c);
                after_break = true;
                continue;
            }
            if after_break {
                self.indent_to(indent);
                after_break = false;
            }
            if c == '\'' {
                self.put('\'');
            }
            self.put(c);
            self.indention = false;
        }
        self.indicator("'", false, false);
    }

    fn double_quoted(&mut self, text: &str) {
        self.indicator("\"", true, false);
        for c in text.chars() {
            if is_printable(c) && !is_break(c) && c != '"' && c != '\\' {
                self.put(c);
                continue;
            }
            self.put('\\');
            match escape(c) {
                Some(short) => self.put(short),
                None => {
                    let code = u32::from(c);
                    let long = match code {
                        0..=0xFF => format!("x{code:02X}"),
                        0x100..=0xFFFF => format!("u{code:04X}"),
                        _ => format!("U{code:08X}"),
                    };
                    self.put_str(&long);
                }
            }
        }
        self.indicator("\"", false, false);
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.indicator("|", true, false);
        if has_hint(text) {
            // The hint is the step instead of the distance to the parent, which is wrong in a mapping in a sequence.
            self.put_str("4");
        }
        let mut backwards = text.chars().rev();
        let last = backwards.next();
        if !last.is_some_and(is_break) {
            self.put_str("-");
        } else if backwards.next().is_none_or(is_break) {
            self.put_str("+");
        }
        self.whitespace = true;
        let mut after_break = true;
        for c in text.chars() {
            if is_break(c) {
                self.line_break(c);
                after_break = true;
                continue;
            }
            if after_break {
                self.indent_to(indent);
                after_break = false;
            }
            self.put(c);
            self.indention = false;
        }
    }

    fn indicator(&mut self, text: &str, needs_space: bool, indention: bool) {
        if needs_space && !self.whitespace {
            self.put(' ');
        }
        self.put_str(text);
        self.whitespace = false;
        self.indention = self.indention && indention;
    }

    fn indent_to(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
    }

    fn line_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        if c == '\n' {
            self.indention = true;
        }
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_str(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }
}

#[cfg(test)]
mod tests;
