//! Which flag or variable wins, and what does not fit together.

use super::*;

fn environment(variables: &[(&str, &str)]) -> HashMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn resolve(args: &RulerArgs, variables: &[(&str, &str)]) -> Result<RulerSettings, String> {
    RulerSettings::resolve(args, None, &environment(variables), None)
}

fn args(change: impl FnOnce(&mut RulerArgs)) -> RulerArgs {
    let mut args = RulerArgs::default();
    change(&mut args);
    args
}

#[test]
fn flag_wins_over_own_variable_and_that_over_the_tools() {
    let all =
        [("RULESYNC_ADDRESS", "http://own"), ("MIMIR_ADDRESS", "http://tool"), ("MIMIR_TENANT_ID", "t")];
    let flag = args(|args| args.address = Some("http://flag".to_owned()));
    let address = |args: &RulerArgs, variables| {
        let Given { text, origin } = resolve(args, variables).unwrap().address;
        format!("{origin}={text}")
    };
    assert_eq!(address(&flag, &all), "--address=http://flag");
    assert_eq!(address(&RulerArgs::default(), &all), "RULESYNC_ADDRESS=http://own");
    assert_eq!(address(&RulerArgs::default(), &all[1..]), "MIMIR_ADDRESS=http://tool");
    assert_eq!(resolve(&flag, &all).unwrap().tenant.unwrap().origin, "MIMIR_TENANT_ID");
    let empty = [("RULESYNC_ADDRESS", ""), ("MIMIR_ADDRESS", "http://tool")];
    assert_eq!(address(&RulerArgs::default(), &empty), "MIMIR_ADDRESS=http://tool");
}

#[test]
fn kind_is_that_of_the_tool_whose_variables_are_set() {
    let kind = |variables| resolve(&RulerArgs::default(), variables).map(|settings| settings.kind);
    assert_eq!(kind(&[("RULESYNC_ADDRESS", "http://a")]), Ok(RulerKind::Mimir));
    assert_eq!(kind(&[("LOKI_ADDRESS", "http://a")]), Ok(RulerKind::Loki));
    assert_eq!(
        kind(&[("RULESYNC_RULER", "cortex"), ("RULESYNC_ADDRESS", "http://a")]),
        Ok(RulerKind::Cortex)
    );
    let both: &[(&str, &str)] = &[("LOKI_ADDRESS", "http://a"), ("MIMIR_ADDRESS", "http://b")];
    assert!(kind(both).unwrap_err().contains("--ruler"));
    let chosen = args(|args| args.ruler = Some(RulerKind::Loki));
    assert_eq!(resolve(&chosen, both).unwrap().address.origin, "LOKI_ADDRESS");
    assert!(kind(&[("RULESYNC_RULER", "graphite")]).unwrap_err().starts_with("RULESYNC_RULER"));
    assert!(kind(&[]).unwrap_err().contains("--address"));
}

#[test]
fn authentication_is_that_of_the_tools() {
    let authentication = |args: &RulerArgs, variables: &[(&str, &str)]| {
        let with_address = [&[("MIMIR_ADDRESS", "http://a")], variables].concat();
        match resolve(args, &with_address).map(|settings| settings.authentication) {
            Ok(Authentication::None) => "none".to_owned(),
            Ok(Authentication::Basic { user, key }) => format!("{} {}", user.text, shown(key.as_ref())),
            Ok(Authentication::Token(token)) => format!("token {}", shown(Some(&token))),
            Err(error) => error,
        }
    };
    fn shown(secret: Option<&Secret>) -> String {
        match secret {
            None => "without".to_owned(),
            Some(Secret::Text(given)) => given.text.clone(),
            Some(Secret::File(given)) => format!("in {}", given.text),
        }
    }
    let none = RulerArgs::default();
    let (key, user, tenant) = (("MIMIR_API_KEY", "k"), ("MIMIR_API_USER", "u"), ("MIMIR_TENANT_ID", "t"));
    let token = ("MIMIR_AUTH_TOKEN", "x");
    assert_eq!(authentication(&none, &[]), "none");
    assert_eq!(authentication(&none, &[user, key]), "u k");
    assert_eq!(authentication(&none, &[user]), "u without");
    assert_eq!(authentication(&none, &[tenant, key]), "t k");
    assert_eq!(authentication(&none, &[token, tenant]), "token x");
    assert!(authentication(&none, &[key]).contains("needs a user or a tenant"));
    assert!(authentication(&none, &[token, user]).contains("not both"));
    let file = args(|args| args.key_file = Some("key".into()));
    assert_eq!(authentication(&file, &[tenant, token]), "t in key");
    let file = args(|args| args.auth_token_file = Some("token".into()));
    assert_eq!(authentication(&file, &[user, key]), "token in token");
    let piped = args(|args| args.auth_token_file = Some("-".into()));
    let settings =
        RulerSettings::resolve(&piped, None, &environment(&[("MIMIR_ADDRESS", "a")]), Some("piped\n"))
            .unwrap();
    assert!(
        matches!(settings.authentication, Authentication::Token(Secret::Text(given)) if given.text == "piped")
    );
}

