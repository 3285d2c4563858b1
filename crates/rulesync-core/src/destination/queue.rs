//! The queue of a destination: namespaces to be worked on, each once; failed ones wait for their retry.

use crate::model::name::{GroupKey, RulerNamespace};
use crate::ruler::RulerError;
use std::collections::hash_map::Entry as MapEntry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use tokio::time::Instant;

/// Namespaces to work on. A namespace that is being worked on is not handed out a second time; if it is pushed
/// meanwhile, it comes again afterwards.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    entries: HashMap<RulerNamespace, Entry>,
    ready: VecDeque<RulerNamespace>,
    delayed: BTreeMap<(Instant, u64), RulerNamespace>,
    /// Makes the keys of `delayed` unique.
    next: u64,
    /// Entries whose last attempt failed.
    failing: usize,
    /// Groups that failed when they were last tried: they come after those that did not.
    failed_groups: HashSet<GroupKey>,
    /// Namespaces that were added, that failed or were finished since this was last taken.
    changed: HashSet<RulerNamespace>,
}

#[derive(Debug)]
struct Entry {
    state: State,
    failures: u32,
    /// The error of the last attempt, if it failed.
    error: Option<Box<RulerError>>,
    /// True if a resync found it changed although it was in sync before.
    drifted: bool,
}

#[derive(Debug, PartialEq)]
enum State {
    Ready,
    Delayed((Instant, u64)),
    Running { again: bool },
}

/// The place in the queue of a pushed namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// Behind all others: part of a big load.
    Last,
    /// Before all others: somebody is waiting for it.
    Next,
}

impl Queue {
    /// Adds a namespace that is due now, even if it failed before.
    pub(crate) fn push(&mut self, namespace: &RulerNamespace, priority: Priority, drifted: bool) {
        match self.entries.entry(namespace.clone()) {
            MapEntry::Vacant(vacant) => {
                vacant.insert(Entry { state: State::Ready, failures: 0, error: None, drifted });
                self.changed.insert(namespace.clone());
            }
            MapEntry::Occupied(mut occupied) => {
                let entry = occupied.get_mut();
                entry.drifted = entry.drifted && drifted;
                match entry.state {
                    State::Ready => return,
                    State::Running { .. } => {
                        entry.state = State::Running { again: true };
                        return;
                    }
                    State::Delayed(key) => {
                        self.delayed.remove(&key);
                        entry.state = State::Ready;
                    }
                }
            }
        }
        match priority {
            Priority::Last => self.ready.push_back(namespace.clone()),
            Priority::Next => self.ready.push_front(namespace.clone()),
        }
    }

