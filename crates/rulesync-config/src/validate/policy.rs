//! The owner and the naming of ruler namespaces, and the limits of what is written and deleted.

use std::time::Duration;

use rulesync_core::Owner;
use rulesync_core::engine::{DeleteGuard, Policy};
use rulesync_core::model::PromDuration;
use rulesync_core::naming::{AlloyNaming, AlloyNamingError, NamespacePolicy, Naming, Pattern};

use super::report::Report;
use crate::file::{File, NamingFile, NamingType, Switch};
use crate::yaml::Path;

/// Checks the owner and the naming; none if there is no valid owner.
pub(super) fn namespace_policy(file: &File, report: &mut Report<'_>) -> Option<NamespacePolicy> {
    let owner = owner(&file.owner, &Path::of("owner"), report);
    let mut legacy = Vec::new();
    for (index, previous) in file.previous_owners.iter().enumerate() {
        legacy.extend(
            self::owner(previous, &Path::of("previous_owners").item(index), report).map(Naming::Owner),
        );
    }
    for (index, previous) in file.previous_naming.iter().enumerate() {
        legacy.extend(naming(previous, owner.as_ref(), &Path::of("previous_naming").item(index), report));
    }
    let naming = naming(&file.naming, owner.as_ref(), &Path::of("naming"), report);
    let adopt = file.adopt.namespaces.iter().map(|pattern| Pattern::from(pattern.as_str())).collect();
    Some(NamespacePolicy { naming: naming?, legacy, adopt, owner: owner? })
}

fn owner(text: &str, path: &Path, report: &mut Report<'_>) -> Option<Owner> {
    text.parse()
        .map_err(|error: rulesync_core::naming::OwnerError| report.error(path, error.to_string(), ""))
        .ok()
}

fn naming(file: &NamingFile, owner: Option<&Owner>, at: &Path, report: &mut Report<'_>) -> Option<Naming> {
    let NamingFile { kind, prefix, separator } = file;
    if report.is_damaged(&at.key("type")) {
        return None;
    }
    match kind {
        NamingType::Owner => {
            for (key, is_set) in [("prefix", prefix.is_some()), ("separator", separator.is_some())] {
                if is_set {
                    let message = format!("`{key}` has no meaning for the type `owner`");
                    report.error_at_key(&at.key(key), message, "remove it");
                }
            }
            owner.cloned().map(Naming::Owner)
        }
        NamingType::Alloy => {
            let prefix = prefix.as_deref().unwrap_or("alloy");
            match AlloyNaming::new(prefix, separator.as_deref().unwrap_or("/")) {
                Ok(naming) => Some(Naming::Alloy(naming)),
                Err(error) => {
                    let key =
                        if matches!(error, AlloyNamingError::NoPrefix) { "prefix" } else { "separator" };
                    report.error(&at.key(key), error.to_string(), "");
                    None
                }
            }
        }
    }
}

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
