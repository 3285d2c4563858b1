//! The result of a dry run: the plan of each destination, with what would be refused.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::Serialize;

use super::basis::Basis;
use super::bodies::{Bodies, PlanBodies};
use super::change::{Action, Change};
use crate::finding::Finding;
use crate::model::capabilities::StoredFields;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::observed::Observed;
use crate::overlay::Offered;
use crate::stored_groups::StoredGroups;

/// The changes for one destination, in order: writes before deletes, so that no rule goes unevaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The destination.
    #[serde(serialize_with = "as_text")]
    pub destination: DestinationId,
    /// The changes.
    pub changes: Vec<Change>,
    /// The groups that the ruler is expected to refuse, and those that are not sent at all.
    pub refusals: Vec<Refusal>,
    /// Digests of what it was made from.
    #[serde(skip)]
    pub basis: Basis,
    #[serde(skip)]
    bodies: Option<PlanBodies>,
}

/// A group, or a whole object, that is not sent, or that a ruler is expected to refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refusal {
    /// The object.
    #[serde(serialize_with = "as_text")]
    pub object: ObjectId,
    /// The reason, located in the object.
    pub finding: Finding,
}

/// The result of a dry run: what [`Engine::sync_once`](crate::Engine::sync_once) would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DryRun {
    /// The plan of each destination.
    pub plans: Vec<Plan>,
    /// Objects that would be refused at every destination.
    pub refusals: Vec<Refusal>,
}

impl DryRun {
    /// Returns whether nothing would be refused.
    pub fn is_clean(&self) -> bool {
        self.refusals.is_empty() && self.plans.iter().all(|plan| plan.refusals.is_empty())
    }

    /// Creates a dry run of these plans, with the findings about objects at every destination.
    pub(crate) fn new<'a>(
        mut plans: Vec<Plan>,
        objects: impl IntoIterator<Item = (&'a ObjectId, &'a [Finding])>,
    ) -> Self {
        let written = written(plans.iter().flat_map(|plan| &plan.changes));
        let mut refusals: Vec<Refusal> = objects
            .into_iter()
            .flat_map(|(object, findings)| refusals_of(object, findings, &written))
            .collect();
        // The findings of an object stay in their order.
        let by_object = |one: &Refusal, other: &Refusal| one.object.cmp(&other.object);
        refusals.sort_by(by_object);
        plans.iter_mut().for_each(|plan| plan.refusals.sort_by(by_object));
        Self { plans, refusals }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "! {}: {}", self.object, self.finding)
    }
}

/// The groups of each object that are to be written.
type Written<'a> = HashMap<&'a ObjectId, HashSet<&'a str>>;

fn written<'a>(changes: impl Iterator<Item = &'a Change>) -> Written<'a> {
    let mut written = Written::new();
    for change in changes {
        if let (Action::Put(group), Some(object)) = (&change.action, &change.object) {
            written.entry(object).or_default().insert(&group.name);
        }
    }
    written
}

/// Returns the findings of an object that keep its groups from the ruler. A suspicion about a group that is not written
/// is omitted: the ruler has accepted the group.
fn refusals_of(object: &ObjectId, findings: &[Finding], written: &Written<'_>) -> Vec<Refusal> {
    let written = written.get(object);
    let is_written = |finding: &Finding| {
        written.is_some_and(|groups| {
            finding.location.group.as_deref().is_none_or(|group| groups.contains(group))
        })
    };
    let refused = |finding: &&Finding| finding.withholds() || (finding.is_error() && is_written(finding));
    let refusal = |finding: &Finding| Refusal { object: object.clone(), finding: finding.clone() };
    findings.iter().filter(refused).map(refusal).collect()
}

impl Plan {
    /// Creates a plan of these changes, with those that the ruler is expected to refuse.
    pub(crate) fn new(
        destination: &DestinationId,
        changes: Vec<Change>,
        offered: Offered<'_>,
        observed: &Observed,
    ) -> Self {
        let written = written(changes.iter());
        let winners = offered.desired.objects().filter_map(|(_, claims)| claims.first());
        let refusals =
            winners.flat_map(|object| refusals_of(&object.id, &object.findings, &written)).collect();
        let basis = Basis::of(offered, observed);
        Self { destination: destination.clone(), changes, refusals, basis, bodies: None }
    }

    /// Adds what the ruler, which stores these fields, has of the groups that change.
    pub(crate) fn with_bodies(self, stored: &StoredGroups, fields: StoredFields) -> Self {
        Self { bodies: Some(PlanBodies::new(stored, fields, &self.changes)), ..self }
    }

    /// Returns the bodies of one of the changes, one for each of its groups; none if bodies were not asked for
    /// ([`EngineBuilder::bodies`](crate::engine::EngineBuilder::bodies)).
    pub fn bodies(&self, change: &Change) -> Option<Vec<Bodies>> {
        self.bodies.as_ref().map(|bodies| bodies.of(change))
    }

    /// Iterates over the changes that are expected to succeed: without the groups that the ruler is expected to refuse.
    pub fn expected(&self) -> impl Iterator<Item = &Change> {
        let mut suspected: HashSet<(Option<&ObjectId>, Option<&str>)> = HashSet::new();
        for Refusal { object, finding } in &self.refusals {
            suspected.insert((Some(object), finding.location.group.as_deref()));
        }
        let is_suspected =
            move |change: &Change| suspected.contains(&(change.object.as_ref(), change.group()));
        self.changes.iter().filter(move |change| change.is_delete() || !is_suspected(change))
    }

    /// Iterates over the lines of the plan: one for each change, then one for each refusal. A group that the ruler is
    /// expected to refuse is not among the changes.
    pub fn lines(&self) -> impl Iterator<Item = &dyn fmt::Display> {
        let refusals = self.refusals.iter().map(|refusal| refusal as &dyn fmt::Display);
        self.expected().map(|change| change as &dyn fmt::Display).chain(refusals)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {} changes", self.destination, self.changes.len())?;
        self.lines().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

fn as_text<T: fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
