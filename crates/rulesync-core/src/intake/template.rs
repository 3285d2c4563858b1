//! Whether the template of a label or annotation asks for series of its own: rulers evaluate `{{ query "up" }}` as a query
//! when an alert fires, and no matcher reaches that text.

use std::collections::BTreeMap;

use crate::finding::Place;
use crate::model::group::{Group, Rule};

/// Where in a group templates call `query`.
pub(crate) fn calls(group: &Group) -> impl Iterator<Item = Place> {
    let of_group = asking("labels", &group.labels).map(|field| Place {
        group: Some(group.name.clone()),
        field: Some(field),
        ..Place::default()
    });
    let of_rules = group.rules.iter().enumerate().flat_map(move |(index, rule): (usize, &Rule)| {
        let texts = [("labels", &rule.labels), ("annotations", &rule.annotations)];
        texts.into_iter().flat_map(|(field, texts)| asking(field, texts)).map(move |field| Place {
            group: Some(group.name.clone()),
            rule: Some(index),
            rule_name: Some(rule.name().to_owned()),
            field: Some(field),
            ..Place::default()
        })
    });
    of_group.chain(of_rules)
}

fn asking(field: &'static str, texts: &BTreeMap<String, String>) -> impl Iterator<Item = String> {
    texts.iter().filter(|(_, text)| queries(text)).map(move |(key, _)| format!("{field}.{key}"))
}

/// Whether any action of a Go template calls `query`. What cannot be told apart counts as a call.
fn queries(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, action)) = rest.split_once("{{") {
        match Action::of(action) {
            Action::Queries => return true,
            Action::Harmless(after) => rest = after,
            // Rulers refuse it, or read it otherwise than we do.
            Action::Unfinished => return rest.contains("query"),
        }
    }
    false
}

/// One action, from behind its opening braces.
enum Action<'a> {
    Queries,
    /// With what follows it.
    Harmless(&'a str),
    Unfinished,
}

impl<'a> Action<'a> {
    fn of(text: &'a str) -> Self {
        let mut rest = text;
        // A comment is an action of its own; quotes in it are none.
        let inside = rest.strip_prefix('-').unwrap_or(rest).trim_start();
        if let Some(comment) = inside.strip_prefix("/*") {
            let Some((_, after)) = comment.split_once("*/") else { return Self::Unfinished };
            rest = after;
        }
        let mut before = ' ';
        while let Some(c) = rest.chars().next() {
            if let Some(after) = rest.strip_prefix("}}") {
                return Self::Harmless(after);
            }
            rest = match c {
                '"' | '\'' | '`' => match literal_end(&rest[1..], c) {
                    Some(after) => after,
                    None => return Self::Unfinished,
                },
                _ if is_word(c) => {
                    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                    // `.query` and `$query` are fields and variables.
                    if &rest[..end] == "query" && !matches!(before, '.' | '$') {
                        return Self::Queries;
                    }
                    &rest[end..]
                }
                _ => &rest[c.len_utf8()..],
            };
            before = c;
        }
        Self::Unfinished
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// What follows a literal, given what follows its opening quote.
fn literal_end(text: &str, quote: char) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if c == quote => return text.get(at + 1..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::queries;

    #[test]
    fn calls_are_found_wherever_they_hide() {
        for text in [
            r#"{{ query "up" }}"#,
            r#"x {{- with query "secret" -}} {{ . | first | value }}{{ end }}"#,
            r#"{{ "up" | query | first | value }}"#,
            r#"{{ $x := "}}" }}{{ $x | query }}"#,
            r#"{{ "}}" | query }}"#,
            r#"{{/* " */}}{{ query "x" }}"#,
            r#"{{- /* ` */ -}}{{ query "x" }}"#,
            "{{ `\\` | query }}",
            r#"{{ '"' }}{{ query "x" }}"#,
            r#"{{ (query "up") }}"#,
            "{{\nquery `up`}}",
            r#"{{ if true }}{{ range query "up" }}{{ end }}{{ end }}"#,
            r#"{{ "open }} query"#,
        ] {
            assert!(queries(text), "{text}");
        }
    }

    #[test]
    fn words_that_are_no_calls_are_not() {
        for text in [
            "a slow query",
            "{{ $value }} slow query",
            "{{ $labels.query }} and {{ .query }} and {{ $query := 1 }}{{ $query }}",
            r#"{{ "query" }} {{ $labels.x | reReplaceAll "query" "q" }}"#,
            "{{ queryEscape }} {{ myquery }} {{ query_x }}",
            "{{/* query */}}",
            "}} query {{ $value }}",
        ] {
            assert!(!queries(text), "{text}");
        }
    }
}
