//! The state API: the loaded rules as JSON, filtered and paged as asked.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    encode::{base64_url, from_base64_url},
    group::{StoredGroup, StoredRule},
    kind::StateStyle,
    span::Millis,
    store::Namespaces,
};

/// What of the loaded rules a request to the state API wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StateFilter {
    /// Only alerting (`true`) or only recording rules.
    pub(crate) alerting: Option<bool>,
    pub(crate) files: Vec<String>,
    pub(crate) groups: Vec<String>,
    pub(crate) rules: Vec<String>,
    pub(crate) exclude_alerts: bool,
    /// The most groups of an answer; zero for no limit.
    pub(crate) limit: usize,
    /// Where the page before ended: namespace and group.
    pub(crate) after: Option<(String, String)>,
}

/// What evaluation says about a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Health {
    /// Not evaluated yet.
    #[default]
    Unknown,
    /// Evaluated without an error.
    Ok,
    /// The last evaluation failed.
    Err(String),
}

/// The answer's `data`, its fields in the real servers' order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RulesState<'a> {
    groups: Vec<GroupState<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupState<'a> {
    name: &'a str,
    file: &'a str,
    rules: Vec<RuleState<'a>>,
    interval: Value,
    last_evaluation: &'static str,
    evaluation_time: u8,
    /// Cortex only.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<i64>,
    /// Mimir only, and null there when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_tenants: Option<Option<&'a [String]>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RuleState<'a> {
    #[serde(rename_all = "camelCase")]
    Alerting {
        state: &'static str,
        name: &'a str,
        query: &'a str,
        duration: Value,
        keep_firing_for: Value,
        labels: BTreeMap<&'a str, &'a str>,
        annotations: &'a BTreeMap<String, String>,
        /// There never are any, but they can be left out.
        alerts: Option<[(); 0]>,
        #[serde(flatten)]
        evaluation: Evaluation,
    },
    Recording {
        name: &'a str,
        query: &'a str,
        labels: BTreeMap<&'a str, &'a str>,
        #[serde(flatten)]
        evaluation: Evaluation,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Evaluation {
    health: &'static str,
    last_error: String,
    #[serde(rename = "type")]
    kind: &'static str,
    last_evaluation: &'static str,
    evaluation_time: u8,
}

/// How long a group without an interval waits between evaluations, in milliseconds.
const DEFAULT_INTERVAL: Millis = Millis(60_000);

/// When a rule that never was evaluated was evaluated last.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// The loaded rules that the filter wants. `health` knows a rule by namespace, group and index.
pub(crate) fn rules<'a>(
    loaded: &'a Namespaces,
    filter: &StateFilter,
    style: StateStyle,
    health: &dyn Fn(&str, &str, usize) -> Health,
) -> RulesState<'a> {
    let mut namespaces: Vec<_> = loaded.iter().filter(|(name, _)| wants(&filter.files, name)).collect();
    namespaces.sort_unstable_by_key(|(name, _)| *name);
    let mut groups = Vec::new();
    for (file, entries) in namespaces {
        let mut entries: Vec<_> = entries.values().map(|entry| &entry.group).collect();
        entries.sort_unstable_by_key(|group| &group.name);
        for group in entries.into_iter().filter(|group| wants(&filter.groups, &group.name)) {
            let rules: Vec<_> = group
                .rules
                .iter()
                .enumerate()
                .filter(|(_, rule)| filter.alerting.is_none_or(|alerting| alerting != rule.alert.is_empty()))
                .filter(|(_, rule)| wants(&filter.rules, rule_name(rule)))
                .map(|(index, rule)| rule_state(group, rule, filter, style, health(file, &group.name, index)))
                .collect();
            let seen = filter.after.as_ref().is_some_and(|(f, g)| (file, &group.name) <= (f, g));
            if rules.is_empty() || seen {
                continue;
            }
            if filter.limit > 0 && groups.len() == filter.limit {
                let group_next_token = groups.last().map(token);
                return RulesState { groups, group_next_token };
            }
            let tenants = (!group.source_tenants.is_empty()).then_some(group.source_tenants.as_slice());
            groups.push(GroupState {
                name: &group.name,
                file,
                rules,
                interval: seconds(if group.interval == Millis::ZERO {
                    DEFAULT_INTERVAL
                } else {
                    group.interval
                }),
                last_evaluation: NEVER,
                evaluation_time: 0,
                limit: (style == StateStyle::Cortex).then_some(group.limit),
                source_tenants: (style == StateStyle::Mimir).then_some(tenants),
            });
        }
    }
    RulesState { groups, group_next_token: None }
}

