//! What is known of what was published, in a few bytes for each object.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use rulesync_core::{ObjectId, Owner};

use super::write::Output;
use crate::publish::draft::Written;
use crate::publish::events::Facts;
use crate::publish::reason::Reason;
use crate::publish::rule_status;

/// What stands for an object: a hash, random within the process, of its Kubernetes namespace and of the name that its
/// `RuleStatus` has or would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(pub(super) u64);

/// Makes keys. Clones make the same.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    random: RandomState,
    owner: Owner,
}

impl Keys {
    pub(super) fn of(owner: Owner) -> Self {
        Self { random: RandomState::new(), owner }
    }

    /// Returns the key of an object.
    pub(super) fn object(&self, object: &ObjectId) -> Key {
        self.source(object.kind(), object.namespace(), object.name())
    }

    /// Returns the key of an object.
    pub(super) fn source(&self, kind: &str, namespace: &str, name: &str) -> Key {
        self.named(namespace, &rule_status::name(kind, name, &self.owner))
    }

    /// Returns the key of the object that has a `RuleStatus` of this name.
    pub(super) fn named(&self, namespace: &str, name: &str) -> Key {
        Key(self.random.hash_one((namespace, name)))
    }

    /// Returns what stands for an Event of this name.
    pub(super) fn event(&self, namespace: &str, name: &str) -> u64 {
        self.random.hash_one((namespace, name))
    }
}

/// What was written of an object in one place; the inner one is none if it exists, and what it says is not known.
pub(super) type Document = Option<Written>;

/// What the annotation of an object says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Annotation {
    /// This state, which the owner has written.
    Own(Reason),
    /// What somebody else has written, to whom it is left.
    Foreign,
}

impl Annotation {
    /// Returns the state that the owner has written.
    pub(super) fn own(self) -> Option<Reason> {
        match self {
            Self::Own(state) => Some(state),
            Self::Foreign => None,
        }
    }
}

/// What was published of all objects of a source.
#[derive(Debug, Default)]
pub(super) struct Published {
    rule_statuses: HashMap<Key, Document>,
    logging_rules: HashMap<Key, Document>,
    reports: HashMap<Key, Document>,
    annotations: HashMap<Key, Annotation>,
    /// Objects without a problem that have a `RuleStatus` from the time when all had one.
    surplus: HashSet<Key>,
    /// What authors were told of objects that have, or had, problems.
    facts: HashMap<Key, Facts>,
}

/// What was published of one object.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Known {
    pub(super) rule_status: Option<Document>,
    pub(super) logging_rule: Option<Document>,
    pub(super) report: Option<Document>,
    pub(super) annotation: Option<Annotation>,
    /// Set if it has a `RuleStatus` that it would not have been given by now.
    pub(super) is_surplus: bool,
    pub(super) facts: Option<Facts>,
}

/// What is known after a write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// A document says this; it does not exist any more if there is none.
    Document(Output, Option<Written>),
    /// The annotation is this one.
    Annotation(Option<Annotation>),
}

impl Known {
    /// Returns whether something of the object exists that the owner has published.
    pub(super) fn exists(&self) -> bool {
        let Self { rule_status, logging_rule, report, facts, .. } = self;
        rule_status.is_some()
            || logging_rule.is_some()
            || report.is_some()
            || self.annotated().is_some()
            || facts.is_some()
    }

    /// Returns whether its whole state was published, and not just the one word.
    pub(super) fn has_document(&self) -> bool {
        self.rule_status.is_some() || self.logging_rule.is_some()
    }

    /// Returns the state that the owner has annotated the object with.
    pub(super) fn annotated(&self) -> Option<Reason> {
        self.annotation.and_then(Annotation::own)
    }

    /// Returns the state that was published last.
    pub(super) fn state(&self) -> Option<Reason> {
        let of = |document: &Option<Document>| document.flatten().and_then(|written| written.state);
        of(&self.rule_status)
            .or_else(|| of(&self.logging_rule))
            .or_else(|| self.annotated())
            .or_else(|| of(&self.report))
    }
}

impl Published {
    /// Returns what was published of an object.
    pub(super) fn known(&self, key: Key) -> Known {
        Known {
            rule_status: self.rule_statuses.get(&key).copied(),
            logging_rule: self.logging_rules.get(&key).copied(),
            report: self.reports.get(&key).copied(),
            annotation: self.annotations.get(&key).copied(),
            is_surplus: self.surplus.contains(&key),
            facts: self.facts.get(&key).cloned(),
        }
    }

