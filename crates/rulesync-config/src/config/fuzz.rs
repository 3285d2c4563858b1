//! Damaged configurations never panic, grow without bound or show a secret, and the environment arrives as it is.

use proptest::prelude::*;
use rulesync_testkit::mutate::{bombs, damaged};

use super::*;
use crate::yaml::expand;

const WHOLE: &str = "
owner: ${A}
resync_interval: 5m
sources:
  - {type: kubernetes, kubeconfig: \"${B}/config\", namespaces: ['${A}', x]}
  - type: files
    path: rules/    # not ${C}
rulers:
  - name: central
    type: mimir
    address: http://${A}:9009
    max_in_flight: 8
    request_timeout: 30s
    basic_auth: {username: u, password: '${S}'}
    tls_config: &tls
      ca_file: |-
        /etc/ca
    http_headers: {X-A: {values: [a, \"b\\t\\u00e9\"]}}
routes:
  - name: prod
    ruler: central
    tenant: prod
    rule_selector: {match_labels: {tenant: prod}, match_expressions: [{key: team, operator: In, values: [a]}]}
metrics: {tenant_labels: false}
";

const MOST_BYTES: usize = 8 << 20;

const SECRET: &str = "hunter2-hunter2";

fn environment(values: &[(&str, &str)]) -> HashMap<String, String> {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Returns the file of a configuration whose structure is right.
fn read(text: &str, environment: HashMap<String, String>) -> Result<File, ConfigErrors> {
    let config = Config::parse(text, Path::new("c.yaml"), environment)?;
    // Validation must not panic either, whatever its answer.
    let _ = config.validate();
    match config.place.errors(config.problems.clone()) {
        Some(errors) => Err(errors),
        None => Ok(config.file.unwrap()),
    }
}

fn parse(text: &str) -> Result<File, ConfigErrors> {
    read(text, environment(&[("A", "prod"), ("B", "/home/it's \"b\""), ("S", SECRET)]))
}

#[test]
fn config_without_damage_is_read() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(config.rulers[0].basic_auth.as_ref().unwrap().password.as_ref().unwrap().expose(), SECRET);
}

#[test]
fn bombs_are_refused() {
    for (name, bomb) in bombs() {
        let below = format!("{bomb}{WHOLE}");
        let indented: String = bomb.lines().map(|line| format!("      {line}\n")).collect();
        let within =
            WHOLE.replace("    basic_auth:", &format!("    http_headers:\n{indented}    basic_auth:"));
        for text in [bomb, below, within] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.len() < 1_000, "{name}: {error:.2000}");
        }
    }
}

#[test]
fn aliases_of_a_long_text_are_refused() {
    let long = "x".repeat(100_000);
    let labels: String = (0..500).map(|n| format!("    a{n}: *long\n    b{n}: &b{n} x\n")).collect();
    let route = format!(
        "routes:\n- name: r\n  ruler: r\n  rule_selector:\n   match_labels:\n    a: &long {long}\n{labels}"
    );
    let text = format!("owner: a\nsources: []\nrulers: []\n{route}");
    let read = parse(&text).map(|config| format!("{config:?}").len());
    assert!(read.is_err(), "{read:?} bytes of {}", text.len());
}

#[test]
fn aliases_may_share_settings_between_many_rulers() {
    let rulers = "- {name: r, type: mimir, address: http://r, tls_config: *tls}\n".repeat(300);
    let text = format!(
        "owner: a\nsources: []\nrulers:\n- {{name: r, type: mimir, address: http://r, tls_config: &tls {{ca_file: /ca}}}}\n{rulers}routes: []\n"
    );
    assert_eq!(parse(&text).unwrap().rulers.len(), 301);
}

/// A secret in the wrong place is still a secret.
#[test]
fn misplaced_secrets_are_never_shown() {
    let shapes =
        [SECRET.to_owned(), format!("'{SECRET}'"), format!("[{SECRET}]"), "'${S}'".into(), "${S}".into()];
    let places = [
        "basic_auth: @",
        "basic_auth: {username: @}",
        "basic_auth: {password: [@]}",
        "basic_auth: {password: {a: @}}",
        "authorization: @",
        "authorization: {credentials: @, a: b}",
        "authorization: {credentials: [@]}",
        "bearer_token: {a: @}",
        "bearer_token: [@]",
        "oauth2: @",
        "oauth2: {client_secret: [@]}",
        "oauth2: {scopes: @}",
        "oauth2: {endpoint_params: @}",
        "oauth2: {endpoint_params: {password: [@]}}",
        "sigv4: @",
        "sigv4: [@]",
        "sigv4: {secret_key: [@]}",
        "sigv4: {secret_key: @}",
        "sigv4: {access_key: a, secret_key: {a: @}}",
        "sigv4: {use_fips_sts_endpoint: @}",
        "tls_config: @",
        "tls_config: {key: [@]}",
        "tls_config: {insecure_skip_verify: @}",
        "proxy_url: [@]",
        "proxy_from_environment: @",
        "http_headers: @",
        "http_headers: {Authorization: @}",
        "http_headers: {Authorization: {values: @}}",
        "http_headers: {Authorization: {secrets: @}}",
        "http_headers: {Authorization: {secrets: [{a: @}]}}",
        "max_in_flight: @",
    ];
    for place in places {
        for shape in &shapes {
            let text =
                WHOLE.replace("basic_auth: {username: u, password: '${S}'}", &place.replace('@', shape));
            if let Err(error) = parse(&text) {
                assert!(!format!("{error} {error:?}").contains(SECRET), "{place} {shape}: {error}");
            }
        }
    }
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-:#?&*!|>%@`'\"{}\\[\\]\\\\, a-z~=<$\t\r\n\u{7f}\u{85}\u{2028}\u{feff}é😀0-9.]{0,24}",
        "(yes|no|true|null|~|0x1F|012|1e3|2024-01-01|=|<<|\\.nan|1_0|0o7|\\$\\{A\\}|\\$\\{V\\}|)",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn errors_of_damaged_configurations_are_lines_with_positions(damage in prop::collection::vec(any::<u8>(), 0..24)) {
        let bytes = damaged(WHOLE.as_bytes(), &damage);
        let text = String::from_utf8_lossy(&bytes);
        match parse(&text) {
            Ok(config) => {
                let bytes = format!("{config:?}").len();
                prop_assert!(bytes <= MOST_BYTES, "{} bytes", bytes);
            }
            Err(errors) => {
                let lines = 1 + text.bytes().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
                for error in &errors {
                    let shown = error.to_string();
                    prop_assert!(!shown.contains('\n') && shown.len() < 100_000, "{}", shown);
                    if let (Some(line), Some(column)) = (error.line(), error.column()) {
                        prop_assert!((1..=lines + 1).contains(&line) && column > 0, "{}", shown);
                    }
                }
            }
        }
    }

    #[test]
    fn no_text_panics(text in "[ -~\n\té😀]{0,80}", value in value()) {
        let _ = Config::parse(&text, Path::new("c.yaml"), environment(&[("A", &value)])).map(|config| config.validate());
        let _ = parse(&format!("{WHOLE}{text}"));
    }

    /// Nothing is changed where nothing is substituted.
    #[test]
    fn text_without_names_is_unchanged(damage in prop::collection::vec(any::<u8>(), 0..24)) {
        let bytes = damaged(WHOLE.replace("${", "$ {").as_bytes(), &damage);
        let text = String::from_utf8_lossy(&bytes).replace("${", "$ {");
        prop_assert_eq!(expand(&text, &HashMap::new()).text, text);
    }

    /// Every value of the environment arrives unchanged, wherever its name is.
    #[test]
    fn environment_arrives_unchanged(value in value()) {
        let places = [
            ("ruler: '${V}'", "", ""),
            ("ruler: 'it''s \"\\ ${V}.'", "it's \"\\ ", "."),
            ("ruler: \"${V}\"", "", ""),
            ("ruler: \"\\\"x ${V}.\"", "\"x ", "."),
            ("ruler: ${V}", "", ""),
            ("ruler: x-${V}", "x-", ""),
        ];
        for (place, before, after) in places {
            let expected = format!("{before}{value}{after}");
            for route in [format!("routes: [{{name: a, {place}}}]\n"), format!("routes:\n- name: a\n  {place}\n")] {
                let text = format!("owner: a\nsources: []\nrulers: []\n{route}");
                let config = read(&text, environment(&[("V", &value), ("A", "other")]));
                let ruler = config.map(|config| config.routes[0].ruler.clone());
                prop_assert_eq!(ruler.as_ref(), Ok(&expected), "{}", route);
            }
        }
    }
}
