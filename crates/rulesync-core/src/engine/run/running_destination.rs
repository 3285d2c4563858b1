//! A destination of a run: its task, the channels to it, and how far it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::concurrency::ConcurrencyLimit;
use crate::destination::{Command, Progress, RecordRequests, Unrecognized};
use crate::engine::setup::NamedRuler;
use crate::model::name::RulerNamespace;
use crate::naming::NamespaceClassifier;

/// A destination's task and the channels to it.
pub(super) struct RunningDestination {
    pub(super) ruler: NamedRuler,
    /// The classifier that it has been sent last.
    pub(super) classifier: Arc<NamespaceClassifier>,
    /// The namespaces whose records it asks to change.
    pub(super) record_requests: RecordRequests,
    /// The version of the stored inventory that it was told of.
    pub(super) records_version: Option<u64>,
    /// How often the inventory had been read as a new leader when it was told of its records.
    pub(super) records_read: u64,
    /// The namespaces that it asks about.
    pub(super) unrecognized: Unrecognized,
    /// The limit of the ruler's address, shared by all its destinations.
    pub(super) concurrency: ConcurrencyLimit,
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) progress: watch::Receiver<Progress>,
    pub(super) sent: u64,
    pub(super) stop: CancellationToken,
    /// Cancelled when its task has ended.
    pub(super) ended: CancellationToken,
    /// True until it has been sent the first commands and the environment.
    pub(super) fresh: bool,
}

impl RunningDestination {
    pub(super) fn send(&mut self, command: Command) {
        // A destination ends only when it is stopped, and then needs no commands.
        if self.commands.send(command).is_ok() {
            self.sent += 1;
        }
    }

    /// Tells it which of its namespaces are recorded, if it does not know that.
    pub(super) fn record(&mut self, recorded: BTreeSet<RulerNamespace>, reads: u64) {
        // It forgets them when leadership is lost.
        let forgotten = std::mem::replace(&mut self.records_read, reads) != reads;
        if forgotten || self.classifier.recorded.as_deref() != Some(&recorded) {
            let recorded = Arc::new(recorded);
            let classifier =
                NamespaceClassifier { recorded: Some(Arc::clone(&recorded)), ..(*self.classifier).clone() };
            self.classifier = Arc::new(classifier);
            self.send(Command::Recorded(recorded));
        }
    }

    /// Has it classify the ruler's namespaces by another classifier, with the same records.
    pub(super) fn classify(&mut self, classifier: NamespaceClassifier) {
        let classifier = NamespaceClassifier { recorded: self.classifier.recorded.clone(), ..classifier };
        if *self.classifier != classifier {
            self.classifier = Arc::new(classifier);
            self.send(Command::Classify(Arc::clone(&self.classifier)));
        }
    }

    /// Returns whether no namespace is left, after a list, whose naming the inventory alone remembers.
    pub(super) fn has_no_former_names(&self, environment: u64) -> bool {
        let progress = self.progress.borrow();
        progress.is_idle_after(self.sent, environment) && progress.listed && !progress.former_names
    }

    /// Returns whether it is done: with everything, or with everything except retries.
    pub(super) fn is_done(&self, environment: u64) -> bool {
        let progress = self.progress.borrow();
        progress.is_idle_after(self.sent, environment)
            && ((progress.listed && !progress.failing) || progress.stuck)
    }

    /// Returns a measure of its progress.
    pub(super) fn achieved(&self) -> u64 {
        let progress = self.progress.borrow();
        progress.applied + progress.handled + u64::from(progress.listed)
    }

    /// Returns whether it was listed, or cannot be.
    pub(super) fn has_listed(&self) -> bool {
        let progress = self.progress.borrow();
        progress.listed || progress.failing
    }

    /// Returns whether it was to be emptied and is empty.
    pub(super) fn is_retired(&self, environment: u64) -> bool {
        let progress = self.progress.borrow();
        progress.is_idle_after(self.sent, environment) && progress.retired
    }
}
