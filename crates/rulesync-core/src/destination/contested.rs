//! Contested groups: they do not stay as they were written, because another tool writes them too or the ruler does not
//! store what it accepts. Pure.
//!
//! A group that three lists in a row find changed is contested. It is repaired at most once per resync interval,
//! because each repair resets the pending time of its alerts.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::fingerprint::Fingerprint;
use crate::model::name::{GroupKey, GroupName, RulerNamespace};

/// The number of lists in a row that must find a group changed until it is contested.
const CONTESTED_LISTS: u32 = 3;

/// The share of the resync interval after which a repair is due: a resync may come this early, and repairs go with it.
const EARLY_RESYNC_RATIO: f64 = 0.8;

/// The groups of one destination that recent lists found changed.
#[derive(Debug, Default)]
pub(super) struct ContestedGroups(BTreeMap<GroupKey, Drift>);

#[derive(Debug)]
struct Drift {
    /// The declared fingerprint.
    declared: Fingerprint,
    lists: u32,
    /// True while the last list found something other than was written since the list before.
    unconfirmed: bool,
    repaired: Option<Instant>,
    differs: Vec<String>,
}

impl Drift {
    fn is_contested(&self) -> bool {
        self.lists >= CONTESTED_LISTS
    }
}

impl ContestedGroups {
    /// Records that a list found a group changed from `declared`. Returns `true` if that makes the group contested.
    pub(super) fn record(
        &mut self,
        key: GroupKey,
        declared: Fingerprint,
        after_write: bool,
        differs: impl FnOnce() -> Vec<String>,
    ) -> bool {
        let drift = self.0.entry(key).or_insert(Drift {
            declared,
            lists: 0,
            unconfirmed: false,
            repaired: None,
            differs: Vec::new(),
        });
        drift.declared = declared;
        drift.lists += 1;
        drift.unconfirmed = after_write;
        if drift.lists == CONTESTED_LISTS {
            drift.differs = differs();
        }
        drift.lists == CONTESTED_LISTS
    }

    /// Ends a list. `as_declared` returns whether the list found a group as declared, or `None` if that is unknown. An
    /// `early` list that finds a group in sync does not end a contest, because another writer may act only every few
    /// minutes. Returns the groups that are no longer contested.
    pub(super) fn end_list(
        &mut self,
        early: bool,
        as_declared: impl Fn(&GroupKey) -> Option<bool>,
    ) -> Vec<GroupKey> {
        let mut over = Vec::new();
        self.0.retain(|key, drift| match as_declared(key) {
            Some(true) => {
                drift.unconfirmed = false;
                if !early && drift.is_contested() {
                    over.push(key.clone());
                }
                early
            }
            Some(false) | None => true,
        });
        over.sort_unstable();
        over
    }

    /// Forgets groups that are no longer declared.
    pub(super) fn retain(&mut self, declared: impl Fn(&GroupKey) -> bool) {
        self.0.retain(|key, _| declared(key));
    }

    /// Records a write of a group.
    pub(super) fn written(&mut self, namespace: &RulerNamespace, group: &GroupName, now: Instant) {
        if !self.0.is_empty()
            && let Some(drift) = self.0.get_mut(&(namespace.clone(), group.clone()))
        {
            drift.repaired = Some(now);
        }
    }

