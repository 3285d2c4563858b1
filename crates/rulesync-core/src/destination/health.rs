//! Evaluation health: whether written groups are loaded and their rules evaluate, when to ask the ruler, and what its
//! answers mean. Pure.
//!
//! A group that is not loaded three load delays after it was written will not be loaded without help: the tenant is
//! frozen, or evaluation is switched off (docs/contracts/ruler-api.md 5.4). A rule counts as failing when two answers
//! in a row report a failure.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::finding::{Code, Finding, Location};
use crate::model::name::{GroupName, RulerNamespace};
use crate::observed::Observed;
use crate::overlay::Offered;
use crate::policy::jittered;
use crate::ruler::RulerError;
use crate::ruler::{EvaluatedGroup, Evaluation, RuleHealth};

/// The number of load delays after which a group that is not loaded is reported.
const LOAD_DELAYS: u32 = 3;

/// The time until a first failure is confirmed.
const CONFIRM_INTERVAL: Duration = Duration::from_secs(60);

/// The time until a ruler that does not support evaluation is asked again: it may have been upgraded.
const UNSUPPORTED_RETRY_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The groups of this owner that a ruler has loaded.
#[derive(Debug, Default)]
pub(super) struct LoadedGroups {
    namespaces: HashMap<Box<str>, Vec<Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    group: Box<str>,
    rules: usize,
    failing: Vec<(usize, String, String)>,
}

impl LoadedGroups {
    /// Adds a loaded group.
    pub(super) fn take(&mut self, group: EvaluatedGroup) {
        let rules = group.rules.len();
        let failing = group.rules.into_iter().enumerate().filter_map(|(index, rule)| match rule.health {
            RuleHealth::Failing(error) => Some((index, rule.name, error)),
            RuleHealth::Unknown | RuleHealth::Healthy => None,
        });
        let loaded = Loaded { group: group.name.into(), rules, failing: failing.collect() };
        self.namespaces.entry(group.namespace.into()).or_default().push(loaded);
    }
}

/// The evaluation health of everything written to a destination.
#[derive(Debug)]
pub(super) struct EvaluationHealth {
    /// The time since when health is watched: earlier writes count as made then.
    since: Instant,
    /// The time of the last write to each namespace, until it no longer matters.
    written: HashMap<RulerNamespace, Instant>,
    next: Instant,
    not_loaded: HashMap<RulerNamespace, Vec<GroupName>>,
    failing: HashMap<RulerNamespace, Vec<Failing>>,
    error: Option<String>,
    known: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Failing {
    group: GroupName,
    rule: usize,
    name: String,
    error: String,
    confirmed: bool,
}

/// Groups that are not loaded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotLoaded {
    pub(super) groups: usize,
    /// The namespace and name of one of them.
    pub(super) example: Option<String>,
}

/// Changes of health after an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct HealthChanges {
    /// The groups that are not loaded, if the first appeared or the last disappeared.
    pub(super) not_loaded: Option<NotLoaded>,
    /// Rules that newly fail: the namespace and the finding.
    pub(super) failing: Vec<(RulerNamespace, Finding)>,
    /// The number of rules that no longer fail.
    pub(super) recovered: usize,
    /// The namespaces whose evaluation has changed.
    pub(super) changed: Changed,
}

/// The namespaces whose evaluation has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Changed {
    /// None.
    #[default]
    Nothing,
    /// These.
    Namespaces(HashSet<RulerNamespace>),
    /// All: it was unknown before, or is unknown now.
    Everything,
}

impl EvaluationHealth {
    pub(super) fn new(now: Instant, load_delay: Duration) -> Self {
        Self {
            since: now,
            written: HashMap::new(),
            next: now + load_delay * LOAD_DELAYS,
            not_loaded: HashMap::new(),
            failing: HashMap::new(),
            error: None,
            known: false,
        }
    }

    /// Returns when to ask.
    pub(super) fn due(&self) -> Instant {
        self.next
    }

    /// Records a write to a namespace.
    pub(super) fn wrote(&mut self, namespace: &RulerNamespace, now: Instant, load_delay: Duration) {
        self.written.insert(namespace.clone(), now);
        let loaded = now + load_delay * LOAD_DELAYS;
        // During a first sync the ruler is asked at its end, not after the first writes.
        self.next = self.next.min(loaded).max(now + load_delay);
    }

    /// Records that the ruler could not be asked.
    pub(super) fn failed(&mut self, error: &RulerError, now: Instant, interval: Duration) {
        self.error = Some(error.to_string());
        self.next = now + jittered(interval);
    }

