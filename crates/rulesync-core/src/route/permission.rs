//! Permissions to choose tenants and values.

use super::input::RoutingInput;
use super::selector::Selector;
use crate::naming::Pattern;

/// Lets Kubernetes namespaces choose values: tenants for their objects, or values of a label or matcher.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permission {
    /// The Kubernetes namespaces it is for, by name; empty means that the selector alone decides.
    pub namespaces: Vec<Pattern>,
    /// The Kubernetes namespaces it is for, by their labels.
    pub namespace_selector: Selector,
    /// The values they may choose, as they are written there. Case matters.
    pub values: Vec<Pattern>,
}

impl Permission {
    /// Returns whether it lets the Kubernetes namespace of an object choose a value.
    pub(crate) fn covers(&self, input: &RoutingInput<'_>, value: &str) -> bool {
        self.is_for(input) && self.values.iter().any(|pattern| pattern.matches(value))
    }

    /// Returns whether it is for the Kubernetes namespace of an object.
    pub(crate) fn is_for(&self, input: &RoutingInput<'_>) -> bool {
        let named = self.namespaces.is_empty()
            || self.namespaces.iter().any(|pattern| pattern.matches(input.id.namespace()));
        let labels = input.namespace.map(|namespace| &namespace.labels);
        named && self.namespace_selector.matches_namespace(input.id.namespace(), labels) == Some(true)
    }
}
