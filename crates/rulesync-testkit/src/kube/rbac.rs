//! Role-based access control: what roles and their bindings grant to a user, as single permissions, and which of them were
//! used.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::resource::qualify;
use super::route::Target;

/// One permission: one verb on one resource, in one Kubernetes namespace or in all, of one name or of all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The Kubernetes namespace; none stands for all, and for what is in none.
    pub namespace: Option<String>,
    /// The resource with its group, such as `rulestatuses.rulesync.dev` or `loggingrules.rulesync.dev/status`.
    pub resource: String,
    /// The only object, if there is one only.
    pub name: Option<String>,
    /// The verb, such as `list`.
    pub verb: String,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => write!(f, " in the cluster"),
        }
    }
}

impl Grant {
    fn covers(&self, verb: &str, target: &Target) -> bool {
        let matches = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        // A Kubernetes namespace is inside itself.
        let within = if target.plural == "namespaces" { &target.name } else { &target.namespace };
        let is_within =
            self.namespace.as_deref().is_none_or(|namespace| within.as_deref() == Some(namespace));
        let is_named = self.name.is_none() || self.name == target.name;
        matches(&self.verb, verb) && matches(&self.resource, &target.qualified()) && is_within && is_named
    }
}

/// What roles grant to a user. Clones share which permissions were used.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    granted: BTreeSet<Grant>,
    used: Arc<Mutex<BTreeSet<Grant>>>,
}

impl Grants {
    /// Returns what these objects grant to a ServiceAccount: the rules of roles that are bound to it. Other objects do not
    /// matter, and neither do roles that are not among them.
    pub fn of_service_account(objects: &[Value], namespace: &str, name: &str) -> Self {
        let is_meant = |subject: &Value| {
            subject["kind"] == "ServiceAccount"
                && subject["namespace"] == namespace
                && subject["name"] == name
        };
        let mut granted = BTreeSet::new();
        for binding in objects.iter().filter(|object| {
            matches!(object["kind"].as_str(), Some("RoleBinding" | "ClusterRoleBinding"))
                && items(&object["subjects"]).any(is_meant)
        }) {
            // None for a ClusterRoleBinding.
            let within = binding["metadata"]["namespace"].as_str();
            let reference = &binding["roleRef"];
            let role = objects.iter().find(|object| {
                let is_here =
                    object["kind"] == "ClusterRole" || object["metadata"]["namespace"].as_str() == within;
                object["kind"] == reference["kind"]
                    && object["metadata"]["name"] == reference["name"]
                    && is_here
            });
            for rule in role.into_iter().flat_map(|role| items(&role["rules"])) {
                granted.extend(grants(rule, within));
            }
        }
        Self { granted, used: Arc::default() }
    }

    /// All permissions.
    pub fn granted(&self) -> &BTreeSet<Grant> {
        &self.granted
    }

    /// Those without which some request would have been refused.
    pub fn used(&self) -> BTreeSet<Grant> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns whether this may be done, and notes by which permission.
    pub(crate) fn permit(&self, verb: &str, target: &Target) -> bool {
        let Some(grant) = self.granted.iter().find(|grant| grant.covers(verb, target)) else { return false };
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(grant.clone());
        true
    }
}

impl PartialEq for Grants {
    fn eq(&self, other: &Self) -> bool {
        self.granted == other.granted
    }
}

impl Eq for Grants {}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    items(list).filter_map(Value::as_str)
}

