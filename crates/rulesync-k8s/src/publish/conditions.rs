//! The conditions of an object: what became of it, in the words of Kubernetes.

use std::cmp::Reverse;
use std::fmt;

use rulesync_core::status::{DelayReason, EvaluationState, ObjectAtDestination, ObjectState, ObjectStatus};

use super::findings::{self, Found, Meaning, destination_name};
use super::reason::Reason;
use super::text::{count, printable};
use crate::crd::Condition;

/// The longest message of a condition, in bytes.
const MAX_MESSAGE: usize = 512;

/// The type of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The rules are valid, and may go where they go.
    Accepted,
    /// The rulers have them.
    Synced,
    /// The rulers evaluate them without errors.
    Evaluating,
    /// All of this, as far as it is known.
    Ready,
    /// Somebody has to change something, because waiting does not help. It is there only while it is true.
    Stalled,
}

impl ConditionType {
    /// All types, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Synced, Self::Evaluating, Self::Ready, Self::Stalled];

    /// Returns the type as objects have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Synced => "Synced",
            Self::Evaluating => "Evaluating",
            Self::Ready => "Ready",
            Self::Stalled => "Stalled",
        }
    }
}

/// The status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known.
    Unknown,
}

impl ConditionStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::True, Self::False, Self::Unknown];

    /// Returns the status as objects have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// A condition without its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The status.
    pub status: ConditionStatus,
    /// The reason.
    pub reason: Reason,
    /// A description for people, on one line.
    pub message: String,
}

impl Verdict {
    fn new(status: ConditionStatus, reason: Reason, message: impl fmt::Display) -> Self {
        Self { status, reason, message: printable(message, MAX_MESSAGE) }
    }
}

/// The conditions of an object, without their times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conditions {
    /// The rules are valid, and may go where they go.
    pub accepted: Verdict,
    /// The rulers have them.
    pub synced: Verdict,
    /// The rulers evaluate them without errors.
    pub evaluating: Verdict,
    /// All of this, as far as it is known.
    pub ready: Verdict,
    /// Somebody has to change something.
    pub stalled: Option<Verdict>,
}

impl Conditions {
    /// Returns the conditions of an object.
    pub fn of(status: &ObjectStatus) -> Self {
        Self::with(status, &findings::of(status))
    }

