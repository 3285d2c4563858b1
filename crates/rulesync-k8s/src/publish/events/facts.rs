//! What was known of an object, in brief, and what is new compared with it.

use rulesync_core::status::{ObjectState, ObjectStatus};

use super::notice::{MAX_ITEM, Notice, NoticeReason};
use crate::publish::conditions::{ConditionStatus, Conditions, sync_message, sync_reason};
use crate::publish::digest::sha;
use crate::publish::findings::{self, Meaning, destination_name};
use crate::publish::reason::Reason;
use crate::publish::text::printable;

/// What is known of an object, as far as notices depend on it: 24 bytes, and 8 for each problem.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// The problems, each with a hash of its note.
    problems: Box<[(NoticeReason, u32)]>,
    /// True from the first problem until the object is ready.
    troubled: bool,
    /// True if the last problem was about evaluation alone, of which nothing may be known at times.
    by_evaluation: bool,
    /// A hash of the note that said that the object is synced; 0 if it is not.
    synced: u32,
}

impl Facts {
    /// Returns what the state of an object that was published before says: its notices are not known, but that it had a
    /// problem is.
    pub fn of_state(state: Reason) -> Self {
        let by_evaluation = matches!(state, Reason::Failing | Reason::NotLoaded);
        Self { troubled: state.is_problem(), by_evaluation, ..Self::default() }
    }

    /// Returns whether the object has had a problem since it was last ready.
    pub fn is_troubled(&self) -> bool {
        self.troubled
    }

    /// Returns whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns what is new of an object, and the facts to compare with the next time.
///
/// `before` is none if nothing is known, as for objects that are there when the process starts: problems are reported then,
/// and nothing else. The empty [`Facts`] are those of a new object.
pub fn notices(before: Option<&Facts>, status: &ObjectStatus) -> (Vec<Notice>, Facts) {
    let conditions = Conditions::of(status);
    let problems = problems(status);
    let hashed: Box<[(NoticeReason, u32)]> =
        problems.iter().map(|problem| (problem.reason, hash(problem))).collect();
    let known = before.map(|before| &*before.problems).unwrap_or_default();
    let is_new = |problem: &Notice| !known.contains(&(problem.reason, hash(problem)));
    let mut new: Vec<Notice> = problems.iter().filter(|problem| is_new(problem)).cloned().collect();
    let is_ready = conditions.ready.status == ConditionStatus::True;
    let was_troubled = before.is_some_and(|before| before.troubled);
    // Rules that failed may fail still.
    let is_uncertain =
        before.is_some_and(|before| before.by_evaluation) && conditions.evaluating.reason == Reason::Unknown;
    let is_well = is_ready && !is_uncertain;
    let troubled =
        !hashed.is_empty() || (was_troubled && !is_well && conditions.state() != Reason::NotSelected);
    let is_about_evaluation = |(reason, _): &(NoticeReason, u32)| {
        matches!(reason, NoticeReason::NotLoaded | NoticeReason::EvaluationFailing)
    };
    let by_evaluation = troubled
        && match hashed.is_empty() {
            true => before.is_some_and(|before| before.by_evaluation),
            false => hashed.iter().all(is_about_evaluation),
        };
    if was_troubled && is_well && hashed.is_empty() {
        new.push(Notice::new(
            NoticeReason::Recovered,
            format!("nothing is wrong any more: {}", place(status, &conditions)),
        ));
    }
    // Of an object that cannot be read, the rulers have another generation.
    let synced = conditions.synced.status == ConditionStatus::True && status.state != ObjectState::Malformed;
    let mut synced_hash = before.map_or(0, |before| before.synced);
    if synced {
        let notice = Notice::new(NoticeReason::Synced, place(status, &conditions));
        let present = hash(&notice).max(1);
        if before.is_some_and(|before| before.synced != present) {
            new.push(notice);
        }
        synced_hash = present;
    }
    (new, Facts { problems: hashed, troubled, by_evaluation, synced: synced_hash })
}

/// Returns what is in the rulers now.
fn place(status: &ObjectStatus, conditions: &Conditions) -> String {
    let message = &conditions.synced.message;
    match status.generation {
        Some(generation) => format!("generation {generation}, {message}"),
        None => message.clone(),
    }
}

fn hash(notice: &Notice) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "half of a hash is one")]
    let half = sha(&notice.parts()) as u32;
    half
}

/// Returns what is wrong with an object, each kind of problem once.
fn problems(status: &ObjectStatus) -> Vec<Notice> {
    // What no route selects is nobody's concern yet.
    if status.state == ObjectState::NotSelected {
        return Vec::new();
    }
    let found = findings::of(status);
    let mut problems = Vec::new();
    let of_findings = [
        (NoticeReason::RuleRefused, Meaning::RuleRefused),
        (NoticeReason::RulerRejected, Meaning::RulerRejected),
        (NoticeReason::TenantDenied, Meaning::TenantDenied),
        (NoticeReason::Contested, Meaning::Contested),
        (NoticeReason::NotLoaded, Meaning::NotLoaded),
        (NoticeReason::EvaluationFailing, Meaning::Failing),
    ];
    for (reason, meaning) in of_findings {
        let lines: Vec<String> = found
            .iter()
            .filter(|found| found.meaning() == meaning)
            .map(|found| found.line(MAX_ITEM))
            .collect();
        if !lines.is_empty() {
            problems.push(Notice::listing(reason, &lines));
        }
    }
    let of_destinations = [
        (NoticeReason::LimitExceeded, Reason::LimitExceeded),
        (NoticeReason::DeletesHeld, Reason::DeletesHeld),
        (NoticeReason::OwnerConflict, Reason::OwnerConflict),
    ];
    for (notice, reason) in of_destinations {
        let there = status.destinations.iter().filter(|at| sync_reason(at) == reason);
        let lines: Vec<String> = there
            .map(|at| {
                printable(
                    format_args!("{}: {}", destination_name(at), sync_message(at).unwrap_or_default()),
                    MAX_ITEM,
                )
            })
            .collect();
        if !lines.is_empty() {
            problems.push(Notice::listing(notice, &lines));
        }
    }
    problems
}

#[cfg(test)]
mod tests;
