//! The cluster: the store, the served kinds, and the lifecycle of namespaces and definitions. Independent of HTTP;
//! single writes are in `write`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::builtin;
use super::decoding::{decoded, prune};
use super::delete_options::DeleteOptions;
use super::intent::{Intent, Written};
use super::ownership::record_update;
use super::refused::Refused;
use super::resource::Resource;
use super::review::Review;
use super::stamps::Stamps;
use super::store::{Record, Store};

/// The namespace whose uid identifies the cluster.
pub(crate) const CLUSTER: &str = "kube-system";

/// The state of the API server.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) stamps: Stamps,
    served: BTreeMap<String, Arc<Resource>>,
    /// Kinds whose definition is gone, and the number of lists of them that are still answered with 200 and no items.
    vanishing: BTreeMap<String, (Arc<Resource>, usize)>,
    /// `true` if a deleted namespace is emptied and removed at once, as by the namespace controller.
    pub(crate) controller: bool,
}

impl World {
    /// Creates a cluster with the built-in kinds and the four namespaces of every cluster. The uid of `kube-system`
    /// identifies the cluster; it is random unless given.
    pub(crate) fn new(history: usize, cluster_uid: Option<String>, stamps: Stamps) -> Self {
        let mut world = Self {
            store: Store::new(history),
            stamps,
            served: BTreeMap::new(),
            vanishing: BTreeMap::new(),
            controller: true,
        };
        let plain = builtin::resources();
        let reviews = [Review::Access, Review::Identity].map(Resource::review);
        let own = [Resource::namespaces(), Resource::definitions()];
        for resource in own.into_iter().chain(reviews).chain(plain) {
            world.served.insert(resource.qualified(), Arc::new(resource));
        }
        for name in ["kube-system", "kube-public", "default", "kube-node-lease"] {
            world.ensure_namespace_as(name, cluster_uid.clone().filter(|_| name == CLUSTER));
        }
        world
    }

    /// The kind with this qualified name, if it is served.
    pub(crate) fn resource(&self, qualified: &str) -> Option<Arc<Resource>> {
        self.served.get(qualified).cloned()
    }

