//! What can be checked beyond the text without a network: files that are missing, addresses and certificates.

use std::path::Path as FilePath;

use super::files::{secret_error, secrets};
use super::rulers;
use crate::config::Config;
use crate::error::{ConfigError, ConfigErrors};
#[cfg(feature = "kubernetes")]
use crate::settings::SourceKind;
use crate::settings::{RulerKind, RulerSettings, SourceSettings};
use crate::validate::Checked;
use crate::yaml::Path;

impl Config {
    /// Checks what [`validate`](Self::validate) does, and besides the files that the configuration names: certificates,
    /// secrets and kubeconfigs. Sends no request and opens no port. Rustls needs a crypto provider by then.
    ///
    /// # Errors
    ///
    /// All errors, each with its position.
    pub async fn check(&self) -> Result<(), ConfigErrors> {
        let Checked { sources, rulers, problems, .. } = self.checked();
        let mut errors: Vec<ConfigError> = self.place().errors(problems).iter().flatten().cloned().collect();
        for (index, source) in sources.iter().enumerate() {
            if let Some(source) = source {
                errors.extend(self.kubeconfig(source, &Path::of("sources").item(index)).await);
            }
        }
        for (index, ruler) in rulers.iter().enumerate() {
            if let Some(ruler) = ruler {
                errors.extend(self.ruler(ruler, &Path::of("rulers").item(index)).await);
            }
        }
        ConfigErrors::of(errors).map_or(Ok(()), Err)
    }

    #[cfg(feature = "kubernetes")]
    async fn kubeconfig(&self, source: &SourceSettings, at: &Path) -> Option<ConfigError> {
        let SourceKind::Kubernetes { kubeconfig: Some(file), .. } = &source.kind else { return None };
        let error = rulesync_k8s::check_kubeconfig(file).await.err()?;
        Some(self.place().error(&at.key("kubeconfig"), format!("source `{}`: {error}", source.name)))
    }

    /// A source of this kind is an error already.
    #[cfg(not(feature = "kubernetes"))]
    async fn kubeconfig(&self, _: &SourceSettings, _: &Path) -> Option<ConfigError> {
        None
    }

    async fn ruler(&self, ruler: &RulerSettings, at: &Path) -> Vec<ConfigError> {
        let name = &ruler.name;
        let mut errors = Vec::new();
        // An embedded ruler would have to be started.
        if !matches!(ruler.kind, RulerKind::Embedded(_))
            && let Err(error) = rulers::ruler(ruler, None, None).await
        {
            let path = rulers::path(&error, ruler, at);
            errors.push(self.place().error(&path, format!("ruler `{name}`: {error}")));
        }
        for (key, file) in secrets(&ruler.client) {
            errors.extend(self.unreadable(&file, &at.keys(&key), &format!("ruler `{name}`: `{key}`")).await);
        }
        errors
    }

    async fn unreadable(&self, file: &FilePath, path: &Path, setting: &str) -> Option<ConfigError> {
        let reason = secret_error(file).await?;
        Some(self.place().error(path, format!("{setting}: {}: {reason}", file.display())))
    }
}
