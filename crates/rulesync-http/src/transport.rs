//! The connections: a reqwest client made from settings, made anew when a file of its TLS settings changes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::tls::Version;
use reqwest::{Certificate, Identity, Response, Url, redirect, retry};
use rulesync_fs::FileError;
use tokio::time::Instant;

use crate::cut::shortened_bytes;
use crate::proxy::{ChosenProxy, ProxySettings, ProxyUser};
use crate::secret::{READ_DEADLINE, Secret, read_file};
use crate::settings::{SettingsError, TlsConfig, TlsVersion};

/// How often the TLS files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A client for one address.
#[derive(Debug)]
pub(crate) struct Transport {
    recipe: Arc<Recipe>,
    current: Arc<Mutex<Current>>,
}

/// What clients are made of.
#[derive(Debug)]
struct Recipe {
    tls: TlsConfig,
    proxy: Option<ChosenProxy>,
    /// Where connections go if the certificate names another host than the address.
    real_host: Option<(String, u16)>,
}

#[derive(Debug)]
struct Current {
    client: reqwest::Client,
    material: Material,
    looked: Instant,
}

/// What the TLS files hold. Compared to see a change, never shown.
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
    /// A client for `address`, and the address to use with it. The address is another one if the server proves to be
    /// somebody else (`server_name`): then requests are made to that name, and connections to the address.
    pub(crate) fn new(
        address: &Url,
        tls: TlsConfig,
        proxy: ProxySettings,
    ) -> Result<(Self, Url, Option<String>), SettingsError> {
        let mut url = address.clone();
        let mut real_host = None;
        let mut host_header = None;
        if let (Some(name), Some(host), Some(port)) =
            (&tls.server_name, address.host_str(), address.port_or_known_default())
        {
            let invalid = |reason: &str| SettingsError::Invalid {
                key: "tls_config.server_name".to_owned(),
                reason: reason.to_owned(),
            };
            if address.scheme() != "https" {
                return Err(invalid("is for an address that begins with https:// only"));
            }
            if proxy.is_set() {
                // The proxy would be asked for the name, not for the address.
                return Err(invalid("cannot be used together with `proxy_url` or `proxy_from_environment`"));
            }
            real_host = Some((host.trim_matches(['[', ']']).to_owned(), port));
            host_header =
                Some(address.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")));
            url.set_host(Some(name)).map_err(|error| invalid(&error.to_string()))?;
            // To an IP address the connection itself would go.
            if !url.domain().is_some_and(|set| set.eq_ignore_ascii_case(name)) {
                return Err(invalid("must be a host name"));
            }
        }
        let proxy = proxy.towards(address)?;
        let over_tls = address.scheme() == "https" || proxy.as_ref().is_some_and(|proxy| proxy.over_tls);
        if !over_tls && tls != TlsConfig::default() {
            let address = address.origin().ascii_serialization();
            tracing::warn!(address, "`tls_config` is of no use: nothing is sent over TLS to this address");
        }
        let material = Material::read(&tls)?;
        let recipe = Recipe { tls, proxy, real_host };
        let client = recipe.client(&material)?;
        let current = Arc::new(Mutex::new(Current { client, material, looked: Instant::now() }));
        Ok((Self { recipe: Arc::new(recipe), current }, url, host_header))
    }

    /// Who we are to the proxy, if there is one that wants to know.
    pub(crate) fn proxy_user(&self) -> Option<&ProxyUser> {
        self.recipe.proxy.as_ref()?.user.as_ref()
    }

    /// The client to use now. Whether its files have changed is looked at meanwhile, for the requests that follow; files
    /// that are in a bad state for a moment, or hang, leave the last good client in use.
    pub(crate) fn client(&self) -> reqwest::Client {
        let mut current = locked(&self.current);
        if let Some(path) = self.recipe.tls.any_file()
            && current.looked.elapsed() >= LOOK_EVERY
        {
            current.looked = Instant::now();
            let look = look(Arc::clone(&self.recipe), Arc::clone(&self.current), path.to_owned());
            tokio::spawn(look);
        }
        current.client.clone()
    }
}

/// Looks whether the files hold something else than what is in use, and takes it into use.
async fn look(recipe: Arc<Recipe>, current: Arc<Mutex<Current>>, path: PathBuf) {
    let material = locked(&current).material.clone();
    let changed = move || recipe.changed(&material);
    match rulesync_fs::run_with_deadline(&path, READ_DEADLINE, changed).await {
        Ok(Some((client, material))) => {
            let mut current = locked(&current);
            (current.client, current.material) = (client, material);
        }
        Ok(None) => {}
        Err(Unusable(error)) => {
            tracing::warn!(error, file = %path.display(), "changed TLS files cannot be used, the last good ones stay");
        }
    }
}

fn locked(current: &Mutex<Current>) -> MutexGuard<'_, Current> {
    current.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why changed files are of no use, for people.
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
    /// One of the files, if there are any.
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

impl Recipe {
    /// A new client, if the files no longer hold what is in use. Blocks.
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
            move |error: reqwest::Error| SettingsError::Invalid { key, reason: without_url(&error) }
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("rulesync/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            // Whoever sends decides about another try; the library would keep a copy of every request for it.
            .retry(retry::never().max_retries_per_request(0))
            .connect_timeout(Duration::from_secs(10))
            .pool_idle_timeout(Duration::from_secs(90))
            .gzip(true)
            // The library would read the environment in its own way.
            .no_proxy();
        if let Some(ChosenProxy { proxy, .. }) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        if let Some(ca) = &material.ca {
            let certificates =
                Certificate::from_pem_bundle(ca.as_bytes()).map_err(invalid("tls_config.ca"))?;
            if certificates.is_empty() {
                let reason = "holds no certificate in PEM form".to_owned();
                return Err(SettingsError::Invalid { key: "tls_config.ca".to_owned(), reason });
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
        if let Some((host, port)) = &self.real_host {
            // HTTP/2 would send the name in place of the Host header.
            builder = builder.http1_only().dns_resolver(Arc::new(Pinned { host: host.clone(), port: *port }));
        }
        builder.build().map_err(invalid("tls_config"))
    }
}

/// Of a body that is not the list, so much is read to the end, so that its connection can serve again.
const DRAINED_BYTES: usize = 64 * 1024;

/// Reads a body to its end, as far as it is not too long and comes within `patience`, and gives what there was: who
/// only wants the status must not wait for a server that does not finish. What is missing at the end is marked.
pub(crate) async fn drain(mut answer: Response, patience: Duration) -> String {
    let mut kept = Vec::new();
    let reading = async {
        loop {
            match answer.chunk().await {
                Ok(Some(portion)) => kept.extend_from_slice(&portion),
                Ok(None) => return true,
                Err(_) => return false,
            }
            if kept.len() > DRAINED_BYTES {
                return false;
            }
        }
    };
    // What came in time is kept.
    let whole = tokio::time::timeout(patience, reading).await.unwrap_or(false);
    if kept.is_empty() { String::new() } else { shortened_bytes(&kept, DRAINED_BYTES, !whole) }
}

/// What went wrong, without the address: it may hold a password.
pub(crate) fn without_url(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = source {
        // Each cause tends to repeat the next one; the last is the most precise.
        text = cause.to_string();
        source = cause.source();
    }
    if text.is_empty() {
        text = if error.is_timeout() { "timed out".to_owned() } else { "the request failed".to_owned() };
    }
    text
}

/// Leads every name to one host.
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
