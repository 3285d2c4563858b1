//! Requests for the evaluation of a destination's rules, and the handling of their answers.

use tokio::time::Instant;

use super::State;
use crate::destination::health::{Changed, LoadedGroups, NotLoaded};
use crate::model::name::{GroupName, RulerNamespace};
use crate::outcome::{Outcome, Subject};
use crate::overlay::Offered;
use crate::ruler::{Evaluation, RulerError};

impl State {
    /// Returns when to ask; none if there is nothing to ask about.
    pub(in crate::destination) fn evaluation_due(&self) -> Option<Instant> {
        let off = self.environment.policy.evaluation_interval.is_zero();
        (self.has_something_to_ask_about() && !off).then(|| self.health.due())
    }

    /// Returns whether there are rules in the ruler, as far as is known, and an answer is to be expected.
    pub(super) fn has_something_to_ask_about(&self) -> bool {
        self.desired.groups() > 0
            && self.view.is_listed()
            && !self.availability.is_down()
            && !self.safety.is_retiring()
    }

    /// Returns the namespaces to ask about: those in which the ruler has own groups.
    pub(in crate::destination) fn written_namespaces(&self) -> Vec<RulerNamespace> {
        let Some(observed) = self.view.observed() else { return Vec::new() };
        let declared = self.desired.objects().map(|(namespace, _)| namespace);
        declared.filter(|namespace| observed.has_namespace(namespace)).cloned().collect()
    }

    /// Takes the ruler's answer, or its error, into account.
    pub(in crate::destination) fn evaluated(
        &mut self,
        asked: Instant,
        answer: Result<(Evaluation, LoadedGroups), RulerError>,
    ) {
        let interval = self.environment.policy.evaluation_interval;
        let (evaluation, answer) = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(destination = %self.id, %error, "Ruler cannot report evaluation");
                return self.health.failed(&error, Instant::now(), interval);
            }
        };
        let Some(observed) = self.view.observed().cloned() else { return };
        let times = (asked, interval, self.shared.ruler.capabilities().load_delay);
        let offered = Offered { desired: &self.desired, overlay: &self.verdicts.overlay };
        let changes = self.health.answered((evaluation, &answer), offered, &observed, times);
        match changes.changed {
            Changed::Nothing => {}
            Changed::Namespaces(namespaces) => self.changed.namespaces.extend(namespaces),
            Changed::Everything => self.changed.everything = true,
        }
        if let Some(NotLoaded { groups, example }) = changes.not_loaded {
            let destination = self.id.clone();
            self.report_outcome(&Outcome::NotLoaded { destination, groups, example });
        }
        for (namespace, finding) in changes.failing {
            let subject = Subject {
                destination: self.id.clone(),
                object: self.desired.object_of(&namespace).cloned(),
                group: finding.location.group.as_deref().map(GroupName::from),
                namespace,
            };
            self.report_outcome(&Outcome::Failing { subject, finding });
        }
        if changes.recovered > 0 {
            self.report_outcome(&Outcome::Recovered {
                destination: self.id.clone(),
                rules: changes.recovered,
            });
        }
    }
}
