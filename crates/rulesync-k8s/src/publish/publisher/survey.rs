//! Lists what was published before: the digests of what need not be written again, and what belongs to no object any more.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rulesync_core::status::{ObjectStates, SourceStatus};

use super::published::{Annotation, Document, Key, Keys};
use super::questions::Questions;
use super::sink::{Failure, Listed, Sink};
use super::write::Collection;

/// The number of names that are taken at once, so that others are not kept from the states of objects.
const NAMES: usize = 1_000;

/// What is to be listed, and how.
pub(super) struct Survey {
    pub(super) sink: Arc<dyn Sink>,
    pub(super) engine: Arc<dyn Questions>,
    pub(super) states: ObjectStates,
    pub(super) keys: Keys,
    pub(super) collections: Vec<Collection>,
    /// The Kubernetes namespaces to list in; none stands for all.
    pub(super) namespaces: Vec<Option<String>>,
}

/// What was listed.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub(super) collections: Vec<(Collection, Found)>,
    /// The sources by the end; none if the engine does not run.
    pub(super) sources: Option<Vec<SourceStatus>>,
}

/// What was found in a collection.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) documents: HashMap<Key, Document>,
    pub(super) annotations: HashMap<Key, Annotation>,
    /// The Kubernetes namespace and name of what belongs to no declared object, by source whatsoever.
    pub(super) orphans: Vec<(String, String)>,
    /// Where it could not be listed, and why.
    pub(super) failures: Vec<(Option<String>, Failure)>,
}

impl Survey {
    /// Lists everything, page by page.
    pub(super) async fn run(self) -> Surveyed {
        let declared = declared(&self.states, &self.keys);
        let mut collections = Vec::with_capacity(self.collections.len());
        for collection in &self.collections {
            let mut found = Found::default();
            for namespace in &self.namespaces {
                if let Err(failure) =
                    self.list(*collection, namespace.as_deref(), &declared, &mut found).await
                {
                    found.failures.push((namespace.clone(), failure));
                }
            }
            collections.push((*collection, found));
        }
        Surveyed { collections, sources: self.engine.sources().await }
    }

    async fn list(
        &self,
        collection: Collection,
        namespace: Option<&str>,
        declared: &HashSet<Key>,
        found: &mut Found,
    ) -> Result<(), Failure> {
        let mut next: Option<String> = None;
        loop {
            let page = self.sink.list(collection, namespace, next.as_deref()).await?;
            for item in page.items {
                self.take(collection, item, declared, found);
            }
            next = page.next;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    fn take(&self, collection: Collection, item: Listed, declared: &HashSet<Key>, found: &mut Found) {
        let Listed { namespace, name, written, annotation } = item;
        match collection {
            Collection::RuleStatuses | Collection::Reports => {
                let key = self.keys.named(&namespace, &name);
                found.documents.insert(key, written);
                if !declared.contains(&key) {
                    found.orphans.push((namespace, name));
                }
            }
            Collection::LoggingRules | Collection::Annotated(_) => {
                let Some(kind) = collection.of_kind() else { return };
                let key = self.keys.source(kind, &namespace, &name);
                if written.is_some() {
                    found.documents.insert(key, written);
                }
                if let Some(annotation) = annotation {
                    found.annotations.insert(key, annotation);
                }
            }
        }
    }
}

/// Returns what stands for the objects of all sources.
pub(super) fn declared(states: &ObjectStates, keys: &Keys) -> HashSet<Key> {
    let mut declared = HashSet::new();
    let mut last = None;
    loop {
        let ids = states.ids(last.as_ref(), NAMES);
        declared.extend(ids.iter().map(|id| keys.object(id)));
        match ids.last() {
            Some(id) => last = Some(id.clone()),
            None => return declared,
        }
    }
}