    /// Returns the conditions of an object with these findings.
    pub(super) fn with(status: &ObjectStatus, findings: &[Found<'_>]) -> Self {
        let accepted = accepted(status, findings);
        let synced = synced(status, &accepted);
        let evaluating = evaluating(status, findings);
        let ready = ready([&accepted, &synced, &evaluating]);
        let stalled = ready.reason.is_stalled();
        let stalled = stalled.then(|| Verdict { status: ConditionStatus::True, ..ready.clone() });
        Self { accepted, synced, evaluating, ready, stalled }
    }

    /// Returns the state of the object in one word.
    pub fn state(&self) -> Reason {
        self.ready.reason
    }

    /// Iterates over the conditions, in the order in which they are shown.
    pub fn iter(&self) -> impl Iterator<Item = (ConditionType, &Verdict)> {
        let always = [
            (ConditionType::Accepted, &self.accepted),
            (ConditionType::Synced, &self.synced),
            (ConditionType::Evaluating, &self.evaluating),
            (ConditionType::Ready, &self.ready),
        ];
        always.into_iter().chain(self.stalled.as_ref().map(|stalled| (ConditionType::Stalled, stalled)))
    }

    /// Returns the conditions as objects have them, without times.
    pub(super) fn render(&self, observed_generation: Option<i64>) -> Vec<Condition> {
        let render = |(type_, verdict): (ConditionType, &Verdict)| Condition {
            type_: type_.name().to_owned(),
            status: verdict.status.name().to_owned(),
            observed_generation,
            last_transition_time: String::new(),
            reason: verdict.reason.name().to_owned(),
            message: verdict.message.clone(),
        };
        self.iter().map(render).collect()
    }
}

/// Returns the state of an object at a destination, without evaluation.
pub(super) fn sync_reason(at: &ObjectAtDestination) -> Reason {
    let progress = match at.delay.as_ref().map(|delay| delay.reason) {
        Some(DelayReason::Standby) => Reason::Standby,
        Some(DelayReason::RulerUnavailable) => Reason::RulerUnavailable,
        Some(DelayReason::LimitExceeded) => Reason::LimitExceeded,
        Some(DelayReason::OwnerConflict) => Reason::OwnerConflict,
        Some(_) => Reason::Pending,
        None if at.state == ObjectState::Pending => Reason::Pending,
        None => Reason::Synced,
    };
    let is_contested = at.state == ObjectState::Contested
        || at.findings.iter().any(|finding| Meaning::of(finding) == Meaning::Contested);
    let contested = is_contested.then_some(Reason::Contested);
    let held = (at.held_groups > 0).then_some(Reason::DeletesHeld);
    [contested, held].into_iter().flatten().fold(progress, Reason::max)
}

/// Returns what the evaluation of an object at a destination is.
pub(super) fn evaluation_reason(at: &ObjectAtDestination) -> Reason {
    match at.evaluation {
        Some(EvaluationState::Healthy) => Reason::Healthy,
        Some(EvaluationState::Failing) => Reason::Failing,
        Some(EvaluationState::NotLoaded) => Reason::NotLoaded,
        _ => Reason::Unknown,
    }
}

/// Returns a description of the state at a destination, if there is more to say than the state.
pub(super) fn sync_message(at: &ObjectAtDestination) -> Option<String> {
    let reason = sync_reason(at);
    let more = at.delay.as_ref().and_then(|delay| delay.message.as_deref());
    Some(match reason {
        // The ruler's error may be another one with each attempt, and is the operator's.
        Reason::RulerUnavailable => "the ruler does not answer".to_owned(),
        Reason::Standby => "another process is the leader and writes".to_owned(),
        Reason::Pending => match more {
            Some(error) => format!("a write failed and is tried again: {error}"),
            None => "on its way".to_owned(),
        },
        Reason::LimitExceeded => match more {
            Some(error) => format!("the tenant is full: {error}"),
            None => "the tenant is full".to_owned(),
        },
        Reason::OwnerConflict => match more {
            Some(error) => error.to_owned(),
            None => "another installation claims the tenant for the same owner".to_owned(),
        },
        Reason::DeletesHeld => {
            format!("deletes of {} are held", count(at.held_groups, "group"))
        }
        Reason::Contested => "a group does not stay as it is written".to_owned(),
        _ => return None,
    })
}

fn accepted(status: &ObjectStatus, findings: &[Found<'_>]) -> Verdict {
    let withheld: Vec<&Found<'_>> = findings.iter().filter(|found| found.finding.withholds()).collect();
    let denied = withheld.iter().any(|found| found.meaning() == Meaning::TenantDenied);
    let (reason, nothing_known) = match status.state {
        ObjectState::Malformed => (Reason::Malformed, "it cannot be read"),
        ObjectState::NotSelected => {
            return Verdict::new(ConditionStatus::False, Reason::NotSelected, "no route selects it");
        }
        _ if denied => (Reason::TenantDenied, ""),
        ObjectState::Refused => (Reason::GroupsRefused, "groups are refused"),
        _ => {
            let groups = count(status.groups, "group");
            let message = format_args!("{groups} accepted");
            return Verdict::new(ConditionStatus::True, Reason::Accepted, message);
        }
    };
    let message = match (withheld.first(), withheld.len()) {
        (Some(first), more @ 2..) => format!("{} (and {} more)", first.line(MAX_MESSAGE - 24), more - 1),
        (Some(first), _) => first.line(MAX_MESSAGE),
        (None, _) => nothing_known.to_owned(),
    };
    Verdict { status: ConditionStatus::False, reason, message }
}

fn synced(status: &ObjectStatus, accepted: &Verdict) -> Verdict {
    let Some(worst) = status.destinations.iter().min_by_key(|at| Reverse(sync_reason(at))) else {
        return match accepted.status {
            ConditionStatus::True => Verdict::new(ConditionStatus::False, Reason::Pending, "on its way"),
            // It goes nowhere.
            _ => Verdict::new(ConditionStatus::Unknown, accepted.reason, "it goes to no ruler"),
        };
    };
    let reason = sync_reason(worst);
    match sync_message(worst) {
        Some(message) => {
            let message = format_args!("{}: {message}", destination_name(worst));
            Verdict::new(ConditionStatus::False, reason, message)
        }
        None => in_place(status, accepted),
    }
}

/// Returns what the rulers have of an object that nothing is in the way of any more.
fn in_place(status: &ObjectStatus, accepted: &Verdict) -> Verdict {
    let has_rules = |at: &&ObjectAtDestination| at.rules > 0;
    let all: Vec<&ObjectAtDestination> = status.destinations.iter().collect();
    let with_rules: Vec<&ObjectAtDestination> = all.iter().copied().filter(has_rules).collect();
    let name = |there: &[&ObjectAtDestination]| match there {
        [only] => destination_name(only),
        several => count(several.len(), "destination"),
    };
    let rules: usize = with_rules.iter().map(|at| at.rules).sum();
    match (rules, accepted.status) {
        (0, ConditionStatus::True) => {
            Verdict::new(ConditionStatus::True, Reason::Synced, "it declares no rules")
        }
        // It is refused as a whole.
        (0, _) => {
            let message = format!("nothing of it goes to {}", name(&all));
            Verdict::new(ConditionStatus::Unknown, accepted.reason, message)
        }
        (rules, _) => {
            let old = match status.state {
                ObjectState::Malformed => "its last readable version is there: ",
                _ => "",
            };
            let message = format!("{old}{} in {}", count(rules, "rule"), name(&with_rules));
            Verdict::new(ConditionStatus::True, Reason::Synced, message)
        }
    }
}

fn evaluating(status: &ObjectStatus, findings: &[Found<'_>]) -> Verdict {
    let worst = status.destinations.iter().map(evaluation_reason).max().unwrap_or(Reason::Unknown);
    let first = |meaning| findings.iter().find(|found| found.meaning() == meaning).copied();
    let failing: usize = status.destinations.iter().map(|at| at.failing_rules).sum();
    match worst {
        Reason::NotLoaded => {
            let found = first(Meaning::NotLoaded).map(|found| found.line(MAX_MESSAGE));
            let message = found.unwrap_or_else(|| "a group is stored and not loaded".to_owned());
            Verdict::new(ConditionStatus::False, worst, message)
        }
        Reason::Failing => {
            let found = first(Meaning::Failing).map(|found| found.line(MAX_MESSAGE - 32));
            let message = match (found, failing) {
                (Some(line), more @ 2..) => format!("{line} (and {} more)", more - 1),
                (Some(line), _) => line,
                (None, _) => format!("{} failing", count(failing, "rule")),
            };
            Verdict::new(ConditionStatus::False, worst, message)
        }
        Reason::Healthy => Verdict::new(ConditionStatus::True, worst, "no rule fails"),
        _ => Verdict::new(
            ConditionStatus::Unknown,
            Reason::Unknown,
            "the ruler has not been asked, or cannot tell",
        ),
    }
}

/// Returns the summary: the most serious of the conditions that are known not to hold.
fn ready(conditions: [&Verdict; 3]) -> Verdict {
    let bad = conditions.into_iter().filter(|verdict| verdict.status == ConditionStatus::False);
    match bad.min_by_key(|verdict| Reverse(verdict.reason)) {
        Some(worst) => worst.clone(),
        None => {
            let [_, synced, _] = conditions;
            Verdict { status: ConditionStatus::True, ..synced.clone() }
        }
    }
}

#[cfg(test)]
mod tests;
