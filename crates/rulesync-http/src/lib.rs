//! A client of the ruler *configuration API* that Mimir, Cortex and Loki share: routes and name encoding, YAML, error
//! classes, credentials, TLS, proxies and deadlines; and of their *state API*, which lists the loaded rules. The
//! differences between the servers are data: see [`ServerProfile`].
//!
//! The process must install a `rustls` crypto provider of its choice before it uses this crate.

mod address;
mod allowance;
mod answer;
mod auth;
mod body;
mod client;
mod connection;
mod cut;
mod document;
mod limits;
mod list;
mod loaded;
mod oauth2;
mod profile;
mod proxy;
mod reading;
mod redact;
mod request;
mod secret;
mod settings;
mod split;
mod state;
mod transport;
mod url;

pub use client::RulerClient;
pub use connection::{Connection, PlainAnswer, PlainRequest};
pub use document::{DocumentError, encode_group, encode_rule_file, parse_rule_file};
pub use loaded::{LoadedGroup, LoadedReader};
pub use profile::ServerProfile;
pub use request::RequestObserver;
pub use secret::{Secret, SecretError};
pub use settings::{
    Authorization, BasicAuth, ClientConfig, HeaderConfig, OAuth2, SettingsError, TlsConfig, TlsVersion,
};
pub use url::{NameError, PathEncoding, segment};
