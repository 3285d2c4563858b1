//! From a configuration to the parts of an engine. What did not change since the last configuration is handed out
//! again, so that the engine leaves it alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rulesync_core::{
    AlloyNaming, AlloyNamingError, DeleteGuard, InventoryError, KINDS, Metrics, NamedRuler, NamedSource,
    NamespacePolicy, Naming, Owner, OwnerError, Pattern, Policy, PromDuration, Route, Ruler, Setup,
    SetupError, Source, Tenancy,
};
use rulesync_files::{FileMemory, FilesSource, GlobError};
use rulesync_fs::FileError;
use rulesync_http::{ClientConfig, RequestObserver, SettingsError};
use rulesync_k8s::{ConnectError, KubernetesConfig, KubernetesSource, LeaseError};
use rulesync_loki::LokiRuler;
use rulesync_mimir::{MimirRuler, ServerProfile};
use rulesync_prometheus::PrometheusRuler;
use rulesync_testkit::{Detail, Kind, RulerServer};

use crate::file::{Config, NamingConfig, RulerConfig, RulerKind, SourceConfig, Switch};
use crate::route::{RouteConfig, RouteError};

/// Where an embedded ruler listens if nothing is said: Mimir's own port.
const EMBEDDED_ADDRESS: &str = "http://127.0.0.1:9009";

/// How long the file system may take to answer for the files that a ruler's settings name.
const READ_DEADLINE: Duration = Duration::from_secs(10);

/// Turns configurations into setups, one after the other.
#[derive(Debug)]
pub struct Wiring {
    directory: PathBuf,
    metrics: Metrics,
    /// Where sources remember what their files declare.
    memory: FileMemory,
    current: Wired,
}

/// The parts of one configuration, with what keeps them going.
#[derive(Debug, Default)]
pub struct Wired {
    sources: Vec<WiredSource>,
    rulers: Vec<WiredRuler>,
}

/// A ruler and what it was made of.
#[derive(Debug)]
struct WiredRuler {
    config: RulerConfig,
    named: NamedRuler,
    embedded: Option<Arc<Embedded>>,
}

/// A server in this process. It goes on as long as some ruler is made of it.
#[derive(Debug)]
struct Embedded {
    address: String,
    storage: PathBuf,
    server: RulerServer,
}

/// A source and what it was made of.
#[derive(Debug)]
struct WiredSource {
    config: SourceConfig,
    kinds: Vec<String>,
    named: NamedSource,
}

