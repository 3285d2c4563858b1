//! Carries changes out: the one place that writes to a ruler.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::concurrency::{ConcurrencyLimit, Permit};
use crate::leadership::Leadership;
use crate::model::encoded::{Decompressor, EncodedGroup};
use crate::model::name::RulerNamespace;
use crate::model::tenant::TenantId;
use crate::plan::{Action, Change};
use crate::ruler::{Ruler, RulerError, RulerErrorKind, Write, write_one};

/// A ruler with its concurrency limit, which all its destinations share.
#[derive(Debug, Clone)]
pub(crate) struct LimitedRuler {
    pub(crate) ruler: Arc<dyn Ruler>,
    pub(crate) concurrency: ConcurrencyLimit,
}

/// Reports the result of a request to the concurrency limit. Only an unavailable ruler had no room for the request; any
/// other error is about the request itself.
pub(crate) fn judge(permit: &Permit, error: Option<&RulerError>) {
    match error.map(RulerError::kind) {
        Some(RulerErrorKind::Unavailable) => permit.overloaded(),
        Some(_) | None => permit.succeeded(),
    }
}

/// The result of one change.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) change: Change,
    pub(crate) result: Result<(), RulerError>,
    pub(crate) elapsed: Duration,
}

/// The results of the changes of one namespace.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) namespace: RulerNamespace,
    pub(crate) applied: Vec<Applied>,
    /// True if changes were not made, because the ruler is in no state to take them or the work was stopped.
    pub(crate) unfinished: bool,
}

/// The conditions that end the work on a namespace early.
#[derive(Debug, Clone)]
pub(crate) struct Stops {
    /// Set when the destination ends.
    pub(crate) stop: CancellationToken,
    /// The permission of this process to write.
    pub(crate) leadership: Leadership,
}

impl Stops {
    /// Returns whether another write may begin. Called right before each request, after all waiting.
    fn may_write(&self) -> bool {
        !self.stop.is_cancelled() && self.leadership.may_write()
    }
}

/// Carries out the changes of one namespace, one after the other; each succeeds or fails by itself. An error that is
/// not about the change itself ends the work, because the remaining changes would meet the same error.
pub(crate) async fn apply(
    ruler: LimitedRuler,
    tenant: Option<TenantId>,
    namespace: RulerNamespace,
    changes: Vec<Change>,
    stops: Stops,
) -> Report {
    let mut report = Report { namespace, applied: Vec::with_capacity(changes.len()), unfinished: false };
    let mut limited = Vec::new();
    let mut blocks = Decompressor::default();
    for change in changes {
        if report.unfinished {
            break;
        }
        let Some(applied) = request(&ruler, tenant.as_ref(), change, &mut blocks, &stops).await else {
            report.unfinished = true;
            break;
        };
        match applied.result.as_ref().map_err(RulerError::kind) {
            Err(RulerErrorKind::Limit) if matches!(applied.change.action, Action::Put(_)) => {
                // Deletes come later in the list and may make room.
                limited.push(applied);
                continue;
            }
            Ok(()) | Err(RulerErrorKind::Rejected | RulerErrorKind::Limit) => {}
            Err(_) => report.unfinished = true,
        }
        report.applied.push(applied);
    }
    let made_room =
        report.applied.iter().any(|a| a.result.is_ok() && !matches!(a.change.action, Action::Put(_)));
    for applied in limited {
        let again = made_room && !report.unfinished;
        let retried = match again {
            true => request(&ruler, tenant.as_ref(), applied.change.clone(), &mut blocks, &stops).await,
            false => None,
        };
        report.applied.push(retried.unwrap_or(applied));
    }
    report
}

/// Makes the request of one change; returns `None` if the change may no longer be made once a permit is free.
async fn request(
    ruler: &LimitedRuler,
    tenant: Option<&TenantId>,
    change: Change,
    blocks: &mut Decompressor,
    stops: &Stops,
) -> Option<Applied> {
    // The wait for a permit may be long: a stop ends it.
    let permit = stops.stop.run_until_cancelled(ruler.concurrency.acquire(tenant)).await?;
    if !stops.may_write() {
        return None;
    }
    let start = Instant::now();
    let result = tokio::select! {
        biased;
        () = stops.leadership.lost() => Err(given_up()),
        result = send(ruler.ruler.as_ref(), tenant, &change, blocks) => {
            judge(&permit, result.as_ref().err());
            result
        }
    };
    Some(Applied { change, result, elapsed: start.elapsed() })
}

