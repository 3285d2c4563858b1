//! The parts of an engine that can be replaced while it runs. What did not change since the last configuration stays the
//! same part, so that the engine leaves it alone.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use rulesync_core::Ruler;
use rulesync_core::engine::{Metrics, NamedRuler, NamedSource, Setup};
use rulesync_http::RequestObserver;

#[cfg(feature = "embedded")]
use super::embedded::Embedded;
use super::observer::Observer;
use super::rulers;
use super::sources::{self, SourceContext};
use crate::config::ConfigLocation;
use crate::error::{ConfigError, ConfigErrors};
#[cfg(feature = "kubernetes")]
use crate::publishing::PublishedSource;
use crate::settings::{RulerSettings, Settings, SourceSettings};
use crate::yaml::Path;

/// Makes the parts of one configuration after another.
#[derive(Debug)]
pub(crate) struct PartsBuilder {
    directory: PathBuf,
    metrics: Metrics,
    /// Where sources remember what their files declare.
    #[cfg(feature = "files")]
    memory: rulesync_files::FileMemory,
    current: Parts,
}

/// The parts of one configuration, with what they need to work.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    sources: Vec<SourcePart>,
    rulers: Vec<RulerPart>,
}

/// A ruler of a configuration, for requests of one's own: no engine plans or guards them. Made by
/// [`ValidConfig::open_ruler`](crate::ValidConfig::open_ruler).
#[derive(Debug)]
pub struct OpenRuler(RulerPart);

impl std::ops::Deref for OpenRuler {
    type Target = dyn Ruler;

    fn deref(&self) -> &Self::Target {
        &*self.0.named.ruler
    }
}

/// A source and the settings it was made from.
#[derive(Debug)]
struct SourcePart {
    settings: SourceSettings,
    kinds: Vec<String>,
    named: NamedSource,
    #[cfg(feature = "kubernetes")]
    kubernetes: Option<rulesync_k8s::KubernetesSource>,
}

/// A ruler and the settings it was made from.
#[derive(Debug)]
struct RulerPart {
    settings: RulerSettings,
    named: NamedRuler,
    #[cfg(feature = "embedded")]
    embedded: Option<Arc<Embedded>>,
}

impl PartsBuilder {
    /// Begins without parts. Requests are counted in `metrics`.
    pub(crate) fn new(directory: &FilePath, metrics: Metrics) -> Self {
        Self {
            directory: directory.to_owned(),
            metrics,
            #[cfg(feature = "files")]
            memory: rulesync_files::FileMemory::default(),
            current: Parts::default(),
        }
    }

    /// Where sources remember what their files declare.
    #[cfg(feature = "files")]
    pub(crate) fn memory(&self) -> &rulesync_files::FileMemory {
        &self.memory
    }

    /// Makes the parts that a configuration needs and that do not exist yet. Once the setup is in use, the parts are to be
    /// given to [`keep`](Self::keep).
    ///
    /// # Errors
    ///
    /// All parts that cannot be made.
    pub(crate) async fn make(
        &self,
        settings: &Settings,
        place: &ConfigLocation,
    ) -> Result<(Setup, Parts), ConfigErrors> {
        let mut errors = Vec::new();
        let mut parts = Parts::default();
        for (index, source) in settings.sources.iter().enumerate() {
            match self.source(source, &settings.kinds).await {
                Ok(part) => parts.sources.push(part),
                Err((key, message)) => {
                    let path = Path::of("sources").item(index).key(key);
                    errors.push(place.error(&path, format!("source `{}`: {message}", source.name)));
                }
            }
        }
        for (index, ruler) in settings.rulers.iter().enumerate() {
            match self.ruler(ruler, &Path::of("rulers").item(index), place).await {
                Ok(part) => parts.rulers.push(part),
                Err(error) => errors.push(error),
            }
        }
        if let Some(errors) = ConfigErrors::of(errors) {
            return Err(errors);
        }
        let setup = Setup {
            namespace_policy: settings.namespace_policy.clone(),
            sources: parts.sources.iter().map(|source| source.named.clone()).collect(),
            rulers: parts.rulers.iter().map(|ruler| ruler.named.clone()).collect(),
            routes: settings.routes.clone(),
            policy: settings.policy.clone(),
        };
        setup.validate().map_err(|error| place.whole(error.to_string()))?;
        Ok((setup, parts))
    }

