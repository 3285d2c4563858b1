//! How eagerly the engine works: times and limits that do not depend on what is declared.

use std::time::Duration;

use serde::Deserialize;

use crate::guard::DeleteGuard;

/// Times and limits. The defaults are right for production.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// How often each destination is listed again to find what others changed. Jittered by a tenth.
    pub resync_interval: Duration,
    /// How often each ruler is asked how rules evaluate, at most; zero: never. Jittered by a tenth.
    pub evaluation_interval: Duration,
    /// How long to wait before trying again what failed.
    pub backoff: Backoff,
    /// How long a refused group is not offered again while nothing changes.
    pub refusal_memory: Duration,
    /// What to do with a group that has rules a ruler does not take.
    pub on_invalid: OnInvalid,
    /// When deletes are held back.
    pub delete_guard: DeleteGuard,
    /// Whether a claim is written to each destination, and a foreign one respected.
    pub claim: bool,
    /// How long `sync_once` and `plan` wait for a source that is not available.
    pub patience: Duration,
    /// How long `sync_once` and `plan` go on without getting on, such as while a ruler asks to be left alone.
    pub timeout: Duration,
    /// How long requests in flight may take after a shutdown was asked for.
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

/// What to do with a group that has rules a ruler does not take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInvalid {
    /// The group stays as the ruler last accepted it.
    #[default]
    Group,
    /// The group is written without the rules at fault.
    Rule,
}

/// Exponential backoff with full jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The bound of the first wait.
    pub base: Duration,
    /// The bound of every wait.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(500), cap: Duration::from_secs(60) }
    }
}

impl Backoff {
    /// How long to wait after so many failures in a row: a random part of a bound that doubles up to the cap.
    ///
    /// Full jitter keeps many waiting at once from coming back at once. A tenth of the bound is always waited, so
    /// that no wait is none at all.
    pub fn wait(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let bound = self.base.saturating_mul(1 << doublings).min(self.cap);
        bound.mul_f64(0.1 + 0.9 * fastrand::f64())
    }
}

/// A duration give or take a tenth, so that many destinations do not act at the same moment.
pub(crate) fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(0.9 + 0.2 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap() {
        let backoff = Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(10) };
        for failures in 1..100 {
            let bound = Duration::from_secs(1 << (failures - 1).min(10)).min(backoff.cap);
            let wait = backoff.wait(failures);
            assert!(wait <= bound && wait >= bound / 10, "{failures}: {wait:?}");
        }
    }
}
