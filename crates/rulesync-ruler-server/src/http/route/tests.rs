use super::*;

fn routes(config: ConfigRoutes) -> Routes {
    Routes {
        config,
        prometheus_prefix: "/prometheus".to_owned(),
        legacy_prefix: "/api/prom".to_owned(),
        config_enabled: true,
        double_decode: config == ConfigRoutes::LokiAndLegacy,
    }
}

fn mimir(method: Method, path: &str) -> Route {
    routes(ConfigRoutes::UnderPrometheus).find(&method, path)
}

const RULES: &str = "/prometheus/config/v1/rules";

fn group(namespace: &str, group: &str) -> Route {
    Route::Get { namespace: namespace.to_owned(), group: group.to_owned() }
}

#[test]
fn route_decodes_names_once() {
    for (path, route) in [
        ("/a/b", group("a", "b")),
        ("/a%2Fb/g%20x", group("a/b", "g x")),
        ("/a%252Fb/%25zz", group("a%2Fb", "%zz")),
        ("/%2E%2E/%C3%A9", group("..", "é")),
        ("/a+b/x;y", group("a+b", "x;y")),
        ("/a/b/c", Route::NotFound),
        ("/", Route::NotFound),
        ("/a/", Route::NotFound),
        ("/%zz", Route::Malformed),
    ] {
        assert_eq!(mimir(Method::GET, &format!("{RULES}{path}")), route, "{path}");
    }
}

#[test]
fn route_redirects_unclean_paths() {
    for (path, clean) in
        [("/.", ""), ("/../x", "/../x"), ("/a/./b", "/a/b"), ("/a//b", "/a/b"), ("/a/../b/", "/b/")]
    {
        let clean =
            if clean == "/../x" { "/prometheus/config/v1/x".to_owned() } else { format!("{RULES}{clean}") };
        assert_eq!(mimir(Method::POST, &format!("{RULES}{path}")), Route::Moved(clean), "{path}");
    }
}

#[test]
fn route_rejects_unsupported_methods() {
    for (method, path) in [
        (Method::POST, ""),
        (Method::DELETE, ""),
        (Method::PUT, "/ns"),
        (Method::PATCH, "/ns"),
        (Method::HEAD, "/ns"),
        (Method::OPTIONS, "/ns"),
        (Method::POST, "/ns/g"),
    ] {
        assert_eq!(
            mimir(method.clone(), &format!("{RULES}{path}")),
            Route::MethodNotAllowed,
            "{method} {path}"
        );
    }
    assert_eq!(mimir(Method::POST, "/prometheus/api/v1/rules"), Route::MethodNotAllowed);
    assert_eq!(mimir(Method::GET, "/ruler/delete_tenant_config"), Route::MethodNotAllowed);
}

#[test]
fn route_table_differs_by_kind() {
    let cortex = routes(ConfigRoutes::TopAndLegacy);
    let loki = routes(ConfigRoutes::LokiAndLegacy);
    let no = || Route::NotFound;
    for (path, is_mimir, is_cortex, is_loki) in [
        ("/prometheus/config/v1/rules", Route::List, no(), no()),
        ("/api/v1/rules", no(), Route::List, no()),
        ("/loki/api/v1/rules", no(), no(), Route::List),
        ("/api/prom/rules", no(), Route::List, Route::List),
        ("/prometheus/api/v1/rules", Route::StateRules, Route::StateRules, Route::StateRules),
        ("/prometheus/api/v1/alerts", Route::StateAlerts, Route::StateAlerts, Route::StateAlerts),
        ("/api/prom/api/v1/rules", no(), Route::StateRules, no()),
        ("/prometheus/api/v1/status/buildinfo", Route::BuildInfo, no(), no()),
        ("/loki/api/v1/status/buildinfo", no(), no(), Route::BuildInfo),
        ("/api/v1/user_limits", Route::TenantLimits, no(), no()),
        ("/ruler/rule_groups", Route::AllTenants, Route::AllTenants, no()),
        ("/ruler/tenants", Route::TenantNames, no(), no()),
        ("/prometheus/config/v1/rulesets", no(), no(), no()),
        ("/nope", no(), no(), no()),
    ] {
        assert_eq!(mimir(Method::GET, path), is_mimir, "{path}");
        assert_eq!(cortex.find(&Method::GET, path), is_cortex, "{path}");
        assert_eq!(loki.find(&Method::GET, path), is_loki, "{path}");
    }
}

#[test]
fn route_double_decoding_splits_at_encoded_slash() {
    let routes = Routes { double_decode: true, ..routes(ConfigRoutes::UnderPrometheus) };
    let find = |path: &str| routes.find(&Method::GET, &format!("{RULES}{path}"));
    assert_eq!(find("/a%2Fb"), group("a", "b"));
    assert_eq!(find("/a%252Fb"), Route::ListNamespace { namespace: "a/b".to_owned() });
    assert_eq!(find("/%25zz"), Route::BadEscape("%zz".to_owned()));
    assert_eq!(find("/%2E%2E/x"), Route::Moved("/prometheus/config/v1/x".to_owned()));
}

#[test]
fn route_redirect_location_is_encoded_again() {
    let loki = routes(ConfigRoutes::LokiAndLegacy);
    let moved = Route::Moved("/loki/api/v1/rules/a%20b/%25,%3F".to_owned());
    assert_eq!(loki.find(&Method::GET, "/loki/api/v1/rules//a%20b/%25,%3F"), moved);
}

#[test]
fn route_disabled_api_keeps_state_routes_only_in_mimir() {
    let routes = Routes { config_enabled: false, ..routes(ConfigRoutes::UnderPrometheus) };
    assert_eq!(routes.find(&Method::GET, RULES), Route::NotFound);
    assert_eq!(routes.find(&Method::GET, "/prometheus/api/v1/rules"), Route::StateRules);
    for config in [ConfigRoutes::TopAndLegacy, ConfigRoutes::LokiAndLegacy] {
        let routes = Routes { config, ..routes.clone() };
        for path in [
            "/api/v1/rules",
            "/loki/api/v1/rules",
            "/api/prom/rules",
            "/prometheus/api/v1/rules",
            "/api/prom/api/v1/rules",
        ] {
            assert_eq!(routes.find(&Method::GET, path), Route::NotFound, "{path}");
        }
    }
}
