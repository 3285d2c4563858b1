//! The shape of the configuration file, and how it is read: YAML in, positions and suggestions out when it is wrong.
//! What becomes of it is in `wiring.rs`.

mod renamed;
mod typed;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::environment::{NotSet, expand};
use crate::reading;
use crate::route::RouteConfig;
use rulesync_core::{DeleteGuard, OnInvalid, PromDuration};
use rulesync_http::ClientConfig;
use rulesync_prometheus::Variant;
use serde::Deserialize;

/// A whole configuration file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whose rules these are: a DNS label, the first segment of every namespace that is written.
    pub owner: String,
    /// How often every destination is compared whole; longer than zero. 5 minutes if absent.
    #[serde(default = "five_minutes")]
    pub resync_interval: PromDuration,
    /// How often each ruler is asked how rules evaluate, at most; `0s`: never. 5 minutes if absent.
    #[serde(default = "five_minutes")]
    pub evaluation_interval: PromDuration,
    /// Where objects come from.
    pub sources: Vec<SourceConfig>,
    /// Where rules go.
    pub rulers: Vec<RulerConfig>,
    /// Which objects go where.
    pub routes: Vec<RouteConfig>,
    /// How the namespaces of objects are called; `owner` if absent.
    #[serde(default)]
    pub naming: NamingConfig,
    /// Owners this installation had before: what they wrote goes once it stands under the present one.
    #[serde(default)]
    pub previous_owners: Vec<String>,
    /// Namings this installation had before.
    #[serde(default)]
    pub previous_naming: Vec<NamingConfig>,
    /// Whether a claim is written to each tenant, and a foreign one respected. On if absent.
    #[serde(default)]
    pub claim: Switch,
    /// Where it is remembered which tenants were written to. If absent: in a cluster a ConfigMap; for file sources
    /// alone `.rulesync/ledger.json` beside the configuration file; elsewhere nowhere.
    #[serde(default)]
    pub inventory: Option<InventoryConfig>,
    /// What tells this installation from others of the same owner, wherever they run. If absent, in a cluster
    /// `{Kubernetes namespace}/{release}`, where the release is `RULESYNC_RELEASE` or the name of the inventory's
    /// ConfigMap; elsewhere what the inventory's file holds.
    #[serde(default)]
    pub installation: Option<String>,
    /// Installations whose claims this one takes over: `INSTALLATION` in the same cluster, or `CLUSTER/INSTALLATION`,
    /// as the refusal says it.
    #[serde(default)]
    pub previous_installations: Vec<String>,
    /// What may be taken over from others.
    #[serde(default)]
    pub adopt: AdoptConfig,
    /// What to do with a group that has rules a ruler does not take; `group` if absent.
    #[serde(default)]
    pub on_invalid: OnInvalid,
    /// When deletes are held back.
    #[serde(default)]
    pub delete_guard: DeleteGuardConfig,
    /// Several processes of which one writes.
    #[serde(default)]
    pub leader_election: LeaderElectionConfig,
    /// The label `tenant` on metrics; switch it off where there are very many tenants.
    #[serde(default)]
    pub metrics: MetricsConfig,
}

/// How the namespaces of objects are called.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "typed::NamingKeys")]
pub enum NamingConfig {
    /// `{owner}.{Kubernetes namespace}.{name}`.
    #[default]
    Owner,
    /// As Grafana Alloy does it: prefix, Kubernetes namespace, name and UID.
    Alloy {
        /// Alloy's `mimir_namespace_prefix`; `alloy` if absent.
        prefix: String,
        /// What stands between the parts; `/` if absent.
        separator: String,
    },
}

/// On or off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// On.
    #[default]
    On,
    /// Off.
    Off,
}

/// Where it is remembered which tenants were written to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "typed::InventoryKeys")]
pub enum InventoryConfig {
    /// A ConfigMap in the cluster of the first Kubernetes source.
    ConfigMap {
        /// Its name; `rulesync-ledger` if absent.
        name: Option<String>,
        /// Its Kubernetes namespace; the one we are in, or the kubeconfig's, if absent.
        namespace: Option<String>,
    },
    /// A file, which also holds the identity of this installation where no cluster gives it one.
    File {
        /// The file; relative to the configuration file.
        path: PathBuf,
    },
    /// Nowhere: what removed routes leave behind is only cleaned up while the process that wrote it runs.
    Off,
}

