//! The schema of the HTTP client's settings, which `rulesync-http` reads. A test compares the keys.
#![expect(dead_code, reason = "only the schema of these types is used")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;

/// User and password.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct BasicAuth {
    /// The user. This or `username_file` is required.
    username: Option<String>,
    /// A file with the user.
    username_file: Option<PathBuf>,
    /// The password.
    password: Option<String>,
    /// A file with the password.
    password_file: Option<PathBuf>,
}

/// An `Authorization` header.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Authorization {
    /// The authentication scheme.
    #[schemars(rename = "type", extend("default" = "Bearer"))]
    kind: Option<String>,
    /// The credentials. This or `credentials_file` is required.
    credentials: Option<String>,
    /// A file with the credentials.
    credentials_file: Option<PathBuf>,
}

/// A token that is fetched with client credentials (RFC 6749, 4.4).
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct OAuth2 {
    /// The client ID.
    client_id: String,
    /// The client secret.
    client_secret: Option<String>,
    /// A file with the client secret.
    client_secret_file: Option<PathBuf>,
    /// The scopes to request.
    #[schemars(default)]
    scopes: Vec<String>,
    /// The URL of the token server.
    token_url: String,
    /// Further parameters of the token request.
    #[schemars(default)]
    endpoint_params: BTreeMap<String, String>,
    /// TLS settings for the token server.
    tls_config: Option<TlsConfig>,
    /// The proxy for the token server.
    proxy_url: Option<String>,
    /// Hosts, domains and networks that are reached without the proxy, separated by commas.
    no_proxy: Option<String>,
    /// Whether the proxy is taken from the environment.
    #[schemars(default)]
    proxy_from_environment: bool,
    /// Headers of `CONNECT` requests to the proxy, by name, each with its values.
    #[schemars(default)]
    proxy_connect_header: BTreeMap<String, Vec<String>>,
}

/// AWS Signature Version 4. What is absent comes from where AWS' SDKs look for it: the environment, the shared files
/// `~/.aws/config` and `~/.aws/credentials`, a web identity (EKS), the container (ECS, EKS), the instance (EC2).
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct SigV4 {
    /// The region.
    region: Option<String>,
    /// The ID of the access key.
    access_key: Option<String>,
    /// The secret of the access key.
    secret_key: Option<String>,
    /// The profile in the shared files. Not together with `access_key`.
    profile: Option<String>,
    /// The ARN of a role that is assumed with the credentials.
    role_arn: Option<String>,
    /// The external ID that the role requires.
    external_id: Option<String>,
    /// Whether roles are assumed at the FIPS endpoint of the region.
    #[schemars(default)]
    use_fips_sts_endpoint: bool,
    /// The service that requests are signed for, such as `execute-api` for an API Gateway.
    #[schemars(extend("default" = "aps"))]
    service_name: Option<String>,
}

/// TLS settings.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct TlsConfig {
    /// Certificates to trust instead of the system's, as PEM.
    ca: Option<String>,
    /// A file with certificates to trust.
    ca_file: Option<PathBuf>,
    /// The client certificate, as PEM.
    cert: Option<String>,
    /// A file with the client certificate.
    cert_file: Option<PathBuf>,
    /// The client key, as PEM.
    key: Option<String>,
    /// A file with the client key.
    key_file: Option<PathBuf>,
    /// The host name in the server's certificate, if it is not that of the address. Not together with a proxy.
    server_name: Option<String>,
    /// Whether any certificate is accepted. For tests.
    #[schemars(default)]
    insecure_skip_verify: bool,
    /// The lowest TLS version. Versions below 1.2 are not supported.
    min_version: Option<TlsVersion>,
}

/// A TLS version.
#[derive(JsonSchema)]
#[schemars(inline)]
enum TlsVersion {
    TLS10,
    TLS11,
    TLS12,
    TLS13,
}

/// A header of every request. All its values are sent.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Header {
    /// Values.
    #[schemars(default)]
    values: Vec<String>,
    /// Secret values.
    #[schemars(default)]
    secrets: Vec<String>,
    /// Files with one value each.
    #[schemars(default)]
    files: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::fields_of;

    fn keys<T: JsonSchema>() -> Vec<String> {
        let schema = schemars::schema_for!(T);
        let mut keys: Vec<String> =
            schema.get("properties").unwrap().as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    }

    fn read<T: serde::de::DeserializeOwned>() -> Vec<&'static str> {
        let mut fields = fields_of::<T>();
        fields.sort_unstable();
        fields
    }

    #[test]
    fn http_schema_has_the_keys_that_the_client_reads() {
        assert_eq!(keys::<BasicAuth>(), read::<rulesync_http::BasicAuth>());
        assert_eq!(keys::<Authorization>(), read::<rulesync_http::Authorization>());
        assert_eq!(keys::<OAuth2>(), read::<rulesync_http::OAuth2>());
        assert_eq!(keys::<SigV4>(), read::<rulesync_http::SigV4>());
        assert_eq!(keys::<TlsConfig>(), read::<rulesync_http::TlsConfig>());
        assert_eq!(keys::<Header>(), read::<rulesync_http::HeaderConfig>());
        let ruler = keys::<super::super::RulerFile>();
        for key in read::<rulesync_http::ClientConfig>() {
            assert!(ruler.iter().any(|known| known == key), "{key}");
        }
    }
}
