//! The environment variables that AWS' SDKs read.

use std::path::PathBuf;

use crate::settings::Secret;

/// The variables, as far as they are set and not empty.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    pub(super) access_key_id: Option<String>,
    pub(super) secret_access_key: Option<Secret>,
    pub(super) session_token: Option<Secret>,
    pub(super) region: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) credentials_file: Option<PathBuf>,
    pub(super) config_file: Option<PathBuf>,
    pub(super) web_identity_token_file: Option<PathBuf>,
    pub(super) role_arn: Option<String>,
    pub(super) role_session_name: Option<String>,
    /// The address of the container's credentials.
    pub(super) container: Option<String>,
    pub(super) container_token: Option<Secret>,
    pub(super) container_token_file: Option<PathBuf>,
    pub(super) metadata_is_disabled: bool,
    /// The address of the instance's metadata service.
    pub(super) metadata: Option<String>,
    /// The address of STS, which assumes roles.
    pub(super) sts: Option<String>,
}

/// The host of the credentials of a container of ECS.
const CONTAINER: &str = "http://169.254.170.2";

impl Environment {
    /// Reads the variables of this process.
    pub(super) fn of_process() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads variables by name.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| get(name).map(PathBuf::from);
        let secret = |name: &str| get(name).map(|value| Secret::from(value.as_str()));
        let shared =
            |name: &str, file: &str| path(name).or_else(|| Some(path("HOME")?.join(".aws").join(file)));
        let relative = get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{CONTAINER}{path}"));
        Self {
            access_key_id: get("AWS_ACCESS_KEY_ID"),
            secret_access_key: secret("AWS_SECRET_ACCESS_KEY"),
            session_token: secret("AWS_SESSION_TOKEN"),
            region: get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")),
            profile: get("AWS_PROFILE"),
            credentials_file: shared("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config_file: shared("AWS_CONFIG_FILE", "config"),
            web_identity_token_file: path("AWS_WEB_IDENTITY_TOKEN_FILE"),
            role_arn: get("AWS_ROLE_ARN"),
            role_session_name: get("AWS_ROLE_SESSION_NAME"),
            container: relative.or_else(|| get("AWS_CONTAINER_CREDENTIALS_FULL_URI")),
            container_token: secret("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
            container_token_file: path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
            metadata_is_disabled: get("AWS_EC2_METADATA_DISABLED")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
            metadata: get("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
            sts: get("AWS_ENDPOINT_URL_STS").or_else(|| get("AWS_ENDPOINT_URL")),
        }
    }

    /// Returns the access key that the variables hold.
    pub(super) fn keys(&self) -> Option<(&str, &Secret, Option<&Secret>)> {
        let (id, secret) = self.access_key_id.as_deref().zip(self.secret_access_key.as_ref())?;
        Some((id, secret, self.session_token.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Environment {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Environment::read(|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn environment_is_read_as_the_sdks_read_it() {
        let environment = of(&[
            ("HOME", "/home/me"),
            ("AWS_CONFIG_FILE", "/etc/aws"),
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/y"),
            ("AWS_EC2_METADATA_DISABLED", "TRUE"),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "hunter2"),
            ("AWS_SESSION_TOKEN", ""),
        ]);
        assert_eq!(environment.credentials_file, Some("/home/me/.aws/credentials".into()));
        assert_eq!(environment.config_file, Some("/etc/aws".into()));
        assert_eq!(environment.region.as_deref(), Some("eu-west-1"));
        assert_eq!(environment.container.as_deref(), Some("http://169.254.170.2/v2/x"));
        assert!(environment.metadata_is_disabled);
        let (id, secret, token) = environment.keys().unwrap();
        assert_eq!((id, secret.expose(), token), ("AKID", "hunter2", None));
        assert!(!format!("{environment:?}").contains("hunter2"));
        assert!(
            of(&[("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_REGION", "a"), ("AWS_DEFAULT_REGION", "b")])
                .keys()
                .is_none()
        );
    }
}
