//! What the file asks for.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rulesync_http::Secret;

/// How connections are encrypted, and which certificates clients need.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsServer {
    /// The certificate of the server, with those between it and its authority.
    pub cert: Pem,
    /// The key of the certificate.
    pub key: Pem,
    /// The authorities whose certificates clients may have; some if client certificates are verified.
    pub client_ca: Option<Pem>,
    /// Which certificates clients need.
    pub client_auth: ClientAuth,
    /// The names of which a client's certificate must have one; empty for any.
    pub client_allowed_sans: Vec<String>,
    /// The oldest version of TLS.
    pub min_version: TlsVersion,
    /// The newest version of TLS.
    pub max_version: TlsVersion,
    /// The cipher suites of TLS 1.2, in order of preference; empty for all. Those of TLS 1.3 are always all.
    pub cipher_suites: Vec<CipherSuite>,
    /// The groups of key exchange, in order of preference; empty for all.
    pub curves: Vec<Curve>,
    /// Whether the server's order of cipher suites counts, instead of the client's.
    pub prefer_server_cipher_suites: bool,
}

/// Text in PEM, in the configuration or in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pem {
    /// The key of the configuration, from its root, such as `tls_server_config.cert_file`.
    pub key: &'static str,
    /// Where the text is.
    pub source: PemSource,
}

/// Where text in PEM is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemSource {
    /// In the configuration.
    Inline(Secret),
    /// In a file. Its path is relative to the working directory, or absolute.
    File(PathBuf),
}

/// Which certificates clients need, by the names of Go's `crypto/tls`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAuth {
    /// None is requested.
    #[default]
    NoClientCert,
    /// One is requested, and none is needed. Its authority is not verified.
    RequestClientCert,
    /// Any one is needed. Its authority is not verified.
    RequireAnyClientCert,
    /// None is needed; one that is sent must be of a known authority.
    VerifyClientCertIfGiven,
    /// One of a known authority is needed.
    RequireAndVerifyClientCert,
}

impl ClientAuth {
    /// Whether the authority of a certificate is verified.
    pub fn verifies(self) -> bool {
        matches!(self, Self::VerifyClientCertIfGiven | Self::RequireAndVerifyClientCert)
    }

    /// Whether clients without a certificate are refused.
    pub fn requires(self) -> bool {
        matches!(self, Self::RequireAnyClientCert | Self::RequireAndVerifyClientCert)
    }
}

/// A version of TLS that is supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// A group of key exchange that is supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Curve {
    /// X25519.
    X25519,
    /// P-256.
    P256,
    /// P-384.
    P384,
}

/// A cipher suite that is supported, by its name at IANA, which Go uses as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CipherSuite(&'static str);

impl CipherSuite {
    /// All that are supported: those of TLS 1.3 first.
    pub const ALL: [Self; 9] = [
        Self("TLS_AES_128_GCM_SHA256"),
        Self("TLS_AES_256_GCM_SHA384"),
        Self("TLS_CHACHA20_POLY1305_SHA256"),
        Self("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        Self("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        Self("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
        Self("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        Self("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        Self("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// Whether it is one of TLS 1.3.
    pub fn is_tls13(self) -> bool {
        !self.0.contains("_WITH_")
    }
}

/// A token bucket: a rate of requests, and how many may come at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// The time in which one more request is allowed; longer than zero.
    pub interval: Duration,
    /// The requests that may come at once; at least one.
    pub burst: u32,
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
