//! What objects are checked for: the rulers and routes of a configuration, one kind of ruler, or what suits their language.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use rulesync_config::{Config, RulerProfile, is_alloy};
use rulesync_core::check::{CheckedObject, Checker};
use rulesync_core::engine::{NamedRuler, Policy, Setup};
use rulesync_core::model::{DIALECT_ANNOTATION, QueryLanguage, language_of};
use rulesync_core::naming::{NamespacePolicy, OwnerError, Pattern};
use rulesync_core::route::{NamespaceMetadata, Permission};
use rulesync_core::{Owner, Route, RuleObject};

use crate::failure::Failure;
use crate::input::InputPath;
use crate::report::Scope;

/// The owner where none is named, which only shows in ruler namespaces.
const OWNER: &str = "nobody";

/// A kind of ruler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Grafana Mimir.
    Mimir,
    /// Grafana Loki.
    Loki,
    /// Cortex.
    Cortex,
    /// Prometheus.
    Prometheus,
    /// VictoriaMetrics' vmalert.
    Vmalert,
}

impl Kind {
    /// The word for it on the command line.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn profile(self) -> RulerProfile {
        match self {
            Self::Mimir => RulerProfile::Mimir,
            Self::Loki => RulerProfile::Loki,
            Self::Cortex => RulerProfile::Cortex,
            Self::Prometheus => RulerProfile::Prometheus,
            Self::Vmalert => RulerProfile::Vmalert,
        }
    }
}

/// What objects are checked for.
#[derive(Debug)]
pub(crate) enum Judge {
    /// The routes of a configuration.
    Routes {
        checker: Checker,
        needs_namespaces: bool,
        /// The Kubernetes namespaces that its sources watch; none if these are all.
        watched: Option<BTreeSet<String>>,
    },
    /// One kind of ruler.
    Ruler(Kind, Checker),
    /// One ruler for metrics, one for logs.
    Languages { metrics: Box<Checker>, logs: Box<Checker> },
}

impl Judge {
    /// Returns what to check for, and the paths to check if none is given. `source` is that of a configuration whose objects
    /// are checked.
    pub(crate) async fn new(
        ruler: Option<Kind>,
        config: Option<&Path>,
        source: Option<&str>,
    ) -> Result<(Self, Vec<InputPath>), Failure> {
        let here = vec![InputPath { path: ".".into(), glob: Vec::new() }];
        let Some(config) = config else {
            let judge = match ruler {
                Some(kind) => Self::Ruler(kind, checker(kind)?),
                None => Self::Languages {
                    metrics: checker(Kind::Mimir)?.into(),
                    logs: checker(Kind::Loki)?.into(),
                },
            };
            return Ok((judge, here));
        };
        // One of Grafana Alloy names no owner, and nothing is written for it.
        let config = Config::read_with_owner(config, is_alloy(config).then_some(OWNER)).await?.validate()?;
        let sources = config.file_sources();
        let paths: Vec<InputPath> =
            sources.map(|(path, glob)| InputPath { path, glob: glob.to_vec() }).collect();
        let setup = config.describe_for(source)?;
        let needs_namespaces = setup.routes.iter().any(Route::needs_namespaces);
        let watched = config.watched_namespaces();
        let watched = watched.map(|namespaces| namespaces.into_iter().map(str::to_owned).collect());
        let judge = Self::Routes { checker: Checker::new(&setup), needs_namespaces, watched };
        Ok((judge, if paths.is_empty() { here } else { paths }))
    }

    /// Returns what objects are checked for.
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::Routes { .. } => Scope::Routes,
            Self::Ruler(kind, _) => Scope::Ruler(kind.name()),
            Self::Languages { .. } => Scope::Language,
        }
    }

    /// Returns whether the labels or annotations of Kubernetes namespaces count.
    pub(crate) fn needs_namespaces(&self) -> bool {
        matches!(self, Self::Routes { needs_namespaces: true, .. })
    }

    /// Returns whether objects in a Kubernetes namespace are seen at all.
    pub(crate) fn watches(&self, namespace: &str) -> bool {
        match self {
            Self::Routes { watched: Some(watched), .. } => watched.contains(namespace),
            _ => true,
        }
    }

    /// Checks an object.
    pub(crate) fn check(&self, object: RuleObject, namespace: Option<&NamespaceMetadata>) -> CheckedObject {
        match self {
            Self::Routes { checker, .. } | Self::Ruler(_, checker) => checker.check(object, namespace),
            Self::Languages { logs, .. } if is_of_logs(&object) => logs.check(object, namespace),
            Self::Languages { metrics, .. } => metrics.check(object, namespace),
        }
    }
}

/// Returns whether an object says that it is LogQL, by its kind or an annotation.
fn is_of_logs(object: &RuleObject) -> bool {
    let declared = object.annotations.get(DIALECT_ANNOTATION).map(|text| text.trim().to_lowercase());
    let logql = QueryLanguage::LogQl.name();
    match declared {
        Some(declared) => declared == logql,
        None => language_of(object.id.kind()) == Some(QueryLanguage::LogQl),
    }
}

/// Returns a checker for one ruler that takes everything: whatever tenant an object requests, or reads from.
fn checker(kind: Kind) -> Result<Checker, Failure> {
    let profile = kind.profile();
    let name = kind.name();
    let ruler =
        profile.describe().ok_or_else(|| Failure::Usage(format!("this build does not know {name}")))?;
    let owner: Owner = OWNER.parse().map_err(|error: OwnerError| Failure::Usage(error.to_string()))?;
    let Ok(everything) = "*".parse::<Pattern>();
    let setup = Setup {
        namespace_policy: NamespacePolicy::of(owner),
        sources: Vec::new(),
        rulers: vec![NamedRuler::new(&name, Arc::new(ruler))],
        routes: vec![Route {
            allow: vec![Permission { values: vec![everything.clone()], ..Permission::default() }],
            source_tenants: vec![everything],
            ..Route::all("all", &name, None)
        }],
        policy: Policy::default(),
    };
    Ok(Checker::new(&setup))
}
