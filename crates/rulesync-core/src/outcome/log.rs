//! The log: one line for each change, none for a no-op.

use std::fmt;

use tracing::{error, info, warn};

use super::{Outcome, Reporter, Subject};
use crate::finding::Finding;
use crate::guard::HeldReason;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;

/// Logs a finding in fields, without repeating any of them.
macro_rules! log_finding {
    ($level:ident, $message:literal, $finding:ident as $said:ident, $($subject:tt)*) => {{
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
            code,
            $said = message,
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
                info!(%object, ruler, tenant, namespace, group, %reason, "Rule group synced");
            }
            Outcome::Removed { subject, reason } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                info!(%object, ruler, tenant, namespace, group, %reason, "Rule group deleted");
            }
            Outcome::Refused { subject, finding } => {
                let Line { object, ruler, tenant, namespace, .. } = line(subject);
                log_finding!(error, "Rule group refused", finding as error, %object, ruler, tenant, namespace);
            }
            Outcome::Failed { subject, error, retry_in } => {
                let Line { object, ruler, tenant, namespace, group } = line(subject);
                warn!(%object, ruler, tenant, namespace, group, %error, ?retry_in, "Write to the ruler failed, will be retried");
            }
            Outcome::MoreFailed { destination, namespace, more } => {
                let (ruler, tenant) = (&*destination.ruler, destination.tenant_str());
                warn!(ruler, tenant, %namespace, more, "More rule groups of the namespace failed");
            }
            Outcome::Found { object, destination, finding } => {
                let (ruler, tenant) = destination_of(destination.as_ref());
                if finding.withholds() {
                    log_finding!(error, "Rule not synced", finding as error, %object, ruler, tenant);
                } else if finding.is_error() {
                    log_finding!(warn, "Ruler is expected to refuse the rule", finding as error, %object, ruler, tenant);
                } else {
                    log_finding!(warn, "Rule has a warning", finding as warning, %object, ruler, tenant);
                }
            }
            Outcome::MoreFound { object, destination, more } => {
                let (ruler, tenant) = destination_of(destination.as_ref());
                warn!(%object, ruler, tenant, more, "More findings: the status has them all");
            }
            Outcome::Failing { subject, finding } => {
                let Line { object, ruler, tenant, namespace, .. } = line(subject);
                let Finding { code, message: error, location, hint, .. } = finding;
                let (group, rule, rule_name) =
                    (location.group.as_deref(), location.rule, location.rule_name.as_deref());
                let hint = hint.as_deref();
                warn!(
                    %object, ruler, tenant, namespace, group, rule, rule_name, code, error, hint,
                    "Rule evaluation fails"
                );
            }
            Outcome::Recovered { destination, rules } => {
                info!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
                    rules,
                    "Rules evaluate again"
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
                    "Ruler has stored rule groups and does not load them: another group may freeze the tenant, or \
                     evaluation is off; see the ruler's log"
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
            Outcome::NoneHeld { destination } => {
                info!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
                    "No deletes are held any more"
                );
            }
            Outcome::Conflict { destination, claim, us } => {
                error!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
                    theirs = %claim,
                    ours = %us,
                    previous_installation = claim.name(),
                    "Another installation writes here as the same owner: nothing is written. Give one of the two another \
                     `owner`, or take its claim over by `previous_installations` if it is no more"
                );
            }
            Outcome::ConflictOver { destination } => {
                info!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
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
            Outcome::Unreadable { destination, group, reason } => {
                warn!(
                    ruler = &*destination.ruler,
                    tenant = destination.tenant_str(),
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
