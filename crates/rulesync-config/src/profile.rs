//! The kinds of rulers, as far as rules can be judged without one: what each can do and store.

use std::sync::Arc;

use rulesync_core::check::DescribedRuler;
use rulesync_core::engine::{NamedRuler, Setup};

use crate::config::ValidConfig;
use crate::names::listed;
use crate::settings::{RulerKind, RulerSettings, Settings};

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

/// The reason why it is not known for which source objects are meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no such source.
    #[error("there is no source `{name}`: the sources are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names of the sources.
        known: String,
    },
    /// Routes take the objects of some sources alone, and there are several.
    #[error("the configuration has routes for some sources alone: say whose objects these are, {known}")]
    Ambiguous {
        /// The names of the sources.
        known: String,
    },
}

impl ValidConfig {
    /// Returns what [`describe`](Self::describe) does for the objects of one source, or of whichever where no route
    /// distinguishes sources.
    ///
    /// # Errors
    ///
    /// [`SourceError`] if there is no such source, or if none is named and it matters which it is.
    pub fn describe_for(&self, source: Option<&str>) -> Result<Setup, SourceError> {
        let Settings { sources, routes, .. } = &self.settings;
        let known = || listed(sources.iter().map(|source| source.name.as_str()));
        let name = match (source, sources.as_slice()) {
            (Some(name), _) if sources.iter().any(|source| source.name == name) => name,
            (Some(name), _) => return Err(SourceError::Unknown { name: name.to_owned(), known: known() }),
            (None, [only]) => &only.name,
            (None, _) if routes.iter().all(|route| route.sources.is_empty()) => return Ok(self.describe()),
            (None, _) => return Err(SourceError::Ambiguous { known: known() }),
        };
        Ok(self.describe().of_source(name))
    }

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
    fn configuration_is_described_for_the_objects_of_one_source() {
        let config = |sources: &str, of_route: &str| {
            let text = format!(
                "owner: us\nsources: [{sources}]\nrulers: [{{name: m, type: mimir, address: 'http://m'}}]\n\
                 routes: [{{name: eu, ruler: m, tenant: eu{of_route}}}, {{name: all, ruler: m, tenant: all}}]\n"
            );
            let config = Config::parse(&text, Path::new("rulesync.yaml"), HashMap::new()).unwrap();
            config.validate().unwrap()
        };
        let routes = |config: &ValidConfig, source: Option<&str>| {
            let setup = config.describe_for(source).map_err(|error| error.to_string())?;
            assert!(setup.routes.iter().all(|route| route.takes_source("any")));
            Ok(setup.routes.iter().map(|route| route.name.to_string()).collect::<Vec<_>>().join(", "))
        };
        let (one, two) = ("{type: files, path: a, name: eu}", "{type: files, path: b, name: us}");
        let both = config(&format!("{one}, {two}"), ", sources: [eu]");
        assert_eq!(routes(&both, Some("eu")), Ok("eu, all".to_owned()));
        assert_eq!(routes(&both, Some("us")), Ok("all".to_owned()));
        let unknown = "there is no source `asia`: the sources are `eu`, `us`";
        assert_eq!(routes(&both, Some("asia")), Err::<String, _>(unknown.to_owned()));
        assert!(routes(&both, None).unwrap_err().contains("say whose objects these are, `eu`, `us`"));
        // It does not matter, or there is only one.
        assert_eq!(routes(&config(&format!("{one}, {two}"), ""), None), Ok("eu, all".to_owned()));
        assert_eq!(routes(&config(one, ", sources: [eu]"), None), Ok("eu, all".to_owned()));
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
