//! The HTTP transport: a reqwest client built from settings and rebuilt when one of its TLS files changes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::tls::Version;
use reqwest::{Certificate, Identity, Url, redirect, retry};
use rulesync_fs::FileError;
use tokio::time::Instant;

use super::error::without_url;
use super::proxy::{ChosenProxy, ProxySettings, ProxyUser};
use crate::settings::{READ_DEADLINE, Secret, SettingsError, TlsConfig, TlsVersion, read_file};

/// The interval at which the TLS files are checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// A client for one address.
#[derive(Debug)]
pub(crate) struct Transport {
    settings: Arc<ClientSettings>,
    current: Arc<Mutex<Current>>,
}

/// The settings from which clients are built.
#[derive(Debug)]
struct ClientSettings {
    tls: TlsConfig,
    proxy: Option<ChosenProxy>,
    http2: bool,
    /// The host and port to connect to if the certificate names another host than the address.
    real_host: Option<(String, u16)>,
}

#[derive(Debug)]
struct Current {
    client: reqwest::Client,
    material: Material,
    checked: Instant,
}

/// The contents of the TLS files, compared to detect changes. Not shown in `Debug`.
#[derive(Clone, PartialEq, Eq)]
struct Material {
    ca: Option<String>,
    identity: Option<Secret>,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Material")
    }
}

impl Transport {
    /// Creates a transport for `address`, and returns the URL and, if it differs, the `Host` header to use with it.
    /// With `server_name`, the URL names that host, and connections still go to `address`.
    pub(crate) fn new(
        address: &Url,
        tls: TlsConfig,
        proxy: ProxySettings,
        http2: bool,
    ) -> Result<(Self, Url, Option<String>), SettingsError> {
        let mut url = address.clone();
        let mut real_host = None;
        let mut host_header = None;
        if let (Some(name), Some(host), Some(port)) =
            (&tls.server_name, address.host_str(), address.port_or_known_default())
        {
            let invalid = |reason: &str| SettingsError::invalid("tls_config.server_name", reason);
            if address.scheme() != "https" {
                return Err(invalid("is for an address that begins with https:// only"));
            }
            if proxy.is_set() {
                // The proxy would resolve the name, not the address.
                return Err(invalid("cannot be used together with `proxy_url` or `proxy_from_environment`"));
            }
            real_host = Some((host.trim_matches(['[', ']']).to_owned(), port));
            host_header =
                Some(address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")));
            url.set_host(Some(name)).map_err(|error| invalid(&error.to_string()))?;
            // With an IP address, the connection itself would go there.
            if !url.domain().is_some_and(|set| set.eq_ignore_ascii_case(name)) {
                return Err(invalid("must be a host name"));
            }
        }
        let proxy = proxy.towards(address)?;
        let over_tls = address.scheme() == "https" || proxy.as_ref().is_some_and(|proxy| proxy.over_tls);
        if !over_tls && tls != TlsConfig::default() {
            let address = address.origin().ascii_serialization();
            tracing::warn!(address, "`tls_config` has no effect: nothing is sent over TLS to this address");
        }
        let material = Material::read(&tls)?;
        let settings = ClientSettings { tls, proxy, http2, real_host };
        let client = settings.client(&material)?;
        let current = Arc::new(Mutex::new(Current { client, material, checked: Instant::now() }));
        Ok((Self { settings: Arc::new(settings), current }, url, host_header))
    }

    /// The user of the proxy, if there is a proxy with authentication.
    pub(crate) fn proxy_user(&self) -> Option<&ProxyUser> {
        self.settings.proxy.as_ref()?.user.as_ref()
    }

    /// The current client. Changes of its files are checked in the background, for later requests; if the files are
    /// temporarily invalid, or reading hangs, the last good client stays in use.
    pub(crate) fn client(&self) -> reqwest::Client {
        let mut current = locked(&self.current);
        if let Some(path) = self.settings.tls.any_file()
            && current.checked.elapsed() >= CHECK_INTERVAL
        {
            current.checked = Instant::now();
            let reload = reload(Arc::clone(&self.settings), Arc::clone(&self.current), path.to_owned());
            tokio::spawn(reload);
        }
        current.client.clone()
    }
}

/// Replaces the client if the contents of the files have changed.
async fn reload(settings: Arc<ClientSettings>, current: Arc<Mutex<Current>>, path: PathBuf) {
    let material = locked(&current).material.clone();
    let changed = move || settings.changed(&material);
    match rulesync_fs::run_with_deadline(&path, READ_DEADLINE, changed).await {
        Ok(Some((client, material))) => {
            let mut current = locked(&current);
            (current.client, current.material) = (client, material);
        }
        Ok(None) => {}
        Err(Unusable(error)) => {
            tracing::warn!(error, file = %path.display(), "Changed TLS files cannot be used, keeping the last good ones");
        }
    }
}

fn locked(current: &Mutex<Current>) -> MutexGuard<'_, Current> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The reason why changed files cannot be used, as a message.
struct Unusable(String);

impl From<SettingsError> for Unusable {
    fn from(error: SettingsError) -> Self {
        Self(error.to_string())
    }
}

impl From<FileError> for Unusable {
    fn from(error: FileError) -> Self {
        Self(error.to_string())
    }
}

impl TlsConfig {
    /// Returns one of the files, if there are any.
    fn any_file(&self) -> Option<&Path> {
        self.ca_file.as_ref().or(self.cert_file.as_ref()).or(self.key_file.as_ref()).map(PathBuf::as_path)
    }
}

impl Material {
    fn read(tls: &TlsConfig) -> Result<Self, SettingsError> {
        let text = |given: Option<&str>, file: Option<&PathBuf>| match (given, file) {
            (Some(text), _) => Ok(Some(text.to_owned())),
            (None, Some(path)) => read_file(path).map(Some),
            (None, None) => Ok(None),
        };
        let ca = text(tls.ca.as_deref(), tls.ca_file.as_ref())?;
        let cert = text(tls.cert.as_deref(), tls.cert_file.as_ref())?;
        let key = text(tls.key.as_ref().map(Secret::expose), tls.key_file.as_ref())?;
        let identity = cert.zip(key).map(|(cert, key)| Secret::from(format!("{cert}\n{key}").as_str()));
        Ok(Self { ca, identity })
    }
}

impl ClientSettings {
    /// Builds a new client if the contents of the files differ from those in use. Blocks.
    fn changed(&self, in_use: &Material) -> Result<Option<(reqwest::Client, Material)>, Unusable> {
        let material = Material::read(&self.tls)?;
        if material == *in_use {
            return Ok(None);
        }
        Ok(Some((self.client(&material)?, material)))
    }

