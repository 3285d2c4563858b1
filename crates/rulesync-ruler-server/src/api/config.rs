//! The configuration API: rules listed, read, written and deleted. The answer to a request is both `Ok` and `Err`.

use std::io;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::json;

use super::list;
use crate::{
    escape::base64_url,
    http::{answer::Answer, query},
    model::kind::{EmptyList, MissingDelete, Poison, Profile},
    names::{is_local, object_path},
    settings::Settings,
    storage::Storage,
    validation,
    yaml::{
        decode,
        poison::{self, is_poison},
        render,
    },
};

/// The API of one ruler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConfigApi<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) storage: &'a Storage,
}

impl ConfigApi<'_> {
    fn profile(&self) -> &Profile {
        &self.settings.profile
    }

    /// Removes everything of a tenant.
    pub(crate) fn delete_tenant(&self, tenant: &str) -> Result<Answer, Answer> {
        let namespaces: Vec<String> = self
            .storage
            .lock()
            .tenant(tenant)
            .map(|tenant| tenant.namespaces.keys().cloned().collect())
            .unwrap_or_default();
        for namespace in namespaces {
            self.storage.remove_namespace(tenant, &namespace).map_err(|error| self.store_error(&error))?;
        }
        Ok(Answer::empty(200))
    }

    /// Rejects names that could leave a directory.
    pub(crate) fn check_path(&self, namespace: &str, group: Option<&str>) -> Result<(), Answer> {
        let profile = self.profile();
        if !profile.traversal_check {
            return Ok(());
        }
        for (what, name) in [("namespace", Some(namespace)), ("groupname", group)] {
            if name.is_some_and(|name| !is_local(name)) {
                let error = format!("invalid {what}: path traversal not allowed");
                return Err(Answer::error(profile, 500, "server_error", &error));
            }
        }
        Ok(())
    }

    /// Rejects changes of a protected namespace.
    pub(crate) fn check_protection(
        &self,
        tenant: &str,
        namespace: &str,
        headers: &HeaderMap,
    ) -> Result<(), Answer> {
        let protected =
            self.settings.limits(tenant).protected_namespaces.iter().any(|name| name == namespace);
        let overridden = headers
            .get("x-mimir-ruler-override-namespace-protection")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.split(',').any(|name| name == namespace));
        if protected && !overridden {
            return Err(Answer::text(403, "namespace is protected, no modification allowed"));
        }
        Ok(())
    }

    /// The limits of a tenant that concern rules, as Mimir tells them among others.
    pub(crate) fn limits(&self, tenant: &str) -> Answer {
        let limits = self.settings.limits(tenant);
        let told = json!({
            "ruler_max_rule_groups_per_tenant": limits.groups,
            "ruler_max_rules_per_rule_group": limits.rules_per_group,
        });
        Answer::json(200, &told.to_string())
    }

    /// The groups of a tenant, or of one of its namespaces.
    pub(crate) fn list(&self, tenant: &str, namespace: Option<&str>, query: &str) -> Result<Answer, Answer> {
        if let Some(namespace) = namespace
            && self.settings.is_too_long(namespace)
        {
            let path = object_path(tenant, namespace, None);
            return Err(Answer::text(400, &format!("stat {path}: stat {path}: file name too long")));
        }
        let snapshot = list::snapshot(self.storage.lock().tenant(tenant), namespace);
        if snapshot.is_empty() {
            return match self.profile().empty_list {
                EmptyList::Map => Ok(Answer::yaml(vec![Bytes::from_static(b"{}\n")])),
                EmptyList::NotFound => Err(Answer::text(404, "no rule groups found")),
            };
        }
        let pairs = query::pairs(query);
        let labels = query::first(&pairs, "labels");
        let snapshot = if labels.is_empty() || !self.profile().filters_lists {
            snapshot
        } else {
            let wanted = list::wanted_labels(labels).ok_or_else(|| Answer::panicked(NO_COLON))?;
            list::with_labels(snapshot, &wanted)
        };
        if snapshot.is_empty() {
            return Ok(Answer::yaml(vec![Bytes::from_static(b"{}\n")]));
        }
        let mut protected: Vec<&str> = self
            .settings
            .limits(tenant)
            .protected_namespaces
            .iter()
            .map(String::as_str)
            .filter(|name| snapshot.iter().any(|(namespace, _)| namespace == name))
            .collect();
        protected.sort_unstable();
        let answer = Answer::yaml(list::parts(&snapshot));
        Ok(if protected.is_empty() { answer } else { answer.with(PROTECTED, protected.join(",")) })
    }

    /// One group.
    pub(crate) fn get(&self, tenant: &str, namespace: &str, group: &str) -> Result<Answer, Answer> {
        let key = base64_url(group);
        if self.settings.read_only {
            return Err(Answer::text(400, "GetRuleGroup unsupported in rule local store"));
        }
        if self.settings.is_too_long(namespace) || self.settings.is_too_long(group) {
            let (path, namespace) = (object_path(tenant, namespace, Some(group)), base64_url(namespace));
            let text = format!("failed to get rule group {namespace}/{key}: stat {path}: stat {path}");
            return Err(Answer::text(400, &format!("{text}: file name too long")));
        }
        let entry =
            self.storage.lock().tenant(tenant).and_then(|tenant| tenant.get(namespace, &key).cloned());
        let entry = entry.ok_or_else(|| Answer::text(404, "group does not exist"))?;
        let answer = Answer::yaml(vec![Bytes::from(render::single(&entry.group))]);
        let protected =
            self.settings.limits(tenant).protected_namespaces.iter().any(|name| name == namespace);
        Ok(if protected { answer.with(PROTECTED, namespace.to_owned()) } else { answer })
    }

    /// Stores the group in the body.
    pub(crate) fn post(&self, tenant: &str, namespace: &str, body: &[u8]) -> Result<Answer, Answer> {
        let profile = self.profile();
        let undecodable = || Answer::text(400, profile.undecodable);
        let posted = decode::decode(body).map_err(|_| undecodable())?;
        if let Some(text) = validation::error_text(&posted, profile, self.settings.federation) {
            return Err(Answer::text(400, &text));
        }
        let stored = || self.storage.lock().tenant(tenant).map_or(0, |tenant| tenant.count);
        if let Some(text) = validation::over_limit(&posted, self.settings.limits(tenant), stored) {
            return Err(Answer::text(400, &text));
        }
        if self.settings.read_only {
            return Err(Answer::text(500, "SetRuleGroup unsupported in rule local store"));
        }
        let group = posted.group.kept_by(profile);
        if profile.bounded_texts && group.longest_mapped() >= LONGEST_TEXT {
            return Err(Answer::panicked("String too long to encode as label."));
        }
        if profile.poison == Poison::Rejected && is_poison(&group, poison::ALONE) {
            return Err(undecodable());
        }
        if self.settings.is_too_long(namespace) {
            let path = object_path(tenant, namespace, None);
            return Err(Answer::text(500, &format!("mkdir {path}: file name too long")));
        }
        if self.settings.is_too_long(&group.name) {
            let path = object_path(tenant, namespace, Some(&group.name));
            return Err(Answer::text(500, &format!("open {path}: file name too long")));
        }
        self.storage.put(tenant, namespace, group).map_err(|error| Answer::text(500, &error.to_string()))?;
        Ok(Answer::json(202, profile.accepted))
    }

    /// Removes a group.
    pub(crate) fn delete(&self, tenant: &str, namespace: &str, group: &str) -> Result<Answer, Answer> {
        let profile = self.profile();
        if self.settings.read_only {
            return Err(self.read_only_error("DeleteRuleGroup"));
        }
        if self.settings.is_too_long(namespace) || self.settings.is_too_long(group) {
            let path = object_path(tenant, namespace, Some(group));
            let error = format!("rm {path}: unlinkat {path}: file name too long");
            return Err(Answer::error(profile, 500, "server_error", &error));
        }
        let existed =
            self.storage.remove(tenant, namespace, group).map_err(|error| self.store_error(&error))?;
        if !existed && profile.missing_delete == MissingDelete::NotFound {
            return Err(Answer::text(404, "group does not exist"));
        }
        Ok(Answer::json(202, profile.accepted))
    }

    /// Removes a namespace with its groups.
    pub(crate) fn delete_namespace(&self, tenant: &str, namespace: &str) -> Result<Answer, Answer> {
        if self.settings.read_only {
            return Err(self.read_only_error("DeleteNamespace"));
        }
        if self.settings.is_too_long(namespace) {
            let path = object_path(tenant, namespace, None);
            let error = format!("stat {path}: stat {path}: file name too long");
            return Err(Answer::error(self.profile(), 500, "server_error", &error));
        }
        if self.storage.remove_namespace(tenant, namespace).map_err(|error| self.store_error(&error))? {
            Ok(Answer::json(202, self.profile().accepted))
        } else {
            Err(Answer::text(404, "group namespace does not exist"))
        }
    }

    fn read_only_error(&self, what: &str) -> Answer {
        let error = format!("{what} unsupported in rule local store");
        Answer::error(self.profile(), 500, "server_error", &error)
    }

    fn store_error(&self, error: &io::Error) -> Answer {
        Answer::error(self.profile(), 500, "server_error", &error.to_string())
    }
}

const PROTECTED: &str = "x-mimir-ruler-protected-namespaces";

/// The size in bytes from which the real server's label type cannot hold the value of a label or annotation.
const LONGEST_TEXT: usize = 1 << 24;

const NO_COLON: &str = "runtime error: index out of range [1] with length 1";
