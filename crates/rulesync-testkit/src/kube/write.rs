//! Single writes: create, replace, patch. Decides which writes are invalid and what a write changes; time and
//! identifiers come from `stamps`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::builtin;
use super::decoding::{decoded, listed, prune, undeclared, untyped};
use super::field_error::FieldError;
use super::fields::Fields;
use super::intent::{Change, Intent, Unknown, Written};
use super::metadata::{
    carry_over, check_identity, check_name, complete, counted_by_generation, finalizers, init_metadata,
    same_content,
};
use super::object_validation::validate;
use super::ownership::{Manager, record_creation, record_update};
use super::patch;
use super::refused::Refused;
use super::resource::{Nature, Resource};
use super::strategic;
use super::world::World;

/// Etcd's limit on a request in bytes, which bounds the size of an object.
const LARGEST_OBJECT: usize = 1_572_864;

impl World {
    /// POST.
    pub(crate) fn create(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        body: Value,
        intent: &Intent,
    ) -> Result<Written, Refused> {
        self.create_as(resource, namespace, body, intent, None)
    }

    /// Creates an object, either by a plain write or by an apply that claims certain fields.
    pub(crate) fn create_as(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        body: Value,
        intent: &Intent,
        claim: Option<(&Manager, Fields)>,
    ) -> Result<Written, Refused> {
        let mut value = decoded(resource, body)?;
        let unknown = prune(resource, &mut value, intent)?;
        builtin::read(resource, &mut value)?;
        let name = init_metadata(resource, namespace, &mut value, intent.uid.as_deref(), &mut self.stamps)?;
        if resource.namespaced {
            self.check_namespace(resource, namespace, &name)?;
        }
        if resource.has_status()
            && !intent.with_status
            && let Some(members) = value.as_object_mut()
        {
            members.remove("status");
        }
        let now = self.stamps.now();
        complete(resource, &name, &mut value, &now);
        if intent.validate {
            validate(resource, &name, None, &value)?;
        }
        intent.may_create.clone()?;
        let (table, key) = (resource.table(), resource.key(namespace, &name));
        if self.store.get(&table, &key).is_some() {
            return Err(Refused::already_exists(resource, &name));
        }
        match claim {
            Some((manager, fields)) => record_creation(&mut value, fields, manager, now),
            None => {
                let manager = intent.manager_of(resource);
                record_update(resource, &builtin::empty(resource), &mut value, &manager, now);
            }
        }
        let value = self.commit(resource, &key, value, intent.dry_run)?;
        Ok(Written { value, created: true, unknown })
    }

    /// PUT, and the result of a PATCH.
    pub(crate) fn replace(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        name: &str,
        body: Value,
        intent: &Intent,
    ) -> Result<Written, Refused> {
        let mut value = decoded(resource, body)?;
        let unknown = prune(resource, &mut value, intent)?;
        builtin::read(resource, &mut value)?;
        let Some(record) = self.find(resource, namespace, name) else {
            return self.create_by_update(resource, namespace, name, value, intent);
        };
        let old = record.value();
        check_identity(resource, name, record.revision, &old, &value, intent)?;
        carry_over(resource, &old, &mut value, intent);
        if intent.validate {
            validate(resource, name, Some(&old), &value)?;
        }
        if same_content(&old, &value) {
            return Ok(Written { value: old, created: false, unknown });
        }
        record_update(resource, &old, &mut value, &intent.manager_of(resource), self.stamps.now());
        let value = self.store_update(resource, namespace, name, &old, value, intent)?;
        Ok(Written { value, created: false, unknown })
    }

