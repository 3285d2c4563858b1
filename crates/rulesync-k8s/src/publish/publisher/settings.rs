//! What is published, and how much of it.

use super::write::Output;
use crate::publish::annotation::Annotated;

/// What a [`Publisher`](super::Publisher) publishes. It may change while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishSettings {
    /// The objects that have a `RuleStatus`; none if there are none at all. A `LoggingRule` has its status unless this is
    /// none.
    pub objects: Option<ObjectSelection>,
    /// The Events that are made.
    pub events: Option<EventSelection>,
    /// The objects that are annotated.
    pub annotations: Option<Annotated>,
    /// Whether there are reports of openreports.io.
    pub reports: bool,
    /// The number of writes in a second, without those of Events.
    pub max_writes_per_second: u32,
}

/// Objects that have a `RuleStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ObjectSelection {
    /// Those that have, or had, a problem.
    #[default]
    Problems,
    /// All.
    All,
}

/// Events that are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventSelection {
    /// Those about problems and their end, and about what was taken over.
    #[default]
    Warnings,
    /// All, also those about what happens every day.
    All,
}

impl Default for PublishSettings {
    fn default() -> Self {
        Self {
            objects: Some(ObjectSelection::Problems),
            events: Some(EventSelection::Warnings),
            annotations: None,
            reports: false,
            max_writes_per_second: 20,
        }
    }
}

impl PublishSettings {
    /// Returns whether anything is published.
    pub fn publishes(&self) -> bool {
        self.objects.is_some() || self.events.is_some() || self.annotations.is_some() || self.reports
    }

    /// Returns whether anything is published there.
    pub(super) fn wants(&self, output: Output) -> bool {
        match output {
            Output::RuleStatus | Output::LoggingRule => self.objects.is_some(),
            Output::Report => self.reports,
            Output::Annotation(_) => self.annotations.is_some(),
        }
    }

    /// Returns whether something is published of every object, and not just of those with problems.
    pub(super) fn concerns_all(&self) -> bool {
        self.objects == Some(ObjectSelection::All)
            || self.events == Some(EventSelection::All)
            || self.annotations == Some(Annotated::All)
    }
}
