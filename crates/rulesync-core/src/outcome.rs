//! Outcomes: what became of objects, sources and targets, and the reporters that tell people.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use crate::claim::OwnerClaim;
use crate::finding::Finding;
use crate::guard::HeldReason;
use crate::model::object::ObjectId;
use crate::model::tenant::TargetId;
use crate::plan::Reason;
use crate::ruler::RulerError;

/// Of what befalls one object at once, so much is told one by one; of the rest the number.
pub(crate) const TOLD_ONE_BY_ONE: usize = 5;

/// What an outcome is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The target.
    pub target: TargetId,
    /// The object, also when it is gone; none if it went while nobody watched.
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
    /// A group was deleted.
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
    /// More changes of a namespace failed at once than were told one by one. They are tried again together.
    MoreFailed {
        /// The target.
        target: TargetId,
        /// The ruler's namespace.
        namespace: Arc<str>,
        /// How many more.
        more: usize,
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
    /// More is wrong with an object than was told one by one.
    MoreFound {
        /// The object.
        object: ObjectId,
        /// The target it is about; none for all.
        target: Option<TargetId>,
        /// How many more findings there are.
        more: usize,
    },
    /// A target cannot be worked on.
    TargetDown {
        /// The target.
        target: TargetId,
        /// Why.
        error: RulerError,
        /// How long until it is tried again, if that is known: as long as the ruler asked for, within bounds.
        retry_in: Option<Duration>,
    },
    /// A target can be worked on again.
    TargetUp {
        /// The target.
        target: TargetId,
    },
    /// Deletes are held back by the guard.
    Held {
        /// The target.
        target: TargetId,
        /// How many groups.
        groups: usize,
        /// Why.
        reason: HeldReason,
        /// How long until the first of them goes by itself, if that is known.
        until: Option<Duration>,
    },
    /// Most of what a source had has vanished at once: its deletes are held in all tenants, or no longer.
    Vanished {
        /// The source's name.
        source: Arc<str>,
        /// Why, or none if they are no longer held.
        held: Option<HeldReason>,
        /// How many objects of it still have groups in a ruler.
        left: usize,
    },
    /// No deletes are held back any more.
    NoneHeld {
        /// The target.
        target: TargetId,
    },
    /// Another installation claims this target for the same owner: nothing is written there.
    Conflict {
        /// The target.
        target: TargetId,
        /// Whose it is, by the claim.
        claim: OwnerClaim,
        /// Who this installation is.
        us: OwnerClaim,
    },
    /// The other installation's claim is gone.
    ConflictOver {
        /// The target.
        target: TargetId,
    },
    /// The server keeps a group otherwise than it was sent, in a way that servers do by themselves: it counts as in sync.
    Normalized {
        /// Which.
        subject: Subject,
        /// The fields that differ.
        fields: Vec<String>,
    },
    /// A group was found changed at three looks in a row: somebody else writes it, or what is written is not stored. It
    /// is repaired once a resync interval.
    Contested {
        /// Which.
        subject: Subject,
        /// The fields that differ; empty if the group was missing.
        fields: Vec<String>,
    },
    /// A contested group stays as it was written.
    ContestOver {
        /// Which.
        subject: Subject,
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
    /// A rule is loaded and fails whenever it is evaluated.
    Failing {
        /// Which group.
        subject: Subject,
        /// Which rule, and what the ruler says.
        finding: Finding,
    },
    /// Rules that failed evaluate again, or are gone.
    Recovered {
        /// The target.
        target: TargetId,
        /// How many.
        rules: usize,
    },
    /// Groups are stored in a ruler and it does not load them: it is frozen, or evaluates nothing.
    NotLoaded {
        /// The target.
        target: TargetId,
        /// How many; none if all are loaded again.
        groups: usize,
        /// One of them: its namespace and name.
        example: Option<String>,
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
                info!(%object, ruler, tenant, namespace, group, %reason, "Rule group synced");
            }
            Outcome::Removed { subject, reason } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                info!(%object, ruler, tenant, namespace, group, %reason, "Rule group deleted");
            }
            Outcome::Refused { subject, finding } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                error!(%object, ruler, tenant, namespace, group, %finding, "Rule group refused");
            }
            Outcome::Failed { subject, error, retry_in } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                warn!(%object, ruler, tenant, namespace, group, %error, ?retry_in, "Write to the ruler failed, will be retried");
            }
            Outcome::MoreFailed { target, namespace, more } => {
                let (ruler, tenant) = (&*target.ruler, target.tenant_str());
                warn!(ruler, tenant, %namespace, more, "More rule groups of the namespace failed");
            }
            Outcome::Found { object, target, finding } => {
                let target = target.as_ref().map(ToString::to_string).unwrap_or_default();
                if finding.withholds() {
                    error!(%object, target, code = finding.code, %finding, "Rule not synced");
                } else if finding.is_error() {
                    warn!(%object, target, code = finding.code, %finding, "Rule is likely to be refused");
                } else {
                    warn!(%object, target, code = finding.code, %finding, "Rule has warnings");
                }
            }
            Outcome::MoreFound { object, target, more } => {
                let target = target.as_ref().map(ToString::to_string).unwrap_or_default();
                warn!(%object, target, more, "More findings: the status has them all");
            }
            Outcome::Failing { subject, finding } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                warn!(%object, ruler, tenant, namespace, group, %finding, "Rule evaluation fails");
            }
            Outcome::Recovered { target, rules } => {
                info!(ruler = &*target.ruler, tenant = target.tenant_str(), rules, "Rules evaluate again");
            }
            Outcome::NotLoaded { target, groups: 0, .. } => {
                info!(
                    ruler = &*target.ruler,
                    tenant = target.tenant_str(),
                    "Ruler has loaded all stored rule groups again"
                );
            }
            Outcome::NotLoaded { target, groups, example } => {
                let (ruler, tenant, example) = (&*target.ruler, target.tenant_str(), example.as_deref());
                error!(
                    ruler,
                    tenant,
                    groups,
                    example,
                    "Ruler has stored rule groups and does not load them: another group may freeze the tenant, or \
                     evaluation is off; see the ruler's log"
                );
            }
            Outcome::TargetDown { target, error, retry_in } => {
                let (ruler, tenant) = (&*target.ruler, target.tenant_str());
                match retry_in {
                    Some(retry_in) => error!(ruler, tenant, %error, ?retry_in, "Ruler unreachable"),
                    None => error!(ruler, tenant, %error, "Ruler unreachable"),
                }
            }
            Outcome::TargetUp { target } => {
                info!(ruler = &*target.ruler, tenant = target.tenant_str(), "Ruler reachable again");
            }
            Outcome::Held { target, groups, reason, until } => {
                let (ruler, tenant) = (&*target.ruler, target.tenant_str());
                let message = match reason {
                    HeldReason::Configuration => {
                        "Deletes are held: a changed configuration asks for them. They go after the delete guard's window"
                    }
                    HeldReason::Route => {
                        "No route leads here any more: these rule groups are deleted after the delete guard's window, unless \
                         a route leads here again. If the owner was changed by mistake, see previous_owners"
                    }
                    HeldReason::Vanished => {
                        "Deletes are held: more than half of the source's objects disappeared at once. They go after the delete \
                         guard's window if the source is healthy then"
                    }
                    HeldReason::SourceEmpty => {
                        "Deletes are held: their source has nothing left. Release them if that is meant"
                    }
                    HeldReason::Source => {
                        "Deletes are held: their source may not know what it says. They are made or dropped once it does"
                    }
                    _ => {
                        "Deletes are held: they are too large a share of what this owner has there. Release them if they \
                         are meant"
                    }
                };
                match until {
                    Some(until) => warn!(ruler, tenant, groups, ?until, "{message}"),
                    None => warn!(ruler, tenant, groups, "{message}"),
                }
            }
            Outcome::Vanished { source, held: Some(reason), left } => {
                let message = match reason {
                    HeldReason::SourceEmpty => {
                        "Source has nothing left: its deletes are held in all tenants. Release them if that is meant"
                    }
                    _ => {
                        "More than half of the source's objects disappeared at once: its deletes are held in all tenants, and made after \
                         the delete guard's window if the source is healthy then"
                    }
                };
                warn!(source = &**source, left, "{message}");
            }
            Outcome::Vanished { source, held: None, left } => {
                info!(source = &**source, left, "Deletes of the source are no longer held");
            }
            Outcome::NoneHeld { target } => {
                info!(ruler = &*target.ruler, tenant = target.tenant_str(), "No deletes are held any more");
            }
            Outcome::Conflict { target, claim, us } => {
                error!(
                    ruler = &*target.ruler,
                    tenant = target.tenant_str(),
                    theirs = %claim,
                    ours = %us,
                    previous_installation = claim.name(),
                    "Another installation writes here as the same owner: nothing is written. Give one of the two another \
                     `owner`, or take its claim over by `previous_installations` if it is no more"
                );
            }
            Outcome::ConflictOver { target } => {
                info!(
                    ruler = &*target.ruler,
                    tenant = target.tenant_str(),
                    "The claim of the other installation is gone, writing again"
                );
            }
            Outcome::Normalized { subject, fields } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                let fields = fields.join(", ");
                warn!(%object, ruler, tenant, namespace, group, fields, "Ruler keeps the rule group in a form of its own");
            }
            Outcome::Contested { subject, fields } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                let fields = if fields.is_empty() {
                    "the whole group is missing".to_owned()
                } else {
                    fields.join(", ")
                };
                warn!(
                    %object,
                    ruler,
                    tenant,
                    namespace,
                    group,
                    fields,
                    "Rule group is contested: it was found changed at three looks in a row. Another tool writes it, or the \
                     ruler does not store what it accepts; it is repaired once a resync interval"
                );
            }
            Outcome::ContestOver { subject } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                info!(%object, ruler, tenant, namespace, group, "Rule group is no longer contested");
            }
            Outcome::Unreadable { target, group, reason } => {
                warn!(
                    ruler = &*target.ruler,
                    tenant = target.tenant_str(),
                    group,
                    reason,
                    "Rule group in the ruler cannot be read"
                );
            }
            Outcome::SourceDown { source, reason } => {
                warn!(source = &**source, reason, "Source is not available")
            }
            Outcome::SourceUp { source, objects } => info!(source = &**source, objects, "Source is ready"),
        }
    }
}

struct Line<'a> {
    object: Shown<'a>,
    ruler: &'a str,
    tenant: &'a str,
    namespace: &'a str,
    group: &'a str,
}

/// An object, or nothing; only made a text of where somebody reads it.
struct Shown<'a>(Option<&'a ObjectId>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |object| object.fmt(f))
    }
}

fn line(subject: &Subject) -> Line<'_> {
    Line {
        object: Shown(subject.object.as_ref()),
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