/// What may be taken over from others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoptConfig {
    /// Ruler namespaces, with `*` for anything, whose groups are removed once equal ones of ours are in the ruler.
    #[serde(default)]
    pub namespaces: Vec<String>,
}

/// When deletes are held back.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeleteGuardConfig {
    /// The share of a tenant's groups that may go within the window; 1 switches the guard off.
    pub max_share: f64,
    /// Fewer groups than this may always go.
    pub min_groups: usize,
    /// The time within which deletes are added up.
    pub window: PromDuration,
}

impl Default for DeleteGuardConfig {
    fn default() -> Self {
        let DeleteGuard { max_share, min_groups, window } = DeleteGuard::default();
        let window = PromDuration::from_millis(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        Self { max_share, min_groups, window }
    }
}

/// Several processes of which one writes: an election on a Kubernetes Lease, in the cluster of the first Kubernetes
/// source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeaderElectionConfig {
    /// Whether there is an election.
    pub enabled: bool,
    /// The Lease.
    pub lease_name: String,
    /// Its Kubernetes namespace; the one we are in, or the kubeconfig's, if absent.
    pub lease_namespace: Option<String>,
    /// For how long a leader is believed after its last renewal.
    pub lease_duration: PromDuration,
    /// For how long after its last renewal a leader begins new writes.
    pub renew_deadline: PromDuration,
    /// The time between renewals.
    pub retry_period: PromDuration,
}

impl Default for LeaderElectionConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            lease_name: "rulesync".to_owned(),
            lease_namespace: None,
            lease_duration: PromDuration::from_millis(15_000),
            renew_deadline: PromDuration::from_millis(10_000),
            retry_period: PromDuration::from_millis(2_000),
        }
    }
}

/// What metrics look like.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// Whether metrics name the tenant.
    #[serde(default = "yes")]
    pub tenant_labels: bool,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self { tenant_labels: true }
    }
}

/// A source of objects.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "typed::SourceKeys")]
pub enum SourceConfig {
    /// PrometheusRules in a Kubernetes cluster.
    Kubernetes {
        /// Its name in status, logs and metrics; `kubernetes` if absent.
        name: Option<String>,
        /// A kubeconfig file; absent or empty: in-cluster, else `KUBECONFIG`, else `~/.kube/config`.
        kubeconfig: Option<PathBuf>,
        /// The Kubernetes namespaces to watch; empty: all.
        namespaces: Vec<String>,
    },
    /// Manifests and rule files in a directory.
    Files {
        /// Its name in status, logs and metrics; `files` if absent.
        name: Option<String>,
        /// A directory or a file; relative to the configuration file.
        path: PathBuf,
        /// Which files of a directory are read, such as `*.rules` or `prod/**/*.yml`, one or a list; empty: `*.yaml`,
        /// `*.yml` and `*.json`. Without `/` a pattern is for files at any depth.
        glob: Vec<String>,
    },
}

impl SourceConfig {
    /// Whether it is told which kinds of objects to look for.
    pub(crate) fn has_kinds(&self) -> bool {
        matches!(self, Self::Kubernetes { .. })
    }
}

