//! What several files declare, of which only one counts.

use std::collections::HashMap;
use std::sync::Arc;

use rulesync_core::finding::{Code, Finding, Location, Position};
use rulesync_core::model::RULE_FILE;
use rulesync_core::{ObjectId, RuleObject};

/// A place in a file.
type Place = (Arc<str>, Position);

/// What was declared so far.
#[derive(Debug, Default)]
pub(super) struct Repetitions {
    /// Objects of Kubernetes, by kind, Kubernetes namespace and name, whichever path they come from.
    objects: HashMap<(String, String, String), Place>,
    /// The groups of rule files. Those that declare one `namespace` are one object.
    groups: HashMap<ObjectId, HashMap<String, Arc<str>>>,
}

impl Repetitions {
    /// Adds findings to an object that was declared before, in whole or in part.
    pub(super) fn find(&mut self, object: &mut RuleObject, file: &Arc<str>, position: Position) {
        if object.id.kind() == RULE_FILE {
            self.groups(object, file);
        } else {
            object.findings.extend(self.object(&object.id, file, position));
        }
    }

    fn object(&mut self, id: &ObjectId, file: &Arc<str>, position: Position) -> Option<Finding> {
        let key = (id.kind().to_owned(), id.namespace().to_owned(), id.name().to_owned());
        let (earlier, at) = self.objects.get(&key).cloned().or_else(|| {
            self.objects.insert(key, (Arc::clone(file), position));
            None
        })?;
        let location =
            Location { file: Some(file.to_string()), position: Some(position), ..Location::default() };
        let message = format!("the {} is declared before, at {earlier}:{at}", id.kind());
        Some(
            Finding::warning(Code::DuplicateObject, message)
                .at(location)
                .hint("only one of them counts: rename or remove one"),
        )
    }

    fn groups(&mut self, object: &mut RuleObject, file: &Arc<str>) {
        let known = self.groups.entry(object.id.clone()).or_default();
        for (index, group) in object.groups.iter().enumerate() {
            match known.get(&group.name) {
                // Within one file, the object itself has the finding.
                Some(earlier) if earlier == file => {}
                Some(earlier) => {
                    let location = Location {
                        group: Some(group.name.clone()),
                        group_index: Some(index),
                        ..Location::default()
                    };
                    let message =
                        format!("a group of this name stands in {earlier}, which has the same `namespace`");
                    object.findings.push(
                        Finding::error(Code::DuplicateGroup, message)
                            .at(location)
                            .hint("the first one counts: rename or remove this one"),
                    );
                }
                None => drop(known.insert(group.name.clone(), Arc::clone(file))),
            }
        }
    }
}
