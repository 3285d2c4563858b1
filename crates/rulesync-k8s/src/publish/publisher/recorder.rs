//! Which Events are made, and when: limits for each object and in all, and each Event once. Pure: the clock is passed in.
//!
//! Events tell people; they must not be what keeps an API server busy. kube's own recorder repeats a note by patching its
//! Event each time, and has no limits.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use super::rate::{Level, Rate};

/// The limit of one object, as in client-go: 25 at once, then one in five minutes.
const OF_OBJECT: Rate = Rate::new(Duration::from_secs(300), 25);

/// The limit of all objects together: 10 a second.
const IN_ALL: Rate = Rate::new(Duration::from_millis(100), 1);

/// The number of Events that wait.
const MAX_WAITING: usize = 1_000;

/// How long API servers keep Events by default. What happens once more after that is told once more.
const LIFETIME: Duration = Duration::from_secs(3600);

/// The number of Events that are remembered, so that they are not made again. The API server knows more of them.
const MAX_REMEMBERED: usize = 8_192;

/// The number of objects whose limits are remembered.
const MAX_OBJECTS: usize = 4_096;

/// What becomes of an Event that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    /// It waits for its turn.
    Waits,
    /// It was made before, or waits already.
    Known,
    /// Its object has had too many.
    Limited,
    /// Too many are waiting.
    Dropped,
}

/// The Events that wait, and what is known of those before. `N` names an Event, `O` its object.
#[derive(Debug)]
pub(super) struct Recorder<N, O, E> {
    waiting: VecDeque<(N, E)>,
    known: Remembered<N>,
    objects: HashMap<O, Level>,
    level: Level,
}

impl<N: Clone + Eq + Hash, O: Copy + Eq + Hash, E> Recorder<N, O, E> {
    pub(super) fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            known: Remembered::default(),
            objects: HashMap::new(),
            level: Level::default(),
        }
    }

    /// Takes an Event in, if its object may have another one.
    pub(super) fn offer(&mut self, name: N, object: O, now: Instant, event: impl FnOnce() -> E) -> Offer {
        if self.known.contains(&name, now) {
            return Offer::Known;
        }
        if self.waiting.len() >= MAX_WAITING {
            return Offer::Dropped;
        }
        if !self.objects.contains_key(&object) {
            self.make_room(now);
        }
        if OF_OBJECT.take(self.objects.entry(object).or_default(), now).is_err() {
            return Offer::Limited;
        }
        self.known.add(name.clone(), now);
        self.waiting.push_back((name, event()));
        Offer::Waits
    }

    /// Takes the next Event to be made, if its time has come.
    pub(super) fn take(&mut self, now: Instant) -> Option<(N, E)> {
        if self.waiting.is_empty() || IN_ALL.take(&mut self.level, now).is_err() {
            return None;
        }
        self.waiting.pop_front()
    }

    /// Puts an Event back that could not be made, to be the next one.
    pub(super) fn put_back(&mut self, name: N, event: E) {
        self.waiting.push_front((name, event));
    }

    /// Forgets an Event that cannot be made: the next time, it is tried again.
    pub(super) fn forget(&mut self, name: &N) {
        self.known.remove(name);
    }

    /// Drops all that wait. Returns their number.
    pub(super) fn clear(&mut self) -> usize {
        let dropped = self.waiting.len();
        for (name, _) in std::mem::take(&mut self.waiting) {
            self.known.remove(&name);
        }
        dropped
    }

    /// Returns the time at which there is an Event to be made; none if none waits.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        (!self.waiting.is_empty()).then(|| IN_ALL.next(self.level, now))
    }

    /// Forgets the limits of objects that have all of theirs, or else of the quarter that has most.
    fn make_room(&mut self, now: Instant) {
        if self.objects.len() < MAX_OBJECTS {
            return;
        }
        self.objects.retain(|_, level| !level.is_full(now));
        if self.objects.len() > MAX_OBJECTS / 2 {
            let mut levels: Vec<Level> = self.objects.values().copied().collect();
            let (_, quarter, _) = levels.select_nth_unstable(MAX_OBJECTS / 4);
            let quarter = *quarter;
            self.objects.retain(|_, level| *level > quarter);
        }
    }
}

/// The last names of Events.
#[derive(Debug)]
struct Remembered<N> {
    names: HashSet<N>,
    /// By age, with the times at which they were added. Some may have been removed from the names.
    order: VecDeque<(N, Instant)>,
}

impl<N> Default for Remembered<N> {
    fn default() -> Self {
        Self { names: HashSet::new(), order: VecDeque::new() }
    }
}

impl<N: Clone + Eq + Hash> Remembered<N> {
    fn contains(&mut self, name: &N, now: Instant) -> bool {
        while self.order.front().is_some_and(|(_, at)| *at + LIFETIME <= now) {
            self.forget_oldest();
        }
        self.names.contains(name)
    }

    fn add(&mut self, name: N, now: Instant) {
        while self.order.len() >= MAX_REMEMBERED {
            self.forget_oldest();
        }
        self.order.push_back((name.clone(), now));
        self.names.insert(name);
    }

    fn forget_oldest(&mut self) {
        if let Some((oldest, _)) = self.order.pop_front() {
            self.names.remove(&oldest);
        }
    }

    fn remove(&mut self, name: &N) {
        self.names.remove(name);
    }
}

#[cfg(test)]
mod tests;
