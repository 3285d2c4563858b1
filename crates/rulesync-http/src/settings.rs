//! The settings of a connection, with Prometheus' names, and the secrets in them.

mod config;
mod error;
mod secret;
mod sigv4;
mod validate;

pub use config::{Authorization, BasicAuth, ClientConfig, HeaderConfig, OAuth2, TlsConfig, TlsVersion};
pub use error::{SettingsError, SettingsErrorKind};
pub use secret::Secret;
pub(crate) use secret::{READ_DEADLINE, SecretSource, read_file};
pub use sigv4::SigV4;
