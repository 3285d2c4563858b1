//! Label selectors as Kubernetes' tools take them: `a=b,c!=d,e in (f, g),h notin (i),j,!k`.

use rulesync_core::route::{Operator, Requirement, Selector};

/// Parses a selector. An empty one selects everything.
pub(crate) fn parse(text: &str) -> Result<Selector, String> {
    let mut selector = Selector::default();
    if text.trim().is_empty() {
        return Ok(selector);
    }
    for part in split(text)? {
        selector.match_expressions.push(requirement(part.trim())?);
    }
    Ok(selector)
}

/// Splits a text at the commas outside of parentheses.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut open) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if open => return Err("a parenthesis within parentheses".to_owned()),
            '(' => open = true,
            ')' if !open => return Err("a closing parenthesis without an opening one".to_owned()),
            ')' => open = false,
            ',' if !open => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if open {
        return Err("a parenthesis is not closed".to_owned());
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn requirement(text: &str) -> Result<Requirement, String> {
    if text.is_empty() {
        return Err("a requirement is missing at a comma".to_owned());
    }
    if let Some(name) = text.strip_prefix('!') {
        return Ok(Requirement { key: key(name)?, operator: Operator::DoesNotExist, values: Vec::new() });
    }
    if let Some((before, list)) = text.split_once('(') {
        let list = list.strip_suffix(')').ok_or_else(|| format!("text after the values of `{text}`"))?;
        let (name, operator) = match before.trim().rsplit_once(char::is_whitespace) {
            Some((name, "in")) => (name, Operator::In),
            Some((name, "notin")) => (name, Operator::NotIn),
            _ => return Err(format!("`{text}`: write `KEY in (VALUES)` or `KEY notin (VALUES)`")),
        };
        let values = list.split(',').map(value).collect::<Result<_, _>>()?;
        return Ok(Requirement { key: key(name)?, operator, values });
    }
    for (sign, operator) in [("!=", Operator::NotIn), ("==", Operator::In), ("=", Operator::In)] {
        if let Some((name, text)) = text.split_once(sign) {
            return Ok(Requirement { key: key(name)?, operator, values: vec![value(text)?] });
        }
    }
    Ok(Requirement { key: key(text)?, operator: Operator::Exists, values: Vec::new() })
}

fn key(text: &str) -> Result<String, String> {
    let text = text.trim();
    let name = text.split_once('/').map_or(text, |(_, name)| name);
    let known = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if name.is_empty() || name.contains('/') || !text.chars().all(known) {
        return Err(format!("`{text}` is not the key of a label"));
    }
    Ok(text.to_owned())
}

fn value(text: &str) -> Result<String, String> {
    let text = text.trim();
    if !text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Err(format!("`{text}` is not the value of a label"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rulesync_core::model::Labels;

    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels: Labels = labels.iter().copied().collect();
        parse(selector).unwrap().matches(&labels)
    }

    #[test]
    fn selector_has_the_meaning_of_kubernetes() {
        let labels = [("team", "web"), ("tier", "a"), ("example.com/x", "")];
        for (selector, selected) in [
            ("", true),
            ("team=web", true),
            ("team == web , tier=a", true),
            ("team=app", false),
            ("team!=web", false),
            ("other!=web", true),
            ("tier in (a, b)", true),
            ("tier notin (a,b)", false),
            ("other notin (a)", true),
            ("other in (a)", false),
            ("team", true),
            ("!team", false),
            ("!other,team", true),
            ("example.com/x=", true),
            ("example.com/x", true),
            ("tier in (a,b),team=app", false),
        ] {
            assert_eq!(matches(selector, &labels), selected, "{selector}");
        }
    }

    #[test]
    fn selector_that_means_nothing_is_refused() {
        for text in [
            ",",
            "a=b,",
            "=b",
            "a in b",
            "a in (b",
            "a in (b) c",
            "a b",
            "a>1",
            "a in (b,(c))",
            "a/b/c",
            "in (a)",
            "a=b=c",
            "a)b",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn selector_of_values_selects_them_alone(
            key in "[a-z]{1,5}", values in proptest::collection::vec("[a-z0-9]{1,5}", 1..4), other in "[A-Z]{1,5}",
        ) {
            let selector = format!("{key} in ({})", values.join(", "));
            prop_assert!(values.iter().all(|value| matches(&selector, &[(&*key, &**value)])));
            prop_assert!(!matches(&selector, &[(&*key, &*other)]));
            let excluded = format!("{key} notin ({})", values.join(","));
            prop_assert!(matches(&excluded, &[(&*key, &*other)]) && !matches(&excluded, &[(&*key, &*values[0])]));
        }
    }
}