/// Names the last group of a page. Names may hold slashes, so both are coded by themselves.
fn token(last: &GroupState<'_>) -> String {
    format!("{}.{}", base64_url(last.file), base64_url(last.name))
}

fn from_token(token: &str) -> Option<(String, String)> {
    let (file, group) = token.split_once('.')?;
    Some((from_base64_url(file)?, from_base64_url(group)?))
}

fn rule_state<'a>(
    group: &'a StoredGroup,
    rule: &'a StoredRule,
    filter: &StateFilter,
    style: StateStyle,
    health: Health,
) -> RuleState<'a> {
    // The rule's own labels win over the group's.
    let labels = group
        .labels
        .iter()
        .chain(&rule.labels)
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let (health, last_error) = match health {
        Health::Unknown => ("unknown", String::new()),
        Health::Ok => ("ok", String::new()),
        Health::Err(error) => ("err", error),
    };
    let kind = if rule.alert.is_empty() { "recording" } else { "alerting" };
    let evaluation = Evaluation { health, last_error, kind, last_evaluation: NEVER, evaluation_time: 0 };
    let (name, query) = (rule_name(rule), rule.expr.trim());
    if rule.alert.is_empty() {
        return RuleState::Recording { name, query, labels, evaluation };
    }
    RuleState::Alerting {
        state: if health == "ok" { "inactive" } else { "unknown" },
        name,
        query,
        duration: seconds(rule.for_),
        keep_firing_for: seconds(rule.keep_firing_for),
        labels,
        annotations: &rule.annotations,
        alerts: (!filter.exclude_alerts || style == StateStyle::Cortex).then_some([]),
        evaluation,
    }
}

fn rule_name(rule: &StoredRule) -> &str {
    if rule.alert.is_empty() { &rule.record } else { &rule.alert }
}

fn wants(wanted: &[String], name: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)
}

/// Seconds, without a fraction where there is none.
fn seconds(millis: Millis) -> Value {
    if millis.0.is_multiple_of(1000) {
        return json!(millis.0 / 1000);
    }
    #[expect(clippy::cast_precision_loss, reason = "292 years of milliseconds fit")]
    let fraction = millis.0 as f64 / 1000.0;
    json!(fraction)
}

/// Reads the query of a request for rules.
///
/// # Errors
/// When a parameter has a value it cannot have; the text is the answer's.
pub(crate) fn filter(query: &str, style: StateStyle) -> Result<StateFilter, String> {
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (form_decoded(name), form_decoded(value))
        })
        .collect();
    // Mimir knows both forms and prefers the one with brackets, Cortex knows only that.
    let values = |name: &str| -> Vec<String> {
        let of =
            |name: &str| pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()).collect::<Vec<_>>();
        let bracketed = of(&format!("{name}[]"));
        if bracketed.is_empty() && style == StateStyle::Mimir { of(name) } else { bracketed }
    };
    let first = |name: &str| pairs.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
    let alerting = match (first("type").to_lowercase().as_str(), style) {
        ("", _) => None,
        ("alert", _) => Some(true),
        ("record", _) => Some(false),
        (_, StateStyle::Mimir) => return Err(format!("not supported value {:?}", first("type"))),
        (_, StateStyle::Cortex) => return Err(format!("unsupported rule type {:?}", first("type"))),
    };
    let limit = match (first("group_limit"), style) {
        ("", _) => 0,
        (text, StateStyle::Mimir) => text.parse().map_err(|_| "invalid group limit value".to_owned())?,
        (text, StateStyle::Cortex) => text
            .parse()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(|| "group_limit needs to be greater than 0".to_owned())?,
    };
    Ok(StateFilter {
        alerting,
        limit,
        after: from_token(first("group_next_token")),
        files: values("file"),
        groups: values("rule_group"),
        rules: values("rule_name"),
        exclude_alerts: matches!(first("exclude_alerts"), "1" | "t" | "T" | "true" | "TRUE" | "True"),
    })
}

fn form_decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}
