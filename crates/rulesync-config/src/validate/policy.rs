//! The limits of what is written and deleted.

use std::time::Duration;

use rulesync_core::engine::{DeleteGuard, Policy};
use rulesync_core::model::PromDuration;

use super::report::Report;
use crate::file::{File, Switch};
use crate::yaml::Path;

/// Checks times and limits.
pub(super) fn policy(file: &File, report: &mut Report<'_>) -> Policy {
    if file.resync_interval.as_millis() == 0 {
        report.error(&Path::of("resync_interval"), "`resync_interval` must be longer than zero", "");
    }
    let guard = &file.delete_guard;
    if !(0.0..=1.0).contains(&guard.max_share) {
        let path = Path::of("delete_guard").key("max_share");
        report.error(&path, "`max_share` must be between 0 and 1", "1 turns the delete guard off");
    }
    Policy {
        resync_interval: duration(file.resync_interval),
        evaluation_interval: duration(file.evaluation_interval),
        on_invalid: file.on_invalid.into(),
        delete_guard: DeleteGuard {
            max_share: guard.max_share,
            min_groups: guard.min_groups,
            window: duration(guard.window),
        },
        claim: file.claim == Switch::On,
        ..Policy::default()
    }
}

pub(super) fn duration(duration: PromDuration) -> Duration {
    Duration::from_millis(duration.as_millis())
}
