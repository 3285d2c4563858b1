//! The settings of AWS Signature Version 4, with Prometheus' names.

use serde::{Deserialize, Serialize};

use super::error::SettingsError;
use super::secret::Secret;

/// AWS Signature Version 4. What is absent comes from where AWS' SDKs look for it: the environment, the shared files, a web
/// identity, the container, the instance.
///
/// Requires the cargo feature `sigv4`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SigV4 {
    /// The region.
    pub region: Option<String>,
    /// The ID of the access key.
    pub access_key: Option<String>,
    /// The secret of the access key.
    pub secret_key: Option<Secret>,
    /// The profile in the shared files, instead of credentials of the environment.
    pub profile: Option<String>,
    /// The role to assume with the credentials.
    pub role_arn: Option<String>,
    /// The external ID that the role asks for.
    pub external_id: Option<String>,
    /// Assume roles at the FIPS endpoint of the region.
    pub use_fips_sts_endpoint: bool,
    /// The service that requests are signed for; `aps`, Amazon Managed Service for Prometheus, if absent.
    pub service_name: Option<String>,
}

impl SigV4 {
    /// Checks that the settings are consistent. Errors name keys within `sigv4`.
    pub(super) fn validate(&self) -> Result<(), SettingsError> {
        let Self { region, access_key, secret_key, profile, role_arn, external_id, service_name, .. } = self;
        let texts = [
            ("region", region),
            ("access_key", access_key),
            ("profile", profile),
            ("role_arn", role_arn),
            ("external_id", external_id),
            ("service_name", service_name),
        ];
        for (key, text) in texts {
            if text.as_deref().is_some_and(str::is_empty) {
                return Err(SettingsError::invalid(key, "is empty"));
            }
        }
        match (access_key, secret_key.as_ref().map(Secret::expose)) {
            (_, Some("")) => return Err(SettingsError::invalid("secret_key", "is empty")),
            (Some(_), None) => return Err(SettingsError::missing("secret_key")),
            (None, Some(_)) => return Err(SettingsError::missing("access_key")),
            (Some(_), Some(_)) if profile.is_some() => {
                return Err(SettingsError::exclusive("`access_key` and `profile`"));
            }
            _ => {}
        }
        // The region becomes part of a host name, and both of the signed text.
        let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        for (key, name) in [("region", region), ("service_name", service_name)] {
            if name.as_deref().is_some_and(|name| !is_name(name)) {
                return Err(SettingsError::invalid(key, "may have letters, digits and dashes only"));
            }
        }
        match (role_arn, external_id) {
            (Some(role), _) if !role.starts_with("arn:") => {
                Err(SettingsError::invalid("role_arn", "is not an ARN, which begins with `arn:`"))
            }
            (None, Some(_)) => Err(SettingsError::missing("role_arn")),
            _ => Ok(()),
        }
    }
}
