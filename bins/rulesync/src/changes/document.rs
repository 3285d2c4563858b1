//! A plan as a document: the form of `--out plan.json`, of `-o json` and of `-o yaml`, from which the others are made.
//! Version 1; docs/cli/plan-and-sync.md describes it.

use rulesync_core::Group;
use rulesync_core::plan::{Change, DryRun, HeldReason, Plan, Reason, Refusal};
use serde::Serialize;

use super::summary::{self, Summary};

/// The version of the form.
pub(crate) const VERSION: u32 = 1;

/// The plan of every destination.
#[derive(Debug, Serialize)]
pub(crate) struct PlanDocument<'a> {
    pub(crate) version: u32,
    /// The digest of the configuration.
    pub(crate) configuration: String,
    pub(crate) summary: Summary,
    pub(crate) destinations: Vec<DestinationDocument<'a>>,
    /// What is refused at every destination.
    pub(crate) refusals: &'a [Refusal],
}

/// The plan of a destination.
#[derive(Debug, Serialize)]
pub(crate) struct DestinationDocument<'a> {
    pub(crate) destination: String,
    /// The digest of the groups that should exist there.
    pub(crate) desired: String,
    /// The digest of the groups of this owner that exist there.
    pub(crate) observed: String,
    pub(crate) changes: Vec<ChangeDocument>,
    pub(crate) refusals: &'a [Refusal],
}

/// One request.
#[derive(Debug, Serialize)]
pub(crate) struct ChangeDocument {
    pub(crate) operation: &'static str,
    pub(crate) reason: Reason,
    pub(crate) namespace: String,
    /// None for a whole namespace.
    pub(crate) group: Option<String>,
    pub(crate) object: Option<String>,
    pub(crate) held: Option<HeldReason>,
    /// What is changed, group by group.
    pub(crate) groups: Vec<GroupDocument>,
}

/// A group before and after.
#[derive(Debug, Serialize)]
pub(crate) struct GroupDocument {
    pub(crate) group: String,
    /// None if the ruler has none, or one that cannot be read.
    pub(crate) before: Option<Group>,
    /// None if it is deleted.
    pub(crate) after: Option<Group>,
}

impl<'a> PlanDocument<'a> {
    pub(crate) fn new(configuration: impl ToString, dry_run: &'a DryRun) -> Self {
        Self {
            version: VERSION,
            configuration: configuration.to_string(),
            summary: Summary::of(dry_run),
            destinations: dry_run.plans.iter().map(DestinationDocument::new).collect(),
            refusals: &dry_run.refusals,
        }
    }
}

impl<'a> DestinationDocument<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self {
            destination: plan.destination.to_string(),
            desired: plan.basis.desired.to_string(),
            observed: plan.basis.observed.to_string(),
            changes: plan.expected().map(|change| ChangeDocument::new(plan, change)).collect(),
            refusals: &plan.refusals,
        }
    }
}

impl ChangeDocument {
    fn new(plan: &Plan, change: &Change) -> Self {
        let bodies = plan.bodies(change).unwrap_or_default();
        let group = |body: rulesync_core::plan::Bodies| GroupDocument {
            group: body.group.to_string(),
            before: body.before,
            after: body.after,
        };
        Self {
            operation: change.operation(),
            reason: change.reason,
            namespace: change.namespace.to_string(),
            group: change.group().map(str::to_owned),
            object: change.object.as_ref().map(ToString::to_string),
            held: change.held,
            groups: bodies.into_iter().map(group).collect(),
        }
    }

    /// Returns whether it deletes something.
    pub(crate) fn is_delete(&self) -> bool {
        self.operation != "put_group"
    }

    /// Returns the sign of the change, as diffs have it.
    pub(crate) fn sign(&self) -> char {
        match self.reason {
            _ if self.is_delete() => '-',
            Reason::Missing => '+',
            _ => '~',
        }
    }

    /// Returns the change in one line: what, of which object, and why.
    pub(crate) fn title(&self) -> String {
        let Self { namespace, group, object, reason, held, groups, .. } = self;
        let what = match group {
            Some(group) => format!("{namespace} / {group}"),
            None => format!("{namespace} ({})", summary::groups(groups.len())),
        };
        let object = object.as_ref().map(|object| format!(" of {object}")).unwrap_or_default();
        let reason = reason.to_string().replace('_', " ");
        let held = held.map(|held| format!("; {held}")).unwrap_or_default();
        format!("{what}{object} ({reason}{held})")
    }
}
