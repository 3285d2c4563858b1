//! Normalization: what a server changes in a group by itself, as a version that drops a field or a gateway that
//! reprints expressions. Such a group counts as in sync, so that it is not written again and again. Pure.
//!
//! A difference is learned only when two lists in a row show the same one, the second soon after a write of this
//! process, and only if a server makes it by itself: an optional field that its [`Normalization`] allows to be missing,
//! or another spelling of an expression. Any other difference is somebody's change, however often it is seen.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::capabilities::{Normalization, StoredFields, StoredLimit};
use crate::model::fingerprint::Fingerprint;
use crate::model::group::{Group, Rule};
use crate::model::language::QueryLanguage;
use crate::model::name::{GroupKey, GroupName, RulerNamespace};

/// The interval at which one group of each kind of difference is written again, to test whether the server still makes
/// it.
const RETEST_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The normalizations learned about one destination's server.
#[derive(Debug, Default)]
pub(super) struct Normalizations {
    learned: BTreeMap<GroupKey, Learned>,
    /// Groups that differed once when read back, and that the next list reads whole.
    candidates: HashMap<GroupKey, Candidate>,
    /// Learned groups that were written again to test whether the difference is still made, with its fields.
    retested: HashMap<GroupKey, Fields>,
    retest_at: Option<Instant>,
}

/// The fields that differ, without the numbers of the rules: the kind of a difference.
pub(super) type Fields = BTreeSet<&'static str>;

#[derive(Debug)]
struct Learned {
    sent: Fingerprint,
    read: Fingerprint,
    fields: Fields,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Candidate {
    sent: Fingerprint,
    read: Fingerprint,
    /// True if the group was read whole, and the server cannot have made the difference.
    rejected: bool,
}

/// The meaning of a difference between a group as sent and as read back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Known to be made by the server.
    Normalized,
    /// Made by the server, and learned just now; with the fields that differ.
    Learned(Fields),
    /// Seen once: the next list, soon, reads the group whole.
    Unknown,
    /// Somebody's change, or a write that was not stored.
    Change,
}

/// The properties of a server that decide whether it makes a difference by itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Server {
    pub(super) fields: StoredFields,
    pub(super) normalization: Normalization,
    pub(super) language: QueryLanguage,
}

impl Normalizations {
    /// Judges a group that differs from what was last sent. `read_group` is set if the group was among
    /// [`Normalizations::wanted`] when the list began.
    pub(super) fn judge(
        &mut self,
        key: &GroupKey,
        (sent, read): (Fingerprint, Fingerprint),
        sent_group: impl FnOnce() -> Option<Group>,
        read_group: Option<&Group>,
        server: Server,
    ) -> Difference {
        if self.is_learned(key, (sent, read)) {
            return Difference::Normalized;
        }
        if server.normalization == Normalization::Exact {
            return Difference::Change;
        }
        let retested = self.retested.remove(key);
        let candidate = Candidate { sent, read, rejected: false };
        let before = self.candidates.get(key).filter(|c| (c.sent, c.read) == (sent, read)).copied();
        match (before, read_group) {
            (Some(before), _) if before.rejected => Difference::Change,
            // A difference that was learned before needs no confirmation.
            (_, Some(read_group)) if before.is_some() || retested.is_some() => {
                let fields = sent_group().and_then(|sent| server.made(&sent, read_group));
                let Some(fields) = fields else {
                    self.candidates.insert(key.clone(), Candidate { rejected: true, ..candidate });
                    return Difference::Change;
                };
                self.candidates.remove(key);
                self.learned.insert(key.clone(), Learned { sent, read, fields: fields.clone() });
                match retested {
                    Some(before) if before == fields => Difference::Normalized,
                    _ => Difference::Learned(fields),
                }
            }
            _ => {
                self.candidates.insert(key.clone(), candidate);
                Difference::Unknown
            }
        }
    }

    /// Returns whether this difference of a group is known to be made by the server.
    pub(super) fn is_learned(&self, key: &GroupKey, (sent, read): (Fingerprint, Fingerprint)) -> bool {
        self.learned.get(key).is_some_and(|known| known.sent == sent && known.read == read)
    }