    /// Notes a write.
    pub(super) fn apply(&mut self, key: Key, effect: Effect) {
        match effect {
            Effect::Document(output, written) => {
                if output == Output::RuleStatus {
                    self.surplus.remove(&key);
                }
                if let Some(documents) = self.documents(output) {
                    match written {
                        Some(written) => drop(documents.insert(key, Some(written))),
                        None => drop(documents.remove(&key)),
                    }
                }
            }
            Effect::Annotation(Some(annotation)) => drop(self.annotations.insert(key, annotation)),
            Effect::Annotation(None) => drop(self.annotations.remove(&key)),
        }
    }

    /// Notes that objects have a `RuleStatus` from their first problem on, where all had one.
    pub(super) fn keep_problems(&mut self) {
        let has_no_problem = |document: &Document| {
            document.is_some_and(|written| written.state.is_some_and(|state| !state.is_problem()))
        };
        let surplus = self.rule_statuses.iter().filter(|(_, document)| has_no_problem(document));
        self.surplus = surplus.map(|(key, _)| *key).collect();
    }

    /// Notes that all objects may have a `RuleStatus`, or that none has.
    pub(super) fn keep_all(&mut self) {
        self.surplus = HashSet::new();
    }

    /// Notes what authors were told, as far as it is to be remembered.
    pub(super) fn told(&mut self, key: Key, facts: Option<Facts>) {
        match facts {
            Some(facts) => drop(self.facts.insert(key, facts)),
            None => drop(self.facts.remove(&key)),
        }
    }

    /// Replaces what is known of documents of one kind by what was listed, and returns the objects of which it differs. If
    /// the list is not whole, what it does not have stays.
    pub(super) fn replace_documents(
        &mut self,
        output: Output,
        listed: HashMap<Key, Document>,
        is_whole: bool,
    ) -> HashSet<Key> {
        self.documents(output).map_or_else(HashSet::new, |documents| replace(documents, listed, is_whole))
    }

    /// The same for annotations.
    pub(super) fn replace_annotations(
        &mut self,
        listed: HashMap<Key, Annotation>,
        is_whole: bool,
    ) -> HashSet<Key> {
        replace(&mut self.annotations, listed, is_whole)
    }

    /// Forgets an object that does not exist any more.
    pub(super) fn forget(&mut self, key: Key) {
        self.logging_rules.remove(&key);
        self.annotations.remove(&key);
        self.facts.remove(&key);
    }

    fn documents(&mut self, output: Output) -> Option<&mut HashMap<Key, Document>> {
        match output {
            Output::RuleStatus => Some(&mut self.rule_statuses),
            Output::LoggingRule => Some(&mut self.logging_rules),
            Output::Report => Some(&mut self.reports),
            Output::Annotation(_) => None,
        }
    }
}

/// Replaces what is known by what was listed, or just adds that if it is not whole. Returns the keys whose values differ.
fn replace<T: PartialEq>(
    known: &mut HashMap<Key, T>,
    listed: HashMap<Key, T>,
    is_whole: bool,
) -> HashSet<Key> {
    let mut changed: HashSet<Key> =
        listed.iter().filter(|(key, value)| known.get(key) != Some(value)).map(|(key, _)| *key).collect();
    if is_whole {
        changed.extend(known.keys().filter(|key| !listed.contains_key(key)));
        *known = listed;
    } else {
        known.extend(listed);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_is_known_by_the_object_and_by_the_name_of_its_status() {
        let keys = Keys::of("us".parse().unwrap());
        let object = ObjectId::new(&"k".into(), &"AlertingRule".into(), "ns", "o");
        assert_eq!(keys.object(&object), keys.named("ns", "o.alertingrule.us"));
        assert_ne!(keys.object(&object), keys.named("other", "o.alertingrule.us"));
        let (mut published, key) = (Published::default(), keys.object(&object));
        assert!(!published.known(key).exists());
        published.apply(key, Effect::Annotation(Some(Annotation::Foreign)));
        assert!(!published.known(key).exists(), "it is not the owner's");
        published.apply(key, Effect::Annotation(Some(Annotation::Own(Reason::Failing))));
        let listed = HashMap::from([(key, None)]);
        assert_eq!(
            published.replace_documents(Output::RuleStatus, listed.clone(), true),
            HashSet::from([key])
        );
        assert!(published.replace_documents(Output::RuleStatus, listed, true).is_empty());
        assert!(published.replace_documents(Output::RuleStatus, HashMap::new(), false).is_empty());
        assert_eq!(published.known(key).state(), Some(Reason::Failing));
        assert_eq!(published.known(key).rule_status, Some(None));
        published.apply(key, Effect::Document(Output::RuleStatus, None));
        published.forget(key);
        assert!(!published.known(key).exists());
    }
}
