//! Label and field selectors as the API server parses and matches them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::json_path::JsonPath;
use super::refused::Refused;
use super::resource::Resource;
use super::store::Record;

/// The label and field selectors of a list or watch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<FieldTerm>,
}

#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
}

#[derive(Debug, Clone, PartialEq)]
struct FieldTerm {
    field: Field,
    value: String,
    negated: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Field {
    Name,
    Namespace,
    /// The first of these paths in the stored object that has a value.
    Content(Vec<JsonPath>),
}

/// A field besides name and namespace by which objects of a kind can be selected.
#[derive(Debug, Clone)]
pub(crate) struct SelectableField {
    /// The field as named in selectors.
    label: String,
    paths: Vec<JsonPath>,
}

impl SelectableField {
    pub(crate) fn new(label: &str, paths: Vec<JsonPath>) -> Self {
        Self { label: label.to_owned(), paths }
    }
}

impl Selector {
    /// Parses the two query parameters for objects of this kind.
    ///
    /// # Errors
    /// 400 with the server's own wording if the syntax or the field is not supported.
    pub(crate) fn parse(labels: &str, fields: &str, resource: &Resource) -> Result<Self, Refused> {
        let labels = parse_labels(labels)
            .map_err(|e| Refused::bad_request(format!("unable to parse requirement: {e}")))?;
        Ok(Self { labels, fields: parse_fields(fields, resource)? })
    }

    /// Returns `true` if everything is selected: only then does a list report the number of remaining items.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Returns `true` if the object is selected.
    pub(crate) fn matches(&self, record: &Record) -> bool {
        self.labels.iter().all(|requirement| requirement.matches(&record.labels))
            && self.fields.iter().all(|term| term.matches(record))
    }
}

impl FieldTerm {
    fn matches(&self, record: &Record) -> bool {
        let equal = match &self.field {
            Field::Name => record.name == self.value,
            Field::Namespace => record.namespace == self.value,
            Field::Content(paths) => content(&record.value(), paths) == self.value,
        };
        equal != self.negated
    }
}

/// The value of a field as text; empty if it is missing.
fn content(object: &Value, paths: &[JsonPath]) -> String {
    let found = paths.iter().filter_map(|path| path.find(object).first().copied());
    let mut texts = found.map(|value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    texts.find(|text| !text.is_empty()).unwrap_or_default()
}

impl Requirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let number = || value.and_then(|v| v.parse::<i64>().ok());
        match &self.test {
            Test::In(wanted) => value.is_some_and(|v| wanted.contains(v)),
            Test::NotIn(unwanted) => value.is_none_or(|v| !unwanted.contains(v)),
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::Greater(bound) => number().is_some_and(|n| n > *bound),
            Test::Less(bound) => number().is_some_and(|n| n < *bound),
        }
    }
}

fn parse_fields(text: &str, resource: &Resource) -> Result<Vec<FieldTerm>, Refused> {
    text.split(',').filter(|term| !term.is_empty()).map(|term| parse_field(term, resource)).collect()
}

fn parse_field(term: &str, resource: &Resource) -> Result<FieldTerm, Refused> {
    let invalid =
        || Refused::bad_request(format!("invalid field selector: {term:?}; can't understand {term:?}"));
    let (label, value, negated) = if let Some((label, value)) = term.split_once("!=") {
        (label, value, true)
    } else if let Some((label, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (label, value, false)
    } else {
        return Err(invalid());
    };
    let declared = resource.selectable.iter().find(|field| field.label == label);
    let field = match (label, declared) {
        ("metadata.name", _) => Field::Name,
        ("metadata.namespace", _) => Field::Namespace,
        (_, Some(field)) => Field::Content(field.paths.clone()),
        // Kinds with fields of their own have another message than those without.
        (label, None) if resource.is_custom() || !resource.selectable.is_empty() => {
            return Err(Refused::bad_request(format!("field label not supported: {label}")));
        }
        (label, None) => {
            return Err(Refused::bad_request(format!(
                "{label:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            )));
        }
    };
    Ok(FieldTerm { field, value: value.to_owned(), negated })
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Symbol(&'static str),
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Symbol(symbol) => symbol,
            Self::End => "",
        }
    }
}

/// Longest operators first, so that `==` is not read as two tokens.
const SYMBOLS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            tokens.push(Token::Symbol(symbol));
            rest = rest[symbol.len()..].trim_start();
            continue;
        }
        let end = rest.find(|c: char| c.is_whitespace() || "=!(),><".contains(c)).unwrap_or(rest.len());
        tokens.push(Token::Word(rest[..end].to_owned()));
        rest = rest[end..].trim_start();
    }
    tokens
}

