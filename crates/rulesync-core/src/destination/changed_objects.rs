//! Which objects of a destination may have changed since they were last reported. Pure.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};
use std::mem;

use crate::model::name::RulerNamespace;

/// The objects whose state may have changed since it was last reported, by their namespaces.
#[derive(Debug, Default)]
pub(super) struct ChangedObjects {
    pub(super) namespaces: HashSet<RulerNamespace>,
    /// True if all may have changed.
    pub(super) everything: bool,
    /// Namespaces with held deletes.
    held: HashSet<RulerNamespace>,
    /// True if this process was the leader when they were last reported.
    led: bool,
    hashing: RandomState,
}

impl ChangedObjects {
    /// Returns the namespaces, and whether all objects may have changed, and forgets both. All change with whether this
    /// process leads.
    pub(super) fn take(&mut self, leads: bool) -> (HashSet<RulerNamespace>, bool) {
        let led = mem::replace(&mut self.led, leads);
        let everything = mem::take(&mut self.everything) || led != leads;
        (mem::take(&mut self.namespaces), everything)
    }

    /// Returns a digest that tells two values apart, within this process.
    pub(super) fn digest(&self, value: &impl Hash) -> u64 {
        self.hashing.hash_one(value)
    }

    /// Takes the namespaces with held deletes.
    pub(super) fn held(&mut self, held: impl Iterator<Item = RulerNamespace>) {
        let held: HashSet<RulerNamespace> = held.collect();
        self.namespaces.extend(held.symmetric_difference(&self.held).cloned());
        self.held = held;
    }
}
