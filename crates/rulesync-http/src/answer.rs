//! Maps the status and body of a response to an outcome. Pure.
//!
//! The cases are those of docs/contracts/ruler-api.md 1.6 and 1.8.

mod hint;

use std::time::Duration;

use reqwest::Url;
use rulesync_core::{Group, Rule, RulerError};

use crate::address::redirection;
use crate::cut::{CUT, MESSAGE_BYTES, shortened};

/// The operation of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    List,
    GetNamespace,
    GetGroup,
    Put,
    DeleteGroup,
    DeleteNamespace,
    /// Reads the loaded rules and their health.
    State,
}

/// A response; the body is set only if the status is not a success.
#[derive(Debug, Default)]
pub(crate) struct Answer<'a> {
    /// The URL of the request; set if the status is not a success.
    pub(crate) asked: Option<&'a Url>,
    /// Set if the request had a tenant.
    pub(crate) tenant: bool,
    pub(crate) status: u16,
    pub(crate) content_type: &'a str,
    pub(crate) retry_after: Option<Duration>,
    /// The target of a redirect.
    pub(crate) location: &'a str,
    pub(crate) body: &'a str,
}

/// The outcome of a request that did not fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The operation succeeded.
    Success,
    /// The resource does not exist.
    NotFound,
}

/// Returns the outcome of an operation.
pub(crate) fn outcome(operation: Operation, answer: &Answer<'_>) -> Result<Outcome, RulerError> {
    classify(operation, answer).map_err(|error| hint::add(answer, error))
}

fn classify(operation: Operation, answer: &Answer<'_>) -> Result<Outcome, RulerError> {
    let Answer { status, content_type, retry_after, location, body, asked, .. } = answer;
    let message = message(*status, content_type, body);
    let writing = matches!(operation, Operation::Put | Operation::DeleteGroup | Operation::DeleteNamespace);
    let reading = !writing && operation != Operation::State;
    match status {
        // A login page, the state API and other servers return 200 for anything.
        200..=299 if is_foreign_document(operation, content_type) => Err(RulerError::Misconfigured {
            message: format!("answered with a {content_type} document: check address and prefix"),
        }),
        // No server reports a missing resource this way, but a gateway may.
        204 if !writing => {
            Err(RulerError::Unreadable { message: "answered without a document (204)".to_owned() })
        }
        200..=299 => Ok(Outcome::Success),
        300..=399 => Err(RulerError::Misconfigured {
            message: format!(
                "redirected ({status}){}; redirects are not followed",
                asked.map_or(String::new(), |asked| format!(" {}", redirection(asked, location)))
            ),
        }),
        404 if not_found_text(operation).is_some_and(|text| body.contains(text)) => Ok(Outcome::NotFound),
        // The state API can be disabled separately, and older servers do not have it.
        404 if operation == Operation::State => Ok(Outcome::NotFound),
        404 | 405 => Err(RulerError::Misconfigured {
            message: format!(
                "{message} ({status}): check address and prefix, and that the ruler's API is enabled"
            ),
        }),
        400 if contains_any(body, &["limit (limit: ", "limit exceeded"])
            && contains_any(body, &["minimum rule evaluation interval"]) =>
        {
            Err(RulerError::Rejected { message, rule: None })
        }
        400 if contains_any(body, &["per-user rule groups limit", "per-user rules per rule group limit"]) => {
            // Too many rules in a group is an error of the group; too many groups is a limit of the tenant.
            if contains_any(body, &["rules per rule group"]) {
                Err(RulerError::Rejected { message, rule: None })
            } else {
                Err(RulerError::Limit { message })
            }
        }
        400 if contains_any(body, &["no org id", "no valid org id", "too many org ids"]) => {
            Err(RulerError::Denied { message })
        }
        400 if contains_any(body, &["unsupported in rule local store"]) => Err(read_only(&message)),
        // A group was deleted while listing, or the storage failed.
        400 if reading => Err(RulerError::Unavailable { message, retry_after: *retry_after }),
        400 | 413 => Err(match rule_of(&message) {
            Some((rule, message)) => RulerError::Rejected { rule: Some(rule), message },
            None => RulerError::Rejected { rule: None, message },
        }),
        403 if contains_any(body, &["namespace is protected"]) => Err(RulerError::Protected { message }),
        // Disabled rule evaluation is not an access error.
        422 if contains_any(body, &["rule evaluation is disabled"]) => {
            Err(RulerError::Rejected { message, rule: None })
        }
        401 | 403 | 407 | 422 => Err(RulerError::Denied { message }),
        408 | 425 | 429 => Err(RulerError::Unavailable { message, retry_after: *retry_after }),
        500 if contains_any(body, &["no org id", "no valid org id"]) => Err(RulerError::Denied { message }),
        500 if contains_any(
            body,
            &["path traversal not allowed", "invalid URL escape", "too long to encode"],
        ) =>
        {
            Err(RulerError::Rejected { message, rule: None })
        }
        500 if contains_any(body, &["unsupported in rule local store"]) => Err(read_only(&message)),
        500..=599 => Err(RulerError::Unavailable { message, retry_after: *retry_after }),
        _ => Err(RulerError::Rejected { message: format!("{message} ({status})"), rule: None }),
    }
}

