//! What an answer means: the one place where a status and a body become an outcome. Pure.
//!
//! The rows are those of contracts/ruler-api.md 1.6 and 1.8.

use std::time::Duration;

use rulesync_core::{Group, Rule, RulerError};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    List,
    GetNamespace,
    GetGroup,
    Put,
    DeleteGroup,
    DeleteNamespace,
    /// What is loaded, and how it fares.
    State,
}

/// An answer without its body's success part.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) content_type: &'a str,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: &'a str,
}

/// What an answer says about what was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Done, or here is what was asked for.
    Done,
    /// There is nothing there.
    Nothing,
}

/// Longer messages are cut: a gateway may answer with a page.
const MESSAGE_BYTES: usize = 2048;

/// What an answer means for an operation.
pub(crate) fn meaning(operation: Operation, answer: &Answer<'_>) -> Result<Meaning, RulerError> {
    let Answer { status, content_type, retry_after, body } = answer;
    let message = message(*status, content_type, body);
    let writing = matches!(operation, Operation::Put | Operation::DeleteGroup | Operation::DeleteNamespace);
    let reading = !writing && operation != Operation::State;
    match status {
        // A login page, the state API, another server: all of them answer 200 to anything.
        200..=299 if strange(operation, content_type) => Err(RulerError::Misconfigured {
            message: format!("answered with a {content_type} document: check address and prefix"),
        }),
        // No server says "nothing" this way, but a gateway may.
        204 if !writing => {
            Err(RulerError::Unreadable { message: "answered without a document (204)".to_owned() })
        }
        200..=299 => Ok(Meaning::Done),
        300..=399 => Err(RulerError::Misconfigured {
            message: format!("redirected ({status}); redirects are not followed"),
        }),
        404 if nothing_text(operation).is_some_and(|text| body.contains(text)) => Ok(Meaning::Nothing),
        // There may well be no such API: it can be switched off by itself, and older servers have none.
        404 if operation == Operation::State => Ok(Meaning::Nothing),
        404 | 405 => Err(RulerError::Misconfigured {
            message: format!(
                "{message} ({status}): check address and prefix, and that the ruler's API is enabled"
            ),
        }),
        400 if says(body, &["limit (limit: ", "limit exceeded"])
            && says(body, &["minimum rule evaluation interval"]) =>
        {
            Err(RulerError::Rejected { message, rule: None })
        }
        400 if says(body, &["per-user rule groups limit", "per-user rules per rule group limit"]) => {
            // A group with too many rules is the group's own fault; too many groups is the tenant's.
            if says(body, &["rules per rule group"]) {
                Err(RulerError::Rejected { message, rule: None })
            } else {
                Err(RulerError::Limit { message })
            }
        }
        400 if says(body, &["no org id", "no valid org id", "too many org ids"]) => {
            Err(RulerError::Denied { message })
        }
        400 if says(body, &["unsupported in rule local store"]) => Err(read_only(&message)),
        // A list that meets a group being deleted, or a storage that fails while listing.
        400 if reading => Err(RulerError::Unavailable { message, retry_after: *retry_after }),
        400 | 413 => Err(RulerError::Rejected { rule: rule_index(body), message }),
        403 if says(body, &["namespace is protected"]) => Err(RulerError::Protected { message }),
        // Whose rules are not evaluated is no matter of access.
        422 if says(body, &["rule evaluation is disabled"]) => {
            Err(RulerError::Rejected { message, rule: None })
        }
        401 | 403 | 407 | 422 => Err(RulerError::Denied { message }),
        408 | 425 | 429 => Err(RulerError::Unavailable { message, retry_after: *retry_after }),
        500 if says(body, &["no org id", "no valid org id"]) => Err(RulerError::Denied { message }),
        500 if says(body, &["path traversal not allowed", "invalid URL escape", "too long to encode"]) => {
            Err(RulerError::Rejected { message, rule: None })
        }
        500 if says(body, &["unsupported in rule local store"]) => Err(read_only(&message)),
        500..=599 => Err(RulerError::Unavailable { message, retry_after: *retry_after }),
        _ => Err(RulerError::Rejected { message: format!("{message} ({status})"), rule: None }),
    }
}

/// How a server says that there is nothing there. The words of another operation are those of another route, and say
/// nothing: a list that is told of a missing group went to a wrong address.
fn nothing_text(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::List | Operation::GetNamespace => Some("no rule groups found"),
        Operation::GetGroup | Operation::DeleteGroup => Some("group does not exist"),
        Operation::DeleteNamespace => Some("group namespace does not exist"),
        Operation::Put | Operation::State => None,
    }
}

