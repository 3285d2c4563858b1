//! `${NAME}` where the YAML parser does not put the environment in by itself: in quotes, and between braces or
//! brackets. What is put in stays text, whatever characters it holds. Pure.

use std::collections::HashMap;

/// A name without a value, and where it stands, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotSet {
    pub(crate) name: String,
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// Where in the text a character stands.
#[derive(Clone, Copy, PartialEq)]
enum In {
    Plain,
    /// In single quotes, with nothing to be put in.
    Single,
    /// In single quotes that become double ones, which can hold any value.
    Requoted,
    Double,
    Comment,
}

/// Puts the environment in, but for names in unquoted block style, which the parser does.
pub(crate) fn expand(text: &str, environment: &HashMap<String, String>) -> Result<String, NotSet> {
    let mut expanded = String::with_capacity(text.len());
    let mut state = In::Plain;
    let mut depth = 0_usize;
    // The last character that is no blank: a scalar begins only after one that can stand before it.
    let mut before = '\n';
    let mut position = 0;
    let value_of = |name: &str, position: usize| {
        environment.get(name).ok_or_else(|| {
            let (line, column) = place(&text[..position]);
            NotSet { name: name.to_owned(), line, column }
        })
    };
    while let Some(character) = text[position..].chars().next() {
        let rest = &text[position..];
        match state {
            In::Requoted | In::Double => {
                if let Some(name) = placeholder(rest) {
                    escape(value_of(name, position)?, &mut expanded);
                    position += name.len() + AROUND_NAME;
                    continue;
                }
            }
            In::Plain if depth > 0 && begins_scalar(&text[..position], before, rest) => {
                let scalar = plain_scalar(rest);
                if let Some(filled) = fill(scalar, |name, at| value_of(name, position + at))? {
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
            (In::Plain, '\'') if stands_before_scalar(before) => {
                if holds_name(single_quoted(&text[position..])) {
                    state = In::Requoted;
                    written = Some('"');
                } else {
                    state = In::Single;
                }
            }
            (In::Plain, '"') if stands_before_scalar(before) => state = In::Double,
            (In::Plain, '{' | '[') if depth > 0 || stands_before_scalar(before) => depth += 1,
            (In::Plain, '}' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !matches!(character, ' ' | '\t') {
            before = character;
        }
        expanded.extend(written);
    }
    Ok(expanded)
}

/// Line and column of what follows this text.
fn place(before: &str) -> (u64, u64) {
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    (lines as u64 + 1, before[line_start..].chars().count() as u64 + 1)
}

fn stands_before_scalar(before: char) -> bool {
    matches!(before, '\n' | ':' | ',' | '[' | '{' | '-' | '?')
}

/// Whether an unquoted scalar between braces or brackets begins here; a name always does, whatever stands before it.
fn begins_scalar(text: &str, before: char, rest: &str) -> bool {
    let fresh = text.ends_with([' ', '\t', '\n', ',', '[', '{']) || text.ends_with("\":");
    let plain = |c: char| !c.is_whitespace() && !",[]{}#&*!|>'\"%@`".contains(c);
    placeholder(rest).is_some() || fresh && stands_before_scalar(before) && rest.starts_with(plain)
}

/// The unquoted scalar between braces or brackets that begins here, as far as its line goes.
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

/// What stands between here and the single quote that closes.
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

/// An unquoted scalar with the values in place of the names; none if it has no names. Where the values are harmless it
/// stays unquoted, so that numbers and the like stay what they are.
fn fill<'e>(
    scalar: &str,
    value_of: impl Fn(&str, usize) -> Result<&'e String, NotSet>,
) -> Result<Option<String>, NotSet> {
    let mut filled = String::new();
    let (mut harmless, mut names, mut position) = (true, 0, 0);
    while let Some(character) = scalar[position..].chars().next() {
        if let Some(name) = placeholder(&scalar[position..]) {
            let value = value_of(name, position)?;
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
    if names == 0 || (harmless && stands_unquoted(&filled)) {
        return Ok((names > 0).then_some(filled));
    }
    let mut quoted = String::from("\"");
    escape(&filled, &mut quoted);
    quoted.push('"');
    Ok(Some(quoted))
}

/// Whether harmless characters make a scalar. An environment holds texts, never nothing.
fn stands_unquoted(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']);
    let begins = match unsigned {
        Some(number) => number.starts_with(|c: char| c.is_ascii_digit() || c == '.'),
        None => !text.starts_with('@'),
    };
    begins && !matches!(text, "null" | "Null" | "NULL")
}

/// The name of a `${NAME}` that begins here.
fn placeholder(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.split_once('}')?.0;
    let first = name.bytes().next()?;
    let valid = (first.is_ascii_alphabetic() || first == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    valid.then_some(name)
}

/// What stands around a name: `${` and `}`.
const AROUND_NAME: usize = 3;

/// A value so written that double quotes hold it. Characters that YAML does not print are escaped too.
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
        let expanded = expand(text, &environment()).unwrap();
        let value: HashMap<String, serde_json::Value> = serde_saphyr::from_str(&expanded).unwrap();
        value["k"].to_string()
    }

    #[test]
    fn values_stay_text_wherever_they_stand() {
        for value in ["-", "@a", "null", "-a"] {
            let environment = [("V".to_owned(), value.to_owned())].into();
            let expanded = expand("k: [${V}, x${V}]", &environment).unwrap();
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
    fn what_the_parser_does_itself_is_left_to_it() {
        for text in [
            "k: ${A}",
            "k: http://${A}:9009 # ${NOT_SET}",
            "# '${NOT_SET}'\n",
            "k: ${not a name}",
            "k: it's ${A}",
        ] {
            assert_eq!(expand(text, &environment()).unwrap(), text);
        }
    }

    #[test]
    fn a_name_without_a_value_is_told_with_its_place() {
        let missing = expand("a: 1\nk: [x, '${NO}']\n", &environment()).unwrap_err();
        assert_eq!(missing, NotSet { name: "NO".to_owned(), line: 2, column: 9 });
    }
}
