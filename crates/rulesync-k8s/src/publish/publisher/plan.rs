//! What is to be written of an object, given what was written of it before, and what its author is to be told. Pure.

use rulesync_core::Owner;
use rulesync_core::status::{ObjectState, ObjectStatus};

use super::published::{Annotation, Effect, Known};
use super::settings::{EventSelection, ObjectSelection, PublishSettings};
use super::write::{Output, Write};
use crate::publish::annotation::{self, Transition};
use crate::publish::conditions::Conditions;
use crate::publish::draft::{Draft, Written};
use crate::publish::events::{Facts, Notice, notices};
use crate::publish::reason::Reason;
use crate::publish::{logging_rule, report, rule_status};
use crate::resource::Kind;

/// What is to be written of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    /// The writes, in order, each with what is known after it.
    pub(super) writes: Vec<(Write, Effect)>,
    /// How much they change.
    pub(super) change: Change,
}

/// How much differs from what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// Nothing.
    Nothing,
    /// Only that it is not known any more how the rules evaluate, as at the start of a process.
    Unknown,
    /// Only how the rules evaluate.
    Evaluation,
    /// More than that.
    Whole,
}

/// Returns what is to be written of an object at a time, in seconds since 1970; and what is to be removed of what the owner
/// has published, and would not publish any more.
pub(super) fn plan(
    status: &ObjectStatus,
    known: &Known,
    settings: &PublishSettings,
    owner: &Owner,
    now: u64,
) -> Plan {
    let mut plan = Plan { writes: Vec::new(), change: Change::Nothing };
    let conditions = Conditions::of(status);
    let is_problem = conditions.state().is_problem();
    let objects = settings.objects;
    let has_status = objects == Some(ObjectSelection::All)
        || (objects.is_some() && (is_problem || known.rule_status.is_some()));
    let is_left = settings.objects.is_none() || (known.is_surplus && !is_problem);
    if known.rule_status.is_some() && is_left {
        plan.adds(Change::Whole);
        plan.add(delete(Output::RuleStatus, status, owner), Output::RuleStatus, None);
    } else if has_status && let Some(draft) = rule_status::render(status, owner) {
        let change = Change::of(&draft, known.rule_status);
        if plan.adds(change) {
            let (rule_status, written) = draft.at(known.rule_status.flatten().as_ref(), now);
            plan.add(Write::RuleStatus(Box::new(rule_status)), Output::RuleStatus, Some(written));
        }
    }
    if objects.is_some()
        && let Some(draft) = logging_rule::render(status)
    {
        let before = known.logging_rule.flatten();
        let change = Change::of(&draft, known.logging_rule);
        if logging_rule::is_concerned(draft.conditions(), before.as_ref()) && plan.adds(change) {
            let (contents, written) = draft.at(before.as_ref(), now);
            let write = Write::LoggingRule {
                namespace: status.namespace.clone(),
                name: status.name.clone(),
                status: Box::new(contents),
            };
            plan.add(write, Output::LoggingRule, Some(written));
        }
    }
    if objects.is_none() && known.logging_rule.is_some() {
        plan.adds(Change::Whole);
        let (namespace, name) = (status.namespace.clone(), status.name.clone());
        let write = Write::LoggingRule { namespace, name, status: Box::default() };
        plan.add(write, Output::LoggingRule, None);
    }
    if !settings.reports && known.report.is_some() {
        plan.adds(Change::Whole);
        plan.add(delete(Output::Report, status, owner), Output::Report, None);
    }
    if settings.reports {
        match (report::render(status, owner), known.report) {
            (Some(draft), before) => {
                let change = match before {
                    Some(_) => Change::of(&draft, before),
                    None => Change::between(None, &conditions),
                };
                if plan.adds(change) {
                    let (report, written) = draft.at(before.flatten().as_ref(), now);
                    plan.add(Write::Report(Box::new(report)), Output::Report, Some(written));
                }
            }
            (None, Some(before)) => {
                let before = before.and_then(|written| written.state);
                plan.adds(Change::between(before, &conditions));
                plan.add(delete(Output::Report, status, owner), Output::Report, None);
            }
            (None, None) => {}
        }
    }
    if let (Some(kind), Some(uid)) = (Kind::of(&status.kind), status.uid.clone())
        && known.annotation != Some(Annotation::Foreign)
    {
        let before = known.annotated();
        let transition = |annotated| match annotation::transition(annotated, before, conditions.state()) {
            Transition::Keep => before,
            Transition::Set(state) => Some(state),
            Transition::Remove => None,
        };
        let state = settings.annotations.and_then(transition);
        if state != before {
            plan.adds(Change::between(before, &conditions));
            let (namespace, name) = (status.namespace.clone(), status.name.clone());
            let write = Write::Annotation { kind, namespace, name, uid, state };
            plan.writes.push((write, Effect::Annotation(state.map(Annotation::Own))));
        }
    }
    plan
}

