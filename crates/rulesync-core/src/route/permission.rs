//! Permissions to choose tenants and values.

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