/// Whether a successful answer is not the API's: lists are YAML, writes are acknowledged in JSON, states are JSON.
fn strange(operation: Operation, content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match operation {
        Operation::List | Operation::GetNamespace | Operation::GetGroup => {
            matches!(kind, "text/html" | "application/json")
        }
        Operation::Put | Operation::DeleteGroup | Operation::DeleteNamespace => kind == "text/html",
        Operation::State => kind != "application/json",
    }
}

fn read_only(message: &str) -> RulerError {
    RulerError::Misconfigured { message: format!("the ruler's rule storage is read-only: {message}") }
}

fn says(body: &str, texts: &[&str]) -> bool {
    texts.iter().any(|text| body.contains(text))
}

/// The server's own words: the `error` of a JSON body, else the text; of a page only the status.
fn message(status: u16, content_type: &str, body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Error {
        error: String,
    }
    let text = match serde_json::from_str::<Error>(body) {
        Ok(Error { error }) if !error.is_empty() => error,
        _ => body.trim().to_owned(),
    };
    if text.is_empty() && status == 400 {
        return "refused without a reason, which is how Cortex answers an expression it cannot parse"
            .to_owned();
    }
    if text.is_empty() || content_type.starts_with("text/html") || text.starts_with('<') {
        return format!("status {status}");
    }
    match text.char_indices().find(|(index, _)| *index >= MESSAGE_BYTES) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// The rule that Mimir and Cortex name, counted from 0: `group "g", rule 3, "A": …`.
fn rule_index(body: &str) -> Option<usize> {
    let after = body.split("\", rule ").nth(1)?;
    let digits = after.find(|c: char| !c.is_ascii_digit())?;
    after[..digits].parse().ok()
}

/// The rule that Loki names by what it alerts or records: `… for alert 'A' in group 'g': …`, or by its template. The
/// first that is named, unless several have the name.
pub(crate) fn named_rule(message: &str, group: &Group) -> Option<usize> {
    let place = |rule: &Rule| {
        let (kind, name) =
            if rule.alert.is_empty() { ("record", &rule.record) } else { ("alert", &rule.alert) };
        let parsing = format!("for {kind} '{name}' in group '{}': ", group.name);
        let template = format!("template: __{kind}_{name}:");
        [parsing, template].iter().filter_map(|words| message.find(words)).min()
    };
    let places: Vec<Option<usize>> = group.rules.iter().map(place).collect();
    let first = *places.iter().flatten().min()?;
    let mut named = places.iter().enumerate().filter(|(_, place)| **place == Some(first));
    let (index, _) = named.next()?;
    named.next().is_none().then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(operation: Operation, status: u16, body: &str) -> String {
        let answer = Answer { status, content_type: "text/plain; charset=utf-8", retry_after: None, body };
        match meaning(operation, &answer) {
            Ok(meaning) => format!("{meaning:?}"),
            Err(error) => error.class().to_owned(),
        }
    }

    #[test]
    fn every_row_of_the_catalogue() {
        use Operation::{DeleteGroup, DeleteNamespace, GetGroup, GetNamespace, List, Put, State};
        let json = |error: &str| {
            format!(r#"{{"status":"error","data":null,"errorType":"server_error","error":"{error}"}}"#)
        };
        for (operation, status, body, expected) in [
            (List, 404, "no rule groups found\n", "Nothing"),
            (GetNamespace, 404, "no rule groups found\n", "Nothing"),
            (GetGroup, 404, "group does not exist\n", "Nothing"),
            (List, 404, "404 page not found\n", "misconfigured"),
            (Put, 404, "404 page not found\n", "misconfigured"),
            (DeleteNamespace, 404, "group namespace does not exist\n", "Nothing"),
            (DeleteGroup, 404, "group does not exist\n", "Nothing"),
            (List, 404, "group does not exist\n", "misconfigured"),
            (DeleteNamespace, 404, "group does not exist\n", "misconfigured"),
            (DeleteGroup, 404, "404 page not found\n", "misconfigured"),
            (Put, 404, "no rule groups found\n", "misconfigured"),
            (List, 204, "", "unreadable"),
            (DeleteGroup, 204, "", "Done"),
            (DeleteGroup, 202, "", "Done"),
            (Put, 202, r#"{"status":"success"}"#, "Done"),
            (Put, 400, "unable to decode rule group\n", "rejected"),
            (Put, 400, "unable to decoded rule group\n", "rejected"),
            (Put, 400, "\n", "rejected"),
            (
                Put,
                400,
                "4:9: group \"g1\", rule 0, \"A\": could not parse expression: 1:5: parse error: unclosed left parenthesis",
                "rejected",
            ),
            (Put, 400, "per-user rules per rule group limit (limit: 2 actual: 3) exceeded\n", "rejected"),
            (Put, 400, "per-user rule groups limit (limit: 2 actual: 3) exceeded\n", "limit"),
            (
                Put,
                400,
                "per-user minimum rule evaluation interval limit (limit: 30s actual: 10s) exceeded\n",
                "rejected",
            ),
            (Put, 403, "namespace is protected, no modification allowed\n", "protected"),
            (Put, 403, "forbidden by a gateway", "denied"),
            (List, 401, "no org id\n", "denied"),
            (List, 401, "tenant ID 'bad tenant' contains unsupported character ' '\n", "denied"),
            (List, 422, "too many tenant IDs present in the request. max: 1 actual: 2\n", "denied"),
            (List, 400, &json("no org id"), "denied"),
            (List, 500, &json("no org id"), "denied"),
            (Put, 500, &json("invalid namespace: path traversal not allowed"), "rejected"),
            (Put, 500, &json("invalid URL escape \\\"%zz\\\""), "rejected"),
            (Put, 500, "String too long to encode as label.", "rejected"),
            (Put, 500, "SetRuleGroup unsupported in rule local store\n", "misconfigured"),
            (Put, 500, "mkdir /rules: no space left on device\n", "unavailable"),
            (DeleteGroup, 500, &json("some storage error"), "unavailable"),
            (List, 400, "get rule group user=\"t\": group does not exist\n", "unavailable"),
            (Put, 429, &json("per-rule group rate limit exceeded"), "unavailable"),
            (Put, 413, "<html>too large</html>", "rejected"),
            (Put, 405, "", "misconfigured"),
            (Put, 301, "", "misconfigured"),
            (Put, 502, "", "unavailable"),
            (Put, 503, "", "unavailable"),
            (Put, 504, "", "unavailable"),
            (GetGroup, 400, "GetRuleGroup unsupported in rule local store\n", "misconfigured"),
            (Put, 400, "group 0: Groupname must not be empty\n", "rejected"),
            (State, 404, "404 page not found\n", "Nothing"),
            (State, 404, "<html>not here, says the gateway</html>", "Nothing"),
            (State, 422, &json("rule evaluation is disabled for tenant x"), "rejected"),
            (State, 422, "too many tenant IDs present in the request. max: 1 actual: 2\n", "denied"),
            (State, 500, &json("no valid org id found"), "denied"),
            (State, 400, &json("too many org ids found"), "denied"),
            (State, 400, &json("invalid group limit value"), "rejected"),
            (State, 500, &json("failed to get rules: ruler not reached"), "unavailable"),
            (State, 204, "", "misconfigured"),
        ] {
            assert_eq!(class(operation, status, body), expected, "{operation:?} {status} {body}");
        }
    }

    #[test]
    fn other_documents_are_never_empty() {
        for content_type in ["text/html", "application/json", "application/json; charset=utf-8"] {
            let answer = Answer { status: 200, content_type, retry_after: None, body: "" };
            assert_eq!(meaning(Operation::List, &answer).unwrap_err().class(), "misconfigured");
        }
        let login =
            Answer { status: 200, content_type: "text/html; charset=utf-8", retry_after: None, body: "" };
        assert_eq!(meaning(Operation::Put, &login).unwrap_err().class(), "misconfigured");
    }

    #[test]
    fn a_rule_is_found_by_its_name() {
        let alert = |name: &str| Rule { alert: name.into(), ..Rule::default() };
        let record = Rule { record: "a:b".into(), ..Rule::default() };
        let rules = vec![alert("A"), alert("A.b"), record, alert("C"), alert("C"), alert("it's")];
        let group = Group { name: "g".into(), rules, ..Group::default() };
        for (message, rule) in [
            ("could not parse expression for alert 'A' in group 'g': parse error at line 1", Some(0)),
            ("could not parse expression for alert 'A.b' in group 'g': x", Some(1)),
            ("could not parse expression for record 'a:b' in group 'g': x", Some(2)),
            ("could not parse expression for alert 'C' in group 'g': x", None),
            ("could not parse expression for alert 'it's' in group 'g': x", Some(5)),
            ("could not parse expression for alert 'A' in group 'h': x", None),
            ("annotation \"a\": template: __alert_A:1: unclosed action", Some(0)),
            (
                "annotation \"a\": template: __alert_A.b:1: x, could not parse expression for alert 'A' in group 'g': y",
                Some(1),
            ),
            ("field 'expr' must be set in rule", None),
        ] {
            assert_eq!(named_rule(message, &group), rule, "{message}");
        }
    }

    #[test]
    fn the_message_and_the_rule_are_kept() {
        let body = "4:9: group \"g1\", rule 12, \"A\": could not parse expression: 1:5: parse error: x\n";
        let answer = Answer { status: 400, content_type: "text/plain", retry_after: None, body };
        let expected = RulerError::Rejected { message: body.trim().to_owned(), rule: Some(12) };
        assert_eq!(meaning(Operation::Put, &answer), Err(expected));
        assert_eq!(message(502, "text/html", "<html>…"), "status 502");
        assert!(message(400, "", &"x".repeat(10_000)).len() < 2100);
    }
}
