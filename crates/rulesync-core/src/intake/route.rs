//! Routes: which targets an object belongs to.

use std::sync::Arc;

use super::select::Selector;
use crate::model::labels::Labels;
use crate::model::object::ObjectId;
use crate::model::tenant::{TargetId, TenantId};

/// Sends the objects it selects to one tenant of one ruler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The route's name, for people.
    pub name: Arc<str>,
    /// The target's ruler, by name.
    pub ruler: Arc<str>,
    /// The target's tenant; none means that no tenant header is sent.
    pub tenant: Option<TenantId>,
    /// Selects objects by their labels.
    pub rule_selector: Selector,
    /// Selects objects by the labels of their Kubernetes namespace.
    pub namespace_selector: Selector,
}

impl Route {
    /// A route of everything; `ruler` is the name the engine knows the ruler by.
    pub fn all(name: &str, ruler: &str, tenant: Option<TenantId>) -> Self {
        Self {
            name: name.into(),
            ruler: ruler.into(),
            tenant,
            rule_selector: Selector::default(),
            namespace_selector: Selector::default(),
        }
    }

    /// Where it leads.
    pub fn target(&self) -> TargetId {
        TargetId { ruler: Arc::clone(&self.ruler), tenant: self.tenant.clone() }
    }
}

/// The targets of an object: one for each route that selects it, each target once.
///
/// `namespace` are the labels of its Kubernetes namespace, if known. A route that needs them does not select an
/// object before they are.
pub fn targets(
    routes: &[Route],
    object: &ObjectId,
    labels: &Labels,
    namespace: Option<&Labels>,
) -> Vec<TargetId> {
    let mut targets = Vec::new();
    for route in routes {
        let selected = route.rule_selector.matches(labels)
            && route.namespace_selector.matches_namespace(object.namespace(), namespace) == Some(true);
        if selected {
            let target = route.target();
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_once_in_the_order_of_routes() {
        let route = |name: &str, tenant: &str, rule_selector: &str, namespace_selector: &str| Route {
            name: name.into(),
            ruler: "central".into(),
            tenant: Some(tenant.parse().unwrap()),
            rule_selector: serde_json::from_str(rule_selector).unwrap(),
            namespace_selector: serde_json::from_str(namespace_selector).unwrap(),
        };
        let routes = [
            route("a", "prod", r#"{"match_labels":{"tenant":"prod"}}"#, "{}"),
            route("b", "stage", r#"{"match_labels":{"tenant":"stage"}}"#, "{}"),
            route("c", "prod", "{}", "{}"),
            route("d", "team", "{}", r#"{"match_labels":{"team":"x"}}"#),
        ];
        let object = ObjectId::new(&"k".into(), &"PrometheusRule".into(), "ns", "o");
        let prod: Labels = [("tenant", "prod")].into_iter().collect();
        let to = |namespace: Option<&Labels>| -> Vec<String> {
            targets(&routes, &object, &prod, namespace).iter().map(ToString::to_string).collect()
        };
        assert_eq!(to(None), ["central/prod"]);
        assert_eq!(to(Some(&[("team", "x")].into_iter().collect())), ["central/prod", "central/team"]);
    }
}
