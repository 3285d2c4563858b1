//! What an answer means: the one place where a status and a body become an outcome. Pure.
//!
//! The rows are those of contracts/ruler-api.md 1.6 and 1.8.

mod hint;

use std::time::Duration;

use reqwest::Url;
use rulesync_core::{Group, Rule, RulerError};

use crate::address::redirection;
use crate::cut::{CUT, MESSAGE_BYTES, shortened};

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
#[derive(Debug, Default)]
pub(crate) struct Answer<'a> {
    /// What was asked; known of answers that are no success.
    pub(crate) asked: Option<&'a Url>,
    /// Whether a tenant was named.
    pub(crate) tenant: bool,
    pub(crate) status: u16,
    pub(crate) content_type: &'a str,
    pub(crate) retry_after: Option<Duration>,
    /// Where a redirect leads.
    pub(crate) location: &'a str,
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

/// What an answer means for an operation.
pub(crate) fn meaning(operation: Operation, answer: &Answer<'_>) -> Result<Meaning, RulerError> {
    classify(operation, answer).map_err(|error| hint::add(answer, error))
}

fn classify(operation: Operation, answer: &Answer<'_>) -> Result<Meaning, RulerError> {
    let Answer { status, content_type, retry_after, location, body, asked, .. } = answer;
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
            message: format!(
                "redirected ({status}){}; redirects are not followed",
                asked.map_or(String::new(), |asked| format!(" {}", redirection(asked, location)))
            ),
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
        400 | 413 => Err(match rule_of(&message) {
            Some((rule, message)) => RulerError::Rejected { rule: Some(rule), message },
            None => RulerError::Rejected { rule: None, message },
        }),
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

/// The rule that Mimir and Cortex name first, counted from 0: `3:11: group "g", rule 3, "A": …`. With it what they say about
/// it, and about others if there are any: all errors are in one line, each with its place.
fn rule_of(message: &str) -> Option<(usize, String)> {
    let named = message.match_indices("group \"").filter_map(|(at, _)| Named::parse(message, at));
    let (errors, cut): (Vec<Named<'_>>, Vec<Named<'_>>) = named.partition(|named| named.says.is_some());
    let Some(first) = errors.first().map(|named| named.rule) else {
        return Some((cut.first()?.rule, message.to_owned()));
    };
    let ends = errors.iter().skip(1).map(|named| named.at).chain([message.len()]);
    let mut said = String::new();
    for (Named { rule, says, .. }, end) in errors.iter().zip(ends) {
        let Some((name, reason)) = says else { continue };
        let reason = message.get(*reason..end).unwrap_or_default();
        let reason = if end < message.len() { without_position(reason) } else { reason };
        if !said.is_empty() {
            said.push_str("; ");
        }
        if *rule != first {
            said.push_str(&format!("rule {rule} {name}: "));
        }
        said.push_str(reason);
    }
    Some((first, said))
}

/// One error of several in a line.
struct Named<'m> {
    /// Where it begins.
    at: usize,
    rule: usize,
    /// The rule's name in quotes, and where the reason begins; none if it was cut.
    says: Option<(&'m str, usize)>,
}

impl<'m> Named<'m> {
    /// Reads `group "g", rule 3, "A": ` at an offset.
    fn parse(message: &'m str, at: usize) -> Option<Self> {
        let rest = message.get(at..)?.strip_prefix("group ")?;
        let rest = rest.get(quoted_length(rest)?..)?.strip_prefix(", rule ")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (rule, rest) = (rest.get(..digits)?.parse().ok()?, rest.get(digits..)?);
        let says = || {
            let rest = rest.strip_prefix(", ")?;
            let length = quoted_length(rest)?;
            let reason = rest.get(length..)?.strip_prefix(": ")?;
            Some((&rest[..length], message.len() - reason.len()))
        };
        Some(Self { at, rule, says: says() })
    }
}

/// How long a text in quotes is, quotes included.
fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let end = text.strip_prefix('"')?.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some(end + 2)
}

/// A reason without the beginning of the next error: `, 3:11: `.
fn without_position(reason: &str) -> &str {
    let without = reason
        .strip_suffix(": ")
        .map_or(reason, |before| before.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':'));
    without.strip_suffix(", ").unwrap_or(reason)
}

/// The rule that Loki names by what it alerts or records: `… for alert 'A' in group 'g': …`, or by its template. The
/// first that is named, unless several have the name. With it what Loki says about it, where that stands at the end.
pub(crate) fn named_rule<'a>(message: &'a str, group: &Group) -> Option<(usize, Option<&'a str>)> {
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
    if named.next().is_some() {
        return None;
    }
    let alone = places.iter().flatten().all(|place| *place == first);
    let reason = message.get(first..).and_then(|named| named.split_once("': ")).map(|(_, reason)| reason);
    Some((index, reason.filter(|_| alone && message.starts_with("could not parse expression for "))))
}

#[cfg(test)]
mod tests;