    /// Takes parts as those in use, and ends those before them.
    pub(crate) fn keep(&mut self, parts: Parts) {
        self.current = parts;
    }

    /// Makes one ruler of a configuration by itself: the ruler with what it needs to work. None if there is no ruler of
    /// this name.
    pub(crate) async fn single(
        &self,
        name: &str,
        settings: &Settings,
        place: &ConfigLocation,
    ) -> Option<Result<OpenRuler, ConfigError>> {
        let (index, ruler) = settings.rulers.iter().enumerate().find(|(_, ruler)| ruler.name == name)?;
        Some(self.ruler(ruler, &Path::of("rulers").item(index), place).await.map(OpenRuler))
    }

    async fn source(
        &self,
        settings: &SourceSettings,
        kinds: &[String],
    ) -> Result<SourcePart, (&'static str, String)> {
        let is_same =
            |old: &&SourcePart| old.settings == *settings && (old.kinds == kinds || !settings.has_kinds());
        if let Some(old) = self.current.sources.iter().find(is_same) {
            return Ok(SourcePart {
                settings: settings.clone(),
                kinds: kinds.to_vec(),
                named: old.named.clone(),
                #[cfg(feature = "kubernetes")]
                kubernetes: old.kubernetes.clone(),
            });
        }
        let context = SourceContext {
            directory: &self.directory,
            kinds,
            #[cfg(feature = "files")]
            memory: &self.memory,
        };
        let made = sources::source(settings, context).await?;
        Ok(SourcePart {
            settings: settings.clone(),
            kinds: kinds.to_vec(),
            named: NamedSource { name: settings.name.as_str().into(), source: made.source },
            #[cfg(feature = "kubernetes")]
            kubernetes: made.kubernetes,
        })
    }

    async fn ruler(
        &self,
        settings: &RulerSettings,
        at: &Path,
        place: &ConfigLocation,
    ) -> Result<RulerPart, ConfigError> {
        if let Some(old) = self.current.rulers.iter().find(|old| old.settings == *settings) {
            return Ok(RulerPart {
                settings: settings.clone(),
                named: old.named.clone(),
                #[cfg(feature = "embedded")]
                embedded: old.embedded.clone(),
            });
        }
        let name = &settings.name;
        #[cfg(feature = "embedded")]
        let embedded = match &settings.kind {
            crate::settings::RulerKind::Embedded(embedded) => {
                let running = self.current.rulers.iter().filter_map(|ruler| ruler.embedded.as_ref());
                let started = Embedded::start(embedded, running).await;
                Some(started.map_err(|(key, reason)| {
                    place.error(&at.key(key), format!("ruler `{name}`: {reason}"))
                })?)
            }
            _ => None,
        };
        #[cfg(feature = "embedded")]
        let url = embedded.as_ref().map(|embedded| embedded.url());
        #[cfg(not(feature = "embedded"))]
        let url = None;
        let observer: Arc<dyn RequestObserver> =
            Arc::new(Observer { ruler: name.clone(), metrics: self.metrics.clone() });
        let ruler = rulers::ruler(settings, url, Some(observer)).await.map_err(|error| {
            place.error(&rulers::path(&error, settings, at), format!("ruler `{name}`: {error}"))
        })?;
        let named = NamedRuler {
            max_in_flight: settings.max_in_flight,
            split_groups: settings.split_groups,
            naming: settings.naming.clone(),
            legacy: settings.legacy.clone(),
            ..NamedRuler::new(name, ruler)
        };
        Ok(RulerPart {
            settings: settings.clone(),
            named,
            #[cfg(feature = "embedded")]
            embedded,
        })
    }
}

#[cfg(feature = "kubernetes")]
impl Parts {
    /// Returns the sources whose objects can be told what has become of them.
    pub(crate) fn published(&self) -> Vec<PublishedSource> {
        let published = |part: &SourcePart| {
            let NamedSource { name, source } = part.named.clone();
            Some(PublishedSource { name: name.to_string(), part: source, source: part.kubernetes.clone()? })
        };
        self.sources.iter().filter_map(published).collect()
    }
}

#[cfg(all(test, feature = "embedded"))]
impl Parts {
    /// The base URL of the first ruler's embedded server.
    pub(super) fn embedded_url(&self) -> Option<String> {
        self.rulers.first()?.embedded.as_ref().map(|embedded| embedded.url())
    }
}
