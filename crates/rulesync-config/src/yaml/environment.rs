//! `${NAME}` where the YAML parser does not substitute the environment by itself: in quotes, and between braces or
//! brackets. A substituted value stays text, whatever characters it holds. Pure.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use super::tree::Position;

/// A text after substitution.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    /// Names that have no value; [`UNSET`] stands for each.
    pub(crate) unset: Vec<(String, Position)>,
    pub(crate) columns: Columns,
}

/// Where columns of the text before and after substitution differ. Lines are the same: what is substituted has none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns(BTreeMap<u64, Vec<Shift>>);

/// From this column on, columns differ by the same number, until the next shift or the end of the line.
#[derive(Debug, PartialEq, Eq)]
struct Shift {
    after: u64,
    before: u64,
}

impl Columns {
    /// Returns whether all columns are the same.
    pub(crate) fn are_unchanged(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the position in the text as written.
    pub(crate) fn as_written(&self, Position { line, column }: Position) -> Position {
        let shifts = self.0.get(&line).map_or(&[][..], Vec::as_slice);
        let shift = shifts.iter().rev().find(|shift| shift.after <= column);
        let column = shift.map_or(column, |shift| shift.before + (column - shift.after));
        Position { line, column }
    }
}

/// The beginning of a line, before and after substitution.
#[derive(Debug, Clone, Copy)]
struct Line {
    number: u64,
    before: usize,
    after: usize,
}

/// The text that stands for a variable that is not set: a character for private use.
pub(crate) const UNSET: char = '\u{f8ff}';

/// The part of the text that a character is in.
#[derive(Clone, Copy, PartialEq)]
enum In {
    Plain,
    /// In single quotes, without names.
    Single,
    /// In single quotes that become double ones, which can hold any value.
    Requoted,
    Double,
    Comment,
}

/// Substitutes the environment, except in unquoted block style, which the parser does.
pub(crate) fn expand(text: &str, environment: &HashMap<String, String>) -> Expanded {
    let unset = RefCell::new(Vec::new());
    let in_place = UNSET.to_string();
    let mut expanded = String::with_capacity(text.len());
    let mut state = In::Plain;
    let mut depth = 0_usize;
    // The last character that is not blank: a scalar begins only after some of them.
    let mut before = '\n';
    let mut position = 0;
    let value_of = |name: &str, position: usize| {
        environment.get(name).unwrap_or_else(|| {
            unset.borrow_mut().push((name.to_owned(), position_after(&text[..position])));
            &in_place
        })
    };
    let mut columns = Columns::default();
    let mut line = Line { number: 1, before: 0, after: 0 };
    // The length of what is substituted beyond that of what it is substituted for.
    let mut growth = 0;
    while let Some(character) = text[position..].chars().next() {
        let rest = &text[position..];
        if expanded.len().wrapping_sub(position) != growth {
            growth = expanded.len().wrapping_sub(position);
            let column = |text: &str| text.chars().count() as u64 + 1;
            let shift = Shift {
                after: column(&expanded[line.after..]),
                before: column(&text[line.before..position]),
            };
            columns.0.entry(line.number).or_default().push(shift);
        }
        match state {
            In::Requoted | In::Double => {
                if let Some(name) = placeholder(rest) {
                    escape(value_of(name, position), &mut expanded);
                    position += name.len() + AROUND_NAME;
                    continue;
                }
            }
            In::Plain if depth > 0 && begins_scalar(&text[..position], before, rest) => {
                let scalar = plain_scalar(rest);
                if let Some(filled) = fill(scalar, |name, at| value_of(name, position + at)) {
                    expanded.push_str(&filled);
                    position += scalar.len();
                    before = '}';
                    continue;
                }
            }
            _ => {}
        }
        let next = rest[character.len_utf8()..].chars().next();
        position += character.len_utf8();
        let mut written = Some(character);
        match (state, character) {
            (In::Comment, '\n') => state = In::Plain,
            (In::Comment, _) => {}
            (In::Single | In::Requoted, '\'') if next == Some('\'') => {
                position += 1;
                if state == In::Single {
                    expanded.push('\'');
                }
            }
            (In::Requoted, '\'') => {
                state = In::Plain;
                written = Some('"');
            }
            (In::Requoted, '"' | '\\') => expanded.push('\\'),
            (In::Single, '\'') | (In::Double, '"') => state = In::Plain,
            (In::Double, '\\') => {
                expanded.push(character);
                position += next.map_or(0, char::len_utf8);
                written = next;
            }
            (In::Plain, '#') if text[..position - 1].ends_with([' ', '\t', '\n']) || position == 1 => {
                state = In::Comment;
            }
            (In::Plain, '\'') if may_precede_scalar(before) => {
                if holds_name(single_quoted(&text[position..])) {
                    state = In::Requoted;
                    written = Some('"');
                } else {
                    state = In::Single;
                }
            }
            (In::Plain, '"') if may_precede_scalar(before) => state = In::Double,
            (In::Plain, '{' | '[') if depth > 0 || may_precede_scalar(before) => depth += 1,
            (In::Plain, '}' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !matches!(character, ' ' | '\t') {
            before = character;
        }
        expanded.extend(written);
        if written == Some('\n') {
            line = Line { number: line.number + 1, before: position, after: expanded.len() };
            growth = expanded.len().wrapping_sub(position);
        }
    }
    Expanded { text: expanded, unset: unset.take(), columns }
}

/// Returns the names in a text that has been expanded: those that the parser substitutes, and some in comments.
pub(crate) fn remaining_names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("${").filter_map(|(at, _)| placeholder(&text[at..]))
}

/// Returns the position of what follows this text.
fn position_after(before: &str) -> Position {
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    Position { line: lines as u64 + 1, column: before[line_start..].chars().count() as u64 + 1 }
}

fn may_precede_scalar(before: char) -> bool {
    matches!(before, '\n' | ':' | ',' | '[' | '{' | '-' | '?')
}

/// Returns whether an unquoted scalar between braces or brackets begins here; a name always does.
fn begins_scalar(text: &str, before: char, rest: &str) -> bool {
    let fresh = text.ends_with([' ', '\t', '\n', ',', '[', '{']) || text.ends_with("\":");
    let plain = |c: char| !c.is_whitespace() && !",[]{}#&*!|>'\"%@`".contains(c);
    placeholder(rest).is_some() || fresh && may_precede_scalar(before) && rest.starts_with(plain)
}

/// Returns the unquoted scalar between braces or brackets that begins here, to the end of its line at most.
fn plain_scalar(text: &str) -> &str {
    let mut end = 0;
    while let Some(character) = text[end..].chars().next() {
        if let Some(name) = placeholder(&text[end..]) {
            end += name.len() + AROUND_NAME;
            continue;
        }
        let after = text[end + character.len_utf8()..].chars().next();
        let ends = match character {
            ',' | '[' | ']' | '{' | '}' | '\r' | '\n' => true,
            ':' => after.is_none_or(|c| c.is_whitespace() || ",[]{}".contains(c)),
            '#' => text[..end].ends_with([' ', '\t']),
            _ => false,
        };
        if ends {
            break;
        }
        end += character.len_utf8();
    }
    text[..end].trim_end()
}

/// Returns the text up to the closing single quote.
fn single_quoted(text: &str) -> &str {
    let mut end = 0;
    while let Some(quote) = text[end..].find('\'') {
        end += quote;
        if !text[end + 1..].starts_with('\'') {
            return &text[..end];
        }
        end += 2;
    }
    text
}

fn holds_name(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| placeholder(&text[at..]).is_some())
}

/// Returns an unquoted scalar with the values in place of the names; none if it has no names. It stays unquoted where the
/// values are harmless, so that numbers and the like keep their type.
fn fill<'e>(scalar: &str, value_of: impl Fn(&str, usize) -> &'e String) -> Option<String> {
    let mut filled = String::new();
    let (mut harmless, mut names, mut position) = (true, 0, 0);
    while let Some(character) = scalar[position..].chars().next() {
        if let Some(name) = placeholder(&scalar[position..]) {
            let value = value_of(name, position);
            harmless &= !value.is_empty()
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./-@+".contains(&b));
            filled.push_str(value);
            position += name.len() + AROUND_NAME;
            names += 1;
        } else {
            filled.push(character);
            position += character.len_utf8();
        }
    }
    if names == 0 || (harmless && is_plain_scalar(&filled)) {
        return (names > 0).then_some(filled);
    }
    let mut quoted = String::from("\"");
    escape(&filled, &mut quoted);
    quoted.push('"');
    Some(quoted)
}

