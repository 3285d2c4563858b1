//! The ruler *configuration API* that Mimir, Cortex and Loki share, spoken once: routes and name encoding, YAML,
//! error classes, credentials, TLS, proxies and deadlines; and their *state API*, which tells what is loaded. What
//! differs between the servers is data, a [`ServerProfile`].
//!
//! A process that uses it installs a `rustls` crypto provider first; which one is the process's choice.

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
