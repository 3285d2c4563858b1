//! The text that is made of flags, and the errors in it.

use std::path::Path;

use rulesync_config::Config;

use super::*;
use crate::connection::flags::{RulerArgs, RulerKind};

/// Returns the document for a ruler with everything that flags and the environment can say.
fn document(owner: &str, address: &str) -> Document {
    let args = RulerArgs {
        address: Some(address.to_owned()),
        ruler: Some(RulerKind::Mimir),
        tls_ca_path: Some("ca.pem".to_owned()),
        tls_insecure_skip_verify: true,
        prometheus_http_prefix: Some("/prom".to_owned()),
        ..RulerArgs::default()
    };
    let environment = [("RULESYNC_API_KEY", "se\"cret${X}"), ("RULESYNC_EXTRA_HEADERS", "X-Token=to ken")];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let settings = RulerSettings::resolve(&args, Some(&"0123".to_owned()), &environment, None).unwrap();
    let selector = crate::input::selector::parse("team=shop,tier in (a, b),!old").unwrap();
    let ownership = Ownership {
        owner: Some(Given::flag("owner", owner)),
        selector: Some(selector),
        ..Ownership::default()
    };
    Document::new(&settings, &ownership, &[PathBuf::from("rules"), PathBuf::from("${HOME}/it's: here")])
}

fn parse(document: &Document) -> Result<rulesync_config::ValidConfig, rulesync_config::ConfigErrors> {
    Config::parse(&document.text, Path::new("flags"), document.secrets.clone())?.validate()
}

#[test]
fn document_is_a_valid_configuration_without_secrets() {
    let document = document("us", "https://mimir:8080");
    insta::assert_snapshot!(document.text);
    let config = parse(&document).unwrap();
    assert_eq!(config.routes()[0].destination().unwrap().to_string(), "mimir/0123");
    assert_eq!(document.secrets["SECRET_1"], "se\"cret${X}");
    let other = super::tests::document("us", "https://mimir:8081");
    assert_ne!(parse(&other).unwrap().digest(), config.digest());
}

#[test]
fn document_signs_requests_as_mimirtool_does() {
    let environment = [
        ("MIMIR_ADDRESS", "https://aps.example.com"),
        ("MIMIR_SIGV4_REGION", "eu-central-1"),
        ("MIMIR_SIGV4_ACCESS_KEY", "AKIA"),
        ("MIMIR_SIGV4_SECRET_KEY", "hidden"),
        ("MIMIR_SIGV4_ASSUME_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("MIMIR_SIGV4_SERVICE_NAME", "execute-api"),
        ("MIMIR_SIGV4_USE_FIPS_STS_ENDPOINT", "true"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let settings = RulerSettings::resolve(&RulerArgs::default(), None, &environment, None).unwrap();
    let document = Document::new(&settings, &Ownership::default(), &[PathBuf::from(".")]);
    assert!(document.text.contains("    service_name: \"execute-api\"\n"), "{}", document.text);
    assert!(!document.text.contains("hidden"), "{}", document.text);
    parse(&document).unwrap();
}

#[test]
fn error_in_a_document_leads_to_the_flag() {
    let document = document("Not A Name", "https://mimir:8080");
    let errors = parse(&document).unwrap_err();
    let origins: Vec<&str> =
        errors.iter().map(|error| document.origin(error.line().unwrap()).unwrap()).collect();
    assert_eq!(origins, ["--owner"], "{}", errors.to_text());
}
