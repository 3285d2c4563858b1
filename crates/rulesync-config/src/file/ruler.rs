//! The rulers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rulesync_core::model::PromDuration;
use rulesync_http::{Authorization, BasicAuth, ClientConfig, HeaderConfig, OAuth2, Secret, SigV4, TlsConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::{Duration, seconds};
use super::http;
use super::naming::NamingFile;

/// A ruler. The settings of the HTTP client have the names that Prometheus gives them. At most one of `basic_auth`,
/// `authorization`, `bearer_token`, `bearer_token_file`, `oauth2` and `sigv4` may be set. Files are read again when they change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Ruler")]
pub(crate) struct RulerFile {
    /// The name that routes refer to.
    #[schemars(example = &"central")]
    pub(crate) name: String,
    /// The kind of ruler.
    #[serde(rename = "type")]
    pub(crate) kind: RulerType,
    /// The base URL, such as `http://mimir.monitoring.svc:9009`. Required except for `embedded`, where it is the address
    /// to listen on, by default `http://127.0.0.1:9009`.
    #[serde(default)]
    #[schemars(example = &"http://mimir.monitoring.svc:9009")]
    pub(crate) address: Option<String>,
    /// For `mimir`: the server's `-http.prometheus-http-prefix`.
    #[serde(default)]
    #[schemars(extend("default" = "/prometheus"))]
    pub(crate) prometheus_http_prefix: Option<String>,
    /// For `embedded`: the directory in which rules are stored. By default `.rulesync/NAME`.
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
    /// For `embedded`: whether `address` may be one that other machines can reach. The embedded ruler has no
    /// authentication.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub(crate) allow_remote: Option<bool>,
    /// For `prometheus`: the directory in which rule files are written. The server's `rule_files` must contain
    /// `DIRECTORY/*.yaml`. Required there.
    #[serde(default)]
    pub(crate) directory: Option<PathBuf>,
    /// For `prometheus`: the server that reads the rule files.
    #[serde(default)]
    #[schemars(extend("default" = "prometheus"))]
    pub(crate) variant: Option<VariantName>,
    /// How many requests may be under way at once. For `prometheus`: how many objects are written before one reload. By
    /// default 8, and 16384 for `prometheus`.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) max_in_flight: Option<usize>,
    /// The number of rules above which a group is split into `NAME`, `NAME-2` and so on, as far as its rules are
    /// independent of each other. If absent, groups are not split.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub(crate) split_groups: Option<usize>,
    /// How ruler namespaces are named at this ruler. By default as at the top of the file.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"type": "alloy", "prefix": "alloy", "separator": "-"}))]
    pub(crate) naming: Option<NamingFile>,
    /// Former namings at this ruler, besides those at the top of the file.
    #[serde(default)]
    pub(crate) previous_naming: Vec<NamingFile>,
    /// How long one request may take. Must be longer than zero.
    #[serde(default = "thirty_seconds")]
    #[schemars(with = "Duration")]
    pub(crate) request_timeout: PromDuration,
    /// User and password.
    #[serde(default)]
    #[schemars(with = "Option<http::BasicAuth>")]
    pub(crate) basic_auth: Option<BasicAuth>,
    /// An `Authorization` header.
    #[serde(default)]
    #[schemars(with = "Option<http::Authorization>")]
    pub(crate) authorization: Option<Authorization>,
    /// A bearer token; the older form of `authorization`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) bearer_token: Option<Secret>,
    /// A file with a bearer token; the older form of `authorization`.
    #[serde(default)]
    pub(crate) bearer_token_file: Option<PathBuf>,
    /// A token that is fetched with client credentials (RFC 6749, 4.4).
    #[serde(default)]
    #[schemars(with = "Option<http::OAuth2>")]
    pub(crate) oauth2: Option<OAuth2>,
    /// AWS Signature Version 4, for what is behind AWS' authentication.
    #[serde(default)]
    #[schemars(with = "Option<http::SigV4>")]
    pub(crate) sigv4: Option<SigV4>,
    /// TLS settings.
    #[serde(default)]
    #[schemars(with = "Option<http::TlsConfig>")]
    pub(crate) tls_config: Option<TlsConfig>,
    /// The proxy for all requests: `http`, `https`, `socks5` or `socks5h`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(crate) proxy_url: Option<Secret>,
    /// Hosts, domains and networks that are reached without the proxy, separated by commas. Requires `proxy_url`.
    #[serde(default)]
    pub(crate) no_proxy: Option<String>,
    /// Whether the proxy is taken from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. Not together with `proxy_url`.
    #[serde(default)]
    pub(crate) proxy_from_environment: bool,
    /// Headers of `CONNECT` requests to the proxy, by name, each with its values. Requires a proxy.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub(crate) proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    /// Must be absent or `false`: redirects are reported and not followed.
    pub(crate) follow_redirects: Option<bool>,
    /// Whether HTTP/2 is used with `https://` addresses, if the server offers it.
    #[serde(default)]
    #[schemars(extend("default" = true))]
    pub(crate) enable_http2: Option<bool>,
    /// Further headers of every request, by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, http::Header>")]
    pub(crate) http_headers: BTreeMap<String, HeaderConfig>,
    /// The largest response in bytes, after decompression. A namespace or a group may have a quarter of it.
    #[serde(default)]
    #[schemars(extend("default" = 1_073_741_824), range(min = 65_536))]
    pub(crate) max_response_bytes: Option<u64>,
}

/// A kind of ruler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RulerType {
    /// Grafana Mimir.
    Mimir,
    /// Cortex.
    Cortex,
    /// Grafana Loki. Its rules are LogQL.
    Loki,
    /// A Prometheus, or a vmalert, that reads rule files from a directory. It has no tenants.
    Prometheus,
    /// A server in this process with Mimir's API, which stores rules and does not evaluate them.
    Embedded,
}

/// A server that reads rule files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Variant")]
pub(crate) enum VariantName {
    /// Prometheus, or a server that reads and reloads rule files as it does.
    Prometheus,
    /// VictoriaMetrics' vmalert.
    Vmalert,
}

impl RulerFile {
    /// Returns the settings of the HTTP client.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::default();
        config.basic_auth.clone_from(&self.basic_auth);
        config.authorization.clone_from(&self.authorization);
        config.bearer_token.clone_from(&self.bearer_token);
        config.bearer_token_file.clone_from(&self.bearer_token_file);
        config.oauth2.clone_from(&self.oauth2);
        config.sigv4.clone_from(&self.sigv4);
        config.tls_config.clone_from(&self.tls_config);
        config.proxy_url.clone_from(&self.proxy_url);
        config.no_proxy.clone_from(&self.no_proxy);
        config.proxy_from_environment = self.proxy_from_environment;
        config.proxy_connect_header.clone_from(&self.proxy_connect_header);
        config.follow_redirects = self.follow_redirects;
        config.enable_http2 = self.enable_http2;
        config.http_headers.clone_from(&self.http_headers);
        config.max_response_bytes = self.max_response_bytes;
        config
    }
}

fn thirty_seconds() -> PromDuration {
    seconds(30)
}
