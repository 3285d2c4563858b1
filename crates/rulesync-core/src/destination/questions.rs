//! What a destination asks its ruler besides lists, and when.

use tokio::task::JoinError;
use tokio::time::Instant;

use super::Destination;
use super::asking::Answer;

impl Destination {
    /// Asks what is due besides a list.
    pub(super) fn ask(&mut self) {
        let now = Instant::now();
        if self.asking_time().is_none_or(|at| at > now) {
            return;
        }
        let (ruler, tenant) = (self.ruler.clone(), self.state.id.tenant.clone());
        if self.state.evaluation_due().is_some_and(|at| at <= now) {
            self.asking.ask_for_evaluation(ruler, tenant, self.state.written_namespaces());
        } else {
            self.asking.ask_for_limits(ruler, tenant);
        }
    }

    /// Returns when to ask next, unless nothing may be asked.
    pub(super) fn asking_time(&self) -> Option<Instant> {
        let asks = self.shared.evaluates && self.led && self.asking.is_idle();
        let due = || [self.state.evaluation_due(), self.state.limits_due()].into_iter().flatten().min();
        asks.then(due).flatten()
    }

    pub(super) fn answered(&mut self, answer: Result<Answer, JoinError>) {
        match answer {
            Ok(Answer::Evaluation(asked, answer)) => self.state.evaluated(asked, answer),
            Ok(Answer::Limits(answer)) => self.state.limits_answered(answer),
            // A ruler from another crate may panic; a question that failed is worth no more than a log line.
            Err(error) => {
                tracing::warn!(%error, destination = %self.state.id, "Request to the ruler ended unexpectedly");
            }
        }
    }
}
