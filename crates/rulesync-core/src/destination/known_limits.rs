//! The limits that the ruler says a tenant has, and when it is asked for them.

use std::time::Duration;

use tokio::time::Instant;

use crate::policy::jittered;
use crate::ruler::TenantLimits;

/// The wait before the first question, which is not urgent.
const FIRST: Duration = Duration::from_secs(30);

/// The time between two questions. Operators change limits seldom.
const INTERVAL: Duration = Duration::from_secs(600);

/// What is known of a tenant's limits.
#[derive(Debug)]
pub(super) struct KnownLimits {
    /// The latest answer; none if the ruler does not tell limits, or could not be asked.
    limits: Option<TenantLimits>,
    due: Instant,
}

impl KnownLimits {
    pub(super) fn new(now: Instant) -> Self {
        Self { limits: None, due: now + jittered(FIRST) }
    }

    /// Returns when to ask next.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Returns the limits, if the ruler tells them.
    pub(super) fn get(&self) -> Option<TenantLimits> {
        self.limits
    }

    /// Takes an answer into account. Old limits are worth more than none: a failure leaves them.
    pub(super) fn answered<E>(&mut self, answer: Result<Option<TenantLimits>, E>, now: Instant) {
        self.due = now + jittered(INTERVAL);
        if let Ok(limits) = answer {
            self.limits = limits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_outlive_failures_and_end_when_the_ruler_tells_none() {
        let now = Instant::now();
        let mut known = KnownLimits::new(now);
        assert!(known.get().is_none() && known.due() > now);
        let told = TenantLimits::default().with_groups(Some(70));
        known.answered(Ok::<_, ()>(Some(told)), now);
        assert_eq!(known.get(), Some(told));
        assert!(known.due() > now + INTERVAL / 2);
        known.answered(Err(()), now);
        assert_eq!(known.get(), Some(told));
        known.answered(Ok::<_, ()>(None), now);
        assert_eq!(known.get(), None);
    }
}