/// Returns whether harmless characters make a scalar. An environment holds texts, never null.
fn is_plain_scalar(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']);
    let begins = match unsigned {
        Some(number) => number.starts_with(|c: char| c.is_ascii_digit() || c == '.'),
        None => !text.starts_with('@'),
    };
    begins && !matches!(text, "null" | "Null" | "NULL")
}

/// Returns the name of a `${NAME}` that begins here.
fn placeholder(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.split_once('}')?.0;
    let first = name.bytes().next()?;
    let valid = (first.is_ascii_alphabetic() || first == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    valid.then_some(name)
}

/// The length of `${` and `}` around a name.
const AROUND_NAME: usize = 3;

/// Writes a value as it must be in double quotes. Characters that YAML does not print are escaped too.
fn escape(value: &str, to: &mut String) {
    for character in value.chars() {
        let printed = !character.is_control()
            && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
        if matches!(character, '"' | '\\') {
            to.extend(['\\', character]);
        } else if printed {
            to.push(character);
        } else {
            to.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> HashMap<String, String> {
        [("A", "plain-1"), ("ODD", "it's \"x\": {# 1"), ("N", "3")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into()
    }

    fn read(text: &str) -> String {
        let expanded = expand(text, &environment()).text;
        let value: HashMap<String, serde_json::Value> = serde_saphyr::from_str(&expanded).unwrap();
        value["k"].to_string()
    }

    #[test]
    fn expand_keeps_values_as_text() {
        for value in ["-", "@a", "null", "-a"] {
            let environment = [("V".to_owned(), value.to_owned())].into();
            let expanded = expand("k: [${V}, x${V}]", &environment).text;
            let read: HashMap<String, Vec<String>> = serde_saphyr::from_str(&expanded).unwrap();
            assert_eq!(read["k"], [value.to_owned(), format!("x{value}")]);
        }
        let odd = serde_json::Value::from("it's \"x\": {# 1").to_string();
        for text in ["k: '${ODD}'", "k: \"${ODD}\"", "{k: ${ODD}}", "k: '${ODD}' # not ${NOT_SET}"] {
            assert_eq!(read(text), odd, "{text}");
        }
        assert_eq!(read("k: {a: [${N}, '${N}', x-${A}]}"), r#"{"a":[3,"3","x-plain-1"]}"#);
        assert_eq!(read("k: 'don''t ${A}'"), r#""don't plain-1""#);
        assert_eq!(read("k: \"\\\"${A}\\\"\""), r#""\"plain-1\"""#);
    }

    #[test]
    fn expand_leaves_to_the_parser_what_it_substitutes_itself() {
        for text in [
            "k: ${A}",
            "k: http://${A}:9009 # ${NOT_SET}",
            "# '${NOT_SET}'\n",
            "k: ${not a name}",
            "k: it's ${A}",
        ] {
            let Expanded { text: expanded, unset, columns } = expand(text, &environment());
            assert_eq!((expanded.as_str(), unset.len()), (text, 0));
            assert!(columns.are_unchanged());
        }
    }

    #[test]
    fn columns_are_those_of_the_text_as_written() {
        let text = "a: 'don''t'\nk: [${N}, '${ODD}', \"${A}\", x]\n";
        let Expanded { text: expanded, columns, .. } = expand(text, &environment());
        let column = |text: &str| text.lines().nth(1).unwrap().rfind('x').unwrap() as u64 + 1;
        assert_ne!(column(text), column(&expanded));
        let position = columns.as_written(Position { line: 2, column: column(&expanded) });
        assert_eq!(position, Position { line: 2, column: column(text) });
        let first = Position { line: 1, column: 4 };
        assert_eq!(columns.as_written(first), first);
    }

    #[test]
    fn expand_reports_every_variable_that_is_not_set_with_its_position() {
        let unset = expand("a: 1\nk: [x, '${NO}', ${NEITHER}]\n", &environment()).unset;
        let at = |name: &str, column| (name.to_owned(), Position { line: 2, column });
        assert_eq!(unset, [at("NO", 9), at("NEITHER", 17)]);
    }
}
