//! The configuration of a web server, in the form of Prometheus' exporter-toolkit: TLS, client certificates, users with
//! bcrypt hashes, headers and a rate limit.
//!
//! [`WebConfig::parse`] finds every error that the text has, without I/O. The files that it names are read by the server,
//! which reports what is wrong with them by [`WebConfig::errors`]. Unlike in the configuration of rulesync, `${NAME}` stands
//! for itself: exporter-toolkit does not replace it either.
//!
//! ```
//! # use std::path::Path;
//! use rulesync_config::web::WebConfig;
//!
//! let text = "tls_server_config: {cert_file: tls.crt, key_file: tls.key, min_version: TLS11}";
//! let errors = WebConfig::parse(text, Path::new("/etc/rulesync/web.yaml")).unwrap_err();
//! assert!(errors.to_string().starts_with("/etc/rulesync/web.yaml:1:73: `TLS11` is not supported"));
//! ```

mod check;
mod file;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

pub use rulesync_http::Secret;

pub use self::settings::{CipherSuite, ClientAuth, Curve, Pem, PemSource, RateLimit, TlsServer, TlsVersion};
use crate::config::ConfigLocation;
use crate::error::{ConfigError, ConfigErrors};
use crate::reading;
use crate::yaml::{self, Parsed};

/// The configuration of a web server. `Debug` shows no secret.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WebConfig {
    /// How connections are encrypted; none if they are not.
    pub tls: Option<TlsServer>,
    /// Whether HTTP/2 is offered, which it is over TLS only.
    pub http2: bool,
    /// Headers of every answer, by name.
    pub headers: Vec<(&'static str, String)>,
    /// The bcrypt hash of each user's password. Without users, nobody is asked who he is.
    pub users: BTreeMap<String, Secret>,
    /// The rate of requests that is not exceeded; none for no limit.
    pub rate_limit: Option<RateLimit>,
    location: ConfigLocation,
}

impl WebConfig {
    /// Parses a text. `path` names it in errors, and relative paths are relative to its directory.
    ///
    /// # Errors
    ///
    /// All errors of the text, each with its position. No message shows a secret.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        let shown = path.display().to_string();
        let parsed = yaml::parse_verbatim::<Option<file::WebFile>>(text);
        let Parsed { value, document, mut problems } = parsed.map_err(|problem| {
            let position = problem.position.map(|position| (position.line, position.column));
            ConfigError::new(&shown, position, problem.message, problem.hint)
        })?;
        let location = ConfigLocation::new(&shown, document);
        let file = value.flatten().unwrap_or_default();
        let checked = check::check(file, location.document(), reading::directory(path));
        problems.extend(checked.problems);
        match location.errors(problems) {
            Some(errors) => Err(errors),
            None => {
                let check::Checked { tls, http2, headers, users, rate_limit, problems: _ } = checked;
                Ok(Self { tls, http2, headers, users, rate_limit, location })
            }
        }
    }

    /// Returns the errors for problems of keys, from the root of the file, such as `tls_server_config.cert_file`; none if
    /// there is no problem.
    pub fn errors<'a>(&self, problems: impl IntoIterator<Item = (&'a str, String)>) -> Option<ConfigErrors> {
        let error = |(key, message)| self.location.error(&yaml::Path::default().keys(key), message);
        ConfigErrors::of(problems.into_iter().map(error).collect())
    }
}