    /// Records that a group was read back as it was sent. If its kind of difference is no longer made, returns the
    /// namespaces where it was learned: these are to be read again.
    pub(super) fn same(&mut self, key: &GroupKey) -> Vec<RulerNamespace> {
        self.candidates.remove(key);
        self.learned.remove(key);
        let Some(fields) = self.retested.remove(key) else { return Vec::new() };
        let mut again = Vec::new();
        self.learned.retain(|(namespace, _), learned| {
            let is_other = learned.fields != fields;
            again.extend((!is_other).then(|| namespace.clone()));
            is_other
        });
        again
    }

    /// Returns one group of each kind of difference that is due for a test; these are written again.
    pub(super) fn retest(&mut self, now: Instant) -> Vec<GroupKey> {
        if self.learned.is_empty() {
            self.retest_at = None;
            return Vec::new();
        }
        if now < *self.retest_at.get_or_insert(now + RETEST_INTERVAL) {
            return Vec::new();
        }
        self.retest_at = Some(now + RETEST_INTERVAL);
        let mut examples: BTreeMap<&Fields, &GroupKey> = BTreeMap::new();
        for (key, learned) in &self.learned {
            let example = examples.entry(&learned.fields).or_insert(key);
            *example = (*example).min(key);
        }
        let keys: Vec<GroupKey> = examples.into_values().cloned().collect();
        for key in &keys {
            if let Some(Learned { fields, .. }) = self.learned.remove(key) {
                self.retested.insert(key.clone(), fields);
            }
        }
        keys
    }

    /// Returns whether nothing is known or suspected, as with most servers.
    pub(super) fn is_empty(&self) -> bool {
        self.learned.is_empty() && self.candidates.is_empty() && self.retested.is_empty()
    }

    /// Iterates over the differences that count as equal: key, fingerprint sent, fingerprint read.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&GroupKey, Fingerprint, Fingerprint)> {
        self.learned.iter().map(|(key, learned)| (key, learned.sent, learned.read))
    }

    /// Returns the groups that the next list should read whole.
    pub(super) fn wanted(&self) -> HashSet<GroupKey> {
        let open = self.candidates.iter().filter(|(_, candidate)| !candidate.rejected).map(|(key, _)| key);
        open.chain(self.retested.keys()).cloned().collect()
    }

    /// Forgets groups that are no longer sent, or are sent in another form.
    pub(super) fn retain(&mut self, sent: impl Fn(&GroupKey) -> Option<Fingerprint>) {
        self.learned.retain(|key, learned| sent(key) == Some(learned.sent));
        self.candidates.retain(|key, candidate| sent(key) == Some(candidate.sent));
        self.retested.retain(|key, _| sent(key).is_some());
    }

    /// The number of groups that the server stores other than declared.
    pub(super) fn groups(&self) -> usize {
        self.learned.len()
    }

    /// Iterates over the normalized groups of a namespace by name, each with the fields that differ.
    pub(super) fn of_namespace(&self, namespace: &str) -> impl Iterator<Item = (&GroupName, &Fields)> {
        let from = (RulerNamespace::from(namespace), GroupName::from(""));
        let here = self.learned.range(from..).take_while(move |((of, _), _)| &**of == namespace);
        here.map(|((_, group), learned)| (group, &learned.fields))
    }
}

