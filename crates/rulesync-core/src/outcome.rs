//! Outcomes: what became of objects, sources and targets, and the reporters that tell people.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use crate::finding::Finding;
use crate::model::object::ObjectId;
use crate::model::tenant::TargetId;
use crate::plan::Reason;
use crate::ruler::RulerError;

/// What an outcome is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The target.
    pub target: TargetId,
    /// The object; none once it is gone.
    pub object: Option<ObjectId>,
    /// The ruler's namespace.
    pub namespace: Arc<str>,
    /// The group; none for a whole namespace.
    pub group: Option<Arc<str>>,
}

/// Something that happened and that somebody may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A group was written.
    Synced {
        /// Which.
        subject: Subject,
        /// Why.
        reason: Reason,
    },
    /// A group or namespace was deleted.
    Removed {
        /// Which.
        subject: Subject,
        /// Why.
        reason: Reason,
    },
    /// A group is not taken as it is; what the ruler had for it stays.
    Refused {
        /// Which.
        subject: Subject,
        /// Why and where.
        finding: Finding,
    },
    /// A change failed and will be tried again.
    Failed {
        /// Which.
        subject: Subject,
        /// What stood in the way.
        error: RulerError,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// Something is wrong with an object, before or beside what the rulers say.
    Found {
        /// The object.
        object: ObjectId,
        /// The target it is about; none for all.
        target: Option<TargetId>,
        /// What is wrong.
        finding: Finding,
    },
    /// A target cannot be worked on.
    TargetDown {
        /// The target.
        target: TargetId,
        /// Why.
        error: RulerError,
    },
    /// A target can be worked on again.
    TargetUp {
        /// The target.
        target: TargetId,
    },
    /// A group of ours in the ruler cannot be read.
    Unreadable {
        /// The target.
        target: TargetId,
        /// Namespace and group.
        group: String,
        /// Why.
        reason: String,
    },
    /// A source cannot see its objects.
    SourceDown {
        /// The source's name.
        source: Arc<str>,
        /// Why, and what it waits for.
        reason: String,
    },
    /// A source sees its objects; said also when its first snapshot is complete.
    SourceUp {
        /// The source's name.
        source: Arc<str>,
        /// How many objects it has.
        objects: usize,
    },
}

/// Tells somebody what happened: a log, a status, an event. It must not block; what is slow belongs into a task of its
/// own, so that it never slows the sync.
pub trait Reporter: fmt::Debug + Send + Sync + 'static {
    /// Takes one outcome.
    fn report(&self, outcome: &Outcome);
}

/// One log line a change, none for a no-op.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogReporter;

impl Reporter for LogReporter {
    fn report(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Synced { subject, reason } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                info!(%object, ruler, tenant, namespace, group, %reason, "synced");
            }
            Outcome::Removed { subject, reason } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                info!(%object, ruler, tenant, namespace, group, %reason, "removed");
            }
            Outcome::Refused { subject, finding } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                error!(%object, ruler, tenant, namespace, group, %finding, "refused");
            }
            Outcome::Failed { subject, error, retry_in } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                warn!(%object, ruler, tenant, namespace, group, %error, ?retry_in, "failed");
            }
            Outcome::Found { object, target, finding } => {
                let target = target.as_ref().map(ToString::to_string).unwrap_or_default();
                if finding.is_error() {
                    error!(%object, target, code = finding.code, %finding, "not synced");
                } else {
                    warn!(%object, target, code = finding.code, %finding, "doubtful");
                }
            }
            Outcome::TargetDown { target, error } => {
                error!(ruler = &*target.ruler, tenant = target.tenant_str(), %error, "target is down");
            }
            Outcome::TargetUp { target } => {
                info!(ruler = &*target.ruler, tenant = target.tenant_str(), "target is up");
            }
            Outcome::Unreadable { target, group, reason } => {
                warn!(
                    ruler = &*target.ruler,
                    tenant = target.tenant_str(),
                    group,
                    reason,
                    "unreadable in the ruler"
                );
            }
            Outcome::SourceDown { source, reason } => {
                warn!(source = &**source, reason, "source is not available")
            }
            Outcome::SourceUp { source, objects } => info!(source = &**source, objects, "source is ready"),
        }
    }
}

struct Line<'a> {
    object: String,
    ruler: &'a str,
    tenant: &'a str,
    namespace: &'a str,
    group: &'a str,
}

fn line(subject: &Subject) -> Line<'_> {
    Line {
        object: subject.object.as_ref().map(ToString::to_string).unwrap_or_default(),
        ruler: &subject.target.ruler,
        tenant: subject.target.tenant_str(),
        namespace: &subject.namespace,
        group: subject.group.as_deref().unwrap_or_default(),
    }
}

/// The reporters of an engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reporters(pub(crate) Arc<[Arc<dyn Reporter>]>);

impl Reporters {
    pub(crate) fn report(&self, outcome: &Outcome) {
        self.0.iter().for_each(|reporter| reporter.report(outcome));
    }
}
