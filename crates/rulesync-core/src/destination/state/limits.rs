//! The limits of the destination's tenant.

use tokio::time::Instant;

use super::State;
use crate::ruler::{RulerError, TenantLimits};

impl State {
    /// Returns when to ask for them; none if there is nothing that they would limit.
    pub(in crate::destination) fn limits_due(&self) -> Option<Instant> {
        self.has_something_to_ask_about().then(|| self.known_limits.due())
    }

    /// Takes the ruler's answer, or its error, into account.
    pub(in crate::destination) fn limits_answered(
        &mut self,
        answer: Result<Option<TenantLimits>, RulerError>,
    ) {
        if let Err(error) = &answer {
            tracing::debug!(destination = %self.id, %error, "Ruler does not tell limits");
        }
        self.known_limits.answered(answer, Instant::now());
    }
}
