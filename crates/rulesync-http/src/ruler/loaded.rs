//! Reads a response of `/api/v1/rules`, or a page of it, as it arrives, one group at a time: the whole response may not
//! fit into memory. No I/O.
//!
//! A response that is not understood must never be read as one with fewer groups: the missing groups would count as not
//! loaded.

use rulesync_core::RulerError;
use rulesync_core::ruler::{EvaluatedRule, RuleHealth};
use serde::Deserialize;

use crate::connection::{Limits, MESSAGE_BYTES, Redaction, Response, shortened, too_long};

#[cfg(doc)]
use rulesync_core::RulerErrorKind;

/// A group that the server has loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedGroup {
    /// The path of the rule file as reported by the server, or the namespace if the server has namespaces.
    pub file: String,
    /// The name of the group.
    pub name: String,
    /// The rules, in order.
    pub rules: Vec<EvaluatedRule>,
}

/// Extracts the groups from a response. Rule errors are truncated, and secrets in them are redacted.
#[derive(Debug)]
pub struct LoadedReader {
    redaction: Redaction,
    limits: Limits,
    /// The open braces and brackets.
    open: Vec<u8>,
    in_string: bool,
    escaped: bool,
    group: Vec<u8>,
    /// The response without its groups.
    envelope: Vec<u8>,
}

/// The nesting of the groups: in the list in the object in the object.
const GROUPS: &[u8] = b"{{[";

/// The maximum size of the envelope.
const MAX_ENVELOPE_BYTES: usize = 64 << 10;

impl LoadedReader {
    /// Creates a reader for a response: with its size limits, and without the secrets that were sent.
    pub fn of(response: &Response) -> Self {
        Self::new(response.redaction(), response.limits())
    }

    fn new(redaction: Redaction, limits: Limits) -> Self {
        Self {
            redaction,
            limits,
            open: Vec::new(),
            in_string: false,
            escaped: false,
            group: Vec::new(),
            envelope: Vec::new(),
        }
    }

    /// Reads the next bytes of the response, and passes completed groups to `found`.
    ///
    /// # Errors
    ///
    /// [`RulerErrorKind::Unreadable`] if the response is not a list of groups or exceeds a limit.
    pub fn push(
        &mut self,
        bytes: &[u8],
        found: &mut (dyn FnMut(LoadedGroup) + Send),
    ) -> Result<(), RulerError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = if self.in_string { self.string(rest) } else { self.structure(rest, found)? };
            if self.envelope.len() > MAX_ENVELOPE_BYTES {
                return Err(unreadable("it is not a list of groups"));
            }
            let limit = self.limits.loaded_group();
            if self.group.len() as u64 > limit {
                return Err(too_long("what is loaded of a group", limit));
            }
        }
        Ok(())
    }

    /// Handles the end of the response. Returns the token of the next page, if there is one.
    ///
    /// # Errors
    ///
    /// [`RulerErrorKind::Unreadable`] if the response is truncated or not a list of groups.
    pub fn finish(self) -> Result<Option<String>, RulerError> {
        #[derive(Deserialize)]
        struct Envelope {
            status: String,
            #[serde(default)]
            error: String,
            data: Option<Data>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Data {
            /// Empty, since the groups were removed. May be `null`, but must not be missing.
            #[serde(rename = "groups", deserialize_with = "Option::deserialize")]
            _groups: Option<[(); 0]>,
            #[serde(default)]
            group_next_token: Option<String>,
        }
        match serde_json::from_slice(&self.envelope) {
            Ok(Envelope { status, data: Some(Data { group_next_token, .. }), .. }) if status == "success" => {
                Ok(group_next_token.filter(|token| !token.is_empty()))
            }
            Ok(Envelope { status, error, .. }) if error.is_empty() => {
                Err(unreadable(&format!("its status is `{status}`, without groups")))
            }
            Ok(Envelope { error, .. }) => Err(unreadable(&error)),
            Err(error) => Err(unreadable(&error.to_string())),
        }
    }

    /// The buffer for the next bytes.
    fn buffer(&mut self) -> &mut Vec<u8> {
        if self.open.len() > GROUPS.len() { &mut self.group } else { &mut self.envelope }
    }

    /// Consumes a string up to its end, or all of `bytes`.
    fn string<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let mut end = bytes.len();
        for (index, byte) in bytes.iter().enumerate() {
            if self.escaped {
                self.escaped = false;
            } else if *byte == b'\\' {
                self.escaped = true;
            } else if *byte == b'"' {
                self.in_string = false;
                end = index + 1;
                break;
            }
        }
        self.buffer().extend_from_slice(&bytes[..end]);
        &bytes[end..]
    }

    /// Consumes bytes between strings, up to and including the next bracket or quote.
    fn structure<'b>(
        &mut self,
        bytes: &'b [u8],
        found: &mut (dyn FnMut(LoadedGroup) + Send),
    ) -> Result<&'b [u8], RulerError> {
        let marks = b"\"{}[]";
        let mark = bytes.iter().position(|byte| marks.contains(byte));
        let (plain, rest) = bytes.split_at(mark.unwrap_or(bytes.len()));
        if self.open == GROUPS {
            // Without the commas between groups, an empty list remains.
            self.envelope.extend(plain.iter().filter(|byte| !matches!(byte, b',' | b' ' | b'\n')));
        } else {
            self.buffer().extend_from_slice(plain);
        }
        let Some((&mark, after)) = rest.split_first() else { return Ok(rest) };
        match mark {
            b'"' => {
                self.in_string = true;
                self.buffer().push(mark);
            }
            b'{' | b'[' => {
                self.open.push(mark);
                self.buffer().push(mark);
            }
            _ => {
                let within = self.open.len() > GROUPS.len();
                self.buffer().push(mark);
                self.open.pop();
                if within && self.open.len() == GROUPS.len() {
                    found(parse(&self.group, &self.redaction)?);
                    self.group.clear();
                }
            }
        }
        Ok(after)
    }
}

fn parse(text: &[u8], redaction: &Redaction) -> Result<LoadedGroup, RulerError> {
    #[derive(Deserialize)]
    struct Group {
        name: String,
        file: String,
        rules: Option<Vec<Rule>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Rule {
        name: String,
        #[serde(default)]
        health: String,
        #[serde(default)]
        last_error: String,
        #[serde(default)]
        last_evaluation: String,
    }
    let Group { name, file, rules } =
        serde_json::from_slice(text).map_err(|error| unreadable(&error.to_string()))?;
    let rule = |Rule { name, health, last_error, last_evaluation }: Rule| {
        let health = match health.as_str() {
            "err" => RuleHealth::Failing(redaction.text(shortened(last_error, MESSAGE_BYTES))),
            // Some servers report a rule as healthy before its first evaluation.
            "ok" if !last_evaluation.starts_with("0001-01-01") => RuleHealth::Healthy,
            _ => RuleHealth::Unknown,
        };
        EvaluatedRule { name, health }
    };
    let rules = rules.unwrap_or_default().into_iter().map(rule).collect();
    Ok(LoadedGroup { file, name, rules })
}

fn unreadable(message: &str) -> RulerError {
    let message = shortened(message.to_owned(), MESSAGE_BYTES);
    RulerError::unreadable(format!("the loaded rules cannot be read: {message}"))
}

#[cfg(test)]
mod tests;
