//! The form of the file, which others rely on, and the errors of its structure.

use super::*;
use crate::file::TenantFile;

/// A configuration with the keys that have been there from the beginning.
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

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    let environment = [("NAME", "from-env"), ("ODD", "a: b # c ' \" {"), ("NUMBER", "3")];
    let environment = environment.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    Config::parse(text, Path::new("rulesync.yaml"), environment)
}

/// Returns the file of a configuration whose structure is right.
fn file(text: &str) -> File {
    let config = parse(text).unwrap();
    assert_eq!(config.problems, []);
    config.file.unwrap()
}

#[test]
fn debug_output_shows_no_values() {
    let secret = "{username: u, password: hunter2}";
    let text = WHOLE.replace("{username: u, password_file: /etc/secret/p}", secret);
    assert_ne!(text, WHOLE);
    for text in [
        text.clone(),
        text.replace("hunter2", "4242424242"),
        // These are errors, and what is wrong may be a secret.
        text.replace(secret, "{username: u, hunter2}"),
        text.replace(secret, "{hunter2-key: u}"),
        text.replace("http://mimir", "http://u:hunter2@mimir"),
    ] {
        let config = parse(&text).unwrap();
        let mut shown = format!("{config:?}{config:#?}");
        if let Ok(valid) = config.validate() {
            shown.push_str(&format!("{valid:?}{valid:#?}"));
        }
        assert!(shown.contains("rulesync.yaml"), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("4242424242"), "{shown}");
    }
}

#[test]
fn error_that_quotes_line_breaks_is_one_line() {
    let error = error(&WHOLE.replace("resync_interval: 5m", "resync_interval: \"5m\\n\"")).to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("`5m\\n` is not"), "{error}");
}

/// Returns all errors of a configuration.
fn error(text: &str) -> String {
    parse(text).and_then(|config| config.validate()).unwrap_err().to_string()
}

#[test]
fn config_reads_the_known_form() {
    let file = file(WHOLE);
    assert_eq!(file.owner, "prod-eu");
    assert_eq!(file.sources.len(), 2);
    assert_eq!(file.rulers[0].max_in_flight, Some(8));
    assert_eq!(file.rulers[0].basic_auth.as_ref().unwrap().username.as_deref(), Some("u"));
    assert_eq!(file.routes[0].tenant, Some(TenantFile::Fixed("prod".to_owned())));
    parse(WHOLE).unwrap().validate().unwrap();
}

#[test]
fn config_has_defaults() {
    let text = "owner: a\nsources: [{type: files, path: x}]\nrulers: [{name: r, type: embedded}]\nroutes: [{name: all, ruler: r, rule_selector: }]\n";
    let settings = parse(text).unwrap().validate().unwrap().settings;
    assert_eq!(settings.policy.resync_interval.as_secs(), 300);
    assert_eq!((settings.rulers[0].timeout.as_secs(), settings.rulers[0].max_in_flight), (30, 8));
    assert!(settings.routes[0].rule_selector.is_empty() && settings.routes[0].namespace_selector.is_empty());
    assert!(settings.tenant_labels && settings.policy.claim && settings.process.election.is_none());
}

