//! Carrying changes out: the one place that writes to a ruler.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::model::tenant::TenantId;
use crate::plan::{Action, Change};
use crate::ruler::{Ruler, RulerError};

/// A ruler with the requests it may have under way, shared by all its targets.
#[derive(Debug, Clone)]
pub(crate) struct Budgeted {
    pub(crate) ruler: Arc<dyn Ruler>,
    pub(crate) requests: Arc<Semaphore>,
}

/// What became of one change.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) change: Change,
    pub(crate) result: Result<(), RulerError>,
    pub(crate) elapsed: Duration,
}

/// The changes of one namespace, carried out.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) namespace: Arc<str>,
    pub(crate) applied: Vec<Applied>,
    /// Whether changes were left undone, because the ruler is in no state to take them or a stop was asked for.
    pub(crate) unfinished: bool,
}

/// Carries out the changes of one namespace, one after the other; each succeeds or fails alone. An error that is not
/// about the change itself ends it, because the others would meet the same.
pub(crate) async fn apply(
    ruler: Budgeted,
    tenant: Option<TenantId>,
    namespace: Arc<str>,
    changes: Vec<Change>,
    stop: CancellationToken,
) -> Report {
    let mut report = Report { namespace, applied: Vec::with_capacity(changes.len()), unfinished: false };
    let mut limited = Vec::new();
    for change in changes {
        if report.unfinished || stop.is_cancelled() {
            report.unfinished = true;
            break;
        }
        let applied = request(&ruler, tenant.as_ref(), change).await;
        match &applied.result {
            Err(RulerError::Limit { .. }) if matches!(applied.change.action, Action::Put(_)) => {
                // Deletes stand later in the list and may make room.
                limited.push(applied);
                continue;
            }
            Ok(()) | Err(RulerError::Rejected { .. } | RulerError::Limit { .. }) => {}
            Err(_) => report.unfinished = true,
        }
        report.applied.push(applied);
    }
    let made_room =
        report.applied.iter().any(|a| a.result.is_ok() && !matches!(a.change.action, Action::Put(_)));
    for applied in limited {
        let again = made_room && !report.unfinished && !stop.is_cancelled();
        report.applied.push(if again {
            request(&ruler, tenant.as_ref(), applied.change).await
        } else {
            applied
        });
    }
    report
}

async fn request(
    Budgeted { ruler, requests }: &Budgeted,
    tenant: Option<&TenantId>,
    change: Change,
) -> Applied {
    // The semaphore is never closed; without a permit the request would only be unbounded, not wrong.
    let _permit = requests.acquire().await;
    let start = Instant::now();
    let namespace = &*change.namespace;
    let result = match &change.action {
        Action::Put(group) => match group.body.unpack() {
            Ok(group) => ruler.put_group(tenant, namespace, &group).await,
            Err(error) => Err(RulerError::Rejected { message: error.to_string(), rule: None }),
        },
        Action::DeleteGroup(group) => ruler.delete_group(tenant, namespace, group).await,
        Action::DeleteNamespace(groups) => {
            let groups: Vec<&str> = groups.iter().map(AsRef::as_ref).collect();
            ruler.delete_namespace(tenant, namespace, &groups).await
        }
    };
    Applied { change, result, elapsed: start.elapsed() }
}