async fn send(
    ruler: &dyn Ruler,
    tenant: Option<&TenantId>,
    change: &Change,
    blocks: &mut Decompressor,
) -> Result<(), RulerError> {
    let group = match &change.action {
        Action::Put(group) => blocks.encoded(&group.body)?,
        Action::DeleteGroup(_) | Action::DeleteNamespace(_) => EncodedGroup::from_json(""),
    };
    write_one(ruler, tenant, &change.namespace, write(change, &group, &names_of(change), false)).await
}

/// Carries out the changes of one namespace together, through a ruler that batches; each succeeds or fails by itself.
/// No permit is acquired, since such a ruler limits its own concurrency. `found` holds the names of groups with local
/// findings.
pub(crate) async fn apply_together(
    ruler: Arc<dyn Ruler>,
    tenant: Option<TenantId>,
    namespace: RulerNamespace,
    changes: Vec<Change>,
    found: HashSet<Box<str>>,
    stops: Stops,
) -> Report {
    if !stops.may_write() {
        return Report { namespace, applied: Vec::new(), unfinished: true };
    }
    let start = Instant::now();
    let results = tokio::select! {
        biased;
        () = stops.leadership.lost() => vec![Err(given_up()); changes.len()],
        results = send_together(ruler.as_ref(), tenant.as_ref(), &namespace, &changes, &found) => results,
    };
    // A ruler that returns too few results has not reported how the remaining changes went.
    let unanswered = || Err(RulerError::unreadable("the ruler left a change unanswered"));
    let results = results.into_iter().chain(std::iter::repeat_with(unanswered));
    let elapsed = start.elapsed();
    let applied: Vec<Applied> = changes
        .into_iter()
        .zip(results)
        .map(|(change, result)| Applied { change, result, elapsed })
        .collect();
    let is_final = |applied: &Applied| {
        matches!(
            applied.result.as_ref().map_err(RulerError::kind),
            Ok(()) | Err(RulerErrorKind::Rejected | RulerErrorKind::Limit)
        )
    };
    let unfinished = !applied.iter().all(is_final);
    Report { namespace, applied, unfinished }
}

async fn send_together(
    ruler: &dyn Ruler,
    tenant: Option<&TenantId>,
    namespace: &str,
    changes: &[Change],
    found: &HashSet<Box<str>>,
) -> Vec<Result<(), RulerError>> {
    let mut blocks = Decompressor::default();
    let text = |change: &Change| match &change.action {
        // A group that cannot be decompressed would be a defect of rulesync. As an empty text it alone is refused.
        Action::Put(group) => {
            blocks.encoded(&group.body).map(|group| group.json().to_owned()).unwrap_or_default()
        }
        Action::DeleteGroup(_) | Action::DeleteNamespace(_) => String::new(),
    };
    let texts: Vec<String> = changes.iter().map(text).collect();
    let groups: Vec<EncodedGroup<'_>> = texts.iter().map(|json| EncodedGroup::from_json(json)).collect();
    let names: Vec<Vec<&str>> = changes.iter().map(names_of).collect();
    let has_finding = |change: &Change| change.group().is_some_and(|group| found.contains(group));
    let made = changes.iter().zip(&groups).zip(&names);
    let writes: Vec<Write<'_>> =
        made.map(|((change, group), names)| write(change, group, names, has_finding(change))).collect();
    ruler.write_namespace(tenant, namespace, &writes).await
}

/// Returns the request for a change: the encoded group to put, or the names of the groups to delete.
fn write<'a>(
    change: &'a Change,
    group: &'a EncodedGroup<'a>,
    names: &'a [&'a str],
    has_finding: bool,
) -> Write<'a> {
    match &change.action {
        Action::Put(_) => Write::Put { group, has_finding },
        Action::DeleteGroup(group) => Write::DeleteGroup(group),
        Action::DeleteNamespace(_) => Write::DeleteNamespace(names),
    }
}

/// Returns the groups of a namespace that is to be deleted.
fn names_of(change: &Change) -> Vec<&str> {
    match &change.action {
        Action::DeleteNamespace(groups) => groups.iter().map(AsRef::as_ref).collect(),
        Action::Put(_) | Action::DeleteGroup(_) => Vec::new(),
    }
}

fn given_up() -> RulerError {
    // The ruler may carry the change out all the same: its result is unknown, as without an answer.
    RulerError::unavailable("given up: another process leads now")
}

#[cfg(test)]
mod tests;