/// Why a configuration cannot be put to work.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The owner is no DNS label.
    #[error("owner: {0}")]
    Owner(#[from] OwnerError),
    /// A naming that would own too much.
    #[error("naming: {0}")]
    Naming(#[from] AlloyNamingError),
    /// A time that must not be zero.
    #[error("{key} must be longer than zero")]
    Zero {
        /// The key.
        key: String,
    },
    /// A share is a part of a whole.
    #[error("delete_guard: max_share must be between 0 and 1")]
    Share,
    /// A ConfigMap or a Lease needs a cluster.
    #[error("`{key}` needs a source of type kubernetes, whose cluster it is kept in")]
    NoCluster {
        /// The key.
        key: &'static str,
    },
    /// The inventory's file cannot be used.
    #[error("inventory: {0}")]
    Inventory(#[from] InventoryError),
    /// The cluster of the inventory or the election cannot be addressed.
    #[error("`{key}`: {error}")]
    Cluster {
        /// The key.
        key: &'static str,
        /// What is wrong.
        error: ConnectError,
    },
    /// The times of the election are not safe.
    #[error("leader_election: {0}")]
    Election(#[from] LeaseError),
    /// A pattern for files that is none.
    #[error("source `{name}`: glob: {error}")]
    Glob {
        /// The source.
        name: String,
        /// What is wrong.
        error: GlobError,
    },
    /// A route that makes no sense.
    #[error("route `{route}`: {error}")]
    Route {
        /// The route.
        route: String,
        /// What is wrong.
        error: RouteError,
    },
    /// A key is missing that this type of ruler needs.
    #[error("ruler `{ruler}`: `{key}` is missing")]
    Missing {
        /// The ruler.
        ruler: String,
        /// The key.
        key: &'static str,
    },
    /// A Prometheus has no tenants.
    #[error("route `{route}`: the ruler `{ruler}` is a Prometheus and has no tenants: leave `tenant` out")]
    NoTenants {
        /// The route.
        route: String,
        /// The ruler.
        ruler: String,
    },
    /// A key means nothing for this type of ruler.
    #[error("ruler `{ruler}`: `{key}` has no meaning for this type of ruler")]
    Meaningless {
        /// The ruler.
        ruler: String,
        /// The key.
        key: &'static str,
    },
    /// The client's settings contradict each other or cannot be used.
    #[error("ruler `{ruler}`: {error}")]
    Client {
        /// The ruler.
        ruler: String,
        /// What is wrong.
        error: SettingsError,
    },
    /// An embedded ruler cannot be started.
    #[error("ruler `{ruler}`: cannot serve on {address}: {reason}; set `address` to another port")]
    Embedded {
        /// The ruler.
        ruler: String,
        /// Where it should listen.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// An embedded ruler would be open to everybody.
    #[error(
        "ruler `{ruler}`: {address} is not a loopback address, and an embedded ruler has no authentication: whoever reaches it could read and change all rules. Listen on 127.0.0.1, or set `allow_remote: true`"
    )]
    Remote {
        /// The ruler.
        ruler: String,
        /// Where it should listen.
        address: String,
    },
    /// A Kubernetes cluster cannot be addressed.
    #[error("source `{name}`: {error}")]
    Kubernetes {
        /// The source.
        name: String,
        /// What is wrong.
        error: ConnectError,
    },
    /// The parts do not fit together.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

impl Wiring {
    /// For configuration files in `directory`, counting requests in `metrics`.
    pub fn new(directory: &Path, metrics: Metrics) -> Self {
        Self {
            directory: directory.to_owned(),
            metrics,
            memory: FileMemory::default(),
            current: Wired::default(),
        }
    }

    /// Where the sources of files remember what these declare.
    pub fn memory(&self) -> &FileMemory {
        &self.memory
    }

    /// Makes the parts a configuration asks for, as far as they are not there. To be given to [`keep`](Self::keep) once
    /// they are in use.
    ///
    /// # Errors
    ///
    /// [`WiringError`] names the first part that cannot be made.
    pub async fn wire(&self, config: &Config) -> Result<(Setup, Wired), WiringError> {
        let namespace_policy = namespace_policy(config)?;
        let resync_interval = positive(config.resync_interval)
            .ok_or_else(|| WiringError::Zero { key: "resync_interval".to_owned() })?;
        let routes = config.routes.iter().map(route).collect::<Result<Vec<Route>, WiringError>>()?;
        for route in &routes {
            let prometheus =
                |ruler: &&RulerConfig| *ruler.name == *route.ruler && ruler.kind == RulerKind::Prometheus;
            if route.tenant != Tenancy::None
                && let Some(ruler) = config.rulers.iter().find(prometheus)
            {
                let (route, ruler) = (route.name.to_string(), ruler.name.clone());
                return Err(WiringError::NoTenants { route, ruler });
            }
        }
        let kinds = kinds(config, &routes);
        let mut sources = Vec::new();
        for (name, source) in named(&config.sources) {
            let same = |old: &&WiredSource| {
                old.config == *source
                    && *old.named.name == *name
                    && (old.kinds == kinds || !source.has_kinds())
            };
            let named = match self.current.sources.iter().find(same) {
                Some(old) => old.named.clone(),
                None => {
                    let made = self.source(&name, source, &kinds).await?;
                    NamedSource { name: name.as_str().into(), source: made }
                }
            };
            sources.push(WiredSource { config: source.clone(), kinds: kinds.clone(), named });
        }
        let mut rulers = Vec::new();
        for ruler in &config.rulers {
            let wired = match self.current.rulers.iter().find(|old| old.config == *ruler) {
                Some(old) => {
                    let (named, embedded) = (old.named.clone(), old.embedded.clone());
                    WiredRuler { config: ruler.clone(), named, embedded }
                }
                None => self.ruler(ruler).await?,
            };
            rulers.push(wired);
        }
        let setup = Setup {
            namespace_policy,
            sources: sources.iter().map(|source| source.named.clone()).collect(),
            rulers: rulers.iter().map(|ruler| ruler.named.clone()).collect(),
            routes,
            policy: Policy {
                resync_interval,
                evaluation_interval: Duration::from_millis(config.evaluation_interval.as_millis()),
                on_invalid: config.on_invalid,
                delete_guard: DeleteGuard {
                    max_share: config.delete_guard.max_share,
                    min_groups: config.delete_guard.min_groups,
                    window: Duration::from_millis(config.delete_guard.window.as_millis()),
                },
                claim: config.claim == Switch::On,
                ..Policy::default()
            },
        };
        setup.validate()?;
        Ok((setup, Wired { sources, rulers }))
    }

    /// These parts are in use now, and those before them are not any more.
    pub fn keep(&mut self, wired: Wired) {
        self.current = wired;
    }

    async fn source(
        &self,
        name: &str,
        config: &SourceConfig,
        kinds: &[String],
    ) -> Result<Arc<dyn Source>, WiringError> {
        match config {
            SourceConfig::Kubernetes { kubeconfig, namespaces, .. } => {
                let kubeconfig = kubeconfig.clone().filter(|path| !path.as_os_str().is_empty());
                let config = KubernetesConfig {
                    kubeconfig: kubeconfig.map(|path| self.directory.join(path)),
                    namespaces: namespaces.clone(),
                    kinds: kinds.to_vec(),
                    ..KubernetesConfig::default()
                };
                let source = KubernetesSource::connect(config).await;
                Ok(Arc::new(
                    source.map_err(|error| WiringError::Kubernetes { name: name.to_owned(), error })?,
                ))
            }
            SourceConfig::Files { path, glob, .. } => {
                // As whoever wrote the configuration knows its files.
                let source =
                    FilesSource::new(self.directory.join(path)).shown_as(path).memory(self.memory.clone());
                let source = if glob.is_empty() { Ok(source) } else { source.glob(glob) };
                Ok(Arc::new(source.map_err(|error| WiringError::Glob { name: name.to_owned(), error })?))
            }
        }
    }

    async fn ruler(&self, config: &RulerConfig) -> Result<WiredRuler, WiringError> {
        let ruler = || config.name.clone();
        let only_for = |key: &'static str, set: bool, allowed: bool| {
            if set && !allowed { Err(WiringError::Meaningless { ruler: ruler(), key }) } else { Ok(()) }
        };
        let embedded = config.kind == RulerKind::Embedded;
        only_for("path", config.path.is_some(), embedded)?;
        only_for("allow_remote", config.allow_remote.is_some(), embedded)?;
        only_for(
            "prometheus_http_prefix",
            config.prometheus_http_prefix.is_some(),
            config.kind == RulerKind::Mimir,
        )?;
        let prometheus = config.kind == RulerKind::Prometheus;
        only_for("directory", config.directory.is_some(), prometheus)?;
        only_for("variant", config.variant.is_some(), prometheus)?;
        let prefix = config.prometheus_http_prefix.clone().unwrap_or_else(|| "/prometheus".to_owned());
        let (address, embedded) = if embedded {
            let embedded = self.embedded(config).await?;
            (embedded.server.url(), Some(embedded))
        } else {
            (
                config
                    .address
                    .clone()
                    .ok_or_else(|| WiringError::Missing { ruler: ruler(), key: "address" })?,
                None,
            )
        };
        let timeout = positive(config.request_timeout)
            .ok_or_else(|| WiringError::Zero { key: format!("ruler `{}`: request_timeout", config.name) })?;
        let observer = Arc::new(Observer { ruler: ruler(), metrics: self.metrics.clone() });
        let (client, observer): (_, Option<Arc<dyn RequestObserver>>) =
            (config.client(&self.directory), Some(observer));
        let in_turn = answering(&client).await;
        let in_turn = in_turn.map_err(|error| WiringError::Client { ruler: ruler(), error })?;
        let (kind, variant) = (config.kind, config.variant.unwrap_or_default());
        let directory = config.directory.as_ref().map(|directory| self.directory.join(directory));
        let make = move || match kind {
            RulerKind::Mimir => {
                MimirRuler::new(&address, ServerProfile::mimir(&prefix), &client, timeout, observer).map(arc)
            }
            RulerKind::Embedded => {
                let flavour = ServerProfile::mimir(&prefix).exact();
                MimirRuler::new(&address, flavour, &client, timeout, observer).map(arc)
            }
            RulerKind::Cortex => {
                MimirRuler::new(&address, ServerProfile::cortex(), &client, timeout, observer).map(arc)
            }
            RulerKind::Loki => LokiRuler::new(&address, &client, timeout, observer).map(arc),
            RulerKind::Prometheus => {
                let directory = directory.ok_or(SettingsError::Missing("directory"))?;
                PrometheusRuler::new(directory, &address, variant, &client, timeout, observer).map(arc)
            }
        };
        let made = match in_turn {
            Some((key, file)) => {
                let made = rulesync_fs::run_with_deadline(&file, READ_DEADLINE, move || Ok(make())).await;
                made.unwrap_or_else(|error: FileError| Err(too_slow(key, &file, &error)))
            }
            None => make(),
        };
        let made = made.map_err(|error| WiringError::Client { ruler: ruler(), error })?;
        let named = NamedRuler {
            max_in_flight: config.in_flight(),
            split_groups: config.split_groups,
            ..NamedRuler::new(&config.name, made)
        };
        Ok(WiredRuler { config: config.clone(), named, embedded })
    }

    /// The server of an embedded ruler: that of the last configuration, if only other settings have changed.
    async fn embedded(&self, config: &RulerConfig) -> Result<Arc<Embedded>, WiringError> {
        let address = config.address.as_deref().unwrap_or(EMBEDDED_ADDRESS);
        let refused = |reason: String| WiringError::Embedded {
            ruler: config.name.clone(),
            address: address.to_owned(),
            reason,
        };
        let listen = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
        let listen: SocketAddr =
            listen.parse().map_err(|_| refused("not of the form http://127.0.0.1:PORT".to_owned()))?;
        if !listen.ip().to_canonical().is_loopback() && config.allow_remote != Some(true) {
            return Err(WiringError::Remote { ruler: config.name.clone(), address: address.to_owned() });
        }
        let path = config.path.clone().unwrap_or_else(|| Path::new(".rulesync").join(&config.name));
        let storage = self.directory.join(path);
        let running = self.current.rulers.iter().filter_map(|ruler| ruler.embedded.as_ref());
        let mut same = running.filter(|embedded| embedded.address == address && embedded.storage == storage);
        if let Some(embedded) = same.next() {
            return Ok(Arc::clone(embedded));
        }
        let server = RulerServer::builder(Kind::Mimir)
            .listen(listen)
            .storage(&storage)
            // Nobody reads it, and it would grow for ever.
            .journal(Detail::Nothing)
            .start()
            .await
            .map_err(|error| refused(error.to_string()))?;
        Ok(Arc::new(Embedded { address: address.to_owned(), storage, server }))
    }
}

/// Makes sure that the file system answers for every file that is read as a client is made, one by one, so that the one
/// for which it does not is named, and holds up nobody else's. The last of them, if there is one.
async fn answering(client: &ClientConfig) -> Result<Option<(&'static str, PathBuf)>, SettingsError> {
    let mut last = None;
    for (key, file) in certificates(client) {
        let (asking, path) = (file.clone(), file.clone());
        // What it answers counts when the file is read.
        let asked = rulesync_fs::run_with_deadline(&file, READ_DEADLINE, move || {
            drop(rulesync_fs::open(&asking));
            Ok::<_, FileError>(())
        });
        asked.await.map_err(|error| too_slow(key, &path, &error))?;
        last = Some((key, file));
    }
    Ok(last)
}

/// The files that are read as a client is made, with their keys. All others are read when they are needed.
fn certificates(client: &ClientConfig) -> Vec<(&'static str, PathBuf)> {
    let ours = client
        .tls_config
        .iter()
        .map(|tls| (["tls_config.ca_file", "tls_config.cert_file", "tls_config.key_file"], tls));
    let issuers = client.oauth2.iter().filter_map(|oauth2| {
        let keys = ["oauth2.tls_config.ca_file", "oauth2.tls_config.cert_file", "oauth2.tls_config.key_file"];
        Some((keys, oauth2.tls_config.as_ref()?))
    });
    let files = ours
        .chain(issuers)
        .flat_map(|(keys, tls)| keys.into_iter().zip([&tls.ca_file, &tls.cert_file, &tls.key_file]));
    files.filter_map(|(key, file)| Some((key, file.clone()?))).collect()
}

fn too_slow(key: &str, file: &Path, error: &FileError) -> SettingsError {
    SettingsError::Invalid { key: key.to_owned(), reason: format!("{}: {error}", file.display()) }
}

/// A time that is longer than none.
fn positive(duration: PromDuration) -> Option<Duration> {
    Some(Duration::from_millis(duration.as_millis())).filter(|duration| !duration.is_zero())
}

fn arc(ruler: impl Ruler) -> Arc<dyn Ruler> {
    Arc::new(ruler)
}

/// The kinds of objects that some route takes.
fn kinds(config: &Config, routes: &[Route]) -> Vec<String> {
    let language = |route: &Route| {
        let ruler = config.rulers.iter().find(|ruler| *ruler.name == *route.ruler)?;
        Some(ruler.kind.language())
    };
    let taken = |kind: &&&str| {
        routes.iter().any(|route| language(route).is_some_and(|language| route.takes_kind(kind, language)))
    };
    KINDS.iter().filter(taken).map(|kind| (*kind).to_owned()).collect()
}

/// Counts a ruler's requests.
#[derive(Debug)]
struct Observer {
    ruler: String,
    metrics: Metrics,
}

impl RequestObserver for Observer {
    fn observe(&self, method: &'static str, route: &'static str, code: &str, elapsed: Duration) {
        self.metrics.observe_request(&self.ruler, method, route, code, elapsed);
    }
}

fn namespace_policy(config: &Config) -> Result<NamespacePolicy, WiringError> {
    if !(0.0..=1.0).contains(&config.delete_guard.max_share) {
        return Err(WiringError::Share);
    }
    let owner: Owner = config.owner.parse()?;
    let naming = |naming: &NamingConfig| -> Result<Naming, WiringError> {
        Ok(match naming {
            NamingConfig::Owner => Naming::Owner(owner.clone()),
            NamingConfig::Alloy { prefix, separator } => Naming::Alloy(AlloyNaming::new(prefix, separator)?),
        })
    };
    let mut legacy = Vec::new();
    for previous in &config.previous_owners {
        legacy.push(Naming::Owner(previous.parse()?));
    }
    for previous in &config.previous_naming {
        legacy.push(naming(previous)?);
    }
    let adopt = config.adopt.namespaces.iter().map(|pattern| Pattern::from(pattern.as_str())).collect();
    Ok(NamespacePolicy { naming: naming(&config.naming)?, legacy, adopt, owner: owner.clone() })
}

fn route(config: &RouteConfig) -> Result<Route, WiringError> {
    config.route().map_err(|error| WiringError::Route { route: config.name.clone(), error })
}

/// Names for sources that have none: their type, with a number from the second one on.
fn named(sources: &[SourceConfig]) -> Vec<(String, &SourceConfig)> {
    let mut named: Vec<(String, &SourceConfig)> = Vec::new();
    for source in sources {
        let (name, kind) = match source {
            SourceConfig::Kubernetes { name, .. } => (name, "kubernetes"),
            SourceConfig::Files { name, .. } => (name, "files"),
        };
        let name = name.clone().unwrap_or_else(|| {
            let taken = |candidate: &str| named.iter().any(|(name, _)| name == candidate);
            let mut name = kind.to_owned();
            let mut number = 2;
            while taken(&name) {
                name = format!("{kind}-{number}");
                number += 1;
            }
            name
        });
        named.push((name, source));
    }
    named
}

#[cfg(test)]
mod tests;