impl Server {
    /// Returns the fields that differ, if the server makes every difference by itself.
    fn made(&self, sent: &Group, read: &Group) -> Option<Fields> {
        let Normalization::Respells { oldest } = self.normalization else { return None };
        let stored = self.fields;
        let mut fields = Fields::new();
        // A field that every version stores, the oldest too, never differs by itself.
        let mut optional = |field, same: bool, missing: bool, kept: bool, always: bool| {
            if kept && !same {
                fields.insert(field);
            }
            !kept || same || (missing && !always)
        };
        let limit = match stored.limit {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the server stores the limit in 32 bits, and wraps"
            )]
            StoredLimit::Bits32 => sent.limit as i32 == read.limit as i32,
            StoredLimit::Bits64 | StoredLimit::No => sent.limit == read.limit,
        };
        let tenants = |group: &Group| group.source_tenants.iter().cloned().collect::<BTreeSet<String>>();
        let group_made = sent.name == read.name
            && sent.interval == read.interval
            && sent.rules.len() == read.rules.len()
            && optional(
                "limit",
                limit,
                read.limit == 0,
                stored.limit != StoredLimit::No,
                oldest.limit != StoredLimit::No,
            )
            && optional(
                "evaluation_delay",
                sent.evaluation_delay == read.evaluation_delay,
                read.evaluation_delay.is_zero(),
                stored.evaluation_delay,
                oldest.evaluation_delay,
            )
            && optional(
                "query_offset",
                sent.query_offset == read.query_offset,
                read.query_offset.is_zero(),
                stored.query_offset,
                oldest.query_offset,
            )
            && optional(
                "labels",
                sent.labels == read.labels,
                read.labels.is_empty(),
                stored.group_labels,
                oldest.group_labels,
            )
            && optional(
                "source_tenants",
                tenants(sent) == tenants(read),
                read.source_tenants.is_empty(),
                stored.source_tenants,
                oldest.source_tenants,
            )
            && optional(
                "align_evaluation_time_on_interval",
                sent.align_evaluation_time_on_interval == read.align_evaluation_time_on_interval,
                !read.align_evaluation_time_on_interval,
                stored.align_evaluation_time,
                oldest.align_evaluation_time,
            );
        let rules_made = group_made
            && sent.rules.iter().zip(&read.rules).all(|(sent, read)| {
                (&sent.record, &sent.alert, sent.for_duration)
                    == (&read.record, &read.alert, read.for_duration)
                    && (&sent.labels, &sent.annotations) == (&read.labels, &read.annotations)
                    && optional(
                        "keep_firing_for",
                        sent.keep_firing_for == read.keep_firing_for,
                        read.keep_firing_for.is_zero(),
                        stored.keep_firing_for,
                        oldest.keep_firing_for,
                    )
                    && optional(
                        "expr",
                        sent.expr.trim() == read.expr.trim(),
                        self.language.means_the_same(&sent.expr, &read.expr),
                        true,
                        false,
                    )
            });
        (rules_made && !fields.is_empty()).then_some(fields)
    }
}

/// Returns the fields of `sent` that differ in `read`, for people.
pub(super) fn differences(sent: &Group, read: &Group) -> Vec<String> {
    let mut fields = Vec::new();
    let mut note = |differs: bool, field: String| {
        if differs {
            fields.push(field);
        }
    };
    let Group {
        name: _,
        interval,
        evaluation_delay,
        query_offset,
        limit,
        rules,
        labels,
        source_tenants,
        align_evaluation_time_on_interval,
    } = sent;
    note(*interval != read.interval, "interval".to_owned());
    note(*evaluation_delay != read.evaluation_delay, "evaluation_delay".to_owned());
    note(*query_offset != read.query_offset, "query_offset".to_owned());
    note(*limit != read.limit, "limit".to_owned());
    note(*labels != read.labels, "labels".to_owned());
    note(*source_tenants != read.source_tenants, "source_tenants".to_owned());
    let align = "align_evaluation_time_on_interval".to_owned();
    note(*align_evaluation_time_on_interval != read.align_evaluation_time_on_interval, align);
    note(rules.len() != read.rules.len(), "the number of rules".to_owned());
    for (index, (Rule { record, alert, expr, for_duration, keep_firing_for, labels, annotations }, read)) in
        rules.iter().zip(&read.rules).enumerate()
    {
        let at = |field: &str| format!("rules[{index}].{field}");
        note(*record != read.record, at("record"));
        note(*alert != read.alert, at("alert"));
        note(expr.trim() != read.expr.trim(), at("expr"));
        note(*for_duration != read.for_duration, at("for"));
        note(*keep_firing_for != read.keep_firing_for, at("keep_firing_for"));
        note(*labels != read.labels, at("labels"));
        note(*annotations != read.annotations, at("annotations"));
    }
    fields
}

#[cfg(test)]
mod tests;
