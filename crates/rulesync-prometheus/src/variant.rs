//! The differences between the servers that read rule files, as data: the fields they know, and the substitutions they
//! make. Both reject a whole file for one unknown field, so unknown fields must never be written.

use std::collections::HashMap;
use std::time::Duration;

use rulesync_core::check::DescribedRuler;
use rulesync_core::finding::{Code, Location};
use rulesync_core::model::PromDuration;
use rulesync_core::ruler::OptionalField::{AlignEvaluationTime, EvaluationDelay, QueryOffset, SourceTenants};
use rulesync_core::ruler::{QueryLanguage, StoredFields, TemplateEnvironment};
use rulesync_core::{Capabilities, Finding, Group};
use serde::Deserialize;

use crate::names::NAME_LIMITS;

/// The server that reads the rule files: `prometheus` or `vmalert` in a configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Variant {
    /// Prometheus, or a server that reads and reloads rule files as it does.
    #[default]
    Prometheus,
    /// VictoriaMetrics' vmalert.
    Vmalert,
}

impl Variant {
    /// The display name.
    pub(crate) const fn product(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus",
            Self::Vmalert => "vmalert",
        }
    }

    /// What the server can do and store.
    pub(crate) const fn capabilities(self) -> Capabilities {
        let (language, templates) = match self {
            Self::Prometheus => (QueryLanguage::PromQl, TemplateEnvironment::PROMETHEUS),
            Self::Vmalert => (QueryLanguage::MetricsQl, TemplateEnvironment::VMALERT),
        };
        Capabilities::DEFAULT
            .with_language(language)
            .with_templates(templates)
            .with_name_limits(NAME_LIMITS)
            .with_fields(self.fields())
            // A write succeeds only when it is loaded.
            .with_load_delay(Duration::from_secs(5))
            // All queued writes need one reload, and its response does not report the reason of a failure.
            .with_batches(true)
            .with_explains_refusals(false)
    }

    /// Returns a ruler with what the server can do and store, which takes no requests.
    pub fn describe(self) -> DescribedRuler {
        DescribedRuler::new(self.capabilities()).with_check(match self {
            Self::Prometheus => |group| Self::Prometheus.check(group),
            Self::Vmalert => |group| Self::Vmalert.check(group),
        })
    }

    /// The fields that the server knows.
    pub const fn fields(self) -> StoredFields {
        let fields = StoredFields::ALL.without(&[EvaluationDelay, SourceTenants, AlignEvaluationTime]);
        match self {
            Self::Prometheus => fields,
            Self::Vmalert => fields.without(&[QueryOffset]),
        }
    }

    /// Returns a group without the fields that the server does not know.
    pub(crate) fn known(self, group: &Group) -> Group {
        let mut known = group.clone();
        known.evaluation_delay = PromDuration::ZERO;
        known.source_tenants.clear();
        known.align_evaluation_time_on_interval = false;
        if !self.fields().query_offset {
            known.query_offset = PromDuration::ZERO;
        }
        known
    }

    /// Returns the reason if a group must not be written.
    pub(crate) fn refuse(self, group: &Group) -> Option<&'static str> {
        // vmalert would expand its environment variables, which often contain passwords, visibly to the rule's author.
        let substituted = || serde_json::to_string(group).map_or(true, |text| text.contains("%{"));
        (self == Self::Vmalert && substituted())
            .then_some("it contains `%{`, which vmalert replaces with variables of its environment")
    }

    /// Checks a group for errors that the server is known to reject, in the fields that it knows.
    pub(crate) fn check(self, group: &Group) -> Vec<Finding> {
        if self != Self::Vmalert {
            return Vec::new();
        }
        let group = &self.known(group);
        let location = |rule: Option<usize>| Location {
            group: Some(group.name.clone()),
            rule,
            rule_name: rule.and_then(|rule| group.rules.get(rule)).map(|rule| rule.name().to_owned()),
            ..Location::default()
        };
        let harmful = self.refuse(group).map(|reason| {
            Finding::error(Code::VmalertEnvironment, format!("the group is not written: {reason}"))
                .at(location(None))
        });
        let mut seen = HashMap::new();
        let repeated = group.rules.iter().enumerate().filter_map(|(index, rule)| {
            let first = seen.insert((&rule.alert, &rule.record, &rule.expr, &rule.labels), index)?;
            let message = format!(
                "vmalert rejects duplicate rules: name, expression and labels equal those of rule {first}"
            );
            Some(
                Finding::suspicion(Code::DuplicateRule, message)
                    .at(location(Some(index)))
                    .hint("remove one of the rules"),
            )
        });
        harmful.into_iter().chain(repeated).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Group {
        serde_json::from_str(
            r#"{"name":"g","interval":"1m","evaluation_delay":"5s","query_offset":"5s","limit":3,"labels":{"a":"b"},
            "rules":[{"alert":"A","expr":"up","keep_firing_for":"1h"}],"source_tenants":["t"],
            "align_evaluation_time_on_interval":true}"#,
        )
        .unwrap()
    }

    #[test]
    fn known_keeps_stored_fields_only() {
        for variant in [Variant::Prometheus, Variant::Vmalert] {
            let (fields, full) = (variant.fields(), full());
            let known = variant.known(&full);
            let fingerprint = |group| rulesync_core::model::Fingerprint::of(group, &fields);
            assert_eq!(fingerprint(&known), fingerprint(&full));
            // Only kept fields are left: the fingerprint of all fields is the same.
            assert_eq!(rulesync_core::model::Fingerprint::of(&known, &StoredFields::ALL), fingerprint(&full));
            assert_eq!(variant.known(&known), known);
        }
        assert!(!Variant::Prometheus.known(&full()).query_offset.is_zero());
        assert!(Variant::Vmalert.known(&full()).query_offset.is_zero());
    }

    #[test]
    fn refuse_prevents_environment_expansion_by_vmalert() {
        let (mut harmful, mut harmless) = (full(), full());
        harmful.rules[0].annotations.insert("summary".to_owned(), "%{PASSWORD}".to_owned());
        harmless.rules[0].annotations.insert("summary".to_owned(), "90% {{ $value }}".to_owned());
        assert!(Variant::Vmalert.refuse(&harmful).is_some());
        assert_eq!(Variant::Vmalert.refuse(&harmless), None);
        assert_eq!(Variant::Prometheus.refuse(&harmful), None);
    }

    #[test]
    fn capabilities_contain_templates_of_server() {
        for (variant, knows) in [(Variant::Prometheus, false), (Variant::Vmalert, true)] {
            let templates = variant.capabilities().templates;
            assert_eq!([templates.has_variable("$expr"), templates.has_function("quotesEscape")], [knows; 2]);
        }
    }

    #[test]
    fn check_finds_duplicate_rule_for_vmalert() {
        let mut group = full();
        group.rules.extend([group.rules[0].clone(), group.rules[0].clone()]);
        group.rules[1].annotations.insert("a".to_owned(), "b".to_owned());
        group.rules[2].labels.insert("a".to_owned(), "b".to_owned());
        let findings = Variant::Vmalert.check(&group);
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!(
            (finding.code, finding.location.rule, finding.is_error(), finding.withholds()),
            (Code::DuplicateRule, Some(1), true, false)
        );
        assert_eq!(Variant::Prometheus.check(&group), []);
        group.rules[0].expr = "%{X}".to_owned();
        assert!(Variant::Vmalert.check(&group)[0].withholds());
    }

    #[test]
    fn variant_is_deserialized_from_name() {
        let read = |text| serde_json::from_str::<Variant>(text).ok();
        assert_eq!(read("\"prometheus\""), Some(Variant::Prometheus));
        assert_eq!(read("\"vmalert\""), Some(Variant::Vmalert));
        assert_eq!(read("\"thanos\""), None);
    }
}
