//! The answer of the state API: the loaded rules as JSON, filtered and paged.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    filter::{PagePosition, StateFilter},
    stamp::{NEVER, stamp},
};
use crate::{
    model::{
        group::{StoredGroup, StoredRule},
        kind::StateStyle,
        span::Millis,
    },
    storage::store::Namespaces,
};

/// The evaluation health of a rule.
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

impl Health {
    fn name(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Err(_) => "err",
        }
    }

    /// The state of an alert that never fires.
    fn alert_state(&self) -> &'static str {
        if *self == Self::Unknown { "unknown" } else { "inactive" }
    }
}

/// The `data` of the answer, with the fields in the real servers' order.
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
    /// Loki only.
    #[serde(rename = "limit", skip_serializing_if = "Option::is_none")]
    limit_in_loki: Option<i64>,
    last_evaluation: String,
    evaluation_time: u8,
    /// Cortex only.
    #[serde(rename = "limit", skip_serializing_if = "Option::is_none")]
    limit_in_cortex: Option<i64>,
    /// Mimir only; null if there are none.
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
        #[serde(skip_serializing_if = "Option::is_none")]
        keep_firing_for: Option<Value>,
        labels: BTreeMap<&'a str, &'a str>,
        annotations: &'a BTreeMap<String, String>,
        /// Always empty, but can be omitted.
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
    last_evaluation: String,
    evaluation_time: u8,
}

/// The evaluation interval of a group without an explicit one.
const DEFAULT_INTERVAL: Millis = Millis(60_000);

/// The loaded rules that match the filter. `health` is called with namespace, group and rule index; `now` is in
/// milliseconds since 1970.
pub(crate) fn rules<'a>(
    loaded: &'a Namespaces,
    filter: &StateFilter,
    style: StateStyle,
    health: &dyn Fn(&str, &StoredGroup, usize) -> Health,
    now: u64,
) -> RulesState<'a> {
    let mut wanted: Vec<(PagePosition, &str, &StoredGroup)> = loaded
        .iter()
        .filter(|(file, _)| wants(&filter.files, file))
        .flat_map(|(file, groups)| groups.values().map(move |entry| (file.as_str(), &entry.group)))
        .filter(|(_, group)| wants(&filter.groups, &group.name))
        .map(|(file, group)| (PagePosition::of(file, &group.name, style, filter.limit > 0), file, group))
        .filter(|(position, ..)| filter.after.as_ref().is_none_or(|after| position > after))
        .collect();
    wanted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let (mut groups, mut last) = (Vec::new(), None);
    for (position, file, group) in wanted {
        let rules: Vec<_> = group
            .rules
            .iter()
            .enumerate()
            .map(|(index, rule)| (rule, health(file, group, index)))
            .filter(|(rule, health)| is_wanted(group, rule, health, filter))
            .map(|(rule, health)| rule_state(group, rule, filter, style, health, now))
            .collect();
        if rules.is_empty() {
            continue;
        }
        if filter.limit > 0 && groups.len() == filter.limit {
            return RulesState {
                groups,
                group_next_token: last.map(|position: PagePosition| position.token(style)),
            };
        }
        let evaluated = (0..group.rules.len()).any(|index| health(file, group, index) != Health::Unknown);
        let tenants = (!group.source_tenants.is_empty()).then_some(group.source_tenants.as_slice());
        groups.push(GroupState {
            name: &group.name,
            file,
            rules,
            interval: seconds(interval(group)),
            limit_in_loki: (style == StateStyle::Loki).then_some(group.limit),
            last_evaluation: last_evaluation(group, evaluated, now),
            evaluation_time: 0,
            limit_in_cortex: (style == StateStyle::Cortex).then_some(group.limit),
            source_tenants: (style == StateStyle::Mimir).then_some(tenants),
        });
        last = Some(position);
    }
    RulesState { groups, group_next_token: None }
}

fn is_wanted(group: &StoredGroup, rule: &StoredRule, health: &Health, filter: &StateFilter) -> bool {
    let alerting = !rule.alert.is_empty();
    // As in the real servers, the name of a rule is not one of its labels.
    let label = |name: &str| rule.labels.get(name).or_else(|| group.labels.get(name)).map(String::as_str);
    filter.alerting.is_none_or(|wanted| wanted == alerting)
        && wants(&filter.rules, rule_name(rule))
        && filter.state.as_ref().is_none_or(|state| alerting && state == health.alert_state())
        && filter.health.as_ref().is_none_or(|wanted| wanted == health.name())
        && (filter.selectors.is_empty()
            || filter.selectors.iter().any(|selector| selector.iter().all(|wanted| wanted.holds(label))))
}

fn rule_state<'a>(
    group: &'a StoredGroup,
    rule: &'a StoredRule,
    filter: &StateFilter,
    style: StateStyle,
    health: Health,
    now: u64,
) -> RuleState<'a> {
    // The labels of the rule take precedence over those of the group.
    let labels = group
        .labels
        .iter()
        .chain(&rule.labels)
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let state = health.alert_state();
    let evaluation = Evaluation {
        health: health.name(),
        last_evaluation: last_evaluation(group, health != Health::Unknown, now),
        last_error: if let Health::Err(error) = health { error } else { String::new() },
        kind: if rule.alert.is_empty() { "recording" } else { "alerting" },
        evaluation_time: 0,
    };
    let (name, query) = (rule_name(rule), rule.expr.trim());
    if rule.alert.is_empty() {
        return RuleState::Recording { name, query, labels, evaluation };
    }
    RuleState::Alerting {
        state,
        name,
        query,
        duration: seconds(rule.for_),
        keep_firing_for: (style != StateStyle::Loki).then(|| seconds(rule.keep_firing_for)),
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

fn interval(group: &StoredGroup) -> Millis {
    if group.interval == Millis::ZERO { DEFAULT_INTERVAL } else { group.interval }
}

/// Evaluations happen at multiples of the group's interval.
fn last_evaluation(group: &StoredGroup, evaluated: bool, now: u64) -> String {
    let Millis(interval) = interval(group);
    if evaluated { stamp(now - now % interval) } else { NEVER.to_owned() }
}

/// The number of seconds, as an integer if there is no fraction.
fn seconds(millis: Millis) -> Value {
    if millis.0.is_multiple_of(1000) {
        return json!(millis.0 / 1000);
    }
    #[expect(clippy::cast_precision_loss, reason = "292 years of milliseconds fit")]
    let fraction = millis.0 as f64 / 1000.0;
    json!(fraction)
}
