//! A ruler's rules as Kubernetes objects: PrometheusRules, or LoggingRules where they are LogQL. Pure.

mod names;

use std::collections::BTreeMap;

use rulesync_core::Group;
use rulesync_core::finding::Printable;
use rulesync_core::model::{LOGGING_RULE, PROMETHEUS_RULE, QueryLanguage, SOURCE_TENANTS_ANNOTATION};
use serde::Serialize;

use crate::changes::yaml::to_yaml;
use crate::rule_files::RuleFile;
pub(crate) use names::{ObjectName, object_names};

/// An object with the groups of one namespace of a ruler.
#[derive(Debug)]
pub(crate) struct Exported {
    pub(crate) name: ObjectName,
    /// The manifest as YAML, with the ruler's namespace in a comment.
    pub(crate) text: String,
    /// What the object cannot hold, as lines.
    pub(crate) losses: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    api_version: String,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: Spec,
}

#[derive(Debug, Serialize)]
struct Metadata<'a> {
    name: &'a str,
    namespace: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
struct Spec {
    groups: Vec<Group>,
}

/// Returns an object for each rule file. Namespaces that were made by a naming of rulesync have the names that they were
/// made of, the others names of their own in this Kubernetes namespace.
pub(crate) fn objects(
    files: Vec<RuleFile>,
    names: Vec<ObjectName>,
    language: QueryLanguage,
) -> impl Iterator<Item = Exported> {
    files.into_iter().zip(names).map(move |(file, name)| object(file, name, language))
}

fn object(RuleFile { namespace, groups }: RuleFile, name: ObjectName, language: QueryLanguage) -> Exported {
    let mut losses = Vec::new();
    let mut lose = |group: &str, what: &str| losses.push(format!("{namespace} / {group}: {what}"));
    let mut tenants: Option<Vec<String>> = None;
    let mut kept = Vec::with_capacity(groups.len());
    for mut group in groups {
        match &tenants {
            Some(tenants) if *tenants != group.source_tenants => lose(
                &group.name,
                "an object has one list of source tenants, and this group has another: left out",
            ),
            _ => {
                tenants = Some(std::mem::take(&mut group.source_tenants));
                if !group.evaluation_delay.is_zero() && group.query_offset.is_zero() {
                    group.query_offset = group.evaluation_delay;
                }
                group.evaluation_delay = Default::default();
                if std::mem::take(&mut group.align_evaluation_time_on_interval) {
                    lose(&group.name, "objects have no `align_evaluation_time_on_interval`");
                }
                kept.push(group);
            }
        }
    }
    let (api_version, kind) = match language {
        QueryLanguage::LogQl => (rulesync_k8s::api_version(), LOGGING_RULE),
        _ => ("monitoring.coreos.com/v1".to_owned(), PROMETHEUS_RULE),
    };
    let tenants = tenants.unwrap_or_default().join(",");
    let annotations =
        if tenants.is_empty() { BTreeMap::new() } else { [(SOURCE_TENANTS_ANNOTATION, tenants)].into() };
    let metadata = Metadata { name: &name.name, namespace: &name.namespace, annotations };
    let manifest = Manifest { api_version, kind, metadata, spec: Spec { groups: kept } };
    let text = format!("# {}\n{}", Printable(&namespace), to_yaml(&manifest));
    Exported { name, text, losses }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(fields: serde_json::Value) -> Group {
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn export_keeps_what_objects_can_hold_and_tells_the_rest() {
        let rules = serde_json::json!([{"alert": "A", "expr": "up == 0", "for": "5m"}]);
        let groups = vec![
            group(
                serde_json::json!({"name": "delayed", "evaluation_delay": "1m", "source_tenants": ["a", "b"], "rules": rules}),
            ),
            group(serde_json::json!({"name": "other", "source_tenants": ["c"], "rules": rules})),
            group(serde_json::json!({
                "name": "aligned", "source_tenants": ["a", "b"], "align_evaluation_time_on_interval": true, "rules": rules
            })),
        ];
        let file = RuleFile { namespace: "infra/nodes".to_owned(), groups };
        let name = ObjectName { namespace: "monitoring".to_owned(), name: "infra-nodes".to_owned() };
        let exported = object(file, name.clone(), QueryLanguage::PromQl);
        insta::assert_snapshot!(format!("{}---\n{}", exported.text, exported.losses.join("\n")));
        let file = RuleFile { namespace: "logs".to_owned(), groups: Vec::new() };
        let logs = object(file, name, QueryLanguage::LogQl).text;
        assert!(logs.starts_with("# logs\napiVersion: rulesync.dev/v1alpha1\nkind: LoggingRule\n"), "{logs}");
    }
}
