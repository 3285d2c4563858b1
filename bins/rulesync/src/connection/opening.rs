//! The steps from flags and the environment to a ruler, which are the same for one tenant and for many.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rulesync_config::{Config, ConfigError, ConfigErrors, OpenRuler, ValidConfig};
use rulesync_core::TenantId;
use rulesync_core::model::DestinationId;

use super::destination::Destination;
use super::document::Document;
use super::flags::RulerArgs;
use super::settings::RulerSettings;
use super::variables;
use crate::failure::Failure;

/// The name of a configuration that is made of flags, where one has to be shown.
pub(super) const FLAGS: &str = "flags";

impl RulerArgs {
    /// Resolves these flags and the environment.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] for what is missing, contradictory or not supported.
    pub(super) fn settings(
        &self,
        tenant: Option<&String>,
        environment: &HashMap<String, String>,
    ) -> Result<RulerSettings, Failure> {
        let stdin = self.reads_secret_from_stdin().then(read_secret).transpose()?;
        RulerSettings::resolve(self, tenant, environment, stdin.as_deref()).map_err(Failure::Usage)
    }

    /// Returns whether a secret comes from standard input.
    pub(super) fn reads_secret_from_stdin(&self) -> bool {
        let Self { key_file, auth_token_file, .. } = self;
        [key_file, auth_token_file].into_iter().flatten().any(|file| file.as_os_str() == "-")
    }
}

/// Returns the configuration, unless other flags say where.
pub(super) fn config(
    config: Option<&PathBuf>,
    flags: impl Iterator<Item = &'static str>,
    environment: &HashMap<String, String>,
) -> Result<Option<PathBuf>, Failure> {
    let flags: Vec<&str> = flags.collect();
    match config {
        Some(_) if !flags.is_empty() => {
            let flags = flags.join(", ");
            Err(Failure::Usage(format!("--config says where and how: give it without {flags}")))
        }
        Some(config) => Ok(Some(config.clone())),
        None if !flags.is_empty() => Ok(None),
        None => Ok(variables::own(environment, "CONFIG").map(|given| given.text.into())),
    }
}

/// The longest secret that is read from standard input.
const MAX_SECRET_BYTES: u64 = 1 << 20;

fn read_secret() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(MAX_SECRET_BYTES).read_to_string(&mut text);
    read.map(|_| text)
        .map_err(|error| Failure::Usage(format!("cannot read the secret from standard input: {error}")))
}

/// Returns the variables of the environment that are text.
pub(super) fn environment() -> HashMap<String, String> {
    std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect()
}

/// Validates a configuration that is made of flags. Its errors are those of the flags.
/// Relative paths in it are relative to the directory of `path`.
pub(super) fn validate(document: &Document, path: &Path) -> Result<ValidConfig, Failure> {
    let config = Config::parse(&document.text, path, document.secrets.clone());
    config.and_then(|config| config.validate()).map_err(|errors| failure(errors, Some(document)))
}

/// Returns the failure for errors of a configuration: those of the flags, if it is made of flags.
pub(super) fn failure(errors: ConfigErrors, document: Option<&Document>) -> Failure {
    let Some(document) = document else { return errors.into() };
    let message = |error: &ConfigError| {
        let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        match error.line().and_then(|line| document.origin(line)) {
            Some(origin) => format!("{origin}: {}{hint}", error.message()),
            None => format!("{}{hint}", error.message()),
        }
    };
    Failure::Usage(errors.iter().map(message).collect::<Vec<_>>().join("; "))
}

/// Returns the tenant that flags or variables name.
pub(super) fn tenant(settings: &RulerSettings) -> Result<Option<TenantId>, Failure> {
    let parsed = settings.tenant.as_ref().map(|given| {
        let parsed: Result<TenantId, _> = given.text.parse();
        parsed.map_err(|error| Failure::Usage(format!("{}: {error}", given.origin)))
    });
    parsed.transpose()
}

/// Opens a ruler for one tenant.
pub(super) async fn open(
    config: &ValidConfig,
    document: Option<&Document>,
    id: DestinationId,
) -> Result<Destination, Failure> {
    Ok(Destination::new(Arc::new(open_ruler(config, document, &id.ruler).await?), id))
}

/// Opens a ruler of a configuration, which may be made of flags.
pub(super) async fn open_ruler(
    config: &ValidConfig,
    document: Option<&Document>,
    ruler: &str,
) -> Result<OpenRuler, Failure> {
    let opened = config.open_ruler(ruler).await.map_err(|errors| failure(errors, document))?;
    opened.ok_or_else(|| Failure::Usage(format!("the configuration has no ruler `{ruler}`")))
}
