//! The names of all tenants, as the testkit's servers list them, and as older servers and gateways answer.

use rulesync_core::{Ruler, RulerError};
use rulesync_http::{ClientConfig, RulerClient, ServerProfile};
use rulesync_loki::loki_profile;
use rulesync_mimir::{cortex_profile, mimir_profile};
use rulesync_testkit::{Fault, Kind, RulerServer};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::auth::connection;

const GROUP: &str = "name: g\nrules: [{record: 'a:b', expr: up}]\n";

fn client(url: &str, profile: ServerProfile) -> RulerClient {
    RulerClient::new(connection(url, &ClientConfig::default()), profile).unwrap()
}

#[tokio::test]
async fn tenants_are_listed_without_a_tenant_by_the_servers_that_have_a_list() {
    for (kind, profile, asked) in [
        (Kind::Mimir, mimir_profile("/prometheus"), "/ruler/tenants"),
        (Kind::Cortex, cortex_profile(), "/ruler/rule_groups"),
    ] {
        let server = RulerServer::builder(kind).start().await.unwrap();
        let client = client(&server.url(), profile);
        assert_eq!(client.tenants().await, Ok(Some(vec![])), "{kind:?}");
        for tenant in ["prod", "12", "dev", "team-a"] {
            server.put(tenant, "us.ns.o", GROUP).unwrap();
        }
        let names: Vec<String> = ["12", "dev", "prod", "team-a"].map(str::to_owned).into();
        assert_eq!(client.tenants().await, Ok(Some(names)), "{kind:?}");
        for request in server.journal().requests() {
            assert_eq!((request.path.as_str(), request.tenant()), (asked, None));
        }
    }
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    assert_eq!(client(&server.url(), loki_profile()).tenants().await, Ok(None));
    assert!(server.journal().is_empty());
}

#[tokio::test]
async fn tenants_of_an_old_mimir_are_read_from_the_list_of_all_rules() {
    let server = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    server.put("prod", "us.ns.o", GROUP).unwrap();
    server.faults().inject(Fault::status(404, "404 page not found\n").times(1));
    let tenants = client(&server.url(), mimir_profile("")).tenants().await;
    assert_eq!(tenants, Ok(Some(vec!["prod".to_owned()])));
    let paths: Vec<String> = server.journal().requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/ruler/tenants", "/ruler/rule_groups"]);
}

async fn answered(status: u16, body: &str, media_type: &str) -> Result<Option<Vec<String>>, RulerError> {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_raw(body.to_owned(), media_type);
    Mock::given(path("/ruler/tenants")).respond_with(answer).mount(&server).await;
    client(&server.uri(), mimir_profile("/prometheus")).tenants().await
}

#[tokio::test]
async fn tenants_that_cannot_be_read_are_an_error_that_says_what_was_asked() {
    let json = "application/json";
    for (status, body, media_type, kind) in [
        (200, "<html>log in</html>", "text/html", "misconfigured"),
        // Of something else than a ruler.
        (200, r#"{"status": "success"}"#, json, "unreadable"),
        (200, r#"{"now": "2026-11-28T00:00:00Z", "tenants": [1]}"#, json, "unreadable"),
        (200, r#"{"now": "2026-11-28T00:00:00Z", "tenants": ["a""#, json, "unreadable"),
        (302, "", "text/plain", "misconfigured"),
        (401, "no org id\n", "text/plain", "denied"),
        (403, "", "text/plain", "denied"),
        (503, "", "text/plain", "unavailable"),
    ] {
        let error = answered(status, body, media_type).await.unwrap_err();
        assert_eq!(error.kind().as_str(), kind, "{status} {body}");
        assert!(error.message().starts_with("`GET /ruler/tenants`: "), "{error}");
        assert!(!error.message().contains("route"), "{error}");
    }
    // The list is missing where it is empty.
    let nothing = answered(200, r#"{"now": "2026-11-28T00:00:00Z"}"#, json).await;
    assert_eq!(nothing, Ok(Some(vec![])));
}

#[tokio::test]
async fn tenants_behind_a_gateway_that_hides_the_list_are_an_error() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    let error = client(&server.uri(), mimir_profile("/prometheus")).tenants().await.unwrap_err();
    insta::assert_snapshot!(error, @"not a ruler's configuration API: `GET /ruler/tenants` and `GET /ruler/rule_groups`: not found (404): the address is not that of the server itself, or a gateway does not pass the admin API on");
}

#[tokio::test]
async fn tenants_are_not_read_from_rules_of_the_wrong_type_or_without_an_end() {
    let rules = "prod:\n    us.ns.o:\n        - name: g\n";
    for (body, media_type, kind) in [
        (rules, "application/json", Some("misconfigured")),
        ("", "text/plain", Some("misconfigured")),
        (rules.trim_end(), "application/yaml", Some("unreadable")),
        (rules, "application/yaml", None),
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_raw(body, media_type);
        Mock::given(path("/ruler/rule_groups")).respond_with(answer).mount(&server).await;
        let tenants = client(&server.uri(), cortex_profile()).tenants().await;
        let found = tenants.as_ref().err().map(|error| error.kind().as_str());
        assert_eq!(found, kind, "{body} {media_type}");
    }
}