    /// Returns the next namespace that is due, and whether it drifted. It counts as running until `finished` or
    /// `failed`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(RulerNamespace, bool)> {
        while let Some(due) = self.delayed.first_entry().filter(|first| first.key().0 <= now) {
            let namespace = due.remove();
            if let Some(entry) = self.entries.get_mut(&namespace) {
                entry.state = State::Ready;
                self.ready.push_back(namespace);
            }
        }
        let namespace = self.ready.pop_front()?;
        let entry = self.entries.get_mut(&namespace)?;
        entry.state = State::Running { again: false };
        Some((namespace, entry.drifted))
    }

    /// Takes a certain namespace out of order, if it is due.
    pub(crate) fn take(&mut self, namespace: &RulerNamespace, now: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(namespace) else { return false };
        match entry.state {
            State::Running { .. } => return false,
            State::Delayed(key) if key.0 > now => return false,
            State::Delayed(key) => drop(self.delayed.remove(&key)),
            State::Ready => self.ready.retain(|waiting| waiting != namespace),
        }
        entry.state = State::Running { again: false };
        true
    }

    /// Returns when a certain namespace is due, if it is delayed.
    pub(crate) fn due_of(&self, namespace: &str) -> Option<Instant> {
        match self.entries.get(namespace)?.state {
            State::Delayed((at, _)) => Some(at),
            _ => None,
        }
    }

    /// Ends the work on a namespace; it comes again at once if it was pushed meanwhile.
    pub(crate) fn finished(&mut self, namespace: &RulerNamespace) {
        let Some(entry) = self.entries.remove(namespace) else { return };
        self.failing -= usize::from(entry.failures > 0);
        self.changed.insert(namespace.clone());
        if entry.state == (State::Running { again: true }) {
            self.push(namespace, Priority::Next, false);
        }
    }

    /// Ends failed work. The namespace is retried at the time that `retry_at` computes from the number of failures in a
    /// row, or at once if it was pushed meanwhile.
    pub(crate) fn failed(
        &mut self,
        namespace: &RulerNamespace,
        error: Option<RulerError>,
        retry_at: impl FnOnce(u32) -> Instant,
    ) {
        let Some(entry) = self.entries.get_mut(namespace) else { return };
        if entry.state == (State::Running { again: true }) {
            // It was pushed again meanwhile, and the failure is not about that.
            self.finished(namespace);
            return;
        }
        self.failing += usize::from(entry.failures == 0);
        entry.failures += 1;
        entry.error = error.map(Box::new);
        self.changed.insert(namespace.clone());
        let key = (retry_at(entry.failures), self.next);
        self.next += 1;
        entry.state = State::Delayed(key);
        self.delayed.insert(key, namespace.clone());
    }

    /// Returns the error of a namespace whose last attempt failed.
    pub(crate) fn error_of(&self, namespace: &str) -> Option<&RulerError> {
        self.entries.get(namespace)?.error.as_deref()
    }

    /// Iterates over the namespaces that wait or are being worked on.
    pub(crate) fn namespaces(&self) -> impl Iterator<Item = &RulerNamespace> {
        self.entries.keys()
    }

    /// Returns the namespaces that were added, that failed or were finished since this was last called.
    pub(crate) fn take_changed(&mut self) -> HashSet<RulerNamespace> {
        std::mem::take(&mut self.changed)
    }

    /// Returns when the next delayed namespace is due, if none is ready.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((at, _), _)| *at)
    }

    /// Iterates over the namespaces that are being worked on.
    pub(crate) fn running(&self) -> impl Iterator<Item = &RulerNamespace> {
        let running = |entry: &Entry| matches!(entry.state, State::Running { .. });
        self.entries.iter().filter(move |(_, entry)| running(entry)).map(|(namespace, _)| namespace)
    }

    /// Removes all namespaces. Which groups failed is still known.
    pub(crate) fn clear(&mut self) {
        *self = Self { failed_groups: std::mem::take(&mut self.failed_groups), ..Self::default() };
    }

    /// Records that a group could not be written or deleted.
    pub(crate) fn group_failed(&mut self, namespace: &RulerNamespace, group: &str) {
        self.failed_groups.insert((namespace.clone(), group.into()));
    }

    /// Records that a group was written or deleted.
    pub(crate) fn group_succeeded(&mut self, namespace: &RulerNamespace, group: &str) {
        if !self.failed_groups.is_empty() {
            self.failed_groups.remove(&(namespace.clone(), group.into()));
        }
    }

    /// Returns whether a group failed when it was last tried.
    pub(crate) fn has_group_failed(&self, namespace: &RulerNamespace, group: &str) -> bool {
        !self.failed_groups.is_empty() && self.failed_groups.contains(&(namespace.clone(), group.into()))
    }

    /// The fewest failures in a row among failed namespaces.
    pub(crate) fn least_failures(&self) -> u32 {
        let delayed = |entry: &&Entry| matches!(entry.state, State::Delayed(_));
        self.entries.values().filter(delayed).map(|entry| entry.failures).min().unwrap_or(0)
    }

    /// The number of namespaces that wait or are being worked on.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the namespaces that failed and wait for their retry.
    pub(crate) fn delayed_namespaces(&self) -> Vec<RulerNamespace> {
        self.delayed.values().cloned().collect()
    }

    /// The number of namespaces that failed and wait for their retry.
    pub(crate) fn delayed(&self) -> usize {
        self.delayed.len()
    }

    /// The number of namespaces that failed at the last attempt, whether they wait or are being retried.
    pub(crate) fn failing(&self) -> usize {
        self.failing
    }

    /// Returns whether a namespace waits for its turn, so that it will be checked anyway.
    pub(crate) fn is_waiting(&self, namespace: &str) -> bool {
        let waits = |entry: &Entry| !matches!(entry.state, State::Running { again: false });
        self.entries.get(namespace).is_some_and(waits)
    }

    /// Returns whether a namespace waits or is being worked on.
    pub(crate) fn contains(&self, namespace: &str) -> bool {
        self.entries.contains_key(namespace)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pop(queue: &mut Queue, now: Instant) -> Option<String> {
        queue.pop(now).map(|(namespace, _)| namespace.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn queue_hands_out_each_namespace_once_and_again_if_pushed_meanwhile() {
        let now = Instant::now();
        let (a, b): (RulerNamespace, RulerNamespace) = ("a".into(), "b".into());
        let mut queue = Queue::default();
        queue.push(&a, Priority::Last, false);
        queue.push(&a, Priority::Last, false);
        queue.push(&b, Priority::Next, false);
        assert_eq!(pop(&mut queue, now).as_deref(), Some("b"));
        assert_eq!(pop(&mut queue, now).as_deref(), Some("a"));
        assert_eq!(pop(&mut queue, now), None);
        queue.push(&a, Priority::Last, false);
        assert_eq!(pop(&mut queue, now), None);
        queue.finished(&a);
        assert_eq!(pop(&mut queue, now).as_deref(), Some("a"));
        queue.finished(&a);
        queue.finished(&b);
        assert_eq!(queue.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn queue_delays_failed_namespaces_unless_they_are_pushed() {
        let now = Instant::now();
        let a: RulerNamespace = "a".into();
        let mut queue = Queue::default();
        queue.push(&a, Priority::Last, false);
        let retry = |n: u32| now + Duration::from_secs(u64::from(n));
        pop(&mut queue, now);
        queue.failed(&a, None, retry);
        assert_eq!((pop(&mut queue, now), queue.due()), (None, Some(retry(1))));
        assert_eq!(pop(&mut queue, retry(1)).as_deref(), Some("a"));
        assert_eq!((queue.delayed(), queue.failing()), (0, 1), "being tried again is not being well");
        queue.failed(&a, None, retry);
        assert_eq!(queue.due(), Some(retry(2)));
        queue.push(&a, Priority::Last, false);
        assert_eq!(pop(&mut queue, now).as_deref(), Some("a"));
        assert_eq!(queue.due(), None);
        queue.push(&a, Priority::Next, false);
        queue.failed(&a, None, retry);
        assert_eq!(pop(&mut queue, now).as_deref(), Some("a"), "a push does not wait for a retry");
        assert_eq!(queue.failing(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn queue_takes_a_due_namespace_out_of_order() {
        let now = Instant::now();
        let (a, b): (RulerNamespace, RulerNamespace) = ("a".into(), "b".into());
        let mut queue = Queue::default();
        assert!(!queue.take(&a, now), "it is not there");
        queue.push(&a, Priority::Last, false);
        queue.push(&b, Priority::Last, false);
        assert!(queue.take(&b, now));
        assert!(!queue.take(&b, now), "it is being worked on");
        assert_eq!(queue.running().collect::<Vec<_>>(), [&b]);
        let later = now + Duration::from_secs(1);
        queue.failed(&b, None, |_| later);
        assert!(!queue.take(&b, now), "not before its time");
        assert!(queue.take(&b, later), "it is time");
        assert_eq!((queue.delayed(), queue.due()), (0, None));
        assert_eq!(pop(&mut queue, now).as_deref(), Some("a"));
        assert_eq!(pop(&mut queue, now), None, "nothing is left of its turn");
    }

    #[tokio::test(start_paused = true)]
    async fn queue_reports_waiting_namespaces_and_their_delays() {
        let now = Instant::now();
        let in_seconds = |seconds| now + Duration::from_secs(seconds);
        let [a, b, c]: [RulerNamespace; 3] = ["a", "b", "c"].map(RulerNamespace::from);
        let mut queue = Queue::default();
        for namespace in [&a, &b, &c] {
            queue.push(namespace, Priority::Last, false);
            assert!(queue.is_waiting(namespace) && queue.contains(namespace));
        }
        assert!(!queue.contains("d") && !queue.is_waiting("d"));
        assert_eq!((queue.least_failures(), queue.due_of("a"), queue.len()), (0, None, 3));
        for (namespace, failures) in [(&a, 3), (&b, 2)] {
            for _ in 0..failures {
                assert!(queue.take(namespace, in_seconds(9)));
                assert!(!queue.is_waiting(namespace) && queue.contains(namespace), "it is being worked on");
                queue.failed(namespace, None, |failures| in_seconds(u64::from(failures)));
            }
            assert!(queue.is_waiting(namespace));
        }
        assert_eq!(queue.least_failures(), 2, "of those that failed");
        assert_eq!(
            (queue.due_of("a"), queue.due_of("b"), queue.due_of("c")),
            (Some(in_seconds(3)), Some(in_seconds(2)), None)
        );
        assert_eq!((queue.delayed(), queue.failing()), (2, 2));
        assert_eq!(queue.delayed_namespaces(), [b.clone(), a.clone()]);
        assert!(queue.take(&c, now));
        queue.push(&c, Priority::Last, false);
        assert!(queue.is_waiting(&c), "it comes again");
    }

    #[tokio::test(start_paused = true)]
    async fn queue_forgets_drift_when_the_namespace_is_pushed_for_another_reason() {
        let now = Instant::now();
        let a: RulerNamespace = "a".into();
        for (pushes, drifted) in
            [(&[true][..], true), (&[true, true], true), (&[true, false], false), (&[false, true], false)]
        {
            let mut queue = Queue::default();
            pushes.iter().for_each(|drifted| queue.push(&a, Priority::Last, *drifted));
            assert_eq!(queue.pop(now), Some((a.clone(), drifted)), "{pushes:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn queue_retries_namespaces_of_one_time_in_the_order_in_which_they_failed() {
        let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let names = ["c", "a", "b"].map(RulerNamespace::from);
        let mut queue = Queue::default();
        for namespace in &names {
            queue.push(namespace, Priority::Last, false);
            queue.take(namespace, now);
            queue.failed(namespace, None, |_| later);
        }
        assert_eq!(queue.delayed(), 3, "each has an entry of its own");
        let order: Vec<String> = (0..3).filter_map(|_| pop(&mut queue, later)).collect();
        assert_eq!(order, ["c", "a", "b"]);
    }

    #[test]
    fn queue_remembers_failed_groups_until_they_succeed_even_if_it_is_cleared() {
        let a: RulerNamespace = "a".into();
        let mut queue = Queue::default();
        queue.push(&a, Priority::Last, false);
        queue.group_failed(&a, "g");
        queue.clear();
        assert_eq!(queue.len(), 0);
        assert!(queue.has_group_failed(&a, "g") && !queue.has_group_failed(&a, "h"));
        queue.group_succeeded(&a, "h");
        assert!(queue.has_group_failed(&a, "g"));
        queue.group_succeeded(&a, "g");
        assert!(!queue.has_group_failed(&a, "g"));
    }
}
