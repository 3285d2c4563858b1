//! Classifies responses by status and body. Pure.
//!
//! The cases are those of docs/contracts/ruler-api.md 1.6 and 1.8.

use std::time::Duration;

use reqwest::Url;
use rulesync_core::RulerError;

use super::rule::rule_of;
use crate::connection::{CUT, MESSAGE_BYTES, redirection, shortened};
use crate::ruler::operation::Operation;

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

/// Returns the outcome of an operation, without hints.
pub(super) fn classify(operation: Operation, answer: &Answer<'_>) -> Result<Outcome, RulerError> {
    let Answer { status, content_type, retry_after, location, body, asked, .. } = answer;
    let message = message(operation, *status, content_type, body);
    let writing = matches!(operation, Operation::Put | Operation::DeleteGroup | Operation::DeleteNamespace);
    let optional = operation.is_optional();
    let reading = !writing && !optional;
    match status {
        // A login page, the state API and other servers return 200 for anything.
        200..=299 if is_foreign_document(operation, content_type) => Err(RulerError::misconfigured(format!(
            "answered with a {content_type} document: check address and prefix"
        ))),
        // No server reports a missing resource this way, but a gateway may.
        204 if !writing => Err(RulerError::unreadable("answered without a document (204)".to_owned())),
        200..=299 => Ok(Outcome::Success),
        300..=399 => Err(RulerError::misconfigured(format!(
            "redirected ({status}){}; redirects are not followed",
            asked.map_or(String::new(), |asked| format!(" {}", redirection(asked, location)))
        ))),
        404 if not_found_text(operation).is_some_and(|text| body.contains(text)) => Ok(Outcome::NotFound),
        // The state API can be disabled separately, and older servers do not have it; limits and all tenants are told by
        // some servers.
        404 if optional => Ok(Outcome::NotFound),
        404 | 405 => Err(RulerError::misconfigured(format!(
            "{message} ({status}): check address and prefix, and that the ruler's API is enabled"
        ))),
        400 if contains_any(body, &["limit (limit: ", "limit exceeded"])
            && contains_any(body, &["minimum rule evaluation interval"]) =>
        {
            Err(RulerError::rejected(message))
        }
        400 if contains_any(body, &["per-user rule groups limit", "per-user rules per rule group limit"]) => {
            // Too many rules in a group is an error of the group; too many groups is a limit of the tenant.
            if contains_any(body, &["rules per rule group"]) {
                Err(RulerError::rejected(message))
            } else {
                Err(RulerError::limit(message))
            }
        }
        400 if contains_any(body, &["no org id", "no valid org id", "too many org ids"]) => {
            Err(RulerError::denied(message))
        }
        400 if contains_any(body, &["unsupported in rule local store"]) => Err(read_only(&message)),
        // A group was deleted while listing, or the storage failed.
        400 if reading => Err(RulerError::unavailable(message).with_retry_after(*retry_after)),
        400 | 413 => Err(match rule_of(&message) {
            Some((rule, message)) => RulerError::rejected(message).with_rule(Some(rule)),
            None => RulerError::rejected(message),
        }),
        403 if contains_any(body, &["namespace is protected"]) => Err(RulerError::protected(message)),
        // Disabled rule evaluation is not an access error.
        422 if contains_any(body, &["rule evaluation is disabled"]) => Err(RulerError::rejected(message)),
        401 | 403 | 407 | 422 => Err(RulerError::denied(message)),
        408 | 425 | 429 => Err(RulerError::unavailable(message).with_retry_after(*retry_after)),
        500 if contains_any(body, &["no org id", "no valid org id"]) => Err(RulerError::denied(message)),
        500 if contains_any(
            body,
            &["path traversal not allowed", "invalid URL escape", "too long to encode"],
        ) =>
        {
            Err(RulerError::rejected(message))
        }
        500 if contains_any(body, &["unsupported in rule local store"]) => Err(read_only(&message)),
        500..=599 => Err(RulerError::unavailable(message).with_retry_after(*retry_after)),
        _ => Err(RulerError::rejected(format!("{message} ({status})"))),
    }
}

/// The text by which a server reports that the resource does not exist. The texts of other operations belong to other
/// routes and do not count: a list request that is answered with a missing group went to a wrong address.
fn not_found_text(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::List | Operation::GetNamespace => Some("no rule groups found"),
        Operation::GetGroup | Operation::DeleteGroup => Some("group does not exist"),
        Operation::DeleteNamespace => Some("group namespace does not exist"),
        Operation::Put
        | Operation::State
        | Operation::Limits
        | Operation::TenantNames
        | Operation::TenantRules => None,
    }
}

/// Returns `true` if a successful response is not the API's: lists are YAML, writes are acknowledged in JSON, states
/// limits and names of tenants are JSON. The rules of all tenants may be an empty document, so that its type must be right.
fn is_foreign_document(operation: Operation, content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match operation {
        Operation::List | Operation::GetNamespace | Operation::GetGroup => {
            matches!(kind, "text/html" | "application/json")
        }
        Operation::Put | Operation::DeleteGroup | Operation::DeleteNamespace => kind == "text/html",
        Operation::State | Operation::Limits | Operation::TenantNames => kind != "application/json",
        Operation::TenantRules => kind != "application/yaml",
    }
}

fn read_only(message: &str) -> RulerError {
    RulerError::misconfigured(format!("the ruler's rule storage is read-only: {message}"))
}

/// Returns `true` if the body contains one of these texts.
pub(super) fn contains_any(body: &str, texts: &[&str]) -> bool {
    texts.iter().any(|text| body.contains(text))
}

/// The server's error message: the `error` field of a JSON body, else the text; only the status for an HTML page.
fn message(operation: Operation, status: u16, content_type: &str, body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Error {
        error: String,
    }
    let text = match serde_json::from_str::<Error>(body.trim_end_matches(CUT)) {
        Ok(Error { error }) if !error.is_empty() => error,
        _ => body.trim().to_owned(),
    };
    if text.is_empty() && status == 400 && operation == Operation::Put {
        return "refused without a reason, which is how Cortex answers an expression it cannot parse"
            .to_owned();
    }
    if text.is_empty() || content_type.starts_with("text/html") || text.starts_with('<') {
        return format!("status {status}");
    }
    shortened(text, MESSAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_is_truncated() {
        assert_eq!(message(Operation::Put, 502, "text/html", "<html>…"), "status 502");
        assert!(message(Operation::Put, 400, "", &"x".repeat(10_000)).len() < 2100);
    }

    #[test]
    fn message_speaks_of_an_expression_only_where_one_was_sent() {
        assert!(message(Operation::Put, 400, "", "\n").contains("an expression"));
        for operation in [Operation::List, Operation::DeleteGroup, Operation::State, Operation::Limits] {
            assert_eq!(message(operation, 400, "", ""), "status 400", "{operation:?}");
        }
    }
}
