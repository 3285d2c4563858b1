//! The paths of printer columns and selectable fields: the part of Kubernetes' JSONPath that definitions use, which is
//! members, indices, wildcards, and filters that compare with a literal.

use serde_json::Value;

/// A parsed path, such as `.status.conditions[?(@.type=="Ready")].status`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Member(String),
    /// Negative indices count from the end.
    Index(i64),
    Every,
    Filter {
        path: JsonPath,
        test: Test,
    },
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Exists,
    Equals(Value),
    Differs(Value),
}

impl JsonPath {
    /// The path of members with these names.
    pub(crate) fn members(names: &[&str]) -> Self {
        Self(names.iter().map(|name| Step::Member((*name).to_owned())).collect())
    }

    /// Parses a path that begins with a dot.
    ///
    /// # Errors
    /// A message if it does not, or uses what is not supported.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('.') {
            return Err("must be a simple json path starting with .".to_owned());
        }
        let (path, rest) = steps(text)?;
        if rest.is_empty() { Ok(path) } else { Err(format!("cannot parse {rest:?}")) }
    }

    /// The values at the path, none if something on the way is missing.
    pub(crate) fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        self.0.iter().fold(vec![value], |found, step| found.into_iter().flat_map(|v| step.find(v)).collect())
    }
}

impl Step {
    fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match self {
            Self::Member(name) => value.get(name).into_iter().collect(),
            Self::Index(index) => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let from_end = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
                let index = if *index < 0 { items.len().checked_sub(from_end) } else { Some(from_end) };
                index.and_then(|index| items.get(index)).into_iter().collect()
            }
            Self::Every => match value {
                Value::Array(items) => items.iter().collect(),
                Value::Object(members) => members.values().collect(),
                _ => Vec::new(),
            },
            Self::Filter { path, test } => {
                let items = value.as_array().into_iter().flatten();
                items.filter(|item| test.holds(path.find(item).first().copied())).collect()
            }
        }
    }
}

impl Test {
    /// An item without the value fulfils no comparison.
    fn holds(&self, found: Option<&Value>) -> bool {
        match self {
            Self::Exists => found.is_some(),
            Self::Equals(wanted) => found.is_some_and(|found| same(found, wanted)),
            Self::Differs(unwanted) => found.is_some_and(|found| !same(found, unwanted)),
        }
    }
}

/// `1` and `1.0` are the same number.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Parses steps up to something that cannot begin one, and returns the rest.
fn steps(text: &str) -> Result<(JsonPath, &str), String> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let (step, after) = match rest.as_bytes() {
            [b'.', b'.', ..] => return Err("recursive descent is not supported".to_owned()),
            [b'.', b'*', ..] => (Step::Every, &rest[2..]),
            [b'.', ..] => {
                let (name, after) = name(&rest[1..]);
                // The whole object.
                if name.is_empty() && steps.is_empty() && after.is_empty() {
                    return Ok((JsonPath(steps), after));
                }
                if name.is_empty() && !after.starts_with('[') {
                    return Err(format!("a name is missing before {after:?}"));
                }
                if name.is_empty() {
                    rest = after;
                    continue;
                }
                (Step::Member(name), after)
            }
            [b'[', ..] => bracket(&rest[1..])?,
            _ => return Ok((JsonPath(steps), rest)),
        };
        steps.push(step);
        rest = after;
    }
}

/// Reads a member's name, in which `\.` is a dot.
fn name(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.extend(chars.next().map(|(_, escaped)| escaped)),
            '.' | '[' | ']' | ')' | '(' | '=' | '!' | '<' | '>' | ' ' | '?' | '@' | '"' | '\'' => {
                return (name, &text[at..]);
            }
            _ => name.push(c),
        }
    }
    (name, "")
}

