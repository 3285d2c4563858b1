//! How an [`App`](crate::App) is to run, apart from the configuration file.

use std::sync::Arc;
use std::time::Duration;

use rulesync_core::engine::{Backoff, Outcome, Policy, Reporter};
use rulesync_core::status::ObjectChange;

use crate::assembly::Lifetime;

/// How an [`App`](crate::App) is to run, apart from the configuration file.
#[derive(Debug, Default)]
pub struct Options {
    pub(crate) lifetime: Lifetime,
    pub(crate) reporters: Vec<Arc<dyn Reporter>>,
    pub(crate) release_deletes: bool,
    pub(crate) bodies: bool,
    pub(crate) tuning: Tuning,
}

/// Times that the configuration file does not set.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tuning {
    timeout: Option<Duration>,
    backoff: Option<Backoff>,
}

impl Options {
    /// Begins with the defaults: nobody is told of outcomes, and held deletes stay held.
    pub fn new(lifetime: Lifetime) -> Self {
        Self { lifetime, ..Self::default() }
    }

    /// Adds a reporter of outcomes, such as [`LogReporter`](rulesync_core::engine::LogReporter).
    #[must_use]
    pub fn reporter(mut self, reporter: impl Reporter) -> Self {
        self.reporters.push(Arc::new(reporter));
        self
    }

    /// Sets whether deletes that the delete guard would hold are made. For [`Lifetime::Once`], after an operator has seen
    /// the plan.
    #[must_use]
    pub fn release_deletes(self, release_deletes: bool) -> Self {
        Self { release_deletes, ..self }
    }

    /// Sets whether plans contain bodies: what a ruler has of each group that changes, and what it would have
    /// ([`Plan::bodies`](rulesync_core::plan::Plan::bodies)).
    #[must_use]
    pub fn bodies(self, bodies: bool) -> Self {
        Self { bodies, ..self }
    }

    /// Sets how long [`Lifetime::Once`] and [`Lifetime::Plan`] wait without progress.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.tuning.timeout = Some(timeout);
        self
    }

    /// Sets the wait before a failed request is sent again.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.tuning.backoff = Some(backoff);
        self
    }
}

impl Tuning {
    pub(crate) fn apply(&self, policy: &mut Policy) {
        if let Some(timeout) = self.timeout {
            policy.timeout = timeout;
        }
        if let Some(backoff) = self.backoff {
            policy.backoff = backoff;
        }
    }
}

/// A reporter that is shared already.
#[derive(Debug)]
pub(crate) struct SharedReporter(pub(crate) Arc<dyn Reporter>);

impl Reporter for SharedReporter {
    fn report(&self, outcome: &Outcome) {
        self.0.report(outcome);
    }

    fn follows_objects(&self) -> bool {
        self.0.follows_objects()
    }

    fn object_changed(&self, change: &ObjectChange) {
        self.0.object_changed(change);
    }
}
