//! mimirtool's rule files: one for each namespace of a ruler, with the namespace in it. Pure.

pub(crate) mod file_name;
pub(crate) mod reading;

use rulesync_core::Group;
use rulesync_core::engine::{CLAIM_GROUP, OwnerClaim};
use rulesync_core::ruler::StoredGroups;
use serde::Serialize;

use crate::changes::yaml::to_yaml;

/// The groups of one namespace.
#[derive(Debug, Serialize)]
pub(crate) struct RuleFile {
    pub(crate) namespace: String,
    pub(crate) groups: Vec<Group>,
}

impl RuleFile {
    /// The text of the file.
    pub(crate) fn text(&self) -> String {
        to_yaml(self)
    }
}

/// Returns a rule file for each namespace that is wanted. Claims are left out: they are records of rulesync, and
/// nobody's rules.
pub(crate) fn rule_files(groups: &StoredGroups, wanted: impl Fn(&str) -> bool) -> Vec<RuleFile> {
    let mut files: Vec<RuleFile> = Vec::new();
    for (namespace, group) in groups.iter() {
        if !wanted(namespace) || is_claim(&group) {
            continue;
        }
        match files.last_mut().filter(|file| file.namespace == **namespace) {
            Some(file) => file.groups.push(group),
            None => files.push(RuleFile { namespace: namespace.to_string(), groups: vec![group] }),
        }
    }
    files
}

/// Returns whether a group is the claim of an installation of rulesync.
pub(crate) fn is_claim(group: &Group) -> bool {
    group.name == CLAIM_GROUP && OwnerClaim::read(group).is_some()
}