/// Parses what follows an opening bracket, up to the closing one.
fn bracket(text: &str) -> Result<(Step, &str), String> {
    let closed = |rest: &'_ str| rest.trim_start().starts_with(']');
    let after = |rest: &'_ str| rest.trim_start().len() - 1;
    let unclosed = || format!("unterminated [{text}");
    if let Some(rest) = text.strip_prefix('*') {
        return if closed(rest) {
            Ok((Step::Every, &rest[rest.len() - after(rest)..]))
        } else {
            Err(unclosed())
        };
    }
    if let Some(filter) = text.strip_prefix("?(") {
        let (path, rest) = steps(filter.trim_start().strip_prefix('@').ok_or("a filter begins with @")?)?;
        let rest = rest.trim_start();
        let (test, rest) = if let Some(literal_text) = rest.strip_prefix("==") {
            let (value, rest) = literal(literal_text)?;
            (Test::Equals(value), rest)
        } else if let Some(literal_text) = rest.strip_prefix("!=") {
            let (value, rest) = literal(literal_text)?;
            (Test::Differs(value), rest)
        } else {
            (Test::Exists, rest)
        };
        let rest = rest.trim_start().strip_prefix(')').ok_or_else(unclosed)?;
        let rest = rest.strip_prefix(']').ok_or_else(unclosed)?;
        return Ok((Step::Filter { path, test }, rest));
    }
    let (value, rest) = literal(text)?;
    let rest = rest.trim_start().strip_prefix(']').ok_or_else(unclosed)?;
    match value {
        Value::String(name) => Ok((Step::Member(name), rest)),
        Value::Number(number) => number.as_i64().map(|index| (Step::Index(index), rest)).ok_or_else(unclosed),
        _ => Err(format!("cannot parse [{text}")),
    }
}

/// Parses a quoted text, a number or a boolean.
fn literal(text: &str) -> Result<(Value, &str), String> {
    let text = text.trim_start();
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (content, rest) = text[1..].split_once(quote).ok_or_else(|| format!("unterminated {text}"))?;
        return Ok((Value::String(content.to_owned()), rest));
    }
    let end = text.find([']', ')', ' ']).unwrap_or(text.len());
    let value: Value = serde_json::from_str(&text[..end]).map_err(|_| format!("cannot parse {text:?}"))?;
    if value.is_number() || value.is_boolean() {
        Ok((value, &text[end..]))
    } else {
        Err(format!("cannot parse {text:?}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str) -> Vec<Value> {
        let object = json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "x", "a": "b"}},
            "spec": {"n": 3, "list": [10, 20, 30]},
            "status": {"conditions": [
                {"type": "Ready", "status": "False", "n": 1}, {"type": "Synced", "status": "True", "n": 2.0},
                {"type": "Odd"},
            ]},
        });
        JsonPath::parse(path).unwrap().find(&object).into_iter().cloned().collect()
    }

    #[test]
    fn json_path_finds_what_definitions_ask_for() {
        for (path, expected) in [
            (".spec.n", json!([3])),
            (".spec.missing.deeper", json!([])),
            (".spec.list", json!([[10, 20, 30]])),
            (".spec.list[0]", json!([10])),
            (".spec.list[-1]", json!([30])),
            (".spec.list[9]", json!([])),
            (".spec.list[*]", json!([10, 20, 30])),
            (".status.conditions[?(@.type==\"Ready\")].status", json!(["False"])),
            (".status.conditions[?(@.type == 'Ready')].status", json!(["False"])),
            (".status.conditions[?(@.type!='Ready')].type", json!(["Synced", "Odd"])),
            (".status.conditions[?(@.n==2)].type", json!(["Synced"])),
            (".status.conditions[?(@.status)].type", json!(["Ready", "Synced"])),
            (".status.conditions[*].type", json!(["Ready", "Synced", "Odd"])),
            (r".metadata.labels.app\.kubernetes\.io/name", json!(["x"])),
            (".metadata.labels['app.kubernetes.io/name']", json!(["x"])),
            (".metadata.labels.*", json!(["b", "x"])),
        ] {
            assert_eq!(Value::Array(found(path)), expected, "{path}");
        }
        assert_eq!(found(".").len(), 1);
    }

    #[test]
    fn json_path_refuses_what_it_does_not_understand() {
        for path in [
            "spec.x",
            "",
            ".spec[",
            ".spec[?(@.a==b)]",
            ".a..b",
            ".spec[x]",
            ".a[?(@.b==\"c\"]",
            ".a b",
            ".a.",
        ] {
            assert!(JsonPath::parse(path).is_err(), "{path}");
        }
    }
}
