//! The form of the file, which others rely on, and what is said when it is wrong.

use super::*;
use crate::route::TenantConfig;

/// The form that is fixed, with every key of it.
const WHOLE: &str = "
owner: prod-eu
resync_interval: 5m
sources:
  - type: kubernetes          # in-cluster, else KUBECONFIG, else ~/.kube/config
    kubeconfig: \"\"            # optional path
    namespaces: []            # empty: all
  - type: files
    path: rules/
rulers:
  - name: central
    type: mimir               # or cortex, or embedded
    address: http://mimir.monitoring.svc:9009
    prometheus_http_prefix: /prometheus
    max_in_flight: 8
    request_timeout: 30s
    basic_auth: {username: u, password_file: /etc/secret/p}
routes:
  - name: prod
    ruler: central
    tenant: prod              # none: no tenant header is sent
    rule_selector: {match_labels: {tenant: prod}, match_expressions: [{key: team, operator: In, values: [a, b]}]}
    namespace_selector: {match_labels: {kubernetes.io/metadata.name: monitoring}}
";

fn parse(text: &str) -> Result<Config, FileError> {
    let environment = [("NAME", "from-env"), ("ODD", "a: b # c ' \" {"), ("NUMBER", "3")];
    Config::parse(text, "rulesync.yaml", environment.map(|(k, v)| (k.to_owned(), v.to_owned())).into())
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_fixed_form_is_read() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(config.owner, "prod-eu");
    assert_eq!(config.sources.len(), 2);
    assert_eq!(config.rulers[0].in_flight(), 8);
    assert_eq!(config.rulers[0].basic_auth.as_ref().unwrap().username.as_deref(), Some("u"));
    assert_eq!(config.routes[0].tenant, Some(TenantConfig::Fixed("prod".to_owned())));
    assert_eq!(config.routes[0].rule_selector.match_expressions[0].values, ["a", "b"]);
}

#[test]
fn what_is_left_out_has_a_sensible_value() {
    let config = parse("owner: a\nsources: [{type: files, path: x}]\nrulers: [{name: r, type: embedded}]\nroutes: [{name: all, ruler: r, rule_selector: }]\n").unwrap();
    assert_eq!(config.resync_interval.to_string(), "5m");
    assert_eq!(config.rulers[0].request_timeout.to_string(), "30s");
    assert_eq!(config.rulers[0].in_flight(), 8);
    assert!(config.routes[0].rule_selector.is_empty() && config.routes[0].namespace_selector.is_empty());
    assert!(config.metrics.tenant_labels);
}

