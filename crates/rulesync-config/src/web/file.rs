//! The keys of the file. A key without a value is like an absent one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rulesync_core::model::PromDuration;
use rulesync_http::Secret;
use serde::Deserialize;

use crate::file::nullable;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WebFile {
    #[serde(deserialize_with = "nullable")]
    pub(super) tls_server_config: Option<TlsFile>,
    #[serde(deserialize_with = "nullable")]
    pub(super) http_server_config: HttpFile,
    #[serde(deserialize_with = "nullable")]
    pub(super) basic_auth_users: BTreeMap<String, Secret>,
    #[serde(deserialize_with = "nullable")]
    pub(super) rate_limit: RateLimitFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TlsFile {
    pub(super) cert: Option<Secret>,
    pub(super) key: Option<Secret>,
    pub(super) client_ca: Option<Secret>,
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) client_auth_type: Option<String>,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) min_version: Option<String>,
    pub(super) max_version: Option<String>,
    pub(super) cipher_suites: Option<Vec<String>>,
    pub(super) prefer_server_cipher_suites: Option<bool>,
    pub(super) curve_preferences: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HttpFile {
    pub(super) http2: Option<bool>,
    #[serde(deserialize_with = "nullable")]
    pub(super) headers: HeadersFile,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HeadersFile {
    #[serde(rename = "Content-Security-Policy")]
    pub(super) content_security_policy: Option<String>,
    #[serde(rename = "X-Frame-Options")]
    pub(super) x_frame_options: Option<String>,
    #[serde(rename = "X-Content-Type-Options")]
    pub(super) x_content_type_options: Option<String>,
    #[serde(rename = "X-XSS-Protection")]
    pub(super) x_xss_protection: Option<String>,
    #[serde(rename = "Strict-Transport-Security")]
    pub(super) strict_transport_security: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RateLimitFile {
    pub(super) interval: Option<PromDuration>,
    pub(super) burst: Option<u32>,
}
