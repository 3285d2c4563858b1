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
    Single,
    Double,
    Comment,
}

/// Puts the environment in, but for names in unquoted block style, which the parser does.
pub(crate) fn expand(text: &str, environment: &HashMap<String, String>) -> Result<String, NotSet> {
    let mut expanded = String::with_capacity(text.len());
    let mut state = In::Plain;
    let mut depth = 0_usize;
    let (mut line, mut line_start) = (1, 0);
    // The last character that is no blank: a quote begins a scalar only after one that can stand before a scalar.
    let mut before = '\n';
    let mut position = 0;
    while let Some(character) = text[position..].chars().next() {
        let own_work = matches!(state, In::Single | In::Double) || state == In::Plain && depth > 0;
        if own_work && let Some(name) = placeholder(&text[position..]) {
            let column = text[line_start..position].chars().count() as u64 + 1;
            let value =
                environment.get(name).ok_or_else(|| NotSet { name: name.to_owned(), line, column })?;
            expanded.push_str(&in_place(value, state));
            position += name.len() + 3;
            before = '}';
            continue;
        }
        let next = text[position + character.len_utf8()..].chars().next();
        match (state, character) {
            (In::Comment, '\n') => state = In::Plain,
            (In::Comment, _) => {}
            (In::Single, '\'') if next == Some('\'') => {
                expanded.push('\'');
                position += 1;
            }
            (In::Single, '\'') | (In::Double, '"') => state = In::Plain,
            (In::Double, '\\') => {
                expanded.push(character);
                position += 1;
                let Some(escaped) = next else { break };
                expanded.push(escaped);
                position += escaped.len_utf8();
                continue;
            }
            (In::Plain, '#') if text[..position].ends_with([' ', '\t', '\n']) || position == 0 => {
                state = In::Comment
            }
            (In::Plain, '\'') if starts_scalar(before) => state = In::Single,
            (In::Plain, '"') if starts_scalar(before) => state = In::Double,
            (In::Plain, '{' | '[') if depth > 0 || starts_scalar(before) => depth += 1,
            (In::Plain, '}' | ']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if character == '\n' {
            line += 1;
            line_start = position + 1;
        }
        if !matches!(character, ' ' | '\t') {
            before = character;
        }
        expanded.push(character);
        position += character.len_utf8();
    }
    Ok(expanded)
}

fn starts_scalar(before: char) -> bool {
    matches!(before, '\n' | ':' | ',' | '[' | '{' | '-' | '?')
}

/// The name of a `${NAME}` that begins here.
fn placeholder(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.split_once('}')?.0;
    let first = name.bytes().next()?;
    let valid = (first.is_ascii_alphabetic() || first == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    valid.then_some(name)
}

/// A value so written that it is read as itself.
fn in_place(value: &str, state: In) -> String {
    let escaped = || {
        let json = serde_json::Value::from(value).to_string();
        json[1..json.len() - 1].to_owned()
    };
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"_./-@+".contains(&b);
    match state {
        In::Single => value.replace('\'', "''"),
        In::Double => escaped(),
        // Numbers and the like stay what they are.
        _ if !value.is_empty() && value.bytes().all(harmless) => value.to_owned(),
        _ => format!("\"{}\"", escaped()),
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
