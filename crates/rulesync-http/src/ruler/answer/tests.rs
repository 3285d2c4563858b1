//! Every response that was observed from servers and gateways.

use reqwest::Url;
use rulesync_core::{Group, Rule};

use super::*;

fn class(operation: Operation, status: u16, body: &str) -> String {
    let answer = Answer { status, content_type: "text/plain; charset=utf-8", body, ..Answer::default() };
    match outcome(operation, &answer) {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) => error.kind().as_str().to_owned(),
    }
}

#[test]
fn outcome_of_every_known_response() {
    use Operation::{DeleteGroup, DeleteNamespace, GetGroup, GetNamespace, List, Put, State};
    let json = |error: &str| {
        format!(r#"{{"status":"error","data":null,"errorType":"server_error","error":"{error}"}}"#)
    };
    for (operation, status, body, expected) in [
        (List, 404, "no rule groups found\n", "NotFound"),
        (GetNamespace, 404, "no rule groups found\n", "NotFound"),
        (GetGroup, 404, "group does not exist\n", "NotFound"),
        (List, 404, "404 page not found\n", "misconfigured"),
        (Put, 404, "404 page not found\n", "misconfigured"),
        (DeleteNamespace, 404, "group namespace does not exist\n", "NotFound"),
        (DeleteGroup, 404, "group does not exist\n", "NotFound"),
        (List, 404, "group does not exist\n", "misconfigured"),
        (DeleteNamespace, 404, "group does not exist\n", "misconfigured"),
        (DeleteGroup, 404, "404 page not found\n", "misconfigured"),
        (Put, 404, "no rule groups found\n", "misconfigured"),
        (List, 204, "", "unreadable"),
        (DeleteGroup, 204, "", "Success"),
        (DeleteGroup, 202, "", "Success"),
        (Put, 202, r#"{"status":"success"}"#, "Success"),
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
        (State, 404, "404 page not found\n", "NotFound"),
        (State, 404, "<html>not here, says the gateway</html>", "NotFound"),
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
fn outcome_of_foreign_document_is_misconfigured() {
    for content_type in ["text/html", "application/json", "application/json; charset=utf-8"] {
        let answer = Answer { status: 200, content_type, ..Answer::default() };
        assert_eq!(outcome(Operation::List, &answer).unwrap_err().kind().as_str(), "misconfigured");
    }
    let login = Answer { status: 200, content_type: "text/html; charset=utf-8", ..Answer::default() };
    assert_eq!(outcome(Operation::Put, &login).unwrap_err().kind().as_str(), "misconfigured");
}

#[test]
fn named_rule_finds_rule_by_name() {
    let alert = |name: &str| Rule { alert: name.into(), ..Rule::default() };
    let record = Rule { record: "a:b".into(), ..Rule::default() };
    let rules = vec![alert("A"), alert("A.b"), record, alert("C"), alert("C"), alert("it's")];
    let group = Group { name: "g".into(), rules, ..Group::default() };
    for (message, rule) in [
        (
            "could not parse expression for alert 'A' in group 'g': parse error at line 1",
            Some((0, Some("parse error at line 1"))),
        ),
        ("could not parse expression for alert 'A.b' in group 'g': x", Some((1, Some("x")))),
        ("could not parse expression for record 'a:b' in group 'g': x", Some((2, Some("x")))),
        ("could not parse expression for alert 'C' in group 'g': x", None),
        ("could not parse expression for alert 'it's' in group 'g': x", Some((5, Some("x")))),
        ("could not parse expression for alert 'A' in group 'h': x", None),
        ("annotation \"a\": template: __alert_A:1: unclosed action", Some((0, None))),
        (
            "annotation \"a\": template: __alert_A.b:1: x, could not parse expression for alert 'A' in group 'g': y",
            Some((1, None)),
        ),
        (
            "could not parse expression for alert 'A' in group 'g': x, could not parse expression for alert 'A.b' in \
             group 'g': y",
            Some((0, None)),
        ),
        ("field 'expr' must be set in rule", None),
    ] {
        assert_eq!(named_rule(message, &group), rule, "{message}");
    }
}

#[test]
fn rejected_message_names_rules_once() {
    let reason = "could not parse expression: 1:5: parse error: x";
    for (body, rule, message) in [
        (format!("4:9: group \"g1\", rule 12, \"A\": {reason}\n"), Some(12), reason),
        (format!("group \"g\\\"\", rule 0, \"A\\\": b\\\\\": {reason}"), Some(0), reason),
        (format!("1:2: group \"g\", rule 3, \"\": {reason}"), Some(3), reason),
        (
            "group \"g\", rule 2, \"A\": x, 1:2: group \"g\", rule 3, \"B\": y".to_owned(),
            Some(2),
            "x; rule 3 \"B\": y",
        ),
        (
            "3:11: group \"g\", rule 0, \"a{b}\": bad name: a, 7, 3:11: group \"g\", rule 0, \"a{b}\": braces".to_owned(),
            Some(0),
            "bad name: a, 7; braces",
        ),
        ("group \"g\", rule x, \"A\": y".to_owned(), None, ""),
        ("group \"g\", rule 7".to_owned(), None, ""),
        ("group \"g\", rule 7, \"A".repeat(2), Some(7), ""),
        ("invalid rules config: ".to_owned(), None, ""),
    ] {
        let answer = Answer { status: 400, content_type: "text/plain", body: &body, ..Answer::default() };
        let message = if message.is_empty() { body.trim() } else { message }.to_owned();
        assert_eq!(outcome(Operation::Put, &answer), Err(RulerError::rejected(message).with_rule(rule)), "{body}");
    }
}

fn error_message(operation: Operation, path: &str, answer: Answer<'_>) -> String {
    let asked = Url::parse(&format!("http://mimir/rules/{path}")).unwrap();
    outcome(operation, &Answer { asked: Some(&asked), ..answer }).unwrap_err().message().to_owned()
}

#[test]
fn hint_for_changed_slash_names_encoding() {
    let answer = |status, body| Answer { status, body, ..Answer::default() };
    for (status, body) in [
        (404, "404 page not found"),
        (405, ""),
        (301, ""),
        (400, "<html>Bad Request</html>"),
        (400, "Bad Request"),
    ] {
        let hint = |path| error_message(Operation::Put, path, answer(status, body));
        assert!(
            hint("a%2Fb").contains("a proxy on the way decodes it and must be told to pass `%2F`"),
            "{status}"
        );
        assert!(hint("a%252Fb").contains("to pass `%252F` on"), "{status}");
        assert!(!hint("a.b").contains("%2"), "{status}: no slash, no hint");
    }
    for (status, body) in [(400, "could not parse expression"), (400, ""), (403, ""), (500, "")] {
        if let Err(error) = outcome(Operation::Put, &answer(status, body)) {
            assert!(!error.message().contains("%2F"), "{status}");
        }
        assert!(
            !error_message(Operation::Put, "a%2Fb", answer(status, body)).contains("%2F"),
            "{status} {body}"
        );
    }
}

#[test]
fn hint_for_missing_tenant_names_setting() {
    for status in [400, 401, 500] {
        let answer = |tenant| Answer { status, body: "no org id\n", tenant, ..Answer::default() };
        let missing = error_message(Operation::List, "", answer(false));
        assert_eq!(missing, "no org id: set `tenant` on the route");
        let refused = error_message(Operation::List, "", answer(true));
        assert!(
            refused.starts_with("no org id: the route's tenant was sent as `X-Scope-OrgID`"),
            "{refused}"
        );
    }
}

#[test]
fn redirect_error_names_source_and_target() {
    let answer = Answer { status: 308, location: "https://mimir/login?token=hunter2", ..Answer::default() };
    assert_eq!(
        error_message(Operation::List, "x?token=hunter2", answer),
        "redirected (308) from http://mimir/rules/x to https://mimir/login; redirects are not followed"
    );
}
