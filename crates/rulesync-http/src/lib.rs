//! HTTP clients of rulers: one [`Connection`] to a server, and the [`RulerClient`] of the ruler *configuration API* that
//! Mimir, Cortex and Loki share.
//!
//! - [`Connection`] sends requests to one server, with the credentials, TLS material and proxy of [`ClientConfig`], with
//!   deadlines and size limits, and without secrets in messages. It renews credentials that a server has rejected.
//! - [`RulerClient`] is a connection and a [`ServerProfile`]: routes and name encoding, YAML and error classes of the
//!   configuration API, and the *state API*, which lists the loaded rules. It implements [`Ruler`](rulesync_core::Ruler).
//!
//! The crates `rulesync-mimir` and `rulesync-loki` have the profiles of their servers. For another server with the same
//! API, describe what differs:
//!
//! ```
//! use std::time::Duration;
//!
//! use rulesync_core::ruler::{Normalization, OptionalField, StoredFields};
//! use rulesync_core::{Capabilities, Ruler};
//! use rulesync_http::{ClientConfig, Connection, RulerClient, ServerProfile};
//!
//! // The process chooses the crypto provider, before it uses this crate.
//! let _ = rustls::crypto::ring::default_provider().install_default();
//!
//! let mut config = ClientConfig::default();
//! config.bearer_token = Some("hunter2".into());
//! let connection = Connection::new("https://rules.example.com", &config)?.with_timeout(Duration::from_secs(10));
//!
//! // A server that drops the labels of groups in some versions, and loads rules within half a minute.
//! let oldest = StoredFields::ALL.without(&[OptionalField::GroupLabels]);
//! let capabilities = Capabilities::default()
//!     .with_normalization(Normalization::Respells { oldest })
//!     .with_load_delay(Duration::from_secs(30));
//! let profile =
//!     ServerProfile::new("/api/v1/rules", "/prometheus/api/v1/rules").with_capabilities(capabilities);
//!
//! let ruler = RulerClient::new(connection, profile)?;
//! assert_eq!(ruler.address(), Some("https://rules.example.com"));
//! # Ok::<(), rulesync_http::SettingsError>(())
//! ```
//!
//! A server with another API needs a connection only: [`Connection::send`] takes a [`Request`] and returns a
//! [`Response`], whose body is read chunk by chunk.

mod connection;
mod ruler;
mod settings;

pub use connection::{Connection, Request, RequestObserver, Response};
pub use ruler::{
    DocumentError, LoadedGroup, LoadedReader, PathEncoding, RulerClient, ServerProfile, TenantList,
    encode_rule_file, parse_rule_file,
};
pub use settings::{
    Authorization, BasicAuth, ClientConfig, HeaderConfig, OAuth2, Secret, SettingsError, SettingsErrorKind,
    SigV4, TlsConfig, TlsVersion,
};
