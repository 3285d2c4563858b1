//! The kinds of rulers, as far as rules can be judged without one: what each can do and store.

use std::sync::Arc;

use rulesync_core::check::DescribedRuler;
use rulesync_core::engine::{NamedRuler, Setup};

use crate::config::ValidConfig;
use crate::settings::{RulerKind, RulerSettings};

/// A kind of ruler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RulerProfile {
    /// Grafana Mimir. Feature `mimir`.
    Mimir,
    /// Cortex. Feature `mimir`.
    Cortex,
    /// Grafana Loki. Feature `loki`.
    Loki,
    /// Prometheus. Feature `prometheus`.
    Prometheus,
    /// VictoriaMetrics' vmalert. Feature `prometheus`.
    Vmalert,
}

impl RulerProfile {
    /// Returns a ruler of this kind that takes no requests; none if its feature is not compiled in.
    pub fn describe(self) -> Option<DescribedRuler> {
        match self {
            #[cfg(feature = "mimir")]
            Self::Mimir => {
                Some(DescribedRuler::new(rulesync_mimir::mimir_profile("/prometheus").capabilities))
            }
            #[cfg(feature = "mimir")]
            Self::Cortex => Some(DescribedRuler::new(rulesync_mimir::cortex_profile().capabilities)),
            #[cfg(feature = "loki")]
            Self::Loki => Some(DescribedRuler::new(rulesync_loki::loki_profile().capabilities)),
            #[cfg(feature = "prometheus")]
            Self::Prometheus => Some(rulesync_prometheus::Variant::Prometheus.describe()),
            #[cfg(feature = "prometheus")]
            Self::Vmalert => Some(rulesync_prometheus::Variant::Vmalert.describe()),
            #[cfg(not(all(feature = "mimir", feature = "loki", feature = "prometheus")))]
            _ => None,
        }
    }

    /// Returns the kind of a configured ruler.
    fn of(settings: &RulerSettings) -> Self {
        match &settings.kind {
            RulerKind::Mimir { .. } | RulerKind::Embedded(_) => Self::Mimir,
            RulerKind::Cortex { .. } => Self::Cortex,
            RulerKind::Loki { .. } => Self::Loki,
            RulerKind::Prometheus { is_vmalert: false, .. } => Self::Prometheus,
            RulerKind::Prometheus { is_vmalert: true, .. } => Self::Vmalert,
        }
    }
}

impl ValidConfig {
    /// Returns the routes with rulers that are described and take no requests, and without sources: enough for a
    /// [`Checker`](rulesync_core::check::Checker). Reads no file, no secrets among them, and makes no clients.
    pub fn describe(&self) -> Setup {
        let settings = &self.settings;
        let ruler = |ruler: &RulerSettings| {
            // A kind that is not compiled in is an error of the configuration.
            let described = RulerProfile::of(ruler).describe().unwrap_or_default();
            NamedRuler {
                max_in_flight: ruler.max_in_flight,
                split_groups: ruler.split_groups,
                naming: ruler.naming.clone(),
                legacy: ruler.legacy.clone(),
                ..NamedRuler::new(&ruler.name, Arc::new(described))
            }
        };
        Setup {
            namespace_policy: settings.namespace_policy.clone(),
            sources: Vec::new(),
            rulers: settings.rulers.iter().map(ruler).collect(),
            routes: settings.routes.clone(),
            policy: settings.policy.clone(),
        }
    }
}

#[cfg(all(test, feature = "mimir", feature = "loki", feature = "prometheus", feature = "files"))]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use rulesync_core::Ruler;
    use rulesync_core::check::Checker;
    use rulesync_core::ruler::QueryLanguage;
    use rulesync_core::{ObjectId, RuleObject};

    use super::*;
    use crate::Config;

    #[test]
    fn described_rulers_are_those_of_their_kinds() {
        let language = |profile: RulerProfile| profile.describe().unwrap().capabilities().language;
        assert_eq!(language(RulerProfile::Mimir), QueryLanguage::PromQl);
        assert_eq!(language(RulerProfile::Cortex), QueryLanguage::PromQl);
        assert_eq!(language(RulerProfile::Loki), QueryLanguage::LogQl);
        assert_eq!(language(RulerProfile::Prometheus), QueryLanguage::PromQl);
        assert_eq!(language(RulerProfile::Vmalert), QueryLanguage::MetricsQl);
    }

    #[test]
    fn described_configuration_checks_objects_without_reading_secrets() {
        let text = "owner: us
sources: [{type: files, path: rules}]
rulers:
  - name: central
    type: mimir
    address: http://mimir:9009
    bearer_token_file: /nowhere/token
    split_groups: 1
    naming: {type: alloy, prefix: stage}
routes:
  - name: all
    ruler: central
    tenant: prod
    external_labels: [{label: cluster, value: eu}]
    query_matchers: [{label: cluster, value: eu}]
";
        let config = Config::parse(text, Path::new("rulesync.yaml"), HashMap::new()).unwrap();
        let setup = config.validate().unwrap().describe();
        let groups = serde_json::from_str(
            r#"[{"name": "g", "rules": [{"record": "a", "expr": "up"}, {"record": "b", "expr": "up"}]}]"#,
        );
        let id = ObjectId::new(&"files".into(), &"PrometheusRule".into(), "shop", "api");
        let checked = Checker::new(&setup).check(RuleObject::new(id, groups.unwrap()), None);
        let [destination] = checked.destinations.as_slice() else { panic!("{checked:?}") };
        assert_eq!(destination.destination.to_string(), "central/prod");
        assert!(destination.namespace.starts_with("stage/shop/api/"), "{}", destination.namespace);
        let sent = destination.groups();
        assert_eq!(sent.len(), 2, "the group is split");
        assert_eq!(sent[0].rules[0].expr, "up{cluster=\"eu\"}");
        assert_eq!(sent[0].rules[0].labels["cluster"], "eu");
    }
}
