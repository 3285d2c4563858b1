//! What a configuration must not say, and the routes and settings that a valid one becomes.

use std::collections::HashMap;
use std::path::Path;

use rulesync_core::Route;
use rulesync_core::naming::{AlloyNaming, Naming};
use rulesync_core::route::{MatchOp, Mode, Tenancy, Value, ValueSource};

use crate::{Config, ValidConfig};

fn validate(text: &str) -> Result<ValidConfig, String> {
    let config = Config::parse(text, Path::new("rulesync.yaml"), HashMap::new());
    config.and_then(|config| config.validate()).map_err(|errors| errors.to_string())
}

/// Returns the route of a configuration that has one, with these keys.
fn route(yaml: &str) -> Result<Route, String> {
    let indented: String = yaml.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!(
        "owner: us\nsources: [{{type: kubernetes}}]\nrulers: [{{name: central, type: mimir, address: 'http://m'}}]\n\
         routes:\n  - name: r\n    ruler: central\n{indented}"
    );
    validate(&text).map(|config| config.routes()[0].clone())
}

#[test]
fn route_has_everything_that_the_file_can_set() {
    let route = route(
        "tenant: {from: namespace_label, key: tenant}
tenant_pattern: 'team-{value}'
allow: [{namespaces: [monitoring], tenants: ['*']}, {namespace_selector: {match_labels: {a: b}}, tenants: [x]}]
source_tenants: {allow: [shared]}
sources: [kubernetes]
kinds: [PrometheusRule, LoggingRule]
rule_selector: {match_expressions: [{key: team, operator: In, values: [a, b]}]}
external_labels: [{label: cluster, value: eu-1}, {label: team, from: label, key: team, mode: add_if_absent,
    default: nobody, allow: [{namespaces: [payments], values: [payments, 'payments-*']}]}]
query_matchers: [{label: namespace, from: namespace_name, mode: require},
  {label: team, from: annotation, key: team, default: nobody, allow: [{namespace_selector: {match_labels: {a: b}}, values: ['*']}]},
  {label: zone, op: '!=', value: ''}, {label: zone, op: =~, value: 'eu-.*'}, {label: zone, op: '!~', value: eu-9}]
",
    )
    .unwrap();
    assert!(
        matches!(&route.tenant, Tenancy::Requested { from: ValueSource::NamespaceLabel(key), .. } if **key == *"tenant")
    );
    assert_eq!((route.allow.len(), route.source_tenants.len()), (2, 1));
    assert_eq!(route.sources, ["kubernetes"]);
    assert_eq!(route.kinds.len(), 3, "plain rule files hold what PrometheusRules do");
    assert_eq!(route.rule_selector.match_expressions[0].values, ["a", "b"]);
    assert!(!route.external_labels[0].add_if_absent && route.external_labels[1].add_if_absent);
    assert_eq!(route.query_matchers[0].mode, Mode::Require);
    let source = |value: &Value| match value {
        Value::From(source) => source.clone(),
        Value::Constant(text) => panic!("{text} is not read from the object"),
    };
    for value in [&route.external_labels[1].value, &route.query_matchers[1].value] {
        let source = source(value);
        assert_eq!((source.default.as_deref(), source.allow.len()), (Some("nobody"), 1));
    }
    assert!(source(&route.query_matchers[0].value).allow.is_empty());
    let ops: Vec<MatchOp> = route.query_matchers.iter().map(|matcher| matcher.op).collect();
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    assert_eq!(ops, [Equal, Equal, NotEqual, Regex, NotRegex]);
    assert!(route.needs_namespaces());
}

