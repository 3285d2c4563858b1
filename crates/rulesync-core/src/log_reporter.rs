//! The log: one line for each change, none for a no-op.

use std::fmt;

use tracing::{error, info, warn};

use crate::finding::Finding;
use crate::guard::HeldReason;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::outcome::{Outcome, Reporter, Subject};
use crate::plan::Reason;

/// Logs a finding in fields, without repeating any of them.
macro_rules! log_finding {
    ($level:ident, $message:literal, $finding:ident as $key:ident, $($subject:tt)*) => {{
        let Finding { code, message, location, hint, .. } = $finding;
        $level!(
            $($subject)*,
            file = location.file.as_deref(),
            group = location.group.as_deref(),
            rule = location.rule,
            rule_name = location.rule_name.as_deref(),
            field = location.path.as_deref().or(location.field.as_deref()),
            line = location.position.map(|position| position.line),
            column = location.position.map(|position| position.column),
            code = code.name(),
            $key = message,
            hint = hint.as_deref(),
            $message
        );
    }};
}

/// Logs one line for each change, none for a no-op.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogReporter;

impl Reporter for LogReporter {
    fn report(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Synced { subject, reason } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                match reason {
                    Reason::Missing => {
                        info!(%object, ruler, tenant, namespace, group, %reason, "Rule group created");
                    }
                    _ => info!(%object, ruler, tenant, namespace, group, %reason, "Rule group updated"),
                }
            }
            Outcome::Removed { subject, reason } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                info!(%object, ruler, tenant, namespace, group, %reason, "Rule group deleted");
            }
            Outcome::Refused { subject, finding } => {
                let Line { object, ruler, tenant, namespace, .. } = line(subject);
                log_finding!(error, "Rule group rejected by ruler", finding as error, %object, ruler, tenant, namespace);
            }
            Outcome::Failed { subject, error, retry_in } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                warn!(%object, ruler, tenant, namespace, group, %error, ?retry_in, "Write failed, retrying");
            }
            Outcome::MoreFailed { destination, namespace, more } => {
                let (ruler, tenant) = (&*destination.ruler, destination.tenant_str());
                warn!(ruler, tenant, %namespace, more, "Further writes of the namespace failed, retrying");
            }
            Outcome::Found { object, destination, finding } => {
                let (ruler, tenant) = destination_of(destination.as_ref());
                if finding.withholds() {
                    log_finding!(error, "Rule not synced", finding as error, %object, ruler, tenant);
                } else if finding.is_error() {
                    log_finding!(warn, "Ruler expected to reject rule", finding as error, %object, ruler, tenant);
                } else {
                    log_finding!(warn, "Rule has a warning", finding as warning, %object, ruler, tenant);
                }
            }
            Outcome::MoreFound { object, destination, more } => {
                let (ruler, tenant) = destination_of(destination.as_ref());
                warn!(%object, ruler, tenant, more, "Further findings omitted, see the status");
            }
            Outcome::Failing { subject, finding } => {
                let Line { object, ruler, tenant, namespace, .. } = line(subject);
                let Finding { code, message: error, location, hint, .. } = finding;
                let (group, rule, rule_name) =
                    (location.group.as_deref(), location.rule, location.rule_name.as_deref());
                let hint = hint.as_deref();
                warn!(
                    %object, ruler, tenant, namespace, group, rule, rule_name, code = code.name(), error, hint,
                    "Rule evaluation failing"
                );
            }
            Outcome::Recovered { destination, rules } => {
                info!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
                    rules,
                    "Rule evaluation recovered"
                );
            }
            Outcome::NotLoaded { destination, groups: 0, .. } => {
                info!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
                    "Ruler has loaded all stored rule groups again"
                );
            }
            Outcome::NotLoaded { destination, groups, example } => {
                let (ruler, tenant, example) =
                    (&*destination.ruler, destination.tenant_str(), example.as_deref());
                error!(
                    ruler,
                    tenant,
                    groups,
                    example,
                    "Ruler does not load stored rule groups: another group may freeze the tenant, or evaluation is \
                     off; see the ruler's log"
                );
            }
            Outcome::DestinationDown { destination, error, retry_in } => {
                let (ruler, tenant) = (&*destination.ruler, destination.tenant_str());
                match retry_in {
                    Some(retry_in) => error!(ruler, tenant, %error, ?retry_in, "Ruler unreachable"),
                    None => error!(ruler, tenant, %error, "Ruler unreachable"),
                }
            }
            Outcome::DestinationUp { destination } => {
                info!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
                    "Ruler reachable again"
                );
            }
            Outcome::Held { destination, groups, reason, until } => {
                let (ruler, tenant) = (&*destination.ruler, destination.tenant_str());
                let message = match reason {
                    HeldReason::Configuration => {
                        "Deletes paused by delete guard: a changed configuration requires them. They are made after the \
                         guard's window"
                    }
                    HeldReason::Route => {
                        "Deletes paused by delete guard: no route leads here any more. They are made after the guard's \
                         window, unless a route leads here again. If the owner was changed by mistake, see previous_owners"
                    }
                    HeldReason::Vanished => {
                        "Deletes paused by delete guard: more than half of the source's objects disappeared at once. They \
                         are made after the guard's window if the source is healthy then"
                    }
                    HeldReason::SourceEmpty => {
                        "Deletes paused by delete guard: their source is empty. Release them if that is intended"
                    }
                    HeldReason::Source => {
                        "Deletes paused by delete guard: their source may not see its objects. They are made or withdrawn \
                         once it does"
                    }
                    _ => {
                        "Deletes paused by delete guard: they exceed the allowed share of the owner's groups. Release \
                         them if they are intended"
                    }
                };
                match until {
                    Some(until) => warn!(ruler, tenant, groups, ?until, "{message}"),
                    None => warn!(ruler, tenant, groups, "{message}"),
                }
            }
            Outcome::Vanished { source, held: Some(reason), remaining } => {
                let message = match reason {
                    HeldReason::SourceEmpty => {
                        "Source is empty: its deletes are paused in all tenants. Release them if that is intended"
                    }
                    _ => {
                        "More than half of the source's objects disappeared at once: its deletes are paused in all \
                         tenants, and made after the delete guard's window if the source is healthy then"
                    }
                };
                warn!(source = &**source, remaining, "{message}");
            }
            Outcome::Vanished { source, held: None, remaining } => {
                info!(source = &**source, remaining, "Deletes of the source no longer paused");
            }
            Outcome::NoneHeld { destination } => {
                info!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
                    "Deletes no longer paused by delete guard"
                );
            }
            Outcome::Conflict { destination, foreign, own } => {
                error!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
                    foreign_claim = %foreign,
                    own_claim = %own,
                    previous_installation = foreign.name(),
                    "Another installation writes here as the same owner: nothing is written. Give one of the two another \
                     `owner`, or take its claim over by `previous_installations` if it no longer exists"
                );
            }
            Outcome::ConflictOver { destination } => {
                info!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
                    "Claim of the other installation deleted, writing again"
                );
            }
            Outcome::Normalized { subject, fields } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                let fields = fields.join(", ");
                warn!(%object, ruler, tenant, namespace, group, fields, "Ruler stores the rule group in a form of its own");
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
                    "Rule group contested: three lists in a row found it changed. Another tool writes it, or the ruler \
                     does not store what it accepts; it is repaired once per resync interval"
                );
            }
            Outcome::ContestOver { subject } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                info!(%object, ruler, tenant, namespace, group, "Rule group no longer contested");
            }
            Outcome::Unreadable { destination, group, reason } => {
                warn!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
                    group,
                    reason,
                    "Rule group in ruler unreadable"
                );
            }
            Outcome::SourceDown { source, reason } => {
                warn!(source = &**source, reason, "Source unavailable")
            }
            Outcome::SourceUp { source, objects } => info!(source = &**source, objects, "Source ready"),
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

fn destination_of(destination: Option<&DestinationId>) -> (Option<&str>, Option<&str>) {
    (destination.map(|destination| &*destination.ruler), destination.map(DestinationId::tenant_str))
}

/// An object, or nothing; formatted only if the line is logged.
struct Shown<'a>(Option<&'a ObjectId>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |object| object.fmt(f))
    }
}

fn line(subject: &Subject) -> Line<'_> {
    Line {
        object: Shown(subject.object.as_ref()),
        ruler: &subject.destination.ruler,
        tenant: subject.destination.tenant_str(),
        namespace: &subject.namespace,
        group: subject.group.as_deref().unwrap_or_default(),
    }
}
