//! A PrometheusRule, typed: only what is used is kept, and already while it is read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::Resource;
use rulesync_core::{DeclaredGroup, Finding, ObjectId, RuleObject};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

pub(crate) const GROUP: &str = "monitoring.coreos.com";
pub(crate) const VERSION: &str = "v1";
pub(crate) const PLURAL: &str = "prometheusrules";

/// The kind, as identities name it.
pub(crate) const KIND: &str = "PrometheusRule";

/// A PrometheusRule as the API server sends it, less what nobody here reads.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PrometheusRule {
    #[serde(default, deserialize_with = "trimmed")]
    metadata: ObjectMeta,
    /// Parsed by itself, so that one object that is not as the CRD wants it does not spoil a page of a list.
    #[serde(default = "no_spec", deserialize_with = "lenient")]
    spec: Result<Spec, String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Spec {
    #[serde(default)]
    groups: Option<Vec<DeclaredGroup>>,
}

impl Resource for PrometheusRule {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        KIND.into()
    }
    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }
    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }
    fn plural((): &()) -> Cow<'_, str> {
        PLURAL.into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// What an object is to the engine.
#[derive(Debug)]
pub(crate) enum Read {
    Object(RuleObject),
    Malformed(ObjectId, Finding),
}

impl PrometheusRule {
    pub(crate) fn id(&self, source: &Arc<str>, kind: &Arc<str>) -> ObjectId {
        let ObjectMeta { namespace, name, .. } = &self.metadata;
        ObjectId::new(
            source,
            kind,
            namespace.as_deref().unwrap_or_default(),
            name.as_deref().unwrap_or_default(),
        )
    }

    pub(crate) fn read(self, source: &Arc<str>, kind: &Arc<str>) -> Read {
        let id = self.id(source, kind);
        match self.spec {
            Ok(Spec { groups }) => Read::Object(RuleObject {
                id,
                uid: self.metadata.uid,
                created: self.metadata.creation_timestamp.map(|time| time.0.as_second()),
                labels: self.metadata.labels.unwrap_or_default().iter().collect(),
                annotations: self.metadata.annotations.unwrap_or_default(),
                groups: groups.unwrap_or_default(),
                findings: Vec::new(),
            }),
            Err(error) => {
                let finding = Finding::error("spec", format!("the spec cannot be read: {error}"))
                    .hint("what was last known of the object stays; compare it with the PrometheusRule CRD");
                Read::Malformed(id, finding)
            }
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the type of the field")]
fn no_spec() -> Result<Spec, String> {
    Ok(Spec::default())
}

fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Result<Spec, String>, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let spec: Result<Option<Spec>, _> = serde_json::from_str(raw.get());
    Ok(spec.map(Option::unwrap_or_default).map_err(|error| error.to_string()))
}

/// Metadata without managed fields and without annotations that nobody here reads: these are most of an object.
fn trimmed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Trimmed {
        name: Option<String>,
        namespace: Option<String>,
        uid: Option<String>,
        resource_version: Option<String>,
        creation_timestamp: Option<Time>,
        #[serde(default)]
        labels: Option<BTreeMap<String, String>>,
        #[serde(default, deserialize_with = "ours")]
        annotations: BTreeMap<String, String>,
    }
    let Trimmed { name, namespace, uid, resource_version, creation_timestamp, labels, annotations } =
        Trimmed::deserialize(deserializer)?;
    let annotations = Some(annotations).filter(|annotations| !annotations.is_empty());
    Ok(ObjectMeta {
        name,
        namespace,
        uid,
        resource_version,
        creation_timestamp,
        labels,
        annotations,
        ..ObjectMeta::default()
    })
}

/// The annotations that mean something to the engine; the others are passed over without being copied.
fn ours<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Ours;

    impl<'de> Visitor<'de> for Ours {
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
                if key.starts_with("monitoring.grafana.com/") || key.starts_with("rulesync.dev/") {
                    kept.insert(key.into_owned(), map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(kept)
        }
    }

    deserializer.deserialize_any(Ours)
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Read {
        let rule: PrometheusRule = serde_json::from_str(json).unwrap();
        rule.read(&"k".into(), &KIND.into())
    }

    #[test]
    fn keeps_what_is_used() {
        let json = r#"{"apiVersion":"monitoring.coreos.com/v1","kind":"PrometheusRule","metadata":{
            "name":"o","namespace":"ns","uid":"u","resourceVersion":"7","creationTimestamp":"2026-11-23T03:32:50Z","generation":2,
            "labels":{"a":"b"},"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","rulesync.dev/x":"y",
            "monitoring.grafana.com/source_tenants":"a,b"},"managedFields":[{"manager":"kubectl"}]},
            "spec":{"groups":[{"name":"g","rules":[{"expr":1,"record":"a:b"}]}]},"status":{"bindings":[]}}"#;
        let rule: PrometheusRule = serde_json::from_str(json).unwrap();
        assert_eq!(rule.meta().managed_fields, None);
        assert_eq!(rule.meta().resource_version.as_deref(), Some("7"));
        let Read::Object(object) = read(json) else { panic!("it can be read") };
        assert_eq!(object.id.to_string(), "PrometheusRule ns/o");
        assert_eq!(object.created, Some(1_795_404_770));
        assert_eq!(object.annotations.len(), 2);
        assert_eq!(object.labels.get("a"), Some("b"));
        assert_eq!(object.groups[0].rules.as_ref().unwrap()[0].expr, "1");
    }

    #[test]
    fn what_the_crd_lets_through_can_be_read() {
        for spec in [
            "{}",
            "null",
            r#"{"groups":null}"#,
            r#"{"groups":[{"name":"g"}]}"#,
            r#"{"groups":[{"name":"g","interval":"","rules":[]}]}"#,
        ] {
            let json = format!(r#"{{"metadata":{{"name":"o","annotations":null}},"spec":{spec}}}"#);
            assert!(matches!(read(&json), Read::Object(_)), "{spec}");
        }
        assert!(matches!(read(r#"{"metadata":{"name":"o"}}"#), Read::Object(_)));
    }

    #[test]
    fn an_odd_spec_spoils_only_its_object() {
        let json = r#"[{"metadata":{"name":"a"},"spec":{"groups":{}}},{"metadata":{"name":"b"},"spec":{"groups":[]}}]"#;
        let rules: Vec<PrometheusRule> = serde_json::from_str(json).unwrap();
        let read: Vec<Read> = rules.into_iter().map(|rule| rule.read(&"k".into(), &KIND.into())).collect();
        assert!(matches!(&read[0], Read::Malformed(id, finding) if id.name() == "a" && finding.is_error()));
        assert!(matches!(&read[1], Read::Object(object) if object.id.name() == "b"));
    }
}