#[test]
fn variables_of_each_tool_have_the_names_that_it_reads() {
    let tls = |variables: &[(&str, &str)], kind| {
        let args = args(|args| {
            (args.address, args.ruler) = (Some("https://a".to_owned()), Some(kind));
        });
        let settings = resolve(&args, variables).unwrap();
        settings.tls.iter().map(|(key, given)| format!("{key}={}", given.text)).collect::<Vec<_>>()
    };
    let expected = ["ca_file=ca", "cert_file=cert", "key_file=key"];
    let mimir = [("MIMIR_TLS_CA_PATH", "ca"), ("MIMIR_TLS_CERT_PATH", "cert"), ("MIMIR_TLS_KEY_PATH", "key")];
    assert_eq!(tls(&mimir, RulerKind::Mimir), expected);
    assert_eq!(tls(&mimir, RulerKind::Loki), Vec::<String>::new());
    for (kind, prefix) in [(RulerKind::Loki, "LOKI"), (RulerKind::Cortex, "CORTEX")] {
        let names =
            ["TLS_CA_CERT", "TLS_CLIENT_CERT", "TLS_CLIENT_KEY"].map(|name| format!("{prefix}_{name}"));
        let variables: Vec<(&str, &str)> =
            names.iter().map(String::as_str).zip(["ca", "cert", "key"]).collect();
        assert_eq!(tls(&variables, kind), expected);
    }
}

#[test]
fn what_has_no_equal_is_refused_by_its_name() {
    let refused = |name: &str, value: &str| {
        resolve(&RulerArgs::default(), &[("MIMIR_ADDRESS", "http://a"), (name, value)])
            .map(|_| ())
            .unwrap_err()
    };
    for (name, value) in [
        ("MIMIR_USE_LEGACY_ROUTES", "true"),
        ("MIMIR_SIGV4_USE_FIPS_STS_ENDPOINT", "maybe"),
        ("MIMIR_TLS_INSECURE_SKIP_VERIFY", "maybe"),
        ("MIMIR_EXTRA_HEADERS", "nothing"),
    ] {
        assert!(refused(name, value).starts_with(name), "{name}");
    }
    let off = [("MIMIR_ADDRESS", "http://a"), ("MIMIR_USE_LEGACY_ROUTES", "false")];
    assert!(resolve(&RulerArgs::default(), &off).is_ok());
    let loki = [("LOKI_ADDRESS", "http://a"), ("RULESYNC_PROMETHEUS_HTTP_PREFIX", "/p")];
    assert!(
        resolve(&RulerArgs::default(), &loki).unwrap_err().starts_with("RULESYNC_PROMETHEUS_HTTP_PREFIX")
    );
}

#[test]
fn extra_headers_are_lines_with_names_and_values() {
    let variables = [("MIMIR_ADDRESS", "http://a"), ("MIMIR_EXTRA_HEADERS", "X-A=1=2\n\n X-B: b \n")];
    let headers = resolve(&RulerArgs::default(), &variables).unwrap().headers;
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, given)| (name.as_str(), given.text.as_str())).collect();
    assert_eq!(headers, [("X-A", "1=2"), ("X-B", "b")]);
}