    /// Returns whether the repair of a contested group must wait. A new declaration is written at once.
    pub(super) fn waits(
        &self,
        namespace: &RulerNamespace,
        group: &str,
        declared: Fingerprint,
        resync_interval: Duration,
        now: Instant,
    ) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let drift = self.0.get(&(namespace.clone(), group.into()));
        drift.is_some_and(|drift| {
            let due = drift.repaired.map(|at| at + resync_interval.mul_f64(EARLY_RESYNC_RATIO));
            drift.is_contested() && drift.declared == declared && due.is_some_and(|due| now < due)
        })
    }

    /// Iterates over the groups that the next list may find contested: their content is read, so that the differing
    /// fields can be reported.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &GroupKey> {
        self.0.iter().filter(|(_, drift)| drift.lists == CONTESTED_LISTS - 1).map(|(key, _)| key)
    }

    /// Returns whether a write is unconfirmed, because the last list did not find it.
    pub(super) fn has_unconfirmed(&self) -> bool {
        self.0.values().any(|drift| drift.unconfirmed)
    }

    /// The number of contested groups.
    pub(super) fn groups(&self) -> usize {
        self.0.values().filter(|drift| drift.is_contested()).count()
    }

    /// Iterates over the contested groups of a namespace by name, each with the fields that differed.
    pub(super) fn of_namespace(&self, namespace: &str) -> impl Iterator<Item = (&GroupName, &[String])> {
        let from = (RulerNamespace::from(namespace), GroupName::from(""));
        let here = self.0.range(from..).take_while(move |((of, _), _)| &**of == namespace);
        here.filter(|(_, drift)| drift.is_contested())
            .map(|((_, group), drift)| (group, drift.differs.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESYNC: Duration = Duration::from_secs(300);

    fn key() -> GroupKey {
        ("us.ns.o".into(), "g".into())
    }

    fn record(contested: &mut ContestedGroups, declared: Fingerprint) -> bool {
        contested.record(key(), declared, true, || vec!["rules[0].expr".to_owned()])
    }

    #[tokio::test(start_paused = true)]
    async fn contested_after_three_lists_in_a_row_until_a_list_finds_the_group_in_sync() {
        let (a, b) = (Fingerprint::of_bytes(b"a"), Fingerprint::of_bytes(b"b"));
        let mut contested = ContestedGroups::default();
        assert!(!record(&mut contested, a));
        assert!(contested.end_list(false, |_| Some(true)).is_empty());
        assert!(!record(&mut contested, a) && !record(&mut contested, a), "not in a row");
        assert!(contested.has_unconfirmed());
        assert!(contested.end_list(true, |_| Some(true)).is_empty(), "an early list ends nothing");
        assert!(!contested.has_unconfirmed());
        assert!(record(&mut contested, a) && !record(&mut contested, a), "reported once");
        assert_eq!(contested.groups(), 1);
        assert_eq!(contested.of_namespace("us.ns.o").next().unwrap().1, ["rules[0].expr"]);
        assert_eq!(contested.of_namespace("us.ns.p").count(), 0);
        contested.record(("us.ns.o".into(), "once".into()), a, true, Vec::new);
        assert_eq!(contested.of_namespace("us.ns.o").count(), 1, "the other was found changed once");
        let now = Instant::now();
        let (namespace, group) = key();
        contested.written(&namespace, &group, now);
        let waits = |after, declared| contested.waits(&namespace, "g", declared, RESYNC, now + after);
        assert!(waits(Duration::from_secs(10), a), "each repair resets its alerts");
        assert!(!waits(Duration::from_secs(10), b), "a new declaration is written");
        assert!(!waits(Duration::from_secs(240), a), "with the next resync, which may come a fifth earlier");
        assert_eq!(contested.end_list(false, |_| Some(false)), []);
        assert_eq!(contested.end_list(false, |_| Some(true)), [key()]);
        assert_eq!(contested.groups(), 0);
        assert!((0..3).any(|_| record(&mut contested, a)));
        contested.retain(|_| true);
        assert_eq!(contested.groups(), 1);
        contested.retain(|_| false);
        assert_eq!(contested.groups(), 0, "it is no longer declared");
    }

    #[test]
    fn contested_groups_of_a_namespace_are_in_the_order_of_their_names() {
        let mut contested = ContestedGroups::default();
        let names: Vec<String> = (10..40).map(|number| format!("g{number}")).collect();
        for (namespace, name) in
            ["us.a", "us.b", "us.c"].iter().flat_map(|n| names.iter().map(move |g| (n, g)))
        {
            let key = (RulerNamespace::from(*namespace), GroupName::from(name.as_str()));
            for _ in 0..CONTESTED_LISTS {
                contested.record(key.clone(), Fingerprint::of_bytes(b"1"), false, Vec::new);
            }
        }
        let found: Vec<&str> = contested.of_namespace("us.b").map(|(group, _)| &**group).collect();
        assert_eq!(found, names);
        assert_eq!(contested.of_namespace("us").count(), 0);
    }
}