struct Cursor {
    tokens: std::vec::IntoIter<Token>,
    next: Token,
}

impl Cursor {
    fn advance(&mut self) -> Token {
        let following = self.tokens.next().unwrap_or(Token::End);
        std::mem::replace(&mut self.next, following)
    }
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, String> {
    let mut cursor = Cursor { tokens: tokens(text).into_iter(), next: Token::End };
    cursor.advance();
    let mut requirements = Vec::new();
    if cursor.next == Token::End {
        return Ok(requirements);
    }
    loop {
        requirements.push(parse_requirement(&mut cursor)?);
        match cursor.advance() {
            Token::End => return Ok(requirements),
            Token::Symbol(",") if matches!(cursor.next, Token::Word(_) | Token::Symbol("!")) => {}
            Token::Symbol(",") => {
                return Err(format!("found '{}', expected: identifier after ','", cursor.next.text()));
            }
            other => return Err(format!("found '{}', expected: ',' or 'end of string'", other.text())),
        }
    }
}

fn parse_requirement(cursor: &mut Cursor) -> Result<Requirement, String> {
    let absent = cursor.next == Token::Symbol("!");
    if absent {
        cursor.advance();
    }
    let key = match cursor.advance() {
        Token::Word(word) => word,
        other => return Err(format!("found '{}', expected: identifier", other.text())),
    };
    if absent {
        return Ok(Requirement { key, test: Test::Absent });
    }
    if matches!(cursor.next, Token::End | Token::Symbol(",")) {
        return Ok(Requirement { key, test: Test::Exists });
    }
    let operator = cursor.advance();
    let test = match operator.text() {
        "=" | "==" => Test::In(vec![parse_value(cursor)?]),
        "!=" => Test::NotIn(vec![parse_value(cursor)?]),
        "in" => Test::In(parse_values(cursor)?),
        "notin" => Test::NotIn(parse_values(cursor)?),
        ">" => Test::Greater(parse_number(cursor)?),
        "<" => Test::Less(parse_number(cursor)?),
        other => return Err(format!("found '{other}', expected: in, notin, =, ==, !=, gt, lt")),
    };
    Ok(Requirement { key, test })
}

/// A value may be empty: `team=` selects the empty label value.
fn parse_value(cursor: &mut Cursor) -> Result<String, String> {
    match &cursor.next {
        Token::End | Token::Symbol(",") => Ok(String::new()),
        Token::Word(_) => match cursor.advance() {
            Token::Word(word) => Ok(word),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        },
        other => Err(format!("found '{}', expected: identifier", other.text())),
    }
}

fn parse_number(cursor: &mut Cursor) -> Result<i64, String> {
    let value = parse_value(cursor)?;
    value.parse().map_err(|_| {
        "values: Invalid value: \"".to_owned()
            + &value
            + "\": for 'Gt', 'Lt' operators, the value must be an integer"
    })
}

fn parse_values(cursor: &mut Cursor) -> Result<Vec<String>, String> {
    match cursor.advance() {
        Token::Symbol("(") => {}
        other => return Err(format!("found '{}' expected: '('", other.text())),
    }
    let mut values = Vec::new();
    loop {
        match cursor.next {
            Token::Symbol("," | ")") => values.push(String::new()),
            _ => values.push(parse_value(cursor)?),
        }
        match cursor.advance() {
            Token::Symbol(",") => {}
            Token::Symbol(")") => return Ok(values),
            other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::builtin;
    use super::*;

    fn namespaces() -> Resource {
        Resource::namespaces()
    }

    fn record(mut object: Value) -> Record {
        Record::new(&mut object, 1)
    }

    fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        let object = json!({"metadata": {"namespace": "ns", "name": "name", "labels": labels}});
        Selector::parse(selector, "", &namespaces()).unwrap().matches(&record(object))
    }

    #[test]
    fn selector_operators_match_as_documented() {
        let labels = [("team", "a"), ("n", "3"), ("empty", "")];
        for yes in [
            "",
            "team=a",
            "team==a",
            "team != b",
            "team in (a,b)",
            "team in ( a , b )",
            "team notin (b)",
            "absent notin (x)",
            "absent != x",
            "team",
            "!absent",
            "n>2",
            "n<4",
            "empty=",
            "team=a,n=3,!absent",
            "empty in (,x)",
            "in=x,!team",
        ] {
            let expected = yes != "in=x,!team";
            assert_eq!(selects(yes, &labels), expected, "{yes}");
        }
        for no in
            ["team=b", "team in (b,c)", "team notin (a)", "absent", "!team", "n>3", "absent=x", "team=a,n=4"]
        {
            assert!(!selects(no, &labels), "{no}");
        }
    }

    #[test]
    fn selector_syntax_errors_match_the_server() {
        let message = |text: &str| Selector::parse(text, "", &namespaces()).unwrap_err().message;
        assert_eq!(message("!!bad"), "unable to parse requirement: found '!', expected: identifier");
        assert_eq!(message("a,"), "unable to parse requirement: found '', expected: identifier after ','");
        assert_eq!(message("a in b"), "unable to parse requirement: found 'b' expected: '('");
        assert_eq!(
            message("a ~ b"),
            "unable to parse requirement: found '~', expected: in, notin, =, ==, !=, gt, lt"
        );
        assert_eq!(
            message("a=b c"),
            "unable to parse requirement: found 'c', expected: ',' or 'end of string'"
        );
    }

    #[test]
    fn selector_finds_the_fields_of_a_kind() {
        let definition = json!({"spec": {
            "group": "g", "scope": "Namespaced", "names": {"plural": "rules", "kind": "Rule"},
            "versions": [{"name": "v1", "storage": true, "selectableFields": [{"jsonPath": ".spec.n"}]}],
        }});
        let rules = Resource::declared(&definition).unwrap();
        let event = json!({
            "metadata": {"namespace": "x", "name": "e"}, "reason": "Refused", "reportingComponent": "rulesync",
            "source": {}, "involvedObject": {"kind": "Rule", "name": "r"},
        });
        let rule = json!({"metadata": {"namespace": "x", "name": "r1"}, "spec": {"n": 3}});
        let kinds = builtin::resources();
        let events = |group: &str| kinds.iter().find(|k| k.kind == "Event" && k.group == group).unwrap();
        let (core, newer) = (events(""), events("events.k8s.io"));
        for (kind, object, selector, expected) in [
            (&rules, &rule, "metadata.name=r1", true),
            (&rules, &rule, "metadata.name=r2", false),
            (&rules, &rule, "metadata.namespace==x,metadata.name!=r1", false),
            (&rules, &rule, "spec.n=3", true),
            (&rules, &rule, "spec.n=4", false),
            (core, &event, "involvedObject.kind=Rule,involvedObject.name=r,reason!=Other", true),
            (core, &event, "involvedObject.uid=", true),
            (core, &event, "source=rulesync", true),
            (newer, &event, "regarding.name=r,reportingController=rulesync", true),
            (newer, &event, "regarding.name=other", false),
        ] {
            let parsed = Selector::parse("", selector, kind).unwrap();
            assert_eq!(parsed.matches(&record(object.clone())), expected, "{selector}");
        }
        let message = |kind: &Resource| Selector::parse("", "spec.x=1", kind).unwrap_err().message;
        assert_eq!(message(&rules), "field label not supported: spec.x");
        assert_eq!(message(core), "field label not supported: spec.x");
        let leases = kinds.iter().find(|kind| kind.kind == "Lease").unwrap();
        assert!(
            message(leases).starts_with("\"spec.x\" is not a known field selector"),
            "{}",
            message(leases)
        );
    }
}
