//! Reports of the targets, put together into a status. The loop asks for them and does not wait: a target that is slow to
//! answer, or waits for its predecessor, delays whoever wants the status, and nobody else.

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Run;
use crate::model::object::ObjectId;
use crate::model::tenant::TargetId;
use crate::object_index::ObjectReport;
use crate::status::{ObjectAtTarget, SourceStatus, Status, TargetStatus};
use crate::target::{Command, TargetReport};

/// How long targets may take to answer, all together.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Reports that are on their way.
pub(super) struct Reports {
    owner: String,
    sources: Vec<SourceStatus>,
    objects: Vec<ObjectReport>,
    targets: Vec<Awaited>,
}

struct Awaited {
    id: TargetId,
    retiring: bool,
    report: oneshot::Receiver<TargetReport>,
}

impl Run {
    /// Asks every target how it is.
    pub(super) fn ask_for_reports(&mut self) -> Reports {
        let mut targets = Vec::with_capacity(self.targets.len() + self.retiring.len());
        for (retiring, running) in [(false, &mut self.targets), (true, &mut self.retiring)] {
            for (id, target) in running {
                let (answer, report) = oneshot::channel();
                target.send(Command::Status(answer));
                targets.push(Awaited { id: id.clone(), retiring, report });
            }
        }
        Reports {
            owner: self.setup.namespace_policy.owner.to_string(),
            sources: self.source_statuses(),
            objects: self.index.reports(),
            targets,
        }
    }
}

impl Reports {
    /// The status, once every target has answered or the time for it is over.
    pub(super) async fn status(self) -> Status {
        let deadline = Instant::now() + PATIENCE;
        let mut targets = Vec::with_capacity(self.targets.len());
        let mut at_targets: HashMap<ObjectId, Vec<ObjectAtTarget>> = HashMap::new();
        for Awaited { id, retiring, report } in self.targets {
            match tokio::time::timeout_at(deadline, report).await {
                Ok(Ok(TargetReport { target, objects })) => {
                    targets.push(TargetStatus { retiring, ..target });
                    for (object, at_target) in objects {
                        at_targets.entry(object).or_default().push(at_target);
                    }
                }
                // It has ended meanwhile.
                Ok(Err(_)) => {}
                Err(_) => targets.push(TargetStatus::unanswered(&id, retiring)),
            }
        }
        let status = |object: ObjectReport| {
            let targets = at_targets.remove(&object.id).unwrap_or_default();
            object.with_targets(targets)
        };
        let objects = self.objects.into_iter().map(status).collect();
        Status { owner: self.owner, sources: self.sources, targets, objects }
    }
}
