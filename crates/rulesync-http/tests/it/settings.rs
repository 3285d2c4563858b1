//! Rejected settings, and secrets that are hidden in `Debug`.

use crate::auth::{client, config};
use rulesync_http::{ClientConfig, Connection};
use serde_json::json;

fn settings_error(address: &str, config: &ClientConfig) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Connection::new(address, config).unwrap_err().to_string()
}

#[test]
fn settings_error_names_key() {
    for (settings, expected) in [
        (json!({"basic_auth": {"username": "u"}, "bearer_token": "t"}), "`bearer_token`"),
        (json!({"basic_auth": {"password": "p"}}), "basic_auth.username"),
        (json!({"basic_auth": {"username": "u", "password": "p", "password_file": "f"}}), "`password_file`"),
        (json!({"authorization": {"type": "Basic", "credentials": "c"}}), "basic_auth"),
        (json!({"authorization": {"type": "Bearer"}}), "authorization.credentials"),
        (json!({"oauth2": {"client_id": "i"}}), "oauth2.token_url"),
        (json!({"tls_config": {"cert_file": "c"}}), "tls_config.key"),
        (json!({"tls_config": {"ca": "x", "ca_file": "y"}}), "`ca_file`"),
        (json!({"tls_config": {"ca_file": "/does/not/exist"}}), "/does/not/exist"),
        (json!({"http_headers": {"X-Scope-OrgID": {"values": ["x"]}}}), "http_headers.X-Scope-OrgID"),
        (json!({"http_headers": {"Accept-Encoding": {"values": ["x"]}}}), "http_headers.Accept-Encoding"),
        (
            json!({"http_headers": {"X": {"secrets": ["hunter2\n"]}}}),
            "`http_headers.X`: contains characters that are not allowed in a header",
        ),
        (json!({"bearer_token": "hunter2\n"}), "`bearer_token`"),
        (json!({"authorization": {"credentials": "hunter2\n"}}), "authorization.credentials"),
        (json!({"authorization": {"type": "a\nb", "credentials": "c"}}), "`authorization`"),
        (json!({"authorization": {"credentials": "c", "credentials_file": "f"}}), "`credentials_file`"),
        (json!({"basic_auth": {"username": "u", "username_file": "f"}}), "`username_file`"),
        (json!({"oauth2": {"token_url": "http://x"}}), "oauth2.client_id"),
        (json!({"oauth2": {"client_id": "i", "token_url": "http://u:hunter2@x"}}), "oauth2.token_url"),
        (json!({"oauth2": {"client_id": "i", "token_url": "ftp://x"}}), "oauth2.token_url"),
        (
            json!({"oauth2": {"client_id": "i", "token_url": "http://x", "client_secret": "hunter2", "client_secret_file": "f"}}),
            "`client_secret_file`",
        ),
        (json!({"tls_config": {"ca": "no certificate"}}), "tls_config.ca"),
        (json!({"tls_config": {"cert": "x", "key": "hunter2"}}), "tls_config.cert"),
        (json!({"tls_config": {"cert": "x", "cert_file": "f"}}), "`cert_file`"),
        (json!({"tls_config": {"key": "hunter2", "key_file": "f"}}), "`key_file`"),
        (json!({"tls_config": {"key": "hunter2"}}), "tls_config.cert"),
        (json!({"no_proxy": "x"}), "`proxy_url`"),
        (
            json!({"proxy_url": "http://u:hunter2@x", "proxy_from_environment": true}),
            "`proxy_from_environment`",
        ),
        (json!({"no_proxy": "x", "proxy_from_environment": true}), "`proxy_from_environment`"),
        (
            json!({"oauth2": {"client_id": "i", "token_url": "http://x", "no_proxy": "x"}}),
            "`oauth2.proxy_url`",
        ),
        (json!({"proxy_connect_header": {"X": ["hunter2"]}}), "`proxy_url` is missing"),
        (
            json!({"proxy_url": "http://x", "proxy_connect_header": {"X": ["hunter2"]}}),
            "`proxy_connect_header`: is for an `https://` address",
        ),
        (
            json!({"proxy_url": "http://x", "proxy_connect_header": {"X": ["hunter2\n"]}}),
            "`proxy_connect_header.X`",
        ),
        (
            json!({"proxy_url": "http://x", "proxy_connect_header": {"Host": ["hunter2"]}}),
            "`proxy_connect_header.Host`: is set by rulesync",
        ),
        (
            json!({"oauth2": {"client_id": "i", "token_url": "http://x", "proxy_connect_header": {"X": ["hunter2"]}}}),
            "`oauth2.proxy_url` is missing",
        ),
        (
            json!({"sigv4": {"region": "r"}, "oauth2": {"client_id": "i", "token_url": "http://x"}}),
            "`oauth2` and `sigv4`",
        ),
        (json!({"sigv4": {"secret_key": "hunter2"}}), "`sigv4.access_key` is missing"),
        (json!({"sigv4": {"access_key": "a"}}), "`sigv4.secret_key` is missing"),
        (json!({"sigv4": {"access_key": "a", "secret_key": ""}}), "`sigv4.secret_key`: is empty"),
        (
            json!({"sigv4": {"access_key": "a", "secret_key": "hunter2", "profile": "p"}}),
            "at most one of `access_key` and `profile`",
        ),
        (json!({"sigv4": {"region": ""}}), "`sigv4.region`: is empty"),
        (json!({"sigv4": {"region": "a.example.com/"}}), "`sigv4.region`: may have letters"),
        (json!({"sigv4": {"service_name": "a/b"}}), "`sigv4.service_name`: may have letters"),
        (json!({"sigv4": {"role_arn": "my-role"}}), "`sigv4.role_arn`: is not an ARN"),
        (json!({"sigv4": {"external_id": "x"}}), "`sigv4.role_arn` is missing"),
        (json!({"follow_redirects": true}), "`follow_redirects`: must be `false`"),
        (json!({"http_headers": {"bad name": {"values": ["x"]}}}), "http_headers.bad name"),
        (json!({"proxy_url": "http://user:hunter2@[bad"}), "proxy_url"),
        (json!({"proxy_url": "ftp://user:hunter2@x"}), "`proxy_url`: must begin with one of http://"),
    ] {
        let error = settings_error("http://127.0.0.1:1", &config(settings.clone()));
        assert!(error.contains(expected) && !error.contains("hunter2"), "{settings}: {error}");
    }
    for settings in [
        json!({"proxy_url": "http://u:hunter2@x", "tls_config": {"server_name": "mimir.example"}}),
        json!({"tls_config": {"server_name": "10.0.0.1"}}),
        json!({"tls_config": {"server_name": "mimir.example/x"}}),
    ] {
        let error = settings_error("https://127.0.0.1:1", &config(settings.clone()));
        assert!(
            error.contains("tls_config.server_name") && !error.contains("hunter2"),
            "{settings}: {error}"
        );
    }
    let socks = json!({"proxy_url": "socks5://x", "proxy_connect_header": {"X": ["hunter2"]}});
    let error = settings_error("https://127.0.0.1:1", &config(socks));
    assert!(error.contains("`proxy_connect_header`: is for an `https://` address"), "{error}");
    client("http://x", &config(json!({"follow_redirects": false})));
    let named = json!({"tls_config": {"server_name": "mimir.example"}});
    let error = settings_error("http://127.0.0.1:1", &config(named.clone()));
    assert_eq!(error, "`tls_config.server_name`: is for an address that begins with https:// only");
    let token = json!({"client_id": "i", "token_url": "http://x", "tls_config": named["tls_config"]});
    assert!(
        settings_error("https://x", &config(json!({"oauth2": token})))
            .contains("`oauth2.tls_config.server_name`")
    );
    for address in ["", "mimir:9009", "ftp://x", "http://u:hunter2@x", "http://x?y"] {
        let error = settings_error(address, &ClientConfig::default());
        assert!(error.contains("`address`") && !error.contains("hunter2"), "{address}: {error}");
    }
    let error = settings_error("localhost:9009", &ClientConfig::default());
    let expected = "`address`: has no scheme: write `http://localhost:9009` or `https://localhost:9009`";
    assert_eq!(error, expected);
    let token = json!({"oauth2": {"client_id": "i", "token_url": "login.example/token"}});
    let error = settings_error("http://x", &config(token));
    assert!(
        error.contains("`oauth2.token_url`: has no scheme: write `http://login.example/token`"),
        "{error}"
    );
    assert!(
        settings_error("http://x", &config(json!({"max_response_bytes": 0})))
            .contains("`max_response_bytes`")
    );
}