    fn client(&self, material: &Material) -> Result<reqwest::Client, SettingsError> {
        let invalid = |key: &str| {
            let key = key.to_owned();
            move |error: reqwest::Error| SettingsError::invalid(key, without_url(&error))
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("rulesync/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // The caller decides about retries; the library would keep a copy of every request for them.
            .retry(retry::never().max_retries_per_request(0))
            .connect_timeout(Duration::from_secs(10))
            .pool_idle_timeout(Duration::from_secs(90))
            .gzip(true)
            // The library's rules for the environment variables differ.
            .no_proxy();
        if let Some(ChosenProxy { proxy, .. }) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        if let Some(ca) = &material.ca {
            let certificates =
                Certificate::from_pem_bundle(ca.as_bytes()).map_err(invalid("tls_config.ca"))?;
            if certificates.is_empty() {
                return Err(SettingsError::invalid("tls_config.ca", "contains no PEM certificate"));
            }
            builder = builder.tls_certs_only(certificates);
        }
        if let Some(identity) = &material.identity {
            builder = builder.identity(
                Identity::from_pem(identity.expose().as_bytes()).map_err(invalid("tls_config.cert"))?,
            );
        }
        if self.tls.insecure_skip_verify {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        builder = builder.min_tls_version(match self.tls.min_version {
            Some(TlsVersion::TLS13) => Version::TLS_1_3,
            _ => Version::TLS_1_2,
        });
        // HTTP/2 would send the server's name instead of the `Host` header.
        if !self.http2 || self.real_host.is_some() {
            builder = builder.http1_only();
        }
        if let Some((host, port)) = &self.real_host {
            builder = builder.dns_resolver(Arc::new(Pinned { host: host.clone(), port: *port }));
        }
        builder.build().map_err(invalid("tls_config"))
    }
}

/// Resolves every name to one host.
#[derive(Debug)]
struct Pinned {
    host: String,
    port: u16,
}

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let (host, port) = (self.host.clone(), self.port);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}