/// The text by which a server reports that the resource does not exist. The texts of other operations belong to other
/// routes and do not count: a list request that is answered with a missing group went to a wrong address.
fn not_found_text(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::List | Operation::GetNamespace => Some("no rule groups found"),
        Operation::GetGroup | Operation::DeleteGroup => Some("group does not exist"),
        Operation::DeleteNamespace => Some("group namespace does not exist"),
        Operation::Put | Operation::State => None,
    }
}

/// Returns `true` if a successful response is not the API's: lists are YAML, writes are acknowledged in JSON, states
/// are JSON.
fn is_foreign_document(operation: Operation, content_type: &str) -> bool {
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

fn contains_any(body: &str, texts: &[&str]) -> bool {
    texts.iter().any(|text| body.contains(text))
}

/// The server's error message: the `error` field of a JSON body, else the text; only the status for an HTML page.
fn message(status: u16, content_type: &str, body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Error {
        error: String,
    }
    let text = match serde_json::from_str::<Error>(body.trim_end_matches(CUT)) {
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
    shortened(text, MESSAGE_BYTES)
}

/// Returns the index of the rule that Mimir or Cortex name first (`3:11: group "g", rule 3, "A": …`, counted from 0),
/// and the errors of this and of further rules: all errors are in one line, each with its position.
fn rule_of(message: &str) -> Option<(usize, String)> {
    let all = message.match_indices("group \"").filter_map(|(start, _)| RuleError::parse(message, start));
    let (errors, cut): (Vec<RuleError<'_>>, Vec<RuleError<'_>>) =
        all.partition(|error| error.details.is_some());
    let Some(first) = errors.first().map(|error| error.rule) else {
        return Some((cut.first()?.rule, message.to_owned()));
    };
    let ends = errors.iter().skip(1).map(|error| error.start).chain([message.len()]);
    let mut reasons = String::new();
    for (RuleError { rule, details, .. }, end) in errors.iter().zip(ends) {
        let Some((name, reason)) = details else { continue };
        let reason = message.get(*reason..end).unwrap_or_default();
        let reason = if end < message.len() { without_position(reason) } else { reason };
        if !reasons.is_empty() {
            reasons.push_str("; ");
        }
        if *rule != first {
            reasons.push_str(&format!("rule {rule} {name}: "));
        }
        reasons.push_str(reason);
    }
    Some((first, reasons))
}

/// One of several errors in a line.
struct RuleError<'m> {
    /// The byte offset of the error in the message.
    start: usize,
    rule: usize,
    /// The rule's name in quotes and the byte offset of the reason; `None` if the message was truncated.
    details: Option<(&'m str, usize)>,
}

impl<'m> RuleError<'m> {
    /// Parses `group "g", rule 3, "A": ` at an offset.
    fn parse(message: &'m str, start: usize) -> Option<Self> {
        let rest = message.get(start..)?.strip_prefix("group ")?;
        let rest = rest.get(quoted_length(rest)?..)?.strip_prefix(", rule ")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (rule, rest) = (rest.get(..digits)?.parse().ok()?, rest.get(digits..)?);
        let details = || {
            let rest = rest.strip_prefix(", ")?;
            let length = quoted_length(rest)?;
            let reason = rest.get(length..)?.strip_prefix(": ")?;
            Some((&rest[..length], message.len() - reason.len()))
        };
        Some(Self { start, rule, details: details() })
    }
}

/// The length of a quoted string in bytes, including the quotes.
fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let end = text.strip_prefix('"')?.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some(end + 2)
}

/// Removes the beginning of the next error, `, 3:11: `, from the end of a reason.
fn without_position(reason: &str) -> &str {
    let without = reason
        .strip_suffix(": ")
        .map_or(reason, |before| before.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':'));
    without.strip_suffix(", ").unwrap_or(reason)
}

/// Returns the index of the rule that Loki names by its alert or record (`… for alert 'A' in group 'g': …`), or by its
/// template: the first one, unless several rules have that name. Also returns Loki's reason, if the message ends with
/// it.
pub(crate) fn named_rule<'a>(message: &'a str, group: &Group) -> Option<(usize, Option<&'a str>)> {
    let offset = |rule: &Rule| {
        let (kind, name) =
            if rule.alert.is_empty() { ("record", &rule.record) } else { ("alert", &rule.alert) };
        let parsing = format!("for {kind} '{name}' in group '{}': ", group.name);
        let template = format!("template: __{kind}_{name}:");
        [parsing, template].iter().filter_map(|text| message.find(text)).min()
    };
    let offsets: Vec<Option<usize>> = group.rules.iter().map(offset).collect();
    let first = *offsets.iter().flatten().min()?;
    let mut named = offsets.iter().enumerate().filter(|(_, offset)| **offset == Some(first));
    let (index, _) = named.next()?;
    if named.next().is_some() {
        return None;
    }
    let alone = offsets.iter().flatten().all(|offset| *offset == first);
    let reason = message.get(first..).and_then(|named| named.split_once("': ")).map(|(_, reason)| reason);
    Some((index, reason.filter(|_| alone && message.starts_with("could not parse expression for "))))
}

#[cfg(test)]
mod tests;