#[test]
fn mistakes_are_told_with_place_and_suggestion() {
    let errors = [
        WHOLE.replace("resync_interval", "resync_intervall"),
        WHOLE.replace("password_file", "pasword_file"),
        WHOLE.replace("type: mimir ", "type: mimmir "),
        WHOLE.replace("operator: In", "operator: Inn"),
        WHOLE.replace("path: rules/", "pth: rules/"),
        WHOLE.replace("type: files", "type: file"),
        WHOLE.replace("path: rules/", "name: x\n    path: [rules/]"),
        WHOLE.replace("path: rules/", "name: x"),
        WHOLE.replace("    namespaces: []", "    path: x"),
        WHOLE.replace("    namespaces: []", "    namespaces: []\n    label_selector: {}"),
        format!("{WHOLE}inventory: {{type: file,\n  pth: x}}\n"),
        format!("{WHOLE}naming:\n  type: owner\n  separator: x\n"),
        WHOLE.replace("resync_interval: 5m", "resync_interval: 5 minutes"),
        WHOLE.replace("max_in_flight: 8", "max_in_flight: many"),
        WHOLE.replace("owner: prod-eu", ""),
        WHOLE.replace("owner: prod-eu", "owner: a\nowner: b"),
        WHOLE.replace("owner: prod-eu", "owner: [a"),
        WHOLE.replace("owner: prod-eu", "owner: ${NOT_SET}"),
    ]
    .map(|text| error(&text));
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn renamed_keys_are_errors_that_name_the_present_key() {
    insta::assert_snapshot!(
        error(&format!("{WHOLE}ledger: {{type: 'off'}}\n")),
        @"rulesync.yaml:24:1: the key `ledger` is called `inventory` now"
    );
}

#[test]
fn the_environment_is_put_in_as_text_whatever_it_holds() {
    let config =
        parse(&WHOLE.replace("owner: prod-eu", "owner: ${NAME}").replace("username: u", "username: ${ODD}"))
            .unwrap();
    assert_eq!(config.owner, "from-env");
    let username = config.rulers[0].basic_auth.as_ref().unwrap().username.clone();
    assert_eq!(username.as_deref(), Some("a: b # c ' \" {"));
    assert_eq!(
        parse(&WHOLE.replace("max_in_flight: 8", "max_in_flight: ${NUMBER}")).unwrap().rulers[0]
            .max_in_flight,
        Some(3)
    );
}

#[test]
fn secrets_show_neither_in_debug_nor_in_errors() {
    let text = WHOLE.replace("password_file: /etc/secret/p", "password: hunter2");
    assert!(!format!("{:?}", parse(&text).unwrap()).contains("hunter2"));
    for broken in [
        text.replace("username: u", "usrname: u"),
        text.replace("routes:", "routes: ["),
        text.replace("hunter2", "[hunter2]"),
    ] {
        assert!(!error(&broken).contains("hunter2"), "{}", error(&broken));
    }
}

#[test]
fn a_mistake_is_told_in_one_short_line() {
    let long = "x".repeat(5_000);
    for broken in [
        WHOLE.replace("type: mimir ", "type: \"a\\nb\" "),
        WHOLE.replace("type: mimir ", &format!("type: {long} ")),
        WHOLE.replace("owner:", "\"o\\nwner\":"),
        WHOLE.replace("owner:", &format!("? {long}\n:")),
        WHOLE.replace("owner: prod-eu", "{b: {}, \"a\\nb\": 1, \"a\\nb\": 2}"),
        WHOLE.replace("{tenant: prod}", "{\"a\\nb\": x, \"a\\nb\": y}"),
    ] {
        let error = error(&broken);
        assert!(!error.contains('\n') && error.len() < 500, "{error}");
    }
}

#[test]
fn unknown_keys_among_secrets_are_not_quoted() {
    let basic = "basic_auth: {username: u, password_file: /etc/secret/p}";
    for (block, known) in [
        ("basic_auth: {username: u, hunter2: }", "`password_file`"),
        ("basic_auth: {hunter2: x, hunter2: y}", "`password_file`"),
        ("authorization:\n      hunter2: x", "`credentials_file`"),
        ("oauth2: {client_id: i, hunter2: x}", "`client_secret_file`"),
        ("oauth2: {client_id: i, tls_config: {hunter2: x}}", "`key_file`"),
        ("tls_config: {hunter2: x}", "`key_file`"),
        ("http_headers: {X-Key: {hunter2: x}}", "`secrets`"),
        ("hunter2: x", "`bearer_token`"),
    ] {
        let text = WHOLE.replace(basic, block);
        let error = error(&text);
        let line = text.lines().position(|line| line.contains("hunter2")).unwrap() + 1;
        assert!(error.starts_with(&format!("rulesync.yaml:{line}:")), "{block}: {error}");
        assert!(error.contains("unknown key, expected one of") && error.contains(known), "{block}: {error}");
        assert!(!error.contains("hunter2"), "{block}: {error}");
    }
    let typo = error(&WHOLE.replace("password_file", "pasword_file"));
    assert!(typo.ends_with("(did you mean `password_file`?)"), "{typo}");
}

#[test]
fn secrets_that_stand_in_the_wrong_place_are_not_quoted() {
    let basic = "basic_auth: {username: u, password_file: /etc/secret/p}";
    for block in [
        "basic_auth: hunter2",
        "basic_auth: [hunter2]",
        "authorization: hunter2",
        "authorization: Bearer hunter2",
        "oauth2: hunter2",
        "oauth2: {client_id: i, scopes: hunter2}",
        "oauth2: {client_id: i, endpoint_params: hunter2}",
        "oauth2: {client_id: i, endpoint_params: {a: [hunter2]}}",
        "tls_config: hunter2",
        "tls_config: {insecure_skip_verify: hunter2}",
        "bearer_token: [hunter2]",
        "bearer_token: {hunter2: x}",
        "http_headers: hunter2",
        "http_headers: {X-Key: hunter2}",
        "http_headers: {X-Key: {secrets: hunter2}}",
        "http_headers: {X-Key: {values: hunter2}}",
        "http_headers: {X-Key: {secrets: [{hunter2: x}]}}",
        "proxy_from_environment: hunter2",
        "max_response_bytes: hunter2",
    ] {
        let error = error(&WHOLE.replace(basic, block));
        assert!(!error.contains("hunter2"), "{block}: {error}");
    }
}
