//! Who has written the annotation with the state of an object: its `managedFields`, which are often most of its metadata, and
//! of which nothing else is kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Somebody who has written the annotation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Manager {
    pub(super) name: String,
    /// Whether by server-side apply, so that what is not applied any more is removed.
    pub(super) applies: bool,
}

/// Deserializes `managedFields`, and returns those who have written the annotation with the state.
pub(super) fn managers_of_state<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Manager>, D::Error> {
    struct OfState;

    impl<'de> Visitor<'de> for OfState {
        type Value = Vec<Manager>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("managed fields")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut managers = Vec::new();
            while let Some(entry) = entries.next_element::<Entry<'_>>()? {
                if entry.fields.metadata.annotations.state.is_some() {
                    let applies = entry.operation == "Apply";
                    managers.push(Manager { name: entry.manager.into_owned(), applies });
                }
            }
            Ok(managers)
        }
    }
    deserializer.deserialize_any(OfState)
}

/// The fields of a manager, as far as they are of interest.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    manager: Cow<'a, str>,
    #[serde(borrow, default)]
    operation: Cow<'a, str>,
    #[serde(default, rename = "fieldsV1")]
    fields: Fields,
}

#[derive(Deserialize, Default)]
struct Fields {
    #[serde(default, rename = "f:metadata")]
    metadata: Metadata,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default, rename = "f:annotations")]
    annotations: Annotations,
}

#[derive(Deserialize, Default)]
struct Annotations {
    #[serde(default, rename = "f:rulesync.dev/state")]
    state: Option<IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::publish::STATE_LABEL;

    fn read(managed: &Value) -> Vec<Manager> {
        managers_of_state(&mut serde_json::Deserializer::from_str(&managed.to_string())).unwrap()
    }

    #[test]
    fn managers_of_the_annotation_are_those_that_have_written_it() {
        let field = format!("f:{STATE_LABEL}");
        let entry = |manager: &str, operation: &str, annotations: Value| {
            json!({
                "manager": manager, "operation": operation, "apiVersion": "v1", "time": "2026-11-28T06:25:02Z",
                "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:metadata": {"f:annotations": annotations, "f:labels": {".": {}, "f:a": {}}},
                    "f:spec": {"f:groups": {"k:{\"name\":\"g\"}": {".": {}, "f:rules": {}}}},
                },
            })
        };
        let managed = json!([
            entry("rulesync-prod", "Apply", json!({&field: {}})),
            entry("kubectl-edit", "Update", json!({".": {}, "f:other": {}, &field: {}})),
            entry("helm", "Update", json!({"f:other": {}})),
            {"manager": "odd"},
            {"fieldsV1": {"f:spec": {}}},
        ]);
        let manager = |name: &str, applies| Manager { name: name.to_owned(), applies };
        assert_eq!(read(&managed), [manager("rulesync-prod", true), manager("kubectl-edit", false)]);
        assert_eq!(read(&json!([])), []);
        assert_eq!(read(&Value::Null), []);
    }
}
