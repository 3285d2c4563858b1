//! The parts of an object that its ruler namespace is made of.

use crate::model::object::ObjectId;

/// The parts of an object that its ruler namespace is made of.
#[derive(Debug, Clone, Copy)]
pub struct NamingInput<'a> {
    /// The identity.
    pub id: &'a ObjectId,
    /// The Kubernetes UID, if it has one.
    pub uid: Option<&'a str>,
    /// The ruler namespace that the declaration itself names.
    pub ruler_namespace: Option<&'a str>,
}

impl<'a> From<&'a ObjectId> for NamingInput<'a> {
    fn from(id: &'a ObjectId) -> Self {
        Self { id, uid: None, ruler_namespace: None }
    }
}
