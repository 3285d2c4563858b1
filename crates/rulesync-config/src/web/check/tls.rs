//! The settings of TLS. What Go's TLS has and rustls has not is an error: nothing is left out silently.

use std::path::{Path as FilePath, PathBuf};

use rulesync_http::Secret;

use super::super::file::TlsFile;
use super::super::settings::{CipherSuite, ClientAuth, Curve, Pem, PemSource, TlsServer, TlsVersion};
use crate::validate::Report;
use crate::yaml::Path;

/// Returns the settings of TLS; none if there are none, or if they cannot be used.
pub(super) fn tls_server(file: TlsFile, directory: &FilePath, report: &mut Report<'_>) -> Option<TlsServer> {
    let at = Path::of("tls_server_config");
    if file.is_empty() && !report.has_damage_within(&at) {
        return None;
    }
    let pem = |inline: Option<Secret>, file: Option<PathBuf>, keys: PemKeys, report: &mut Report<'_>| {
        let inline = inline.filter(|text| !text.expose().is_empty());
        let file = file.filter(|path| !path.as_os_str().is_empty());
        if inline.is_some() && file.is_some() {
            let message = format!("`{}` and `{}` contradict each other", name(keys.inline), name(keys.file));
            report.error_at_key(&Path::default().keys(keys.inline), message, "remove one of them");
        }
        match (inline, file) {
            (_, Some(path)) => Some(Pem { key: keys.file, source: PemSource::File(directory.join(path)) }),
            (Some(text), None) => Some(Pem { key: keys.inline, source: PemSource::Inline(text) }),
            (None, None) => None,
        }
    };
    let cert = pem(file.cert, file.cert_file, CERT, report);
    let key = pem(file.key, file.key_file, KEY, report);
    let client_ca = pem(file.client_ca, file.client_ca_file, CLIENT_CA, report);
    for (pem, keys) in [(&cert, CERT), (&key, KEY)] {
        let [inline, in_file] = [keys.inline, keys.file].map(|key| Path::default().keys(key));
        if pem.is_none() && !report.is_damaged(&inline) && !report.is_damaged(&in_file) {
            let message = format!("`{}` or `{}` is missing", name(keys.file), name(keys.inline));
            report.error(&at, message, "");
        }
    }
    let client_auth = client_auth(file.client_auth_type.as_deref(), report);
    if let Some(client_auth) = client_auth {
        authorities(client_auth, client_ca.as_ref(), report);
        let is_empty = file.client_allowed_sans.as_ref().is_some_and(Vec::is_empty);
        let sans = at.key("client_allowed_sans");
        if is_empty {
            report.error(&sans, "the list names no client", "remove it, or name some");
        } else if file.client_allowed_sans.is_some() && !client_auth.requires() {
            let hint = "set `client_auth_type` to `RequireAndVerifyClientCert`";
            report.error_at_key(&sans, "`client_allowed_sans` needs certificates of all clients", hint);
        }
    }
    let min_version = version(file.min_version.as_deref(), TlsVersion::Tls12, "min_version", report);
    let max_version = version(file.max_version.as_deref(), TlsVersion::Tls13, "max_version", report);
    if min_version.zip(max_version).is_some_and(|(min, max)| min > max) {
        report.error(&at.key("max_version"), "`max_version` is below `min_version`", "");
    }
    let suites = cipher_suites(file.cipher_suites.unwrap_or_default(), report);
    if max_version == Some(TlsVersion::Tls12)
        && suites.as_ref().is_some_and(|all| !all.is_empty() && all.iter().all(|suite| suite.is_tls13()))
    {
        let message = "no cipher suite is left: all are of TLS 1.3, and `max_version` is `TLS12`";
        report.error(&at.key("cipher_suites"), message, "add suites of TLS 1.2, or remove the key");
    }
    let curves = curves(file.curve_preferences.unwrap_or_default(), report);
    Some(TlsServer {
        cert: cert?,
        key: key?,
        client_ca,
        client_auth: client_auth?,
        client_allowed_sans: file.client_allowed_sans.unwrap_or_default(),
        min_version: min_version?,
        max_version: max_version?,
        cipher_suites: suites?,
        curves: curves?,
        prefer_server_cipher_suites: file.prefer_server_cipher_suites.unwrap_or(true),
    })
}

/// The two keys of a text in PEM, from the root of the file.
#[derive(Clone, Copy)]
struct PemKeys {
    inline: &'static str,
    file: &'static str,
}

const CERT: PemKeys = PemKeys { inline: "tls_server_config.cert", file: "tls_server_config.cert_file" };
const KEY: PemKeys = PemKeys { inline: "tls_server_config.key", file: "tls_server_config.key_file" };
const CLIENT_CA: PemKeys =
    PemKeys { inline: "tls_server_config.client_ca", file: "tls_server_config.client_ca_file" };