#[test]
fn settings_error_of_token_server_names_its_block() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pem = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.pem();
    for (settings, expected) in [
        (json!({"tls_config": {"cert": "x"}}), "oauth2.tls_config.key"),
        (json!({"tls_config": {"key": "hunter2"}}), "oauth2.tls_config.cert"),
        (json!({"tls_config": {"ca": "x", "ca_file": "y"}}), "oauth2.tls_config"),
        (json!({"tls_config": {"ca": "no certificate"}}), "oauth2.tls_config.ca"),
        (json!({"tls_config": {"cert": pem, "key": "hunter2"}}), "oauth2.tls_config.cert"),
        (json!({"tls_config": {"server_name": "x"}}), "oauth2.tls_config.server_name"),
        (json!({"no_proxy": "x"}), "oauth2.proxy_url"),
        (json!({"proxy_url": "ftp://x"}), "oauth2.proxy_url"),
        (json!({"proxy_url": "http://x", "proxy_from_environment": true}), "oauth2"),
        (
            json!({"proxy_url": "http://x", "proxy_connect_header": {"X": ["y"]}}),
            "oauth2.proxy_connect_header",
        ),
        (
            json!({"proxy_url": "http://x", "proxy_connect_header": {"Host": ["y"]}}),
            "oauth2.proxy_connect_header.Host",
        ),
    ] {
        let mut oauth2 = settings.clone();
        oauth2["client_id"] = "i".into();
        oauth2["token_url"] = "http://127.0.0.1:1".into();
        let error = Connection::new("http://127.0.0.1:1", &config(json!({"oauth2": oauth2}))).unwrap_err();
        assert_eq!(error.key(), Some(expected), "{settings}: {error}");
        // The same in the ruler's own settings.
        let error = Connection::new("http://127.0.0.1:1", &config(settings.clone())).unwrap_err();
        assert_eq!(
            error.key(),
            expected.strip_prefix("oauth2").unwrap().strip_prefix('.'),
            "{settings}: {error}"
        );
    }
}

