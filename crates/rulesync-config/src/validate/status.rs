//! What is published of what became of objects.

use super::process::no_cluster;
use super::report::Report;
use crate::file::{File, MAX_WRITES_PER_SECOND, SourceType};
use crate::yaml::Path;

/// Checks what is to be published.
pub(super) fn check(file: &File, report: &mut Report<'_>) {
    let Some(status) = &file.status else { return };
    let at = Path::of("status");
    if !file.sources.iter().any(|source| source.kind == SourceType::Kubernetes) {
        no_cluster("status", &at, report);
    }
    if !(1..=MAX_WRITES_PER_SECOND).contains(&status.max_writes_per_second) {
        let message = format!("`max_writes_per_second` must be between 1 and {MAX_WRITES_PER_SECOND}");
        let hint = "to publish nothing, set `objects` and `events` to `off`";
        report.error(&at.key("max_writes_per_second"), message, hint);
    }
}

/// Returns what is to be published.
#[cfg(feature = "kubernetes")]
pub(super) fn settings(file: &File) -> rulesync_k8s::publish::PublishSettings {
    use rulesync_k8s::publish::annotation::Annotated;
    use rulesync_k8s::publish::{EventSelection, ObjectSelection, PublishSettings};

    use crate::file::{StatusAnnotate, StatusEvents, StatusObjects, StatusReports};

    let status = file.status.clone().unwrap_or_default();
    PublishSettings {
        objects: match status.objects {
            StatusObjects::Problems => Some(ObjectSelection::Problems),
            StatusObjects::All => Some(ObjectSelection::All),
            StatusObjects::Off => None,
        },
        events: match status.events {
            StatusEvents::Warnings => Some(EventSelection::Warnings),
            StatusEvents::All => Some(EventSelection::All),
            StatusEvents::Off => None,
        },
        annotations: match status.annotate {
            StatusAnnotate::Problems => Some(Annotated::Problems),
            StatusAnnotate::All => Some(Annotated::All),
            StatusAnnotate::Off => None,
        },
        reports: status.reports == StatusReports::Openreports,
        max_writes_per_second: status.max_writes_per_second,
    }
}