#[test]
fn route_errors_name_the_setting() {
    let tenant = |yaml: &str| route(yaml).map(|route| route.tenant);
    assert_eq!(tenant(""), Ok(Tenancy::None));
    assert_eq!(tenant("tenant: '012'"), Ok(Tenancy::Fixed("012".parse().unwrap())));
    let from = "tenant: {from: namespace_name}\nallow: [{tenants: ['*']}]";
    assert!(matches!(tenant(from), Ok(Tenancy::Requested { .. })));
    let mut wrong = Vec::new();
    for (yaml, says) in [
        ("tenant: 012", "7:13: a tenant that reads like a number or a boolean must be in quotes"),
        ("tenant: true", "must be in quotes"),
        ("tenant: {from: label}", "which label or annotation"),
        ("tenant: {from: namespace_name, key: x}", "has one name"),
        ("tenant: {from: lable, key: x}", "unknown value `lable` (did you mean `label`?)"),
        ("tenant: {form: label, key: x}", "unknown key `form` (did you mean `from`?)"),
        ("tenant: a|b", "character '|'"),
        ("tenant: {from: label, key: x}", "allows none"),
        (
            "tenant: a\ntenant_pattern: 'x-{value}'",
            "8:5: `tenant_pattern` has no meaning where the tenant is fixed",
        ),
        ("tenant: {from: label, key: x}\ntenant_pattern: x", "exactly once"),
        ("external_labels: [{label: a}]", "either `value` or `from`"),
        ("query_matchers: [{label: a, value: b, from: label, key: c}]", "either `value` or `from`"),
        ("query_matchers: [{label: a, value: b, key: c}]", "`key` has no meaning beside `value`"),
        ("external_labels: [{label: a, value: b, default: c}]", "`default` has no meaning beside `value`"),
        ("query_matchers: [{label: a, value: b, allow: []}]", "`allow` has no meaning beside `value`"),
        ("external_labels: [{label: a, from: label, key: a, allow: []}]", "`allow` is empty"),
        ("query_matchers: [{label: a, from: label, key: a, default: ''}]", "`default` is empty"),
        (
            "external_labels: [{label: a, from: label, key: a, allow: [{tenants: [b]}]}]",
            "unknown key `tenants`",
        ),
        (
            "external_labels: [{label: a, from: label, key: a, allow: [{namespaces: [b]}]}]",
            "`values` is missing",
        ),
        (
            "external_labels: [{label: a, value: b}, {label: a, value: c}]",
            "7:53: there are two external labels called `a`",
        ),
        ("query_matchers: [{label: '9', value: b}]", "7:22: route `r`: `9`"),
        ("query_matchers: [{label: a, op: '==', value: b}]", "7:37: unknown value `==`"),
        (
            "query_matchers: [{label: a, op: !=, value: b}]",
            "7:39: the operators `!=` and `!~` must be in quotes",
        ),
        ("query_matchers: [{label: a, op: !~, value: b}]", "must be in quotes"),
        (
            "query_matchers: [{label: a, op: =~, value: 'b('}]",
            "7:22: route `r`: `a`: the value is not a regular expression: error parsing regexp: missing closing ): `b(`",
        ),
        (
            "query_matchers: [{label: a, op: '!~', from: label, key: k, default: '*'}]",
            "missing argument to repetition operator",
        ),
        ("query_matchers: [{label: a, op: =~, value: ''}]", "7:22: route `r`: `a`: the value is empty"),
        (
            "query_matchers: [{label: a, value: b}, {label: a, value: c}]",
            "7:52: route `r`: two matchers on `a` both have the operator `=`, but no series has two values of one label \
             (the other is on line 7)",
        ),
        (
            "query_matchers: [{label: a, value: b}, {label: b, value: b}, {label: a, op: '=', value: b}]",
            "two matchers on `a` are the same",
        ),
        (
            "query_matchers: [{label: a, value: b}, {label: a, op: '!=', value: b, mode: require}]",
            "two matchers on `a` have different modes",
        ),
        ("query_matchers: [{label: a, value: ''}]", "7:22: route `r`: `a`"),
        (
            "external_labels: [{label: a, value: \"\\0\"}]",
            "7:23: route `r`: the value of `a` holds the character",
        ),
        (
            "rule_selector: {match_expressions: [{key: a, operator: In}]}",
            "7:20: route `r`: match_expressions",
        ),
        ("kinds: [Rule]", "unknown value `Rule`"),
    ] {
        let error = tenant(yaml).unwrap_err();
        if !error.contains(says) {
            wrong.push(format!("{yaml}: {error}, not {says}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn empty_list_in_a_permission_does_not_mean_everybody() {
    for (allow, key) in [
        ("namespaces: [], LIST: ['*']", "namespaces"),
        ("namespaces: , LIST: ['*']", "namespaces"),
        ("namespaces: [], namespace_selector: {match_labels: {a: b}}, LIST: [x]", "namespaces"),
        ("namespaces: [payments], LIST: []", "LIST"),
    ] {
        for (setting, at, list) in [
            ("tenant: {from: label, key: a}\nallow: [{ALLOW}]", "allow", "tenants"),
            (
                "external_labels: [{label: a, from: label, key: a, allow: [{ALLOW}]}]",
                "external_labels.a.allow",
                "values",
            ),
            (
                "query_matchers: [{label: a, from: label, key: a, allow: [{ALLOW}]}]",
                "query_matchers.a.allow",
                "values",
            ),
        ] {
            let (yaml, key) =
                (setting.replace("ALLOW", allow).replace("LIST", list), key.replace("LIST", list));
            let error = route(&yaml).unwrap_err();
            assert!(error.contains(&format!(": `{at}`: `{key}` is empty")), "{yaml}: {error}");
            assert!(error.ends_with("or remove the entry)"), "{error}");
        }
    }
    let everybody = route("tenant: {from: label, key: a}\nallow: [{tenants: ['*']}]").unwrap();
    assert!(everybody.allow[0].namespaces.is_empty(), "an absent list means all");
}

const CONFIG: &str = "
owner: us
resync_interval: 5m
sources: [{type: files, path: .}]
rulers: [{name: central, type: embedded, address: 'http://127.0.0.1:0', request_timeout: 30s}]
routes: [{name: all, ruler: central, tenant: prod}]
";

#[test]
fn validate_reports_what_cannot_work_with_its_position() {
    let mut wrong = Vec::new();
    for (from, to, says) in [
        ("resync_interval: 5m", "resync_interval: 0s", ":3:18: `resync_interval` must be longer than zero"),
        (
            "request_timeout: 30s",
            "request_timeout: 0s",
            "ruler `central`: `request_timeout` must be longer than zero",
        ),
        (
            "owner: us",
            "owner: us\ndelete_guard: {max_share: 2}",
            ":3:27: `max_share` must be between 0 and 1",
        ),
        ("type: embedded,", "type: mimir, path: x,", ":5:39: ruler `central`: `path` has no meaning"),
        (
            "type: files,",
            "type: files, glob: 'a[',",
            "source `files`: glob: \"a[\" is not a pattern for files",
        ),
        (
            "type: files,",
            "type: files, glob: [x, /y],",
            ":4:35: source `files`: glob: \"/y\" is not a pattern",
        ),
        ("type: embedded, address: 'http://127.0.0.1:0'", "type: mimir", "`address` is missing"),
        ("type: embedded,", "type: prometheus,", "`directory` is missing"),
        (
            "type: embedded,",
            "type: prometheus, directory: x,",
            "is a Prometheus and has no tenants (remove `tenant`)",
        ),
        ("type: embedded,", "type: cortex, allow_remote: false,", "`allow_remote` has no meaning"),
        (
            "type: embedded,",
            "type: loki, basic_auth: {password: x},",
            "ruler `central`: `basic_auth.username` is missing",
        ),
        ("127.0.0.1:0", "localhost", "`http://localhost` is not an address to listen on"),
        ("request_timeout: 30s", "max_in_flight: 0", "`max_in_flight` must be at least 1"),
        ("request_timeout: 30s", "split_groups: 0", "`split_groups` must be at least 1"),
        (
            "ruler: central",
            "ruler: centrall",
            ":6:29: route `all`: there is no ruler `centrall` (the rulers are `central`)",
        ),
        (
            "tenant: prod}",
            "tenant: prod}, {name: all, ruler: central}",
            "there are two routes called `all` (the other is on line 6",
        ),
        (
            "tenant: prod}",
            "tenant: prod}, {name: b, ruler: central, tenant: prod, external_labels: [{label: a, value: b}]}",
            ":6:53: routes `all` (line 6) and `b` lead to the same tenants",
        ),
        (
            "tenant: prod}",
            "tenant: prod}, {name: b, ruler: central, tenant: prod, naming: {type: alloy}}",
            ":6:53: routes `all` (line 6) and `b` lead to the same tenants of one ruler and have different namings",
        ),
        (
            "tenant: prod}",
            "tenant: prod, naming: {type: owner, prefix: x}}",
            ":6:74: `prefix` has no meaning",
        ),
        (
            "tenant: prod}",
            "tenant: prod, previous_naming: [{type: alloy, prefix: ''}]}",
            "the prefix is empty",
        ),
        ("type: embedded,", "type: embedded, naming: {type: alloy, separator: a},", "the separator `a`"),
        (
            "tenant: prod}",
            "tenant: prod, naming: {type: verbatim, separator: a}}",
            "no meaning for the type `verbatim`",
        ),
        (
            "owner: us",
            "owner: us\ninventory: {type: off}\nnaming: {type: verbatim}",
            ":4:16: the naming `verbatim` needs an inventory",
        ),
        (
            "[{type: files, path: .}]",
            "[{type: kubernetes}]\nnaming: {type: verbatim}",
            ":5:16: the naming `verbatim` is for rule files",
        ),
        ("tenant: prod}", "namespace_selector: {match_labels: {a: b}}}", "but no source delivers these"),
        ("[{type: files, path: .}]", "[]", "no source is configured"),
        ("[{name: all, ruler: central, tenant: prod}]", "[]", "no route is configured"),
        (
            "tenant: prod}",
            "tenant: prod, sources: [files, eu]}",
            "route `all`: there is no source `eu` (the sources are `files`)",
        ),
        ("owner: us", "owner: Us", ":2:8: `Us` cannot be an owner"),
        ("owner: us", "owner: us\nnaming: {type: owner, prefix: x}", ":3:23: `prefix` has no meaning"),
        ("owner: us", "owner: us\nprevious_naming: [{type: alloy, separator: a}]", "the separator `a`"),
        ("owner: us", "owner: us\ninventory: {type: config_map}", "needs a source of the type `kubernetes`"),
        ("owner: us", "owner: us\ninventory: {type: file}", "`path` is missing"),
        (
            "owner: us",
            "owner: us\nleader_election: {enabled: true}",
            "needs a source of the type `kubernetes`",
        ),
        (
            "owner: us",
            "owner: us\nleader_election: {enabled: true, renew_deadline: 20s}",
            "lease_duration must be longer than renew_deadline",
        ),
    ] {
        assert!(CONFIG.contains(from), "{from}");
        let errors = validate(&CONFIG.replace(from, to)).unwrap_err();
        if !errors.contains(says) {
            wrong.push(format!("{to}: {errors}, not {says}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    validate(CONFIG).unwrap();
}

#[test]
fn naming_of_a_route_comes_before_that_of_its_ruler_and_that_at_the_top() {
    let text = "owner: us\nsources: [{type: kubernetes}]\nnaming: {type: alloy, prefix: top}\n\
                rulers: [{name: plain, type: mimir, address: 'http://m'},\n\
                {name: own, type: loki, address: 'http://l', naming: {type: alloy, separator: '-'}, \
                previous_naming: [{type: owner}]}]\n\
                routes:\n\
                - {name: a, ruler: plain, tenant: a}\n\
                - {name: b, ruler: own, tenant: b}\n\
                - {name: c, ruler: own, tenant: c, naming: {type: owner}, previous_naming: [{type: alloy, prefix: c}]}\n\
                - {name: d, ruler: own, tenant: b, naming: {type: alloy, separator: '-'}}\n";
    let settings = validate(text).unwrap().settings;
    let alloy = |prefix: &str, separator: &str| Naming::Alloy(AlloyNaming::new(prefix, separator).unwrap());
    let owner = || Naming::Owner("us".parse().unwrap());
    assert_eq!(settings.namespace_policy.naming, alloy("top", "/"));
    let own = &settings.rulers[1];
    assert_eq!((own.naming.clone(), own.legacy.clone()), (Some(alloy("alloy", "-")), vec![owner()]));
    let routes: Vec<_> =
        settings.routes.iter().map(|route| (route.naming.clone(), route.legacy.clone())).collect();
    let of_c = (Some(owner()), vec![alloy("c", "/")]);
    assert_eq!(routes, [(None, vec![]), (None, vec![]), of_c, (Some(alloy("alloy", "-")), vec![])]);
}

#[test]
fn embedded_ruler_listens_on_loopback_unless_allowed() {
    let at = |address: &str| CONFIG.replace("127.0.0.1:0", address);
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:9009", "[::ffff:192.0.2.1]:9009", "10.0.0.1:0/"] {
        let error = validate(&at(address)).unwrap_err();
        assert!(
            error.contains(&format!("ruler `central`: http://{address} is not a loopback address"))
                && error.contains("no authentication")
                && error.contains("`allow_remote: true`"),
            "{error}"
        );
        let denied = at(address).replace("type: embedded,", "type: embedded, allow_remote: false,");
        assert!(validate(&denied).unwrap_err().contains("is not a loopback address"));
    }
    let allowed = at("0.0.0.0:0").replace("type: embedded,", "type: embedded, allow_remote: true,");
    for text in [allowed, at("127.0.0.2:0"), at("[::ffff:127.0.0.1]:0")] {
        validate(&text).unwrap();
    }
}

#[test]
fn sources_without_a_name_are_numbered() {
    let text = CONFIG.replace(
        "[{type: files, path: .}]",
        "[{type: files, path: a}, {type: files, path: b}, {type: kubernetes}]",
    );
    let settings = validate(&text).unwrap().settings;
    let names: Vec<_> = settings.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!(names, ["files", "files-2", "kubernetes"]);
}

#[test]
fn signature_of_a_ruler_needs_the_feature_and_no_other_authentication() {
    let with = |keys: &str| validate(&CONFIG.replace("type: embedded, address: 'http://127.0.0.1:0'", keys));
    let sigv4 = "type: mimir, address: 'http://m', sigv4: {region: eu-west-1, secret_key: s, access_key: a}";
    let region = with(sigv4).map(|config| config.settings.rulers[0].client.sigv4.clone().unwrap().region);
    if cfg!(feature = "sigv4") {
        assert_eq!(region, Ok(Some("eu-west-1".into())));
    } else {
        let says = ":5:67: `sigv4` is not compiled into this build (build rulesync-config with the cargo feature `sigv4`)";
        assert!(region.as_ref().is_err_and(|error| error.contains(says)), "{region:?}");
    }
    for (keys, says) in [
        ("sigv4: {}, bearer_token: x", "`oauth2` and `sigv4` may be set"),
        ("sigv4: {access_key: a}", "ruler `central`: `sigv4.secret_key` is missing"),
        ("sigv4: {acces_key: a}", "unknown key (did you mean `access_key`?)"),
        ("sigv4: {role_arn: x}", "`sigv4.role_arn`: is not an ARN"),
    ] {
        let error = with(&format!("type: mimir, address: 'http://m', {keys}")).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn status_errors_name_the_setting() {
    let whole = |sources: &str, status: &str| {
        let text = format!(
            "owner: us\nsources: [{{{sources}}}]\nrulers: [{{name: central, type: mimir, address: 'http://m'}}]\n\
             routes: [{{name: r, ruler: central, tenant: t}}]\nstatus: {status}\n"
        );
        validate(&text).map(drop)
    };
    let kubernetes = |status: &str| whole("type: kubernetes", status);
    assert_eq!(kubernetes("{objects: all, events: off, annotate: problems, reports: openreports}"), Ok(()));
    assert_eq!(kubernetes("{objects: off, max_writes_per_second: 1}"), Ok(()));
    for (error, says) in [
        (
            kubernetes("{max_writes_per_second: 0}"),
            "5:33: `max_writes_per_second` must be between 1 and 1000",
        ),
        (kubernetes("{max_writes_per_second: 1001}"), "must be between 1 and 1000"),
        (kubernetes("{objects: al}"), "5:19: unknown value `al` (did you mean `all`?)"),
        (kubernetes("{events: problems}"), "5:18: unknown value `problems`"),
        (kubernetes("{anotate: all}"), "unknown key `anotate` (did you mean `annotate`?)"),
        (kubernetes("{reports: on}"), "unknown value `on`"),
        (
            whole("type: files, path: x", "{objects: all}"),
            "5:9: `status` needs a source of the type `kubernetes`",
        ),
    ] {
        let error = error.unwrap_err();
        assert!(error.contains(says), "{says} in {error}");
    }
}
