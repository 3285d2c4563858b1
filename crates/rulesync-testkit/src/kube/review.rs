//! Reviews: questions about the user that asks, which are answered and not stored. `kubectl auth` asks them.

use serde_json::{Value, json};

use super::schema::Schema;

/// A kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Review {
    /// authorization.k8s.io/v1 SelfSubjectAccessReview: may I do this?
    Access,
    /// authentication.k8s.io/v1 SelfSubjectReview: who am I?
    Identity,
}

impl Review {
    /// The schema of the question.
    pub(crate) fn schema(self) -> Schema {
        let text = json!({"type": "string"});
        let attributes = json!({"type": "object", "properties": {
            "namespace": text, "verb": text, "group": text, "version": text, "resource": text,
            "subresource": text, "name": text,
        }});
        let paths = json!({"type": "object", "properties": {"path": text, "verb": text}});
        let spec = json!({"type": "object", "properties": {
            "resourceAttributes": attributes, "nonResourceAttributes": paths,
        }});
        let metadata = json!({"type": "object"});
        let members = match self {
            Self::Access => json!({"metadata": metadata, "spec": spec}),
            Self::Identity => json!({"metadata": metadata}),
        };
        // A constant: a test below fails if it does not compile.
        Schema::compile(&json!({"type": "object", "properties": members})).unwrap_or_default()
    }

    /// What a question is before anything is asked.
    pub(crate) fn empty(self) -> Value {
        match self {
            Self::Access => json!({"metadata": {}, "spec": {}}),
            Self::Identity => json!({"metadata": {}}),
        }
    }
}