    /// All served kinds, sorted by name.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.served.values()
    }

    /// The kind with this apiVersion and kind.
    pub(crate) fn resource_of(&self, api_version: &str, kind: &str) -> Option<Arc<Resource>> {
        self.served.values().find(|r| r.kind == kind && r.api_version() == api_version).cloned()
    }

    /// Returns `true` if this declaration of the kind is still in force; watches end when it is not.
    pub(crate) fn still_serves(&self, resource: &Arc<Resource>) -> bool {
        self.served.get(&resource.qualified()).is_some_and(|current| Arc::ptr_eq(current, resource))
    }

    /// A deleted kind, if a list of it is still to be answered as empty; counts down.
    pub(crate) fn take_vanishing_list(&mut self, qualified: &str) -> Option<Arc<Resource>> {
        let (resource, left) = self.vanishing.get_mut(qualified)?;
        *left = left.checked_sub(1)?;
        Some(resource.clone())
    }

    /// The object in the form of the resource, if it exists.
    pub(crate) fn find(&self, resource: &Resource, namespace: &str, name: &str) -> Option<Arc<Record>> {
        self.store.get(&resource.table(), &resource.key(namespace, name)).map(|record| resource.view(record))
    }

    /// Creates the namespace unless it exists.
    pub(crate) fn ensure_namespace(&mut self, name: &str) {
        self.ensure_namespace_as(name, None);
    }

    fn ensure_namespace_as(&mut self, name: &str, uid: Option<String>) {
        if self.store.get("namespaces", name).is_none() {
            let intent = Intent { validate: false, uid, ..Intent::for_test() };
            let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            // Cannot fail: the kind is built in, nothing is validated, the name is free.
            let _ = self.create(&Arc::new(Resource::namespaces()), "", body, &intent);
        }
    }

    /// Starts serving the kind that the definition declares.
    ///
    /// # Errors
    /// A message if the definition declares nothing that can be served.
    pub(crate) fn define(&mut self, definition: &Value) -> Result<(), String> {
        let resource = Arc::new(Resource::declared(definition)?);
        let qualified = resource.qualified();
        self.vanishing.remove(&qualified);
        self.served.insert(qualified, resource);
        Ok(())
    }

    /// Deletes a definition: it is marked as terminating, its objects are deleted with one event each, watches end, and
    /// the kind is no longer served; the next `lists` lists of it are still answered as empty. Returns the definition
    /// as first marked, if there was one.
    pub(crate) fn undefine(&mut self, qualified: &str, lists: usize) -> Option<Value> {
        let resource = self.served.get(qualified).filter(|r| r.is_custom())?.clone();
        let table = Resource::definitions().qualified();
        let mut definition = self.store.get(&table, qualified)?.value();
        definition["metadata"]["deletionTimestamp"] = json!(self.stamps.now());
        let shown = self.store.put(&table, qualified, definition).value();
        let mut terminating = shown.clone();
        if let Some(conditions) = terminating.pointer_mut("/status/conditions").and_then(Value::as_array_mut)
        {
            conditions.push(json!({
                "type": "Terminating", "status": "True", "lastTransitionTime": self.stamps.now(),
                "reason": "InstanceDeletionInProgress",
                "message": "CustomResource deletion is in progress",
            }));
        }
        self.store.put(&table, qualified, terminating);
        let keys: Vec<String> = self.store.table(qualified).keys().cloned().collect();
        for key in keys {
            self.store.remove(qualified, &key);
        }
        self.store.remove(&table, qualified);
        self.served.remove(qualified);
        self.vanishing.insert(qualified.to_owned(), (resource, lists));
        Some(shown)
    }

    /// Answers a question.
    ///
    /// # Errors
    /// If it is not one.
    pub(crate) fn review(
        &self,
        resource: &Resource,
        review: Review,
        question: Value,
        intent: &Intent,
        status: impl FnOnce(&Value) -> Value,
    ) -> Result<Written, Refused> {
        let mut value = decoded(resource, question)?;
        let unknown = prune(resource, &mut value, intent)?;
        let (manager, now) = (intent.manager_of(resource), self.stamps.now());
        record_update(resource, &review.empty(), &mut value, &manager, now);
        value["status"] = status(&value);
        Ok(Written { value, created: true, unknown })
    }

    /// Marks the namespace as terminating; with the controller, also empties and removes it.
    pub(crate) fn terminate_namespace(&mut self, name: &str) -> Result<Value, Refused> {
        let Some(record) = self.store.get("namespaces", name).cloned() else {
            return Err(Refused::not_found(&Resource::namespaces(), name));
        };
        let mut namespace = record.value();
        if namespace["metadata"].get("deletionTimestamp").is_none() {
            namespace["metadata"]["deletionTimestamp"] = json!(self.stamps.now());
            namespace["status"]["phase"] = json!("Terminating");
            namespace = self.store.put("namespaces", name, namespace).value();
        }
        if self.controller {
            self.finish_namespace(name);
        }
        Ok(namespace)
    }

    /// Performs the controller's part: deletes the content, sets the conditions, removes the namespace. Content with
    /// finalizers is marked as deleted and stays, as does the namespace. Returns `true` if the namespace is gone.
    pub(crate) fn finish_namespace(&mut self, name: &str) -> bool {
        let Some(record) = self.store.get("namespaces", name).cloned() else { return false };
        let mut namespace = record.value();
        if namespace["metadata"].get("deletionTimestamp").is_none() {
            return false;
        }
        let namespaced: Vec<Arc<Resource>> = self.served.values().filter(|r| r.namespaced).cloned().collect();
        let mut remaining = 0;
        for resource in namespaced {
            for object in self.names_in(&resource, name) {
                // Only a concurrent delete could make this fail, and the store is locked.
                let _ = self.delete(&resource, name, &object, &DeleteOptions::default(), false);
            }
            remaining += self.names_in(&resource, name).len();
        }
        if remaining > 0 {
            return false;
        }
        namespace["status"]["conditions"] = emptied_conditions(&self.stamps.now());
        self.store.put("namespaces", name, namespace);
        self.store.remove("namespaces", name);
        true
    }

    fn names_in(&self, resource: &Resource, namespace: &str) -> Vec<String> {
        let prefix = format!("{namespace}/");
        let table = self.store.table(&resource.table());
        let inside = table.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        inside.map(|(_, record)| record.name.clone()).collect()
    }

    /// Creates or replaces an object on behalf of a test: the namespace is created if necessary, the status is set as
    /// given, and revisions are not checked.
    pub(crate) fn apply(&mut self, mut object: Value) -> Result<Written, Refused> {
        let text = |pointer: &str| {
            object.pointer(pointer).and_then(Value::as_str).map(str::to_owned).unwrap_or_default()
        };
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let resource = self.resource_of(&api_version, &kind).ok_or_else(|| {
            Refused::bad_request(format!("no kind \"{kind}\" is registered for version \"{api_version}\""))
        })?;
        let namespace =
            if resource.namespaced && namespace.is_empty() { "default".to_owned() } else { namespace };
        if resource.namespaced {
            self.ensure_namespace(&namespace);
        }
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            metadata.remove("uid");
        }
        let intent = Intent::for_test();
        if self.find(&resource, &namespace, &name).is_none() {
            return self.create(&resource, &namespace, object, &intent);
        }
        self.replace(&resource, &namespace, &name, object, &intent)
    }
}

