//! What is written, one request each.

use rulesync_core::model::LOGGING_RULE;

use crate::crd::{LoggingRuleStatus, RuleStatus};
use crate::publish::reason::Reason;
use crate::publish::report::Report;
use crate::resource::Kind;

/// Where the state of an object is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Output {
    /// In a `RuleStatus` beside it.
    RuleStatus,
    /// In its own status, if it is a `LoggingRule`.
    LoggingRule,
    /// In a report beside it.
    Report,
    /// In an annotation of itself, if it is of this kind: each kind has permissions of its own.
    Annotation(&'static str),
}

impl Output {
    /// Returns the word in metrics.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::RuleStatus => "rule_status",
            Self::LoggingRule => "logging_rule",
            Self::Report => "report",
            Self::Annotation(_) => "annotation",
        }
    }
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    /// Creates or changes a `RuleStatus`.
    RuleStatus(Box<RuleStatus>),
    /// Changes the status of a `LoggingRule`.
    LoggingRule { namespace: String, name: String, status: Box<LoggingRuleStatus> },
    /// Creates or changes a report.
    Report(Box<Report>),
    /// Sets the annotation of the object with this UID, or removes what the owner has set.
    Annotation { kind: &'static Kind, namespace: String, name: String, uid: String, state: Option<Reason> },
    /// Deletes a `RuleStatus` or a report.
    Delete { output: Output, namespace: String, name: String },
}

impl Write {
    /// Returns where the state is shown.
    pub(super) fn output(&self) -> Output {
        match self {
            Self::RuleStatus(_) => Output::RuleStatus,
            Self::LoggingRule { .. } => Output::LoggingRule,
            Self::Report(_) => Output::Report,
            Self::Annotation { kind, .. } => Output::Annotation(kind.name),
            Self::Delete { output, .. } => *output,
        }
    }

    /// Returns the Kubernetes namespace.
    pub(super) fn namespace(&self) -> &str {
        match self {
            Self::RuleStatus(status) => status.metadata.namespace.as_deref().unwrap_or_default(),
            Self::Report(report) => report.metadata.namespace.as_deref().unwrap_or_default(),
            Self::LoggingRule { namespace, .. }
            | Self::Annotation { namespace, .. }
            | Self::Delete { namespace, .. } => namespace,
        }
    }
}

/// Objects that are listed together, to know what was written before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    /// The `RuleStatus` objects of the owner.
    RuleStatuses,
    /// The reports of the owner.
    Reports,
    /// All `LoggingRule` objects, with their status.
    LoggingRules,
    /// All objects of a kind, with their annotations.
    Annotated(&'static Kind),
}

impl Collection {
    /// Returns where the state is shown.
    pub(super) fn output(self) -> Output {
        match self {
            Self::RuleStatuses => Output::RuleStatus,
            Self::Reports => Output::Report,
            Self::LoggingRules => Output::LoggingRule,
            Self::Annotated(kind) => Output::Annotation(kind.name),
        }
    }

    /// Returns the kind of the objects that are listed, if their state is shown on themselves.
    pub(super) fn of_kind(self) -> Option<&'static str> {
        match self {
            Self::RuleStatuses | Self::Reports => None,
            Self::LoggingRules => Some(LOGGING_RULE),
            Self::Annotated(kind) => Some(kind.name),
        }
    }
}