#[test]
fn secrets_are_hidden_in_debug() {
    let settings = config(json!({
        "basic_auth": {"username": "u", "password": "hunter2"}, "proxy_url": "http://u:hunter2@127.0.0.1:1",
        "tls_config": {"key": "hunter2"}, "http_headers": {"X": {"secrets": ["hunter2"]}},
    }));
    assert!(!format!("{settings:?}").contains("hunter2"));
    let token =
        json!({"client_id": "i", "token_url": "http://x", "endpoint_params": {"password": "hunter2"}});
    let settings = config(json!({"oauth2": token}));
    assert!(!format!("{settings:?} {:?}", client("http://x", &settings)).contains("hunter2"));
    let settings = config(
        json!({"basic_auth": {"username": "u", "password": "hunter2"}, "proxy_url": "http://u:hunter2@127.0.0.1:1"}),
    );
    assert!(!format!("{:?}", client("http://127.0.0.1:1", &settings)).contains("hunter2"));
}

#[test]
fn in_directory_resolves_relative_paths() {
    let tls = |directory: &str| json!({"ca_file": format!("{directory}ca"), "cert_file": format!("{directory}cert"), "key_file": format!("{directory}key")});
    let settings = |directory: &str, token: &str| {
        let file = |name: &str| format!("{directory}{name}");
        config(json!({
            "basic_auth": {"username_file": file("u"), "password_file": file("p")},
            "authorization": {"credentials_file": file("c")},
            "bearer_token_file": token,
            "oauth2": {"client_id": "i", "token_url": "x", "client_secret_file": file("s"), "tls_config": tls(directory)},
            "tls_config": tls(directory),
            "http_headers": {"X": {"files": [file("1"), file("2")]}},
        }))
    };
    let given = settings("", "/absolute");
    assert_eq!(given.in_directory("/etc/rulesync".as_ref()), settings("/etc/rulesync/", "/absolute"));
}

#[cfg(not(feature = "sigv4"))]
#[test]
fn settings_error_names_the_feature_of_signatures() {
    let error = settings_error("http://127.0.0.1:1", &config(json!({"sigv4": {"region": "eu-west-1"}})));
    assert_eq!(
        error,
        "`sigv4`: is not compiled into this build: build rulesync-http with the cargo feature `sigv4`"
    );
}