#[test]
fn errors_of_five_kinds_are_reported_at_once() {
    let text = "
owner: Prod
resync_intervall: 5m
sources: [{type: files, pth: rules}]
rulers:
  - {name: central, type: mimir, address: http://mimir, max_in_flight: many}
  - {name: central, type: loki}
routes:
  - {name: a, ruler: centrall, tenant: 012}
  - {name: b, ruler: central, tenant: t, external_labels: [{label: x}]}
";
    insta::assert_snapshot!(error(text));
}

#[test]
fn errors_do_not_follow_from_errors() {
    let mut wrong = Vec::new();
    for (text, expected) in [
        // The name that the route means may be the one that is missing.
        (WHOLE.replace("name: central", "nmae: central"), 1),
        (WHOLE.replace("type: mimir ", "type: mimmir "), 1),
        (WHOLE.replace("address: http", "adress: http"), 1),
        (WHOLE.replace("ruler: central", "ruler: [central]"), 1),
        (WHOLE.replace("owner: prod-eu", "owner: ${NOT_SET}"), 1),
        (WHOLE.replace("owner: prod-eu", "owner: '${NOT_SET}'"), 1),
        (WHOLE.replace("- name: central", "- central\n  - name: central"), 1),
        (WHOLE.replace("  - name: prod\n", "  - prd: prod\n"), 2),
    ] {
        let errors = error(&text);
        if errors.lines().count() != expected {
            wrong.push(errors);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_missing_key_and_every_variable_that_is_not_set_is_reported() {
    insta::assert_snapshot!(error(
        "sources: [{}, {type: '${A}'}]\nrulers: [{type: mimir, address: ${B}}]\nroutes: [{}]\nclaim: ${C}\n"
    ));
}

#[test]
fn mistakes_are_reported_with_position_and_hint() {
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
    insta::assert_snapshot!(errors.join("\n\n"));
}

#[test]
fn renamed_keys_are_errors_that_name_the_present_key() {
    insta::assert_snapshot!(
        error(&format!("{WHOLE}ledger: {{type: 'off'}}\n")),
        @"rulesync.yaml:24:1: the key `ledger` is called `inventory` now (rename it to `inventory`)"
    );
}

#[test]
fn environment_is_substituted_as_text_whatever_it_holds() {
    let config =
        file(&WHOLE.replace("owner: prod-eu", "owner: ${NAME}").replace("username: u", "username: ${ODD}"));
    assert_eq!(config.owner, "from-env");
    let username = config.rulers[0].basic_auth.as_ref().unwrap().username.clone();
    assert_eq!(username.as_deref(), Some("a: b # c ' \" {"));
    let config = file(&WHOLE.replace("max_in_flight: 8", "max_in_flight: ${NUMBER}"));
    assert_eq!(config.rulers[0].max_in_flight, Some(3));
}

#[test]
fn secrets_are_neither_in_debug_nor_in_errors() {
    let text = WHOLE.replace("password_file: /etc/secret/p", "password: hunter2");
    assert!(!format!("{:?}", file(&text)).contains("hunter2"));
    for broken in [
        text.replace("username: u", "usrname: u"),
        text.replace("routes:", "routes: ["),
        text.replace("hunter2", "[hunter2]"),
    ] {
        assert!(!error(&broken).contains("hunter2"), "{}", error(&broken));
    }
}

#[test]
fn errors_are_short_lines() {
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
        assert!(error.lines().all(|line| line.starts_with("rulesync.yaml:") && line.len() < 500), "{error}");
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
        ("sigv4: {access_key: i, hunter2: x}", "`secret_key`"),
        ("tls_config: {hunter2: x}", "`key_file`"),
        ("http_headers: {X-Key: {hunter2: x}}", "`secrets`"),
        ("hunter2: x", "`bearer_token`"),
    ] {
        let text = WHOLE.replace(basic, block);
        let error = error(&text);
        let line = text.lines().position(|line| line.contains("hunter2")).unwrap() + 1;
        assert!(error.starts_with(&format!("rulesync.yaml:{line}:")), "{block}: {error}");
        assert!(
            error.contains("unknown key (") && (error.contains(known) || error.contains("did you mean")),
            "{block}: {error}"
        );
        assert!(!error.contains("hunter2"), "{block}: {error}");
    }
    let typo = error(&WHOLE.replace("password_file", "pasword_file"));
    assert!(typo.contains("(did you mean `password_file`?)"), "{typo}");
}

#[test]
fn misplaced_secrets_are_not_quoted() {
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
        "sigv4: hunter2",
        "sigv4: {access_key: i, secret_key: [hunter2]}",
        "sigv4: {secret_key: hunter2}",
        "sigv4: {use_fips_sts_endpoint: hunter2}",
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
