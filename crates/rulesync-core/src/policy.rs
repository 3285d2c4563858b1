//! The policy of the engine: times and limits that do not depend on what is declared.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use crate::guard::DeleteGuard;
use crate::model::left_out::LeftOut;

/// Times and limits. The defaults are right for production.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The interval at which each destination is listed again to find changes by others. Jittered by a tenth.
    pub resync_interval: Duration,
    /// The shortest interval at which each ruler is asked how rules evaluate; zero: never. Jittered by a tenth.
    pub evaluation_interval: Duration,
    /// The waits between retries.
    pub backoff: Backoff,
    /// The time for which a refused group is not offered again while nothing changes.
    pub refusal_memory: Duration,
    /// The handling of groups with rules that a ruler does not accept.
    pub on_invalid: OnInvalid,
    /// The limits above which deletes are held.
    pub delete_guard: DeleteGuard,
    /// True if a claim is written to each destination, and a foreign one respected.
    pub claim: bool,
    /// The longest time that `sync_once` and `plan` wait for a source that is not available.
    pub patience: Duration,
    /// The longest time that `sync_once` and `plan` go on without progress, such as while a ruler asks to be left
    /// alone.
    pub timeout: Duration,
    /// The longest time that requests under way may take after a shutdown was requested.
    pub shutdown_grace: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            resync_interval: Duration::from_secs(5 * 60),
            evaluation_interval: Duration::from_secs(5 * 60),
            backoff: Backoff::default(),
            refusal_memory: Duration::from_secs(60 * 60),
            on_invalid: OnInvalid::Group,
            delete_guard: DeleteGuard::default(),
            claim: true,
            patience: Duration::from_secs(30),
            timeout: Duration::from_secs(5 * 60),
            shutdown_grace: Duration::from_secs(8),
        }
    }
}

/// The handling of groups with rules that a ruler does not accept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInvalid {
    /// The group stays as the ruler last accepted it.
    #[default]
    Group,
    /// The group is written without its invalid rules.
    Rule,
}

impl OnInvalid {
    /// Returns the rules that a group of this many is offered without, given those at fault, where none stands for the
    /// group itself. Returns none if the group is refused.
    pub(crate) fn leave_out(self, at_fault: BTreeSet<Option<usize>>, rules: usize) -> Option<LeftOut> {
        let may_omit = self == Self::Rule && !at_fault.contains(&None) && at_fault.len() < rules;
        (at_fault.is_empty() || may_omit).then(|| LeftOut::default().and(at_fault.into_iter().flatten()))
    }
}

/// Exponential backoff with full jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The limit of the first wait.
    pub base: Duration,
    /// The limit of every wait.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(500), cap: Duration::from_secs(60) }
    }
}

impl Backoff {
    /// Returns how long to wait after this number of failures in a row: a random part of a bound that doubles up to the
    /// cap.
    ///
    /// Full jitter prevents many waiting tasks from retrying at once. At least a tenth of the bound is always waited.
    pub fn wait(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let bound = self.base.saturating_mul(1 << doublings).min(self.cap);
        bound.mul_f64(0.1 + 0.9 * fastrand::f64())
    }
}

/// Returns a duration that differs by up to a tenth, so that many destinations do not act at the same moment.
pub(crate) fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(0.9 + 0.2 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_the_cap() {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(10) };
        for failures in 1..100 {
            let bound = Duration::from_secs(1 << (failures - 1).min(10)).min(backoff.cap);
            let wait = backoff.wait(failures);
            assert!(wait <= bound && wait >= bound / 10, "{failures}: {wait:?}");
        }
    }
}
