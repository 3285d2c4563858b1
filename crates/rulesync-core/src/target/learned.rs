//! What a ruler makes of a group whatever is sent: pairs of (sent, read back) that count as equal, so that no group is
//! written for ever to a ruler that normalises in a way we do not know.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::model::fingerprint::Fingerprint;
use crate::model::group::{Group, Rule};

/// A namespace and a group.
pub(super) type Key = (Arc<str>, Arc<str>);

/// The pairs of one target.
#[derive(Debug, Default)]
pub(super) struct Learned {
    pairs: HashMap<Key, Pair>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    sent: Fingerprint,
    read: Fingerprint,
    /// Seen a second time, after it was written once more: once may have been somebody's hand.
    sure: bool,
}

impl Learned {
    /// A group was read back otherwise than it was sent, and nobody else is known to have written it. True if only
    /// now that is known to be the ruler's doing.
    pub(super) fn saw(&mut self, key: Key, sent: Fingerprint, read: Fingerprint) -> bool {
        let before = self.pairs.get(&key).filter(|pair| pair.sent == sent && pair.read == read).copied();
        self.pairs.insert(key, Pair { sent, read, sure: before.is_some() });
        before.is_some_and(|before| !before.sure)
    }

    /// Whether there is no pair at all, as with most rulers.
    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// A group was read back as it was sent: whatever came back before was not the ruler's doing.
    pub(super) fn forget(&mut self, key: &Key) {
        self.pairs.remove(key);
    }

    /// What is known for sure: key, sent, read.
    pub(super) fn sure(&self) -> impl Iterator<Item = (&Key, Fingerprint, Fingerprint)> {
        self.pairs.iter().filter(|(_, pair)| pair.sure).map(|(key, pair)| (key, pair.sent, pair.read))
    }

    /// The groups that came back otherwise once and are being looked at.
    pub(super) fn suspects(&self) -> HashSet<Key> {
        self.pairs.iter().filter(|(_, pair)| !pair.sure).map(|(key, _)| key.clone()).collect()
    }

    /// Forgets what is no longer sent.
    pub(super) fn keep(&mut self, sent: impl Fn(&Key) -> Option<Fingerprint>) {
        self.pairs.retain(|key, pair| sent(key) == Some(pair.sent));
    }
}

/// The fields of `sent` that are otherwise in `read`, for people.
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
    for (index, (Rule { record, alert, expr, hold, keep_firing_for, labels, annotations }, read)) in
        rules.iter().zip(&read.rules).enumerate()
    {
        let at = |field: &str| format!("rules[{index}].{field}");
        note(*record != read.record, at("record"));
        note(*alert != read.alert, at("alert"));
        note(expr.trim() != read.expr.trim(), at("expr"));
        note(*hold != read.hold, at("for"));
        note(*keep_firing_for != read.keep_firing_for, at("keep_firing_for"));
        note(*labels != read.labels, at("labels"));
        note(*annotations != read.annotations, at("annotations"));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_same_is_the_rulers_doing() {
        let key: Key = ("us.ns.o".into(), "g".into());
        let [a, b, c] = [b"a", b"b", b"c"].map(|bytes| Fingerprint::of_bytes(bytes));
        let mut learned = Learned::default();
        assert!(!learned.saw(key.clone(), a, b), "this may have been a hand edit");
        assert!(!learned.saw(key.clone(), a, c), "and this");
        assert_eq!(learned.suspects().len(), 1);
        assert!(learned.saw(key.clone(), a, c));
        assert!(!learned.saw(key.clone(), a, c), "told once");
        assert_eq!(learned.sure().count(), 1, "and known for good");
        learned.keep(|_| Some(b));
        assert_eq!(learned.sure().count(), 0);
        learned.saw(key.clone(), a, b);
        learned.forget(&key);
        assert!(!learned.saw(key.clone(), a, b), "it was in order in between");
    }

    #[test]
    fn differences_are_named_by_field() {
        let rule = Rule { alert: "A".into(), expr: "up".into(), ..Rule::default() };
        let sent = Group { name: "g".into(), limit: 3, rules: vec![rule.clone()], ..Group::default() };
        let read = Group { limit: 0, rules: vec![Rule { expr: "up{}".into(), ..rule }], ..sent.clone() };
        assert_eq!(differences(&sent, &read), ["limit", "rules[0].expr"]);
        assert!(differences(&sent, &sent).is_empty());
    }
}
