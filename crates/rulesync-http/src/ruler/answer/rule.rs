//! Finds the rule that a server's message names. Pure.

use rulesync_core::{Group, Rule};

/// Returns the index of the rule that Mimir or Cortex name first (`3:11: group "g", rule 3, "A": …`, counted from 0),
/// and the errors of this and of further rules: all errors are in one line, each with its position.
pub(super) fn rule_of(message: &str) -> Option<(usize, String)> {
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
