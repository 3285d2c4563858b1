//! Configurations as they are shown: every secret key of the schema is masked.

use std::collections::HashMap;
use std::path::Path;

use super::*;
use crate::Config;

fn shown(text: &str) -> String {
    let config = Config::parse(text, Path::new("rulesync.yaml"), HashMap::new()).unwrap();
    config.validate().unwrap().shown.to_string()
}

const REST: &str = "owner: us\nsources: [{type: files, path: rules}]\nroutes: [{name: all, ruler: r0}]\n";

/// Every part of a ruler that may hold a secret, with the secrets `S1`, `S2` and so on.
const CLIENTS: &[&str] = &[
    "address: 'http://S1:S2@a/p'",
    "basic_auth: {username: u, password: S1}",
    "authorization: {type: Token, credentials: S1}",
    "bearer_token: S1",
    "oauth2: {client_id: c, client_secret: S1, token_url: 'https://S2:S3@t/x', endpoint_params: {audience: S4, assertion: S5}, tls_config: {cert: public, key: S6}, proxy_url: 'http://S7:S8@p', proxy_connect_header: {X-A: [S9]}}",
    "sigv4: {region: eu, access_key: known, secret_key: S1}",
    "tls_config: {cert: public, key: S1}",
    "proxy_url: 'http://S1:S2@p', proxy_connect_header: {X-A: [S3]}",
    "http_headers: {X-Api-Key: {values: [S1], secrets: [S2], files: [f]}}",
];

#[test]
fn configuration_in_force_has_no_secrets() {
    let rulers = CLIENTS.iter().enumerate().map(|(number, client)| {
        let address = if client.starts_with("address") { "" } else { "address: 'http://a'," };
        format!("{{name: r{number}, type: mimir, {address} {client}}}")
    });
    let rulers: Vec<String> = rulers.collect();
    let text = format!("{REST}rulers: [{}]\n", rulers.join(", "));
    // The checks object to some of these values, which are no certificates and no addresses; what is shown does not.
    let file: File = serde_saphyr::from_str(&text).unwrap();
    let yaml = shown_of(&file);
    for secret in 1..=9 {
        assert!(!yaml.contains(&format!("S{secret}")), "S{secret} in {yaml}");
    }
    for public in ["public", "known", "X-Api-Key", "client_id: c", "http://<secret>@a/p", "username: u"] {
        assert!(yaml.contains(public), "{public} not in {yaml}");
    }
}

fn shown_of(file: &File) -> String {
    let mut value = serde_json::to_value(file).unwrap();
    mask(&mut value);
    prune(&mut value);
    serde_saphyr::to_string(&value).unwrap()
}

/// A key that is added to the schema and may hold a secret must be added to `CLIENTS`.
#[test]
fn configuration_in_force_was_tested_with_every_secret_key_of_the_schema() {
    let schema = serde_json::to_string(&schemars::schema_for!(File)).unwrap();
    let clients = CLIENTS.concat();
    let words = ["password", "secret", "token", "credential", "key", "header", "_url", "params"];
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut keys = Vec::new();
    properties(&schema, &mut keys);
    let harmless = [
        "client_secret_file",
        "password_file",
        "credentials_file",
        "bearer_token_file",
        "key_file",
        "key",
        "label_key",
    ];
    keys.retain(|key| words.iter().any(|word| key.contains(word)) && !harmless.contains(&key.as_str()));
    assert!(keys.len() > 8, "{keys:?}");
    for key in keys {
        assert!(clients.contains(&format!("{key}:")), "{key} is not tested");
    }
}

fn properties(schema: &Value, keys: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            fields.values().for_each(|value| properties(value, keys));
        }
        Value::Array(items) => items.iter().for_each(|value| properties(value, keys)),
        _ => {}
    }
}

#[test]
fn configuration_in_force_has_defaults_and_nothing_empty() {
    let text = format!("{REST}rulers: [{{name: r0, type: mimir, address: 'http://a'}}]\n");
    insta::assert_snapshot!(shown(&text));
}

#[test]
fn credentials_in_urls_are_masked() {
    for (url, masked) in [
        ("http://a/b", None),
        // Nobody can tell whether this is a password with a slash in it.
        ("http://a/b@c", Some("http://<secret>@c")),
        ("a@b", None),
        ("https://u@a", Some("https://<secret>@a")),
        ("https://u:p@a:1/b?c=d@e", Some("https://<secret>@a:1/b?c=d@e")),
        ("https://u:p/q@a", Some("https://<secret>@a")),
        ("socks5://u:p@q@a", Some("socks5://<secret>@a")),
    ] {
        assert_eq!(without_credentials(url).as_deref(), masked, "{url}");
    }
}