    /// Stores the next state of an object: increments its generation, or removes it if the last finalizer is gone.
    pub(crate) fn store_update(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        name: &str,
        old: &Value,
        mut value: Value,
        intent: &Intent,
    ) -> Result<Value, Refused> {
        let counted = |value: &Value| counted_by_generation(resource, value);
        if resource.counts_generations() && counted(old) != counted(&value) {
            let generation = old["metadata"]["generation"].as_u64().unwrap_or(0);
            value["metadata"]["generation"] = json!(generation + 1);
        }
        let key = resource.key(namespace, name);
        let terminating = value["metadata"].get("deletionTimestamp").is_some();
        if terminating && finalizers(&value) == 0 && !matches!(resource.nature, Nature::Namespace) {
            if !intent.dry_run {
                self.store.remove(&resource.table(), &key);
            }
            return Ok(value);
        }
        self.commit(resource, &key, value, intent.dry_run)
    }

    /// A PUT of a missing object creates it for some kinds, unless the body has a uid or resourceVersion: that state is
    /// gone.
    fn create_by_update(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        name: &str,
        mut value: Value,
        intent: &Intent,
    ) -> Result<Written, Refused> {
        if !resource.creates_on_update() {
            return Err(Refused::not_found(resource, name));
        }
        let text = |key: &str| value["metadata"].get(key).and_then(Value::as_str).unwrap_or_default();
        if !text("uid").is_empty() {
            return Err(Refused::precondition(resource, name, "UID", text("uid"), ""));
        }
        if !text("resourceVersion").is_empty() {
            return Err(Refused::modified(resource, name));
        }
        check_name(name, &value)?;
        value["metadata"]["name"] = json!(name);
        self.create(resource, namespace, value, intent)
    }

    /// PATCH.
    pub(crate) fn patch(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        name: &str,
        change: &Change,
        intent: &Intent,
    ) -> Result<Written, Refused> {
        let record =
            self.find(resource, namespace, name).ok_or_else(|| Refused::not_found(resource, name))?;
        let mut value = record.value();
        match change {
            Change::Merge(merged) => patch::merge(&mut value, merged),
            Change::Strategic(merged) => strategic::merge(&mut value, merged),
            Change::Steps(steps) => patch::apply(&mut value, steps).map_err(|why| {
                let error = FieldError::invalid("patch", &Value::Null, &why);
                Refused::invalid(resource, name, &[error])
            })?,
        }
        if let Some(why) = untyped(&value["metadata"]) {
            return Err(Refused::invalid_patch(&value.to_string(), &why));
        }
        let unknown = undeclared(resource, &mut value.clone());
        if intent.unknown == Unknown::Strict && !unknown.is_empty() {
            let why = format!("strict decoding error: {}", listed(&unknown));
            return Err(Refused::invalid_patch(&value.to_string(), &why));
        }
        self.replace(resource, namespace, name, value, intent)
    }

    fn check_namespace(&self, resource: &Resource, namespace: &str, name: &str) -> Result<(), Refused> {
        let Some(found) = self.store.get("namespaces", namespace) else {
            return Err(Refused::not_found(&Resource::namespaces(), namespace));
        };
        if found.value()["status"]["phase"] == "Terminating" {
            return Err(Refused::namespace_terminating(resource, name, namespace));
        }
        Ok(())
    }

    pub(super) fn commit(
        &mut self,
        resource: &Resource,
        key: &str,
        mut value: Value,
        dry_run: bool,
    ) -> Result<Value, Refused> {
        let draft = self.store.draft(&mut value);
        if draft.json.len() > LARGEST_OBJECT {
            return Err(Refused::internal("etcdserver: request is too large"));
        }
        if dry_run {
            // What is not written has the revision that it had, or none.
            match (self.store.get(&resource.table(), key), value["metadata"].as_object_mut()) {
                (Some(record), _) => {
                    value["metadata"]["resourceVersion"] = json!(record.revision.to_string())
                }
                (None, Some(metadata)) => drop(metadata.remove("resourceVersion")),
                (None, None) => {}
            }
            return Ok(value);
        }
        if matches!(resource.nature, Nature::Definition) {
            self.define(&value).map_err(Refused::bad_request)?;
        }
        match resource.event_api() {
            Some(api) => drop(self.store.put(&resource.table(), key, api.stored(&value))),
            None => drop(self.store.keep(&resource.table(), key, draft)),
        }
        Ok(value)
    }
}
