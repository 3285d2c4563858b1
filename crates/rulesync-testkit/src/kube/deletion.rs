//! DELETE: what becomes of an object.

use std::sync::Arc;

use serde_json::{Value, json};

use super::delete_options::{DeleteOptions, Propagation};
use super::metadata::finalizers;
use super::refused::Refused;
use super::resource::{Nature, Resource};
use super::world::World;

/// The finalizers that the garbage collector removes when it has done what an object waits for.
const OF_COLLECTOR: [(Propagation, &str); 2] =
    [(Propagation::Foreground, "foregroundDeletion"), (Propagation::Orphan, "orphan")];

impl World {
    /// DELETE of one object. Returns the object if finalizers keep it, otherwise a success `Status`.
    pub(crate) fn delete(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
        dry_run: bool,
    ) -> Result<Value, Refused> {
        let record =
            self.find(resource, namespace, name).ok_or_else(|| Refused::not_found(resource, name))?;
        let old = record.value();
        let preconditions =
            [("UID", "uid", &options.uid), ("ResourceVersion", "resourceVersion", &options.revision)];
        for (what, key, wanted) in preconditions {
            let found = old["metadata"][key].as_str().unwrap_or_default();
            if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != found) {
                return Err(Refused::precondition(resource, name, what, wanted, found));
            }
        }
        let success = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {
                "name": name, "group": resource.group, "kind": resource.plural,
                "uid": old["metadata"]["uid"],
            },
        });
        if dry_run || options.dry_run {
            return Ok(success);
        }
        match resource.nature {
            Nature::Namespace => return self.terminate_namespace(name),
            Nature::Definition => return Ok(self.undefine(name, 1).unwrap_or(success)),
            Nature::Custom { .. } | Nature::BuiltIn(..) | Nature::Review(..) => {}
        }
        let (table, key) = (resource.table(), resource.key(namespace, name));
        let mut left = old.clone();
        self.wait_for_collector(&mut left, options.propagation);
        if finalizers(&left) == 0 {
            self.store.remove(&table, &key);
            return Ok(success);
        }
        if left["metadata"].get("deletionTimestamp").is_none() {
            left["metadata"]["deletionTimestamp"] = json!(self.stamps.now());
            left["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            if resource.counts_generations() {
                let generation = left["metadata"]["generation"].as_u64().unwrap_or(0);
                left["metadata"]["generation"] = json!(generation + 1);
            }
        }
        if left == old { Ok(old) } else { self.commit(resource, &key, left, false) }
    }

    /// Gives an object the finalizer that the garbage collector is to remove, and takes away one that was for another way
    /// to propagate the delete. With controllers, the collector has removed it by the time anybody looks.
    fn wait_for_collector(&self, object: &mut Value, propagation: Option<Propagation>) {
        let Some(propagation) = propagation else { return };
        let Some(metadata) = object["metadata"].as_object_mut() else { return };
        let mut names = match metadata.remove("finalizers") {
            Some(Value::Array(names)) => names,
            _ => Vec::new(),
        };
        names.retain(|name| OF_COLLECTOR.iter().all(|(_, of_collector)| name != of_collector));
        let own = OF_COLLECTOR.iter().filter(|(other, _)| *other == propagation && !self.controller);
        names.extend(own.map(|(_, name)| json!(name)));
        if !names.is_empty() {
            metadata.insert("finalizers".to_owned(), Value::Array(names));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::intent::Intent;
    use super::super::query::Params;
    use super::super::stamps::Stamps;
    use super::*;

    fn world(controller: bool) -> (World, Arc<Resource>) {
        let mut world = World::new(100, None, Stamps::new(None));
        world.controller = controller;
        let maps = world.resource("configmaps").unwrap();
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}});
        world.apply(namespace).unwrap();
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}});
        world.create(&maps, "a", map, &Intent::for_test()).unwrap();
        (world, maps)
    }

    fn options(query: &str, body: &str) -> DeleteOptions {
        DeleteOptions::read(&Params::parse(query), body.as_bytes()).unwrap()
    }

    #[test]
    fn deletion_in_the_foreground_waits_for_a_collector() {
        let foreground = options("propagationPolicy=Foreground", "");
        let (mut world, maps) = self::world(true);
        assert_eq!(world.delete(&maps, "a", "x", &foreground, false).unwrap()["kind"], "Status");
        assert!(world.find(&maps, "a", "x").is_none(), "the collector has been there");

        let (mut world, maps) = self::world(false);
        let left = world.delete(&maps, "a", "x", &foreground, false).unwrap();
        assert_eq!(left["metadata"]["finalizers"], json!(["foregroundDeletion"]));
        assert!(left["metadata"]["deletionTimestamp"].is_string());
        let revision = world.store.revision();
        assert_eq!(world.delete(&maps, "a", "x", &options("", "{}"), false).unwrap(), left, "still waiting");
        assert_eq!(world.store.revision(), revision);
        let orphan = options("", r#"{"orphanDependents": true}"#);
        let left = world.delete(&maps, "a", "x", &orphan, false).unwrap();
        assert_eq!(left["metadata"]["finalizers"], json!(["orphan"]));
        let background = options("", r#"{"propagationPolicy": "Background"}"#);
        assert_eq!(world.delete(&maps, "a", "x", &background, false).unwrap()["kind"], "Status");
    }
}
