//! AWS Signature Version 4. `plan` decides which credentials are used, from the settings, the `environment` and the
//! `profile`s of the shared files; `fetch` gets them, from `sts` where a role is assumed; and `signature` computes the
//! headers of a request, with the crate `aws-sigv4`.
//!
//! Credentials are fetched here and not by `aws-config`, because that would add a second HTTP client.

mod environment;
mod fetch;
mod keys;
mod plan;
mod profile;
mod signature;
mod sts;

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use reqwest::Request;
use rulesync_fs::Shared;
use tokio::time::Instant;

use super::credentials::RequestSigner;
use super::redact::Redactor;
use crate::settings::SigV4;
use environment::Environment;
use keys::Keys;

/// The service of Amazon Managed Service for Prometheus.
const SERVICE: &str = "aps";

/// Signs requests with credentials that are renewed before they expire.
#[derive(Debug)]
pub(super) struct Signer {
    service: String,
    settings: Arc<Settings>,
    credentials: Shared<RegionalKeys>,
}

/// What the credentials follow from.
#[derive(Debug)]
struct Settings {
    config: SigV4,
    environment: Environment,
}

/// Keys, and the region that requests are signed for, which may be that of their profile.
#[derive(Debug, Clone)]
struct RegionalKeys {
    region: String,
    keys: Keys,
}

impl Signer {
    /// Creates a signer from the settings and the environment of this process. Reads no file.
    pub(super) fn new(config: &SigV4) -> Self {
        Self::with_environment(config, Environment::of_process())
    }

    fn with_environment(config: &SigV4, environment: Environment) -> Self {
        let service = config.service_name.clone().unwrap_or_else(|| SERVICE.to_owned());
        let settings = Arc::new(Settings { config: config.clone(), environment });
        Self { service, settings, credentials: Shared::default() }
    }

    async fn credentials(&self) -> Result<RegionalKeys, String> {
        let fetch = || {
            let settings = Arc::clone(&self.settings);
            async move {
                let (region, keys) = fetch::fetch(&settings.config, &settings.environment).await?;
                let lifetime = keys.lifetime(SystemTime::now())?;
                Ok((RegionalKeys { region, keys }, lifetime))
            }
        };
        self.credentials.get(fetch).await.map_err(|error| format!("sigv4: {error}"))
    }
}

#[async_trait]
impl RequestSigner for Signer {
    async fn sign(&self, request: &mut Request, redactor: &Redactor) -> Result<(), String> {
        let RegionalKeys { region, keys } = self.credentials().await?;
        // The secret itself is never sent, but a file or a variable may have mixed them up.
        redactor.remember(None, keys.secret.expose());
        if let Some(token) = &keys.token {
            redactor.remember(None, token.expose());
        }
        signature::sign(request, &keys, &region, &self.service, SystemTime::now())
            .map_err(|error| format!("sigv4: {error}"))
    }

    fn distrust(&self, signed: Instant) {
        self.credentials.distrust(signed);
    }
}

#[cfg(test)]
mod tests;
