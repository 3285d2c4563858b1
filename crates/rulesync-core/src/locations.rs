//! Locations of findings in files: the engine and its rulers locate a finding by group and rule, and the file, line and
//! column are added before it is reported.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::finding::Finding;
use crate::model::declared::DeclaredGroup;
use crate::model::kind::RULE_FILE;
use crate::model::object::ObjectId;
use crate::model::positions::{PositionMap, Positions, is_located};
use crate::object_change::ObjectChange;
use crate::outcome::{Outcome, Reporter, Reporters};

/// The positions of all objects, shared between the index that learns them and the reports that use them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locations(Arc<Mutex<BTreeMap<ObjectId, Positions>>>);

impl Locations {
    /// Sets the groups of an object, and their positions if it comes from a file.
    pub(crate) fn set(&self, id: &ObjectId, positions: Positions, groups: &[DeclaredGroup]) {
        let positions = match positions.is_empty() {
            // A single group is the first.
            true if groups.len() > 1 => Positions::of_names(groups.iter().map(|group| group.name.as_str())),
            _ => positions,
        };
        self.with(|all| match positions.is_empty() {
            true => drop(all.remove(id)),
            false => drop(all.insert(id.clone(), positions)),
        });
    }

    /// Forgets a deleted object.
    pub(crate) fn forget(&self, id: &ObjectId) {
        self.with(|all| drop(all.remove(id)));
    }

    /// Adds the position to findings about objects. The positions of an object are read once for findings that follow
    /// each other.
    pub(crate) fn locate<'a>(&self, findings: impl IntoIterator<Item = (&'a ObjectId, &'a mut Finding)>) {
        let mut read: Option<(&ObjectId, PositionMap)> = None;
        for (id, finding) in findings.into_iter().filter(|(_, finding)| !is_located(&finding.location)) {
            if read.as_ref().is_none_or(|(of, _)| *of != id) {
                let positions = self.with(|all| all.get(id).cloned()).unwrap_or_default();
                read = Some((id, positions.map()));
            }
            if let Some((_, map)) = &read {
                map.locate(&mut finding.location, if id.kind() == RULE_FILE { "" } else { "spec." });
            }
        }
    }

    /// Returns reporters that add positions before they pass outcomes on.
    pub(crate) fn locating(&self, reporters: Reporters) -> Reporters {
        Reporters::new([Arc::new(Locating { locations: self.clone(), reporters }) as Arc<dyn Reporter>])
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<ObjectId, Positions>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Passes outcomes on with the positions of their findings.
#[derive(Debug)]
struct Locating {
    locations: Locations,
    reporters: Reporters,
}

impl Reporter for Locating {
    fn follows_objects(&self) -> bool {
        self.reporters.follow_objects()
    }

    fn object_changed(&self, change: &ObjectChange) {
        self.reporters.object_changed(change);
    }

    fn report(&self, outcome: &Outcome) {
        let located = |object: &ObjectId, finding: &Finding| {
            let mut finding = finding.clone();
            self.locations.locate([(object, &mut finding)]);
            finding
        };
        let of = |object: &Option<ObjectId>, finding: &Finding| match object {
            Some(object) => located(object, finding),
            None => finding.clone(),
        };
        match outcome {
            Outcome::Refused { subject, finding } => {
                let finding = of(&subject.object, finding);
                self.reporters.report(&Outcome::Refused { subject: subject.clone(), finding });
            }
            Outcome::Failing { subject, finding } => {
                let finding = of(&subject.object, finding);
                self.reporters.report(&Outcome::Failing { subject: subject.clone(), finding });
            }
            Outcome::Found { object, destination, finding } => {
                let finding = located(object, finding);
                let (object, destination) = (object.clone(), destination.clone());
                self.reporters.report(&Outcome::Found { object, destination, finding });
            }
            other => self.reporters.report(other),
        }
    }
}
