//! Decodes the body of a POST as the Go servers do: any scalar is accepted as a string, unknown fields are ignored, a
//! duplicate key is an error, and documents after the first are ignored.

use std::{collections::BTreeMap, io::Cursor};

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::Spanned;

use crate::model::{
    group::{StoredGroup, StoredRule},
    span::Millis,
};

/// A line and column in the posted YAML, from 1; zero for a missing field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// The positions of a rule's fields that errors refer to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RulePositions {
    pub(crate) record: Position,
    pub(crate) alert: Position,
    pub(crate) expr: Position,
}

/// A group as posted, before validation and dropping of fields.
#[derive(Debug, Default)]
pub(crate) struct Posted {
    pub(crate) group: StoredGroup,
    /// One entry per rule.
    pub(crate) positions: Vec<RulePositions>,
}

/// The body is not a rule group. The servers do not report the reason either.
#[derive(Debug, thiserror::Error)]
#[error("unable to decode rule group")]
pub(crate) struct Undecodable;

/// The maximum nesting depth of a body. The real servers accept ten thousand levels; no group has ten, and each takes
/// stack.
const MAX_DEPTH: usize = 64;

/// The maximum number of parser events that aliases may repeat; a key with its value is two events.
const ALIASED_EVENTS: usize = 100_000;

/// Decodes a body.
///
/// # Errors
/// If the body is not YAML, or a field has the wrong type.
pub(crate) fn decode(body: &[u8]) -> Result<Posted, Undecodable> {
    // Parsed from a string, so that a body that is not UTF-8 is rejected as a whole.
    let text = std::str::from_utf8(body).map_err(|_| Undecodable)?;
    if text.lines().any(has_surrogate_escape) {
        return Err(Undecodable);
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        legacy_octal_numbers: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            // The other budgets are bounded by the length of the body.
            max_reader_input_bytes: None,
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_anchors: usize::MAX,
            max_aliases: usize::MAX,
            max_recorded_anchor_events: usize::MAX,
            max_recorded_anchor_bytes: usize::MAX,
            max_documents: usize::MAX,
            max_merge_keys: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_total_comment_bytes: usize::MAX,
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIASED_EVENTS },
    };
    let mut reader = Cursor::new(text.as_bytes());
    match serde_saphyr::read_with_options::<_, RawGroup>(&mut reader, options).next() {
        None => Ok(Posted::default()),
        Some(Ok(raw)) => Ok(raw.into()),
        Some(Err(_)) => Err(Undecodable),
    }
}

/// Returns `true` if a double-quoted string on this line has an escape such as `\ud83d`, which Go's parser rejects as
/// half a surrogate pair even if the other half follows. Multi-line strings are not checked.
fn has_surrogate_escape(line: &str) -> bool {
    if !line.contains("\\u") {
        return false;
    }
    let (mut quote, mut chars) = (None, line.char_indices());
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (Some('"'), '\\') => {
                let code = line.get(at + 2..at + 6).and_then(|hex| u32::from_str_radix(hex, 16).ok());
                if chars.next().is_some_and(|(_, c)| c == 'u')
                    && code.is_some_and(|c| (0xD800..0xE000).contains(&c))
                {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

#[derive(Deserialize)]
struct RawGroup {
    name: Option<String>,
    #[serde(default, deserialize_with = "span")]
    interval: Option<Millis>,
    #[serde(default, deserialize_with = "span")]
    evaluation_delay: Option<Millis>,
    #[serde(default, deserialize_with = "span")]
    query_offset: Option<Millis>,
    limit: Option<i64>,
    rules: Option<Vec<Option<RawRule>>>,
    labels: Option<BTreeMap<String, Option<String>>>,
    source_tenants: Option<Vec<Option<String>>>,
    align_evaluation_time_on_interval: Option<bool>,
}

#[derive(Default, Deserialize)]
struct RawRule {
    record: Option<Spanned<String>>,
    alert: Option<Spanned<String>>,
    expr: Option<Spanned<String>>,
    #[serde(default, rename = "for", deserialize_with = "span")]
    for_: Option<Millis>,
    #[serde(default, deserialize_with = "span")]
    keep_firing_for: Option<Millis>,
    labels: Option<BTreeMap<String, Option<String>>>,
    annotations: Option<BTreeMap<String, Option<String>>>,
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    Millis::parse(&text).map(Some).ok_or_else(|| de::Error::custom("not a valid duration string"))
}

impl From<RawGroup> for Posted {
    fn from(raw: RawGroup) -> Self {
        let (rules, positions) =
            raw.rules.unwrap_or_default().into_iter().map(|rule| rule.unwrap_or_default().split()).unzip();
        let group = StoredGroup {
            name: raw.name.unwrap_or_default(),
            interval: raw.interval.unwrap_or_default(),
            evaluation_delay: raw.evaluation_delay.unwrap_or_default(),
            query_offset: raw.query_offset,
            limit: raw.limit.unwrap_or_default(),
            rules,
            labels: values(raw.labels),
            source_tenants: raw
                .source_tenants
                .unwrap_or_default()
                .into_iter()
                .map(Option::unwrap_or_default)
                .collect(),
            align_evaluation_time_on_interval: raw.align_evaluation_time_on_interval.unwrap_or_default(),
        };
        Self { group, positions }
    }
}

impl RawRule {
    fn split(self) -> (StoredRule, RulePositions) {
        let (record, record_at) = with_position(self.record);
        let (alert, alert_at) = with_position(self.alert);
        let (expr, expr_at) = with_position(self.expr);
        let rule = StoredRule {
            record,
            alert,
            expr,
            for_: self.for_.unwrap_or_default(),
            keep_firing_for: self.keep_firing_for.unwrap_or_default(),
            labels: values(self.labels),
            annotations: values(self.annotations),
        };
        (rule, RulePositions { record: record_at, alert: alert_at, expr: expr_at })
    }
}

fn with_position(field: Option<Spanned<String>>) -> (String, Position) {
    field.map_or_else(Default::default, |field| {
        let at = field.defined;
        (field.value, Position { line: at.line(), column: at.column() })
    })
}

fn values(map: Option<BTreeMap<String, Option<String>>>) -> BTreeMap<String, String> {
    map.unwrap_or_default().into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests;