/// The conditions that the namespace controller sets when all content has been deleted.
fn emptied_conditions(now: &str) -> Value {
    let conditions = [
        ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
        (
            "NamespaceFinalizersRemaining",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
        ),
    ];
    let condition = |(kind, reason, message): (&str, &str, &str)| json!({"type": kind, "status": "False", "lastTransitionTime": now, "reason": reason, "message": message});
    Value::Array(conditions.into_iter().map(condition).collect())
}

#[cfg(test)]
mod tests {
    use super::super::prometheus_rule::prometheus_rule_definition;
    use super::*;

    const RULES: &str = "prometheusrules.monitoring.coreos.com";

    fn world() -> World {
        let mut world = World::new(1000, None, Stamps::new(None));
        world.apply(prometheus_rule_definition()).unwrap();
        for (namespace, name) in [("team-a", "x"), ("team-a", "y"), ("team-ab", "z")] {
            world.apply(rule(namespace, name)).unwrap();
        }
        world
    }

    fn rule(namespace: &str, name: &str) -> Value {
        json!({
            "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
            "metadata": {"namespace": namespace, "name": name}, "spec": {},
        })
    }

    /// The events since the revision, in text form.
    fn event_log(world: &World, since: u64) -> Vec<String> {
        let events = world.store.events_after(since, 100).unwrap();
        let lines = events.iter().map(|event| {
            let what = match (&event.before, &event.after) {
                (None, _) => "added",
                (Some(_), Some(_)) => "modified",
                (Some(_), None) => "deleted",
            };
            let name =
                event.after.as_ref().or(event.before.as_ref()).map_or("", |record| record.name.as_str());
            format!("{what} {name}")
        });
        lines.collect()
    }

    #[test]
    fn namespace_deletion_removes_content_first() {
        let mut world = world();
        let since = world.store.revision();
        world.terminate_namespace("team-a").unwrap();
        assert_eq!(
            event_log(&world, since),
            ["modified team-a", "deleted x", "deleted y", "modified team-a", "deleted team-a"]
        );
        assert_eq!(world.store.table(RULES).len(), 1);
        assert_eq!(world.terminate_namespace("team-a").unwrap_err().code, 404);
    }

    #[test]
    fn definition_deletion_removes_objects_and_leaves_one_empty_list() {
        let mut world = world();
        let (since, kind) = (world.store.revision(), world.resource(RULES).unwrap());
        assert!(world.undefine(RULES, 1).is_some());
        let twice = format!("modified {RULES}");
        let last = format!("deleted {RULES}");
        assert_eq!(event_log(&world, since), [&twice, &twice, "deleted x", "deleted y", "deleted z", &last]);
        assert!(!world.still_serves(&kind));
        assert!(world.take_vanishing_list(RULES).is_some());
        assert!(world.take_vanishing_list(RULES).is_none());
        assert_eq!(world.apply(rule("team-a", "x")).unwrap_err().code, 400);
        world.apply(prometheus_rule_definition()).unwrap();
        assert!(world.apply(rule("team-a", "x")).is_ok());
        assert!(!world.still_serves(&kind), "watches of the old declaration have ended");
    }

    #[test]
    fn builtin_kinds_cannot_be_undefined() {
        let mut world = world();
        assert!(world.undefine("namespaces", 1).is_none());
        assert!(world.resource("namespaces").is_some());
    }
}