/// Returns the permissions of a rule.
fn grants(rule: &Value, namespace: Option<&str>) -> Vec<Grant> {
    let names: Vec<Option<&str>> = texts(&rule["resourceNames"]).map(Some).collect();
    let names = if names.is_empty() { vec![None] } else { names };
    let mut grants = Vec::new();
    for (group, resource) in
        texts(&rule["apiGroups"]).flat_map(|group| texts(&rule["resources"]).map(move |r| (group, r)))
    {
        let resource = match resource.split_once('/') {
            Some((plural, subresource)) => format!("{}/{subresource}", qualify(plural, group)),
            None => qualify(resource, group),
        };
        for (verb, name) in texts(&rule["verbs"]).flat_map(|verb| names.iter().map(move |name| (verb, *name)))
        {
            grants.push(Grant {
                namespace: namespace.map(str::to_owned),
                resource: resource.clone(),
                name: name.map(str::to_owned),
                verb: verb.to_owned(),
            });
        }
    }
    grants
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn target(resource: &str, namespace: Option<&str>, name: Option<&str>) -> Target {
        let (plural, subresource) = resource.split_once('/').map_or((resource, None), |(p, s)| (p, Some(s)));
        let (plural, group) = plural.split_once('.').unwrap_or((plural, ""));
        Target {
            group: group.to_owned(),
            version: "v1".to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            subresource: subresource.map(str::to_owned),
        }
    }

    #[test]
    fn rbac_grants_what_bound_roles_say_and_notes_what_was_used() {
        let subjects = json!([{"kind": "ServiceAccount", "namespace": "monitoring", "name": "rulesync"}]);
        let role = |kind: &str, namespace: Option<&str>, name: &str, rules: Value| {
            json!({
                "kind": kind, "metadata": {"namespace": namespace, "name": name}, "rules": rules,
            })
        };
        let binding = |kind: &str, namespace: Option<&str>, of: &str, name: &str| {
            json!({
                "kind": kind, "metadata": {"namespace": namespace, "name": name},
                "roleRef": {"kind": of, "name": name}, "subjects": subjects,
            })
        };
        let rules = json!([
            {"apiGroups": ["rulesync.dev"], "resources": ["rulestatuses", "loggingrules/status"], "verbs": ["patch"]},
            {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]},
        ]);
        let leases =
            json!([{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]}]);
        let objects = [
            role("ClusterRole", None, "all", rules.clone()),
            binding("ClusterRoleBinding", None, "ClusterRole", "all"),
            role("Role", Some("monitoring"), "state", leases.clone()),
            role("Role", Some("elsewhere"), "state", rules),
            binding("RoleBinding", Some("monitoring"), "Role", "state"),
            role("Role", Some("monitoring"), "unbound", leases),
        ];
        let grants = Grants::of_service_account(&objects, "monitoring", "rulesync");
        let shown: Vec<String> = grants.granted().iter().map(Grant::to_string).collect();
        assert_eq!(
            shown,
            [
                "patch loggingrules.rulesync.dev/status in the cluster",
                "get namespaces kube-system in the cluster",
                "patch rulestatuses.rulesync.dev in the cluster",
                "create leases.coordination.k8s.io in monitoring",
            ]
        );
        assert!(grants.used().is_empty());
        assert!(grants.permit("get", &target("namespaces", None, Some("kube-system"))));
        assert!(!grants.permit("get", &target("namespaces", None, Some("default"))));
        assert!(!grants.permit("list", &target("namespaces", None, None)));
        assert!(grants.permit("patch", &target("loggingrules.rulesync.dev/status", Some("a"), Some("x"))));
        assert!(!grants.permit("patch", &target("loggingrules.rulesync.dev", Some("a"), Some("x"))));
        assert!(grants.permit("create", &target("leases.coordination.k8s.io", Some("monitoring"), None)));
        assert!(!grants.permit("create", &target("leases.coordination.k8s.io", Some("a"), None)));
        assert_eq!(grants.used().len(), 3);
        let other = Grants::of_service_account(&objects, "monitoring", "default");
        assert!(other.granted().is_empty());
    }

    #[test]
    fn rbac_grants_a_namespace_inside_itself() {
        let grant = Grant {
            namespace: Some("kube-system".to_owned()),
            resource: "namespaces".to_owned(),
            name: None,
            verb: "get".to_owned(),
        };
        assert!(grant.covers("get", &target("namespaces", None, Some("kube-system"))));
        assert!(!grant.covers("get", &target("namespaces", None, Some("default"))));
    }
}
