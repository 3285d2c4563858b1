//! The progress of a destination.

/// The progress of a destination, for those who wait for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The number of commands handled so far.
    pub(crate) handled: u64,
    /// The version of the [`Environment`](crate::environment::Environment) that it has taken into account.
    pub(crate) environment: u64,
    /// True if nothing waits and nothing is under way, except for failed work.
    pub(crate) idle: bool,
    /// True once it has been listed.
    pub(crate) listed: bool,
    /// True if something failed and waits for a retry.
    pub(crate) failing: bool,
    /// True if it failed so often in a row that a one-shot run gives up.
    pub(crate) stuck: bool,
    /// True if it was to be emptied and holds no rules of this owner any more.
    pub(crate) retired: bool,
    /// The number of refused groups.
    pub(crate) refused: usize,
    /// The number of orphaned namespaces to be deleted.
    pub(crate) orphans: usize,
    /// True if namespaces exist, or may exist, whose naming the inventory alone remembers.
    pub(crate) former_names: bool,
    /// The number of changes carried out so far.
    pub(crate) applied: u64,
}

impl Progress {
    /// Returns whether everything that was `sent` has been handled, in this version of the environment, and no work is
    /// left.
    pub(crate) fn is_idle_after(&self, sent: u64, environment: u64) -> bool {
        self.handled == sent && self.environment == environment && self.idle
    }
}
