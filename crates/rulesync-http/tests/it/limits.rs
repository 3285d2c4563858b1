//! The limits of tenants, as the testkit's servers tell them, and as gateways may.

use rulesync_core::ruler::TenantLimits;
use rulesync_core::{Ruler, TenantId};
use rulesync_http::{ClientConfig, RulerClient, ServerProfile};
use rulesync_loki::loki_profile;
use rulesync_mimir::{cortex_profile, mimir_profile};
use rulesync_testkit::{Kind, Limits, RulerServer};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::auth::connection;

fn client(url: &str, profile: ServerProfile) -> RulerClient {
    RulerClient::new(connection(url, &ClientConfig::default()), profile).unwrap()
}

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

#[tokio::test]
async fn limits_are_those_of_the_tenant() {
    let general = Limits { groups: 70, rules_per_group: 20, ..Limits::default() };
    let none = Limits::default();
    let server = RulerServer::builder(Kind::Mimir)
        .with(|ruler| ruler.limits(general).tenant_limits("free", none))
        .start()
        .await
        .unwrap();
    let client = client(&server.url(), mimir_profile("/prometheus"));
    let limits = async |name: &str| client.limits(Some(&tenant(name))).await.unwrap();
    let told = TenantLimits::default().with_groups(Some(70)).with_rules_per_group(Some(20));
    assert_eq!(limits("any").await, Some(told));
    assert_eq!(limits("free").await, Some(TenantLimits::default()), "zero is no limit");
    let journal = server.journal().requests();
    assert_eq!(journal[0].path, "/api/v1/user_limits");
    assert_eq!(journal[0].tenant(), Some("any"));
}

#[tokio::test]
async fn limits_are_not_asked_for_where_no_server_tells_them() {
    for (kind, profile) in [(Kind::Cortex, cortex_profile()), (Kind::Loki, loki_profile())] {
        let server = RulerServer::builder(kind).start().await.unwrap();
        let client = client(&server.url(), profile);
        assert_eq!(client.limits(Some(&tenant("t"))).await.unwrap(), None);
        assert!(server.journal().is_empty());
    }
}

#[tokio::test]
async fn limits_that_cannot_be_read_are_none_or_an_error() {
    let json = "application/json";
    for (status, body, kind, expected) in [
        // Without a file of runtime configuration.
        (404, "404 page not found\n", "text/plain", Ok(None)),
        (200, "{}", json, Ok(Some(TenantLimits::default()))),
        (200, r#"{"ruler_max_rule_groups_per_tenant": -1}"#, json, Ok(Some(TenantLimits::default()))),
        (200, "<html>log in</html>", "text/html", Err("misconfigured")),
        (200, r#"{"ruler_max_rule_groups_per_tenant": "many"}"#, json, Err("unreadable")),
        (401, "no org id", "text/plain", Err("denied")),
        (503, "", "text/plain", Err("unavailable")),
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_raw(body, kind);
        Mock::given(any()).respond_with(answer).mount(&server).await;
        let limits = client(&server.uri(), mimir_profile("")).limits(Some(&tenant("t"))).await;
        assert_eq!(limits.map_err(|error| error.kind().as_str()), expected, "{status} {body}");
    }
}