    /// Takes the ruler's answer into account.
    pub(super) fn answered(
        &mut self,
        (evaluation, answer): (Evaluation, &LoadedGroups),
        offered: Offered<'_>,
        observed: &Observed,
        (asked, interval, load_delay): (Instant, Duration, Duration),
    ) -> HealthChanges {
        let now = Instant::now();
        self.error = None;
        let was_known = std::mem::replace(&mut self.known, evaluation == Evaluation::Read);
        if !self.known {
            self.next = now + jittered(UNSUPPORTED_RETRY_INTERVAL.max(interval));
            let changed = if was_known { Changed::Everything } else { Changed::Nothing };
            return HealthChanges { changed, ..HealthChanges::default() };
        }
        let before_not_loaded = self.not_loaded.values().map(Vec::len).sum::<usize>();
        let before = std::mem::take(&mut self.failing);
        let was_not_loaded = std::mem::take(&mut self.not_loaded);
        let patience = load_delay * LOAD_DELAYS;
        let mut changes = HealthChanges::default();
        for (namespace, object) in offered.winners() {
            let loaded = answer.namespaces.get(&**namespace).map_or(&[][..], Vec::as_slice);
            let there: HashMap<&str, _> = observed.namespace(namespace).collect();
            let written = *self.written.get(namespace).unwrap_or(&self.since);
            for group in offered.overlay.groups(namespace, object) {
                // Groups that the ruler does not have as declared are reported elsewhere.
                if there.get(&*group.name) != Some(&Some(group.fingerprint)) {
                    continue;
                }
                let found = loaded.iter().find(|loaded| *loaded.group == *group.name);
                match found.filter(|found| found.rules == group.rules as usize) {
                    None if written + patience <= asked => {
                        self.not_loaded.entry(namespace.clone()).or_default().push(group.name.clone());
                    }
                    None => {}
                    Some(found) => {
                        for (rule, name, error) in &found.failing {
                            let earlier = before.get(namespace).and_then(|failing| {
                                failing.iter().find(|f| f.group == group.name && f.rule == *rule)
                            });
                            let failing = Failing {
                                group: group.name.clone(),
                                rule: *rule,
                                name: name.clone(),
                                error: error.clone(),
                                confirmed: earlier.is_some(),
                            };
                            if earlier.is_some_and(|earlier| !earlier.confirmed) {
                                changes.failing.push((namespace.clone(), failing.finding()));
                            }
                            self.failing.entry(namespace.clone()).or_default().push(failing);
                        }
                    }
                }
            }
        }
        let confirmed = |failing: &HashMap<RulerNamespace, Vec<Failing>>| {
            failing.values().flatten().filter(|failing| failing.confirmed).count()
        };
        changes.recovered =
            (confirmed(&before) + changes.failing.len()).saturating_sub(confirmed(&self.failing));
        let not_loaded = self.not_loaded.values().map(Vec::len).sum::<usize>();
        if (before_not_loaded == 0) != (not_loaded == 0) {
            let first = self.not_loaded.iter().next();
            let example =
                first.and_then(|(namespace, groups)| Some(format!("{namespace}/{}", groups.first()?)));
            changes.not_loaded = Some(NotLoaded { groups: not_loaded, example });
        }
        changes.changed = if was_known {
            let failing = differences(&before, &self.failing);
            Changed::Namespaces(failing.chain(differences(&was_not_loaded, &self.not_loaded)).collect())
        } else {
            Changed::Everything
        };
        self.written.retain(|_, at| *at + patience > asked);
        let unsure = self.failing.values().flatten().any(|failing| !failing.confirmed);
        let soon = if unsure || !self.written.is_empty() {
            CONFIRM_INTERVAL.max(load_delay).min(interval)
        } else {
            interval
        };
        self.next = now + jittered(soon);
        changes
    }

    /// The number of failing rules.
    pub(super) fn failing_rules(&self) -> usize {
        self.failing.values().flatten().filter(|failing| failing.confirmed).count()
    }

    /// The number of failing rules of a namespace.
    pub(super) fn failing_rules_in(&self, namespace: &str) -> usize {
        let failing = self.failing.get(namespace).into_iter().flatten();
        failing.filter(|failing| failing.confirmed && self.known).count()
    }

    /// The number of groups that are not loaded.
    pub(super) fn not_loaded_groups(&self) -> usize {
        self.not_loaded.values().map(Vec::len).sum()
    }

    /// Returns whether the ruler reported evaluation when it was last asked.
    pub(super) fn is_known(&self) -> bool {
        self.known && self.error.is_none()
    }

    /// Returns why the ruler could not be asked.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns the findings about a namespace; none if the ruler has not been asked or does not support evaluation.
    pub(super) fn findings(&self, namespace: &str) -> Option<Vec<Finding>> {
        if !self.known {
            return None;
        }
        let not_loaded = self.not_loaded.get(namespace).into_iter().flatten().map(|group| {
            let location = Location { group: Some(group.to_string()), ..Location::default() };
            Finding::warning(Code::NotLoaded, "the ruler has stored the group and does not load it")
                .at(location)
                .hint("another group of the tenant may keep all from loading, or evaluation is off: see the ruler's log")
        });
        let failing = self.failing.get(namespace).into_iter().flatten();
        Some(not_loaded.chain(failing.filter(|f| f.confirmed).map(Failing::finding)).collect())
    }
}

/// Iterates over the namespaces of which two answers differ.
fn differences<'a, T: PartialEq>(
    before: &'a HashMap<RulerNamespace, T>,
    now: &'a HashMap<RulerNamespace, T>,
) -> impl Iterator<Item = RulerNamespace> + 'a {
    let changed = now.iter().filter(|(namespace, value)| before.get(*namespace) != Some(*value));
    let gone = before.iter().filter(|(namespace, _)| !now.contains_key(*namespace));
    changed.chain(gone).map(|(namespace, _)| namespace.clone())
}

impl Failing {
    fn finding(&self) -> Finding {
        let location = Location {
            group: Some(self.group.to_string()),
            rule: Some(self.rule),
            rule_name: Some(self.name.clone()),
            ..Location::default()
        };
        Finding::warning(Code::Evaluation, format!("fails when it is evaluated: {}", self.error)).at(location)
    }
}

#[cfg(test)]
mod tests;