/// A ruler.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulerConfig {
    /// The name routes know it by.
    pub name: String,
    /// What kind of ruler it is.
    #[serde(rename = "type")]
    pub kind: RulerKind,
    /// Its base URL. For `embedded`, where to listen; `http://127.0.0.1:9009` if absent.
    #[serde(default)]
    pub address: Option<String>,
    /// Mimir's `-http.prometheus-http-prefix`; `/prometheus` if absent.
    #[serde(default)]
    pub prometheus_http_prefix: Option<String>,
    /// Where an embedded ruler keeps its rules; `.rulesync/NAME` beside the configuration file if absent.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// For `embedded`: whether it may listen on an address that others can reach, though it asks nobody who they are;
    /// `false` if absent.
    #[serde(default)]
    pub allow_remote: Option<bool>,
    /// For `prometheus`: the directory of rule files, which its `rule_files` must name; relative to the configuration
    /// file.
    #[serde(default)]
    pub directory: Option<PathBuf>,
    /// For `prometheus`: which of its kind; `prometheus` if absent.
    #[serde(default)]
    pub variant: Option<Variant>,
    /// How many requests may be under way at once; for `prometheus`, how many objects one batch may hold, which is
    /// loaded at once. Absent: 8, and 16384 for `prometheus`.
    #[serde(default)]
    pub max_in_flight: Option<usize>,
    /// Groups of more rules than this are split over `name`, `name-2`, and so on, as far as their rules are independent
    /// of each other. Absent: groups stay whole.
    #[serde(default)]
    pub split_groups: Option<usize>,
    /// How long one request may take; longer than zero. 30 seconds if absent.
    #[serde(default = "thirty_seconds")]
    pub request_timeout: PromDuration,
    /// See [`ClientConfig`].
    #[serde(default)]
    pub basic_auth: Option<rulesync_http::BasicAuth>,
    /// See [`ClientConfig`].
    #[serde(default)]
    pub authorization: Option<rulesync_http::Authorization>,
    /// See [`ClientConfig`].
    #[serde(default)]
    pub bearer_token: Option<rulesync_http::Secret>,
    /// See [`ClientConfig`].
    #[serde(default)]
    pub bearer_token_file: Option<PathBuf>,
    /// See [`ClientConfig`].
    #[serde(default)]
    pub oauth2: Option<rulesync_http::OAuth2>,
    /// See [`ClientConfig`].
    #[serde(default)]
    pub tls_config: Option<rulesync_http::TlsConfig>,
    /// See [`ClientConfig`].
    #[serde(default)]
    pub proxy_url: Option<rulesync_http::Secret>,
    /// See [`ClientConfig`].
    #[serde(default)]
    pub no_proxy: Option<String>,
    /// See [`ClientConfig`].
    #[serde(default)]
    pub proxy_from_environment: bool,
    /// See [`ClientConfig`].
    #[serde(default)]
    pub http_headers: std::collections::BTreeMap<String, rulesync_http::HeaderConfig>,
    /// How many bytes of an answer are read; 1 GiB if absent. See [`ClientConfig`].
    #[serde(default)]
    pub max_response_bytes: Option<u64>,
}

impl RulerConfig {
    /// How many requests may be under way at once.
    pub(crate) fn in_flight(&self) -> usize {
        // A batch costs one reload, which grows with all that is loaded: it should hold all that waits. What it holds
        // is in memory meanwhile.
        const BATCH: usize = 16_384;
        let usual =
            if self.kind == RulerKind::Prometheus { BATCH } else { rulesync_core::DEFAULT_MAX_IN_FLIGHT };
        self.max_in_flight.unwrap_or(usual)
    }
}

impl RulerKind {
    /// The language it evaluates.
    pub(crate) fn language(self) -> &'static str {
        match self {
            Self::Loki => "logql",
            Self::Mimir | Self::Cortex | Self::Prometheus | Self::Embedded => "promql",
        }
    }
}

/// A kind of ruler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RulerKind {
    /// Grafana Mimir.
    Mimir,
    /// Cortex.
    Cortex,
    /// Grafana Loki.
    Loki,
    /// A Prometheus or a vmalert that reads rule files from a directory.
    Prometheus,
    /// A Mimir-compatible API in this process, on loopback unless `allow_remote` is set, that stores rules and
    /// evaluates nothing.
    Embedded,
}

/// Why a configuration file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The file is not there, or not for us.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The text is wrong at a place.
    #[error("{path}:{line}:{column}: {message}{}", suggestion.as_ref().map(|s| format!(" (did you mean `{s}`?)")).unwrap_or_default())]
    Wrong {
        /// The file.
        path: String,
        /// From 1.
        line: u64,
        /// From 1.
        column: u64,
        /// What is wrong.
        message: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// The text is wrong as a whole.
    #[error("{path}: {message}")]
    Whole {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
}

impl Config {
    /// Reads a file of at most 16 MiB, or a pipe that a shell made of `<(command)`. `${NAME}` in a value takes the
    /// environment.
    ///
    /// # Errors
    ///
    /// [`FileError`] with line, column and, for a misspelt key, a suggestion.
    pub async fn read(path: &Path) -> Result<Self, FileError> {
        let text = reading::read(path).await?;
        reading::parse(path, text.bytes).await
    }

    /// Parses a text. `path` names it in errors; `environment` answers `${NAME}`.
    ///
    /// # Errors
    ///
    /// As [`Config::read`].
    pub fn parse(text: &str, path: &str, environment: HashMap<String, String>) -> Result<Self, FileError> {
        let text = &expand(text, &environment).map_err(|NotSet { name, line, column }| FileError::Wrong {
            path: path.to_owned(),
            line,
            column,
            message: format!("not set in the environment: `{name}`"),
            suggestion: None,
        })?;
        let options = serde_saphyr::options! {
            strict_booleans: true,
            emit_comments: false,
            // Aliases may share settings between many rulers, but not make a small file a large one.
            budget: serde_saphyr::budget! {
                enforce_alias_anchor_ratio: false,
                max_recorded_anchor_events: ALIASED_EVENTS,
                max_total_scalar_bytes: text.len().saturating_add(ALIASED_BYTES),
            },
            alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIASED_EVENTS },
        };
        serde_saphyr::from_str_with_options(text, options.with_properties(environment))
            .map_err(|error| explain(path, &error))
    }
}

