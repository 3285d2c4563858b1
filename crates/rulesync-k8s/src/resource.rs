//! The objects with rules. Unused fields are dropped during deserialization.

use std::borrow::Cow;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DynamicResourceScope;
use rulesync_core::finding::{Code, Location};
use rulesync_core::model::{
    ALERTING_RULE, DeclaredGroup, LOGGING_RULE, ObjectVersion, PROMETHEUS_RULE, Positions, RECORDING_RULE,
    SourceName, tenant_field_of,
};
use rulesync_core::{Finding, ObjectId, RuleObject};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::crd;
use metadata::trimmed;
pub(crate) use metadata::{KUBECTL_PREFIX, annotations_where};
use pieces::Pieces;

mod metadata;
mod pieces;

/// A kind of objects with rules, and its API resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    /// The kind in an [`ObjectId`].
    pub(crate) name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) plural: &'static str,
}

/// All supported kinds, the most common one first.
static KINDS: [Kind; 4] = [
    Kind { name: PROMETHEUS_RULE, group: "monitoring.coreos.com", version: "v1", plural: "prometheusrules" },
    Kind { name: ALERTING_RULE, group: "loki.grafana.com", version: "v1", plural: "alertingrules" },
    Kind { name: RECORDING_RULE, group: "loki.grafana.com", version: "v1", plural: "recordingrules" },
    Kind { name: LOGGING_RULE, group: crd::GROUP, version: crd::VERSION, plural: crd::logging_rule::PLURAL },
];

impl Kind {
    /// Returns the kind with this name, if it is supported.
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// Returns the API version, such as `monitoring.coreos.com/v1`.
    pub(crate) fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// Returns the name of the API resource, such as `prometheusrules.monitoring.coreos.com`.
    pub(crate) fn full_name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// Returns `true` if it is a problem when the kind is not installed. The other kinds are optional.
    pub(crate) fn is_expected(&self) -> bool {
        self.name == PROMETHEUS_RULE
    }
}

/// An object with rules from the API server, without unused fields.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Rules {
    #[serde(default, deserialize_with = "trimmed")]
    metadata: ObjectMeta,
    /// Parsed later, object by object: an invalid object does not affect the other objects of a page, and parsing a page
    /// does not block other tasks.
    #[serde(default)]
    spec: Box<RawValue>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Spec {
    #[serde(default)]
    groups: Option<Vec<DeclaredGroup>>,
    /// A kind has at most one of these two fields, see [`tenant_field_of`].
    #[serde(default)]
    tenant: Option<Box<RawValue>>,
    #[serde(default, rename = "tenantID")]
    tenant_id: Option<Box<RawValue>>,
}

/// The requested tenant of a spec.
#[derive(Debug, Default, Deserialize)]
struct TenantRequest {
    #[serde(default)]
    tenant: Option<Box<RawValue>>,
    #[serde(default, rename = "tenantID")]
    tenant_id: Option<Box<RawValue>>,
}

impl TenantRequest {
    /// Returns the requested tenant of an object, and warnings about tenant fields that its kind does not have.
    fn tenant(&self, kind: &str) -> Result<(Option<String>, Vec<Finding>), serde_json::Error> {
        let fields = [("tenant", &self.tenant), ("tenantID", &self.tenant_id)];
        let (mut requested, mut findings) = (None, Vec::new());
        for (field, value) in fields.into_iter().filter_map(|(field, value)| Some((field, value.as_ref()?))) {
            if tenant_field_of(kind) == Some(field) {
                requested = serde_json::from_str(value.get())?;
            } else {
                let message =
                    format!("`{field}` is not a key beside `groups` in a {kind}, and has no effect");
                findings.push(Finding::warning(Code::UnknownKey, message).hint("is it misspelt?"));
            }
        }
        Ok((requested, findings))
    }
}

