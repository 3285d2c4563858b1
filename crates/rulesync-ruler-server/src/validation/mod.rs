//! Validation of a posted group: with the messages of Mimir and Cortex, or with those of Loki; and its limits.

mod checks;
mod loki;
mod prometheus;

use crate::{
    model::{
        kind::{Dialect, Limits, Profile},
        span::Millis,
    },
    yaml::decode::Posted,
};

/// The text of the error answer for an invalid group or invalid rules; `None` if the group is valid.
pub(crate) fn error_text(posted: &Posted, profile: &Profile, federation: bool) -> Option<String> {
    match &profile.dialect {
        Dialect::PromQl(style) => prometheus::error_text(posted, profile.name_scheme, style, federation),
        Dialect::LogQl => loki::error_text(&posted.group, profile.name_scheme),
    }
}

/// The text of the error answer for an exceeded limit. `stored` returns the number of groups of the tenant.
pub(crate) fn over_limit(posted: &Posted, limits: &Limits, stored: impl FnOnce() -> usize) -> Option<String> {
    let rules = posted.group.rules.len();
    if limits.rules_per_group > 0 && rules > limits.rules_per_group {
        let limit = limits.rules_per_group;
        return Some(format!(
            "per-user rules per rule group limit (limit: {limit} actual: {rules}) exceeded"
        ));
    }
    let (interval, least) = (posted.group.interval, Millis::from(limits.min_interval));
    if interval != Millis::ZERO && interval < least {
        return Some(format!(
            "per-user minimum rule evaluation interval limit (limit: {least} actual: {interval}) exceeded"
        ));
    }
    if limits.groups > 0 {
        // The servers do not check whether the group is already stored.
        let (limit, groups) = (limits.groups, stored() + 1);
        if groups > limit {
            return Some(format!("per-user rule groups limit (limit: {limit} actual: {groups}) exceeded"));
        }
    }
    None
}

#[cfg(test)]
mod tests;
