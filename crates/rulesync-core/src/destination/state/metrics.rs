//! The metrics of a destination, and reports of held deletes, which change with them.

use tokio::time::Instant;

use super::State;
use crate::destination::Retirement;
use crate::guard::HeldReason;
use crate::outcome::Outcome;

impl State {
    pub(in crate::destination) fn publish_metrics(&mut self) {
        self.gauges.groups.set(self.desired.groups());
        self.gauges.rules.set(self.offered_rules());
        self.gauges.refused_groups.set(self.verdicts.refused_groups());
        self.gauges.refused_rules.set(self.verdicts.refused_rules());
        self.gauges.evaluated(
            self.health.is_known().then(|| (self.health.failing_rules(), self.health.not_loaded_groups())),
        );
        self.gauges.limits(self.known_limits.get(), self.desired.groups());
        self.gauges.contested_groups.set(self.view.contested.groups());
        self.gauges.normalized_groups.set(self.view.normalizations.groups());
        self.gauges.waiting.set(self.queue.len());
        self.gauges.foreign_claims.set(usize::from(self.ownership.conflict().is_some()));
        self.report_held();
    }

    /// The number of rules that should exist, without those that the ruler refuses and that are omitted therefore.
    pub(super) fn offered_rules(&self) -> usize {
        self.desired.rules().saturating_sub(self.verdicts.overlay.omissions.rules())
    }

    /// Reports held deletes when they have changed.
    pub(super) fn report_held(&mut self) {
        let held = self.safety.guard.total_held();
        if held == self.reported_held {
            return;
        }
        self.gauges.held.set(held.map_or(0, |(groups, _)| groups));
        self.changed.held(self.safety.guard.held().map(|(namespace, ..)| namespace.clone()));
        let destination = self.id.clone();
        match held {
            Some((groups, reason)) => {
                let until = match (reason, self.safety.retirement) {
                    (HeldReason::Route, Some(Retirement::NoRoute { until })) => Some(until),
                    (HeldReason::Configuration, _) => self.safety.guard.next_wait(),
                    _ => None,
                };
                let until = until.map(|until| until.saturating_duration_since(Instant::now()));
                self.report_outcome(&Outcome::Held { destination, groups, reason, until });
            }
            None => self.report_outcome(&Outcome::NoneHeld { destination }),
        }
        self.reported_held = held;
    }
}