/// Returns the writes by which what was published of an object that does not exist any more is removed.
pub(super) fn removal(
    kind: &str,
    namespace: &str,
    name: &str,
    known: &Known,
    owner: &Owner,
) -> Vec<(Write, Effect)> {
    let documents = [(Output::RuleStatus, known.rule_status), (Output::Report, known.report)];
    let existing = documents.into_iter().filter(|(_, document)| document.is_some());
    let delete = |(output, _)| {
        let name = rule_status::name(kind, name, owner);
        let write = Write::Delete { output, namespace: namespace.to_owned(), name };
        (write, Effect::Document(output, None))
    };
    existing.map(delete).collect()
}

/// Returns what the author of an object is to be told, and what is to be remembered of it.
///
/// `is_new` says that the object did not exist when publishing began; `change` is how much differs from what was written of
/// it.
pub(super) fn news(
    status: &ObjectStatus,
    known: &Known,
    selection: EventSelection,
    is_new: bool,
    change: Change,
) -> (Vec<Notice>, Option<Facts>) {
    let of_state = known.state().map(Facts::of_state);
    let before = known.facts.clone().or(of_state).or_else(|| is_new.then(Facts::default));
    let (mut news, facts) = notices(before.as_ref(), status);
    // An earlier process has told of what it has written.
    let was_told = known.facts.is_none() && change == Change::Nothing && known.has_document();
    let is_wanted = |notice: &Notice| selection == EventSelection::All || !notice.reason.is_routine();
    news.retain(|notice| !was_told && is_wanted(notice));
    let is_kept = selection == EventSelection::All || facts.is_troubled();
    (news, is_kept.then_some(facts))
}

impl Plan {
    /// Notes a change, and returns whether there is one.
    fn adds(&mut self, change: Change) -> bool {
        self.change = self.change.max(change);
        change != Change::Nothing
    }

    fn add(&mut self, write: Write, output: Output, written: Option<Written>) {
        self.writes.push((write, Effect::Document(output, written)));
    }
}

impl Change {
    /// Compares what is to be written with what was.
    fn of<T>(draft: &Draft<T>, before: Option<Option<Written>>) -> Self {
        let Some(Some(Written { digest, .. })) = before else { return Self::Whole };
        if draft.digest() == digest {
            Self::Nothing
        } else if !draft.digest().differs_in_evaluation_only(digest) {
            Self::Whole
        } else if draft.conditions().evaluating.reason == Reason::Unknown {
            Self::Unknown
        } else {
            Self::Evaluation
        }
    }

    /// Compares a state in one word with the present one, from which it differs.
    fn between(before: Option<Reason>, now: &Conditions) -> Self {
        let is_about_evaluation = |reason| matches!(reason, Reason::Failing | Reason::NotLoaded);
        match before {
            Some(before) if is_about_evaluation(before) && !now.state().is_problem() => {
                if now.evaluating.reason == Reason::Unknown { Self::Unknown } else { Self::Evaluation }
            }
            before
                if is_about_evaluation(now.state()) && before.is_none_or(|before| !before.is_stalled()) =>
            {
                Self::Evaluation
            }
            _ => Self::Whole,
        }
    }
}

/// Returns whether something of an object is on its way, for no reason but that it takes time. What the engine says of it
/// is not what will come of it.
pub(super) fn is_on_its_way(status: &ObjectStatus, destinations: usize) -> bool {
    // A destination that has not answered in time is left out of the status.
    status.destinations.len() < destinations
        || status
            .destinations
            .iter()
            .any(|at| at.state == ObjectState::Pending && at.delay.as_ref().is_none_or(is_passing))
}

fn is_passing(delay: &rulesync_core::status::Delay) -> bool {
    delay.reason == rulesync_core::status::DelayReason::Standby
}

fn delete(output: Output, status: &ObjectStatus, owner: &Owner) -> Write {
    let name = rule_status::name(&status.kind, &status.name, owner);
    Write::Delete { output, namespace: status.namespace.clone(), name }
}

#[cfg(test)]
mod tests;
