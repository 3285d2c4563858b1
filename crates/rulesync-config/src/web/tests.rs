//! Files of exporter-toolkit: what they mean, and every mistake with its position.

use std::path::PathBuf;
use std::time::Duration;

use super::*;

const HASH: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

fn parse(text: &str) -> Result<WebConfig, ConfigErrors> {
    WebConfig::parse(text, Path::new("/etc/web/web.yaml"))
}

/// The errors, one a line, without the name of the file.
fn errors(text: &str) -> String {
    parse(text).unwrap_err().to_string().replace("/etc/web/web.yaml:", "")
}

#[test]
fn empty_file_asks_for_nothing() {
    let empty = [
        "",
        "# nothing\n",
        "{}",
        "tls_server_config:\nhttp_server_config:\nbasic_auth_users:\nrate_limit:\n",
    ];
    for text in empty.into_iter().chain(["tls_server_config: {}", "http_server_config: {headers: }"]) {
        let config = parse(text).unwrap();
        assert_eq!((config.tls, config.http2, config.rate_limit), (None, true, None), "{text:?}");
        assert!(config.headers.is_empty() && config.users.is_empty(), "{text:?}");
    }
}

#[test]
fn whole_file_is_read() {
    let config = parse(&format!(
        "
tls_server_config:
  cert_file: tls.crt
  key_file: /run/tls.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca/ca.crt
  client_allowed_sans: [prometheus, 10.0.0.1]
  min_version: TLS13
  max_version: TLS13
  cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384]
  prefer_server_cipher_suites: false
  curve_preferences: [CurveP384, X25519, CurveP256]
http_server_config:
  http2: false
  headers:
    Content-Security-Policy: default-src 'self'
    X-Frame-Options: deny
    X-Content-Type-Options: nosniff
    X-XSS-Protection: \"\"
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  alice: {HASH}
  bob: '{HASH}'
rate_limit: {{interval: 100ms, burst: 20}}
"
    ))
    .unwrap();
    let pem = |key, path| Pem { key, source: PemSource::File(PathBuf::from(path)) };
    let tls = TlsServer {
        cert: pem("tls_server_config.cert_file", "/etc/web/tls.crt"),
        key: pem("tls_server_config.key_file", "/run/tls.key"),
        client_ca: Some(pem("tls_server_config.client_ca_file", "/etc/web/ca/ca.crt")),
        client_auth: ClientAuth::RequireAndVerifyClientCert,
        client_allowed_sans: vec!["prometheus".to_owned(), "10.0.0.1".to_owned()],
        min_version: TlsVersion::Tls13,
        max_version: TlsVersion::Tls13,
        cipher_suites: vec![CipherSuite::ALL[0], CipherSuite::ALL[7]],
        curves: vec![Curve::P384, Curve::X25519, Curve::P256],
        prefer_server_cipher_suites: false,
    };
    assert_eq!(config.tls, Some(tls));
    assert!(!config.http2);
    let headers = [
        ("Content-Security-Policy", "default-src 'self'".to_owned()),
        ("X-Frame-Options", "deny".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
        ("Strict-Transport-Security", "max-age=31536000".to_owned()),
    ];
    assert_eq!(config.headers, headers);
    assert_eq!(config.users.keys().collect::<Vec<_>>(), ["alice", "bob"]);
    assert!(config.users.values().all(|hash| hash.expose() == HASH));
    assert_eq!(config.rate_limit, Some(RateLimit { interval: Duration::from_millis(100), burst: 20 }));
}

#[test]
fn defaults_are_those_of_exporter_toolkit() {
    let config = parse(
        "tls_server_config: {cert: C, key: K, client_auth_type: ''}\nrate_limit: {interval: 0, burst: 3}",
    );
    let config = config.unwrap();
    let tls = config.tls.unwrap();
    assert_eq!(tls.cert.source, PemSource::Inline("C".into()));
    assert_eq!((tls.client_auth, tls.min_version), (ClientAuth::NoClientCert, TlsVersion::Tls12));
    assert_eq!((tls.max_version, tls.prefer_server_cipher_suites), (TlsVersion::Tls13, true));
    assert!(config.http2 && config.rate_limit.is_none());
    let earlier = parse("tls_server_config: {cert: C, key: K, client_auth_type: RequireClientCert}").unwrap();
    assert_eq!(earlier.tls.unwrap().client_auth, ClientAuth::RequireAnyClientCert);
}

#[test]
fn names_in_braces_stand_for_themselves() {
    let text = "http_server_config: {headers: {X-XSS-Protection: '${HOME}'}}\nrate_limit:\n  # ${NONE}\n";
    assert_eq!(parse(text).unwrap().headers, [("X-XSS-Protection", "${HOME}".to_owned())]);
    let text = "http_server_config:\n  headers:\n    X-XSS-Protection: ${HOME}\n";
    assert_eq!(parse(text).unwrap().headers, [("X-XSS-Protection", "${HOME}".to_owned())]);
}

