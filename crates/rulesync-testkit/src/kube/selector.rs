//! Label selectors as the API server parses and matches them, and what they are combined with.

use std::collections::BTreeMap;

use super::field_selector::{FieldTerm, parse_fields};
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
    use serde_json::{Value, json};

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
}