impl Resource for Rules {
    type DynamicType = &'static Kind;
    // `Api::namespaced_with` requires it; all kinds are namespaced.
    type Scope = DynamicResourceScope;

    fn kind(kind: &&'static Kind) -> Cow<'static, str> {
        kind.name.into()
    }
    fn group(kind: &&'static Kind) -> Cow<'static, str> {
        kind.group.into()
    }
    fn version(kind: &&'static Kind) -> Cow<'static, str> {
        kind.version.into()
    }
    fn plural(kind: &&'static Kind) -> Cow<'static, str> {
        kind.plural.into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// The result of parsing an object.
#[derive(Debug)]
pub(crate) enum Read {
    Object(RuleObject),
    Malformed(ObjectId, ObjectVersion, Finding),
}

impl Rules {
    pub(crate) fn id(&self, source: &SourceName, kind: &Arc<str>) -> ObjectId {
        let ObjectMeta { namespace, name, .. } = &self.metadata;
        ObjectId::new(
            source,
            kind,
            namespace.as_deref().unwrap_or_default(),
            name.as_deref().unwrap_or_default(),
        )
    }

    pub(crate) fn read(self, source: &SourceName, kind: &Arc<str>) -> Read {
        let id = self.id(source, kind);
        match Self::spec(self.spec.get(), kind) {
            Ok((tenant, Pieces { groups, findings })) => Read::Object(RuleObject {
                id,
                tenant,
                ruler_namespace: None,
                uid: self.metadata.uid,
                generation: self.metadata.generation,
                created: self.metadata.creation_timestamp.map(|time| time.0.as_second()),
                labels: self.metadata.labels.unwrap_or_default().iter().collect(),
                annotations: self.metadata.annotations.unwrap_or_default(),
                groups,
                findings,
                positions: Positions::default(),
            }),
            Err(finding) => {
                let hint =
                    "its last valid version, if any, stays in effect; compare it with the CRD of its kind";
                let ObjectMeta { uid, generation, .. } = self.metadata;
                Read::Malformed(id, ObjectVersion { uid, generation }, finding.hint(hint))
            }
        }
    }

    /// Parses the requested tenant and the groups of a spec, with findings.
    fn spec(text: &str, kind: &str) -> Result<(Option<String>, Pieces), Box<Finding>> {
        let whole: Result<Option<Spec>, _> = serde_json::from_str(text);
        let (request, Pieces { groups, findings }) = match whole {
            Ok(spec) => {
                let Spec { groups, tenant, tenant_id } = spec.unwrap_or_default();
                let groups = groups.unwrap_or_default();
                (TenantRequest { tenant, tenant_id }, Pieces { groups, findings: Vec::new() })
            }
            Err(_) => (serde_json::from_str(text).unwrap_or_default(), pieces::parse(text)?),
        };
        let (tenant, mut all_findings) = request.tenant(kind).map_err(|_| {
            let location = Location {
                path: tenant_field_of(kind).map(|field| format!("spec.{field}")),
                ..Location::default()
            };
            Box::new(Finding::error(Code::Spec, "the tenant must be a string").at(location))
        })?;
        all_findings.extend(findings);
        Ok((tenant, Pieces { groups, findings: all_findings }))
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Read {
        let rule: Rules = serde_json::from_str(json).unwrap();
        rule.read(&"k".into(), &PROMETHEUS_RULE.into())
    }

    #[test]
    fn read_leaves_out_the_annotation_that_rulesync_writes() {
        let json = r#"{"metadata":{"name":"o","annotations":{"rulesync.dev/state":"refused"}},"spec":{}}"#;
        let Read::Object(object) = read(json) else { panic!("malformed") };
        assert!(object.annotations.is_empty());
    }

    #[test]
    fn read_keeps_used_fields() {
        let json = r#"{"apiVersion":"monitoring.coreos.com/v1","kind":"PrometheusRule","metadata":{
            "name":"o","namespace":"ns","uid":"u","resourceVersion":"7","creationTimestamp":"2026-11-23T03:32:50Z","generation":2,
            "labels":{"a":"b"},"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","rulesync.dev/x":"y",
            "monitoring.grafana.com/source_tenants":"a,b"},"managedFields":[{"manager":"kubectl"}]},
            "spec":{"groups":[{"name":"g","rules":[{"expr":1,"record":"a:b"}]}]},"status":{"bindings":[]}}"#;
        let rule: Rules = serde_json::from_str(json).unwrap();
        assert_eq!(rule.meta().managed_fields, None);
        assert_eq!(rule.meta().resource_version.as_deref(), Some("7"));
        let Read::Object(object) = read(json) else { panic!("malformed") };
        assert_eq!(object.id.to_string(), "PrometheusRule ns/o");
        assert_eq!(object.created, Some(1_795_404_770));
        assert_eq!(object.annotations.len(), 2);
        assert_eq!(object.labels.get("a"), Some("b"));
        assert_eq!(object.groups[0].rules.as_ref().unwrap()[0].expr, "1");
    }

    #[test]
    fn read_accepts_specs_that_crd_allows() {
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
    fn read_takes_tenant_from_field_of_kind_only() {
        let requested = |kind: &str, spec: &str| {
            let json = format!(r#"{{"metadata":{{"name":"o"}},"spec":{spec}}}"#);
            let rules: Rules = serde_json::from_str(&json).unwrap();
            match rules.read(&"k".into(), &kind.into()) {
                Read::Object(object) => {
                    let findings = object.findings.iter().map(ToString::to_string).collect::<Vec<_>>();
                    assert!(object.findings.iter().all(|finding| !finding.is_error()), "{findings:?}");
                    Ok((object.tenant.unwrap_or_default(), findings.join("; ")))
                }
                Read::Malformed(.., finding) => Err(finding.message),
            }
        };
        let both = r#"{"tenant":"a","tenantID":"b"}"#;
        let unknown = |field: &str, kind: &str| {
            format!("`{field}` is not a key beside `groups` in a {kind}, and has no effect (is it misspelt?)")
        };
        for kind in [ALERTING_RULE, RECORDING_RULE] {
            assert_eq!(requested(kind, both), Ok(("b".to_owned(), unknown("tenant", kind))));
        }
        assert_eq!(requested(LOGGING_RULE, both), Ok(("a".to_owned(), unknown("tenantID", LOGGING_RULE))));
        let neither = [unknown("tenant", PROMETHEUS_RULE), unknown("tenantID", PROMETHEUS_RULE)].join("; ");
        assert_eq!(requested(PROMETHEUS_RULE, both), Ok((String::new(), neither)));
        let invalid = r#"{"tenant":{"a":1}}"#;
        assert_eq!(requested(PROMETHEUS_RULE, invalid).unwrap().0, "", "ignored, even if invalid");
        assert!(requested(LOGGING_RULE, invalid).unwrap_err().contains("the tenant must be a string"));
        assert_eq!(requested(LOGGING_RULE, r#"{"tenant":null}"#), Ok((String::new(), String::new())));
    }

    #[test]
    fn read_isolates_object_with_invalid_spec() {
        let json = r#"[{"metadata":{"name":"a","uid":"u","generation":3},"spec":{"groups":{}}},{"metadata":{"name":"b"},"spec":{"groups":[]}}]"#;
        let rules: Vec<Rules> = serde_json::from_str(json).unwrap();
        let read: Vec<Read> =
            rules.into_iter().map(|rule| rule.read(&"k".into(), &PROMETHEUS_RULE.into())).collect();
        assert!(matches!(&read[0], Read::Malformed(id, version, finding)
            if id.name() == "a" && version.uid.as_deref() == Some("u") && version.generation == Some(3) && finding.is_error()));
        assert!(matches!(&read[1], Read::Object(object) if object.id.name() == "b"));
    }
}