#[test]
fn mistakes_are_reported_with_position_and_hint() {
    let tls = |rest: &str| format!("tls_server_config: {{cert_file: c, key_file: k, {rest}}}");
    let user = |hash: &str| format!("basic_auth_users:\n  alice: {hash}");
    let texts = [
        "tls_server_conf: {}".to_owned(),
        "basic_auth_users: alice".to_owned(),
        tls("cert_fil: x"),
        tls("cert: x"),
        tls("cert_file: x"),
        "tls_server_config: {min_version: TLS12}".to_owned(),
        "tls_server_config:\n  cert_file: c".to_owned(),
        tls("min_version: TLS10"),
        tls("max_version: TLS11"),
        tls("min_version: '1.2'"),
        tls("min_version: TLS13, max_version: TLS12"),
        tls("cipher_suites: [TLS_AES_128_GCM_SHA256], max_version: TLS12"),
        tls("client_auth_type: Any"),
        tls("client_auth_type: RequireAndVerifyClientCert"),
        tls("client_ca_file: ca"),
        tls("client_auth_type: RequestClientCert, client_allowed_sans: [a]"),
        tls("client_allowed_sans: []"),
        tls("prefer_server_cipher_suites: maybe"),
        "http_server_config: {http2: 1}".to_owned(),
        "http_server_config: {headers: {X-Forwarded: a}}".to_owned(),
        "http_server_config: {headers: {X-Frame-Options: DENY}}".to_owned(),
        "http_server_config: {headers: {X-Content-Type-Options: sniff}}".to_owned(),
        "http_server_config: {headers: {X-XSS-Protection: \"a\\nb\"}}".to_owned(),
        user("secret"),
        user("42"),
        user(&HASH.replace("$10$", "$19$")),
        user(&HASH.replace("$10$", "$03$")),
        user(HASH.trim_end_matches('G')),
        user("[a]"),
        format!("basic_auth_users:\n  \"a:b\": {HASH}"),
        format!("basic_auth_users:\n  a: {HASH}\n  a: {HASH}"),
        "rate_limit: {interval: 1s}".to_owned(),
        "rate_limit: {interval: 1s, burst: 0}".to_owned(),
        "rate_limit: {interval: 1, burst: 1}".to_owned(),
        "rate_limit: {interval: 1s, burst: -1}".to_owned(),
    ];
    let shown: Vec<String> = texts.iter().map(|text| format!("{text}\n=> {}\n", errors(text))).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_go_has_and_rustls_has_not_is_an_error() {
    let shown = errors(
        "tls_server_config: {cert: c, key: k, cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA, TLS_NONE], curve_preferences: [CurveP521, P256]}",
    );
    let lines: Vec<&str> = shown.lines().map(|line| line.split(" (").next().unwrap()).collect();
    let expected = [
        "1:54: `TLS_RSA_WITH_AES_128_CBC_SHA` is not supported",
        "1:84: unknown value `TLS_NONE`",
        "1:115: `CurveP521` is not supported",
        "1:126: unknown value `P256`",
    ];
    assert_eq!(lines, expected, "{shown}");
    assert!(shown.contains("supported are X25519, CurveP256, CurveP384"), "{shown}");
}

#[test]
fn text_that_is_not_yaml_is_one_error() {
    let errors = parse("tls_server_config: {cert: hunter2\n").unwrap_err();
    assert_eq!(errors.iter().count(), 1);
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
}

#[test]
fn secrets_are_in_no_output() {
    for text in [
        "tls_server_config: {cert: c, key: hunter2}".to_owned(),
        "tls_server_config: {cert: c, key: hunter2, hunter2: c}".to_owned(),
        "tls_server_config: {cert: c, key: [hunter2]}".to_owned(),
        "tls_server_config: {cert: c, key: hunter2, key_file: k, min_version: TLS10}".to_owned(),
        "basic_auth_users: {alice: hunter2}".to_owned(),
        "basic_auth_users: hunter2".to_owned(),
        "basic_auth_users: [hunter2]".to_owned(),
        format!("basic_auth_users: {{alice: '{}'}}", HASH.replace("X0h1gDs", "hunter2")),
    ] {
        let shown = match parse(&text) {
            Ok(config) => format!("{config:?} {config:#?}"),
            Err(errors) => format!("{errors} {errors:?} {}", errors.to_text()),
        };
        assert!(!shown.contains("hunter2"), "{text}: {shown}");
    }
}

#[test]
fn errors_of_keys_have_their_positions() {
    let config = parse("tls_server_config:\n  cert_file: c\n  key_file: k\n").unwrap();
    let at = |key| (key, "no such file".to_owned());
    let errors = config.errors([at("tls_server_config.key_file"), at("tls_server_config.cert_file")]);
    let expected = "/etc/web/web.yaml:2:14: no such file\n/etc/web/web.yaml:3:13: no such file";
    assert_eq!(errors.unwrap().to_string(), expected);
    assert_eq!(config.errors([]), None);
}
