//! Detects groups that the ruler cannot load: a ruler writes a group as YAML and reads it back, which fails for two
//! kinds of strings: multi-line strings with a wrong indentation hint, and the name `<<`, which is written plain and
//! read as a merge.

use super::{
    encode::deeper,
    style::{has_hint, is_literal},
};
use crate::model::group::{StoredGroup, StoredRule};

/// The column of a group's fields in the ruler's rule file, where groups are list items.
pub(crate) const IN_FILE: usize = 6;

/// The column of a group's fields in a separate document.
pub(crate) const ALONE: usize = 0;

/// A key that merges another mapping into its own; a string as its value is an error.
const MERGE: &str = "<<";

/// Returns `true` if the group, written with its fields at column `fields`, cannot be read back.
pub(crate) fn is_poison(group: &StoredGroup, fields: usize) -> bool {
    let rule_fields = deeper(fields) + 2;
    let lost = |text: &String, parent: usize| !is_readable(text, parent);
    let rule_maps = |rule: &StoredRule| {
        let parent = deeper(rule_fields);
        rule.labels.values().chain(rule.annotations.values()).any(|value| lost(value, parent))
    };
    let maps = group.rules.iter().flat_map(|rule| [&rule.labels, &rule.annotations]);
    maps.chain([&group.labels]).any(|map| map.contains_key(MERGE))
        || lost(&group.name, fields)
        || group.labels.values().any(|value| lost(value, deeper(fields)))
        || group.rules.iter().any(|rule| {
            [&rule.record, &rule.alert, &rule.expr].into_iter().any(|text| lost(text, rule_fields))
                || rule_maps(rule)
        })
}

/// Returns `true` if a string written as a value in a mapping at column `parent` can be read back.
fn is_readable(text: &str, parent: usize) -> bool {
    if !is_literal(text) {
        return true;
    }
    let written = deeper(parent);
    // A line break at the very start is consumed by the end of the header line.
    let lines: Vec<&str> = text.strip_prefix('\n').unwrap_or(text).split('\n').collect();
    let indent = if has_hint(text) {
        parent + 4
    } else if lines.first().is_some_and(|line| line.starts_with('\t')) {
        // The parser does not accept a tab as indentation.
        return false;
    } else {
        written
    };
    lines.iter().filter(|line| !line.is_empty()).all(|line| {
        let blanks = line.bytes().take_while(|b| *b == b' ').count();
        // A line with less indentation ends the block: the rest is not part of any value.
        written + blanks >= indent || blanks == line.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frozen(edit: impl Fn(&mut StoredGroup, String), text: &str) -> bool {
        let rule = StoredRule { alert: "A".to_owned(), expr: "up".to_owned(), ..StoredRule::default() };
        let mut group = StoredGroup { name: "g".to_owned(), rules: vec![rule], ..StoredGroup::default() };
        edit(&mut group, text.to_owned());
        is_poison(&group, IN_FILE)
    }

    #[test]
    fn poison_matches_strings_that_froze_a_real_tenant() {
        // Each string with its observed effect as expression, annotation, alert name and group name.
        for (text, expr, annotation, alert, name) in [
            ("\tx\ny", true, true, true, true),
            ("\nx", true, false, true, true),
            ("\n\tx", true, false, true, true),
            (" \tx\n", true, false, true, true),
            ("  x\ny", true, false, true, true),
            ("  up\n", false, false, false, false),
            ("\n  x\n", false, false, false, false),
            ("x\n\ty", false, false, false, false),
            ("x \ny", false, false, false, false),
            ("x\r\ny", false, false, false, false),
            ("x\n\n\n", false, false, false, false),
            ("one line", false, false, false, false),
        ] {
            assert_eq!(frozen(|g, text| g.rules[0].expr = text, text), expr, "expr {text:?}");
            let annotate = |g: &mut StoredGroup, text| {
                g.rules[0].annotations.insert("a".to_owned(), text);
            };
            assert_eq!(frozen(annotate, text), annotation, "annotation {text:?}");
            assert_eq!(frozen(|g, text| g.rules[0].alert = text, text), alert, "alert {text:?}");
            assert_eq!(frozen(|g, text| g.name = text, text), name, "name {text:?}");
        }
    }

    #[test]
    fn poison_single_line_is_only_the_merge_key() {
        // The behaviour of gopkg.in/yaml.v3 3.0.1 and go.yaml.in/yaml/v3 3.0.4 with a rule file of each of these.
        for text in [
            "<<",
            "<<:",
            "<<<",
            "<< ",
            " <<",
            "=",
            "~",
            "null",
            "y",
            "no",
            "0b1",
            "0o7",
            "1_000",
            ".inf",
            "1:20",
            "2024-01-01",
            "---",
            "...",
            "-",
            "- a",
            "?",
            "? a",
            ":",
            "a:",
            "a: b",
            "a #b",
            "#",
            "%YAML 1.2",
            "!!str",
            "&a",
            "*a",
            "|",
            ">",
            "'a",
            "\"a",
            "{",
            "[",
            " a",
            "a ",
            "\u{feff}",
        ] {
            for (place, edit) in [
                (
                    "label",
                    (|g, text| drop(g.rules[0].labels.insert(text, String::new())))
                        as fn(&mut StoredGroup, String),
                ),
                ("annotation", |g, text| drop(g.rules[0].annotations.insert(text, String::new()))),
                ("group label", |g, text| drop(g.labels.insert(text, String::new()))),
            ] {
                assert_eq!(frozen(edit, text), text == "<<", "{place} named {text:?}");
            }
            let as_value = |g: &mut StoredGroup, text: String| {
                g.name.clone_from(&text);
                g.labels.insert("a".to_owned(), text.clone());
                g.rules[0].annotations.insert("a".to_owned(), text.clone());
                g.rules[0].alert = text;
            };
            assert!(!frozen(as_value, text), "{text:?} as a value");
        }
    }
}