/// What aliases may add to the text of a file.
const ALIASED_BYTES: usize = 1 << 20;

/// What aliases may repeat, in events of the parser; a key with its value is two of them.
const ALIASED_EVENTS: usize = 50_000;

/// Says what is wrong in one line; the snippet that the parser adds may show a secret that stands nearby.
fn explain(path: &str, error: &serde_saphyr::Error) -> FileError {
    let error = error.without_snippet();
    let path = path.to_owned();
    let (message, suggestion) = match error {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. }
            if let Some(present) = renamed::present_name(field, expected) =>
        {
            (format!("the key `{field}` is called `{present}` now"), None)
        }
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
            // Somebody may have written a secret where its key should stand.
            let key = if holds_secrets(expected) { String::new() } else { format!(" `{}`", shown(field)) };
            (format!("unknown key{key}, expected one of {}", list(expected)), nearest(field, expected))
        }
        serde_saphyr::Error::SerdeUnknownVariant { variant, expected, .. } => (
            format!("unknown value `{}`, expected one of {}", shown(variant), list(expected)),
            nearest(variant, expected),
        ),
        serde_saphyr::Error::SerdeMissingField { field, .. } => (format!("`{field}` is missing"), None),
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            (format!("`{}` stands twice", key.as_deref().map_or("a key".to_owned(), shown)), None)
        }
        other => {
            let text = other.to_string();
            let line = text.lines().next().unwrap_or_default();
            // The place stands in front already.
            let line = line.rsplit_once(" at line ").map_or(line, |(message, _)| message);
            (line.replace("missing property", "not set in the environment:"), None)
        }
    };
    match error.location() {
        Some(location) if location.line() > 0 => {
            FileError::Wrong { path, line: location.line(), column: location.column(), message, suggestion }
        }
        _ => FileError::Whole { path, message },
    }
}

/// Whether a block that has these keys is one for secrets.
fn holds_secrets(keys: &[&str]) -> bool {
    const SECRETS: [&str; 7] =
        ["bearer_token", "client_secret", "credentials", "key", "password", "proxy_url", "secrets"];
    // `key` is a secret of TLS settings only; elsewhere it names a label.
    keys.iter().any(|key| SECRETS.contains(key) && (*key != "key" || keys.contains(&"cert")))
}

/// What somebody wrote, on one line and no longer than it takes to find it.
fn shown(written: &str) -> String {
    const MOST: usize = 60;
    let rest = if written.chars().nth(MOST).is_some() { "…" } else { "" };
    written.chars().take(MOST).flat_map(char::escape_debug).chain(rest.chars()).collect()
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The expected name that looks most like what was written, if one does.
fn nearest(written: &str, expected: &[&str]) -> Option<String> {
    let likeness = |name: &&&str| strsim::jaro_winkler(written, name);
    let best = expected.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) > 0.8).then(|| (*best).to_owned())
}

impl RulerConfig {
    /// The settings of its HTTP client. Its files are relative to `directory`, as all paths of the configuration.
    pub(crate) fn client(&self, directory: &Path) -> ClientConfig {
        let mut given = ClientConfig::default();
        given.basic_auth = self.basic_auth.clone();
        given.authorization = self.authorization.clone();
        given.bearer_token = self.bearer_token.clone();
        given.bearer_token_file = self.bearer_token_file.clone();
        given.oauth2 = self.oauth2.clone();
        given.tls_config = self.tls_config.clone();
        given.proxy_url = self.proxy_url.clone();
        given.no_proxy = self.no_proxy.clone();
        given.proxy_from_environment = self.proxy_from_environment;
        given.http_headers = self.http_headers.clone();
        given.max_response_bytes = self.max_response_bytes;
        given.in_directory(directory)
    }
}

fn five_minutes() -> PromDuration {
    PromDuration::from_millis(5 * 60_000)
}

fn thirty_seconds() -> PromDuration {
    PromDuration::from_millis(30_000)
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