/// Returns the last part of a dotted key.
fn name(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

impl TlsFile {
    fn is_empty(&self) -> bool {
        let Self {
            cert,
            key,
            client_ca,
            cert_file,
            key_file,
            client_ca_file,
            client_auth_type,
            client_allowed_sans,
            min_version,
            max_version,
            cipher_suites,
            prefer_server_cipher_suites,
            curve_preferences,
        } = self;
        cert.is_none()
            && key.is_none()
            && client_ca.is_none()
            && [cert_file, key_file, client_ca_file].iter().all(|path| path.is_none())
            && [client_auth_type, min_version, max_version].iter().all(|text| text.is_none())
            && [client_allowed_sans, cipher_suites, curve_preferences].iter().all(|list| list.is_none())
            && prefer_server_cipher_suites.is_none()
    }
}

fn client_auth(text: Option<&str>, report: &mut Report<'_>) -> Option<ClientAuth> {
    Some(match text.unwrap_or_default() {
        "" | "NoClientCert" => ClientAuth::NoClientCert,
        "RequestClientCert" => ClientAuth::RequestClientCert,
        // The second is an earlier name of exporter-toolkit.
        "RequireAnyClientCert" | "RequireClientCert" => ClientAuth::RequireAnyClientCert,
        "VerifyClientCertIfGiven" => ClientAuth::VerifyClientCertIfGiven,
        "RequireAndVerifyClientCert" => ClientAuth::RequireAndVerifyClientCert,
        other => {
            let hint = "expected one of `NoClientCert`, `RequestClientCert`, `RequireAnyClientCert`, \
                        `VerifyClientCertIfGiven`, `RequireAndVerifyClientCert`";
            let at = Path::of("tls_server_config").key("client_auth_type");
            report.error(&at, format!("unknown value `{other}`"), hint);
            return None;
        }
    })
}

/// Checks whether there are authorities if they are needed, and only then.
fn authorities(client_auth: ClientAuth, client_ca: Option<&Pem>, report: &mut Report<'_>) {
    let at = Path::of("tls_server_config");
    let [inline, in_file] = [CLIENT_CA.inline, CLIENT_CA.file].map(|key| Path::default().keys(key));
    match client_ca {
        None if client_auth.verifies() && !report.is_damaged(&inline) && !report.is_damaged(&in_file) => {
            // Go would take the authorities of the system, so that everybody with some certificate is let in.
            let message = "the authorities of client certificates are missing";
            report.error(&at.key("client_auth_type"), message, "set `client_ca_file` or `client_ca`");
        }
        Some(pem) if !client_auth.verifies() => {
            let message = format!("`{}` has no effect: client certificates are not verified", name(pem.key));
            let hint = "set `client_auth_type` to `RequireAndVerifyClientCert`, or remove it";
            report.error_at_key(&Path::default().keys(pem.key), message, hint);
        }
        _ => {}
    }
}

fn version(
    text: Option<&str>,
    default: TlsVersion,
    key: &str,
    report: &mut Report<'_>,
) -> Option<TlsVersion> {
    let at = Path::of("tls_server_config").key(key);
    let message = match text {
        None => return Some(default),
        Some("TLS12") => return Some(TlsVersion::Tls12),
        Some("TLS13") => return Some(TlsVersion::Tls13),
        Some(old @ ("TLS10" | "TLS11")) => {
            format!("`{old}` is not supported, because it is not safe any more")
        }
        Some(other) => format!("unknown value `{other}`"),
    };
    report.error(&at, message, "write `TLS12` or `TLS13`");
    None
}

fn cipher_suites(names: Vec<String>, report: &mut Report<'_>) -> Option<Vec<CipherSuite>> {
    /// Those that Go has besides, some of them only in former versions.
    const OF_GO: [&str; 10] = [
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
        "TLS_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    ];
    let known = |name: &str| CipherSuite::ALL.into_iter().find(|suite| suite.name() == name);
    let supported = CipherSuite::ALL.map(CipherSuite::name);
    items("cipher_suites", names, known, &OF_GO, &supported, report)
}

fn curves(names: Vec<String>, report: &mut Report<'_>) -> Option<Vec<Curve>> {
    let known = |name: &str| match name {
        "X25519" => Some(Curve::X25519),
        "CurveP256" => Some(Curve::P256),
        "CurveP384" => Some(Curve::P384),
        _ => None,
    };
    items("curve_preferences", names, known, &["CurveP521"], &["X25519", "CurveP256", "CurveP384"], report)
}

/// Returns the items of a list by their names; none if one of them is not supported.
fn items<T>(
    key: &str,
    names: Vec<String>,
    known: impl Fn(&str) -> Option<T>,
    of_go: &[&str],
    supported: &[&str],
    report: &mut Report<'_>,
) -> Option<Vec<T>> {
    let at = Path::of("tls_server_config").key(key);
    let mut items = Vec::new();
    let all = names.len();
    for (index, name) in names.iter().enumerate() {
        match known(name) {
            Some(item) => items.push(item),
            None if of_go.contains(&name.as_str()) => {
                let hint = format!("remove it: supported are {}", supported.join(", "));
                report.error(&at.item(index), format!("`{name}` is not supported"), &hint);
            }
            None => {
                let hint = format!("supported are {}", supported.join(", "));
                report.error(&at.item(index), format!("unknown value `{name}`"), &hint);
            }
        }
    }
    (items.len() == all).then_some(items)
}
