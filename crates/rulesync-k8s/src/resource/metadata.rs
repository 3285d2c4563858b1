//! The metadata of an object, without what is not used: it is often most of the object.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::crd::STATE_KEY;

/// The prefix of the annotations of `kubectl`.
pub(crate) const KUBECTL_PREFIX: &str = "kubectl.kubernetes.io/";

/// Deserializes metadata without managed fields and the annotations of `kubectl`, which are often most of an object.
pub(super) fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Trimmed {
        name: Option<String>,
        namespace: Option<String>,
        uid: Option<String>,
        generation: Option<i64>,
        resource_version: Option<String>,
        creation_timestamp: Option<Time>,
        #[serde(default)]
        labels: Option<BTreeMap<String, String>>,
        #[serde(default, deserialize_with = "of_authors")]
        annotations: BTreeMap<String, String>,
    }
    let Trimmed {
        name,
        namespace,
        uid,
        generation,
        resource_version,
        creation_timestamp,
        labels,
        annotations,
    } = Trimmed::deserialize(deserializer)?;
    let annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
    Ok(ObjectMeta {
        name,
        namespace,
        uid,
        generation,
        resource_version,
        creation_timestamp,
        labels,
        annotations,
        ..ObjectMeta::default()
    })
}

/// Deserializes annotations, all of which routes may read, except those of `kubectl`: a copy of the whole object; and except
/// what rulesync writes there itself, so that the object is the same as before when the watch shows it.
fn of_authors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    annotations_where(deserializer, |key| !key.starts_with(KUBECTL_PREFIX) && key != STATE_KEY)
}

/// Deserializes those annotations whose keys are wanted; others are skipped without being copied.
pub(crate) fn annotations_where<'de, D: Deserializer<'de>>(
    deserializer: D,
    wants: fn(&str) -> bool,
) -> Result<BTreeMap<String, String>, D::Error> {
    struct Wanted(fn(&str) -> bool);

    impl<'de> Visitor<'de> for Wanted {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("annotations")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut kept = BTreeMap::new();
            while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                if (self.0)(&key) {
                    kept.insert(key.into_owned(), map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(kept)
        }
    }

    deserializer.deserialize_any(Wanted(wants))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_of_authors_are_kept_and_no_others() {
        let json = r#"{"name": "o", "annotations": {"a": "b", "rulesync.dev/dialect": "logql",
            "rulesync.dev/state": "refused", "kubectl.kubernetes.io/last-applied-configuration": "{}"}}"#;
        let metadata = trimmed(&mut serde_json::Deserializer::from_str(json)).unwrap();
        let annotations = metadata.annotations.unwrap();
        assert_eq!(annotations.keys().collect::<Vec<_>>(), ["a", "rulesync.dev/dialect"]);
    }
}
