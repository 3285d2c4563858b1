//! The loaded rules and their health, as reported by the testkit's servers: the queries, their number, and the handling
//! of unexpected responses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rulesync_core::ruler::{EvaluatedGroup, Evaluation, RuleHealth};
use rulesync_core::{Ruler, RulerError, TenantId};
use rulesync_http::{ClientConfig, RequestObserver, RulerClient, ServerProfile};
use rulesync_loki::{loki_profile, loki_ruler};
use rulesync_mimir::{cortex_profile, cortex_ruler, mimir_profile};
use rulesync_testkit::{Fault, Kind, RulerBuilder, RulerServer, RulerServerBuilder};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::auth::{config, connection};

const KINDS: [Kind; 3] = [Kind::Mimir, Kind::Cortex, Kind::Loki];
const SYNC: Duration = Duration::from_secs(3600);
const ALERT: &str = "name: g\nrules: [{alert: A, expr: '1'}]";

fn profile(kind: Kind) -> ServerProfile {
    match kind {
        Kind::Cortex => cortex_profile(),
        Kind::Loki => loki_profile(),
        _ => mimir_profile("/prometheus"),
    }
}

fn client(server: &RulerServer, profile: ServerProfile) -> RulerClient {
    let connection = connection(&server.url(), &ClientConfig::default());
    RulerClient::new(connection.with_timeout(Duration::from_secs(10)), profile).unwrap()
}

async fn start(builder: RulerServerBuilder) -> (RulerServer, RulerClient) {
    let server = builder.start().await.unwrap();
    let client = client(&server, profile(server.kind()));
    (server, client)
}

fn tenant() -> TenantId {
    "t1".parse().unwrap()
}

async fn ask(
    client: &RulerClient,
    namespaces: &[&str],
) -> Result<(Evaluation, Vec<EvaluatedGroup>), RulerError> {
    let mut found = Vec::new();
    let mut take = |group| found.push(group);
    let evaluation = client.evaluation(Some(&tenant()), namespaces, &mut take).await?;
    // The order of the servers is not stable.
    found.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok((evaluation, found))
}

async fn loaded(client: &RulerClient, namespaces: &[&str]) -> Vec<String> {
    let (evaluation, found) = ask(client, namespaces).await.unwrap();
    assert_eq!(evaluation, Evaluation::Read);
    found.into_iter().map(|group| format!("{}: {}", group.namespace, group.name)).collect()
}

/// Advances the clock without waiting. The clock then runs normally, because sockets do not work with a paused one.
async fn advance(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn state_reports_health_of_each_rule() {
    for kind in KINDS {
        let (server, client) = start(RulerServer::builder(kind)).await;
        let rules =
            "name: g\nrules: [{alert: A, expr: '1'}, {record: 'a:b', expr: '1'}, {alert: A, expr: '1'}]";
        server.put("t1", "a/b", rules).unwrap();
        server.put("t1", "foreign", ALERT).unwrap();
        server.put("t2", "a/b", "name: other\nrules: [{alert: A, expr: '1'}]").unwrap();
        let health = async || {
            let (_, found) = ask(&client, &["a/b"]).await.unwrap();
            let [EvaluatedGroup { namespace, name, rules }] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!((namespace.as_str(), name.as_str()), ("a/b", "g"), "{kind:?}");
            let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
            assert_eq!(names, ["A", "a:b", "A"]);
            rules.iter().map(|rule| rule.health.clone()).collect::<Vec<_>>()
        };
        use RuleHealth::{Failing, Healthy, Unknown};
        assert_eq!(health().await, [Unknown, Unknown, Unknown], "{kind:?}");
        server.set_evaluates(true);
        server.set_rule_error("t1", "a/b", "g", 2, Some("found duplicate series"));
        let failing = Failing("found duplicate series".to_owned());
        assert_eq!(health().await, [Healthy, Healthy, failing], "{kind:?}");
    }
}

#[tokio::test]
async fn state_reports_log_query_as_failing() {
    let (server, client) = start(RulerServer::builder(Kind::Loki).with(RulerBuilder::evaluates)).await;
    server.put("t1", "ns", "name: g\nrules: [{alert: A, expr: '{job=\"x\"}'}]").unwrap();
    let (_, found) = ask(&client, &["ns"]).await.unwrap();
    let failing = RuleHealth::Failing("rule result is not a vector or scalar".to_owned());
    assert_eq!(found[0].rules[0].health, failing);
}

#[tokio::test]
async fn state_shows_writes_after_sync_unless_tenant_is_frozen() {
    for kind in KINDS {
        let (server, client) = start(RulerServer::builder(kind).with(|ruler| ruler.sync_delay(SYNC))).await;
        server.put("t1", "ns", ALERT).unwrap();
        assert_eq!(loaded(&client, &["ns"]).await, [""; 0], "{kind:?}");
        advance(SYNC).await;
        assert_eq!(loaded(&client, &["ns"]).await, ["ns: g"], "{kind:?}");
        if kind == Kind::Cortex {
            continue;
        }
        server.put("t1", "x", "name: p\nrules: [{alert: A, expr: \"\\tx\\ny\"}]").unwrap();
        server.put("t1", "new", ALERT).unwrap();
        advance(SYNC * 3).await;
        assert_eq!(loaded(&client, &["ns", "new", "x"]).await, ["ns: g"], "{kind:?}");
    }
}

#[tokio::test]
async fn state_filters_by_few_namespaces_only() {
    let names: Vec<String> = (0..1200).map(|n| format!("cluster.namespace.object-{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // The number of requests for 3, 60 and 1,200 namespaces.
    for (kind, requests) in [(Kind::Mimir, [1, 1, 2]), (Kind::Cortex, [1, 1, 2]), (Kind::Loki, [1, 1, 1])] {
        let (server, client) = start(RulerServer::builder(kind)).await;
        for namespace in names.iter().chain(&["foreign.namespace.object"]) {
            server.put("t1", namespace, ALERT).unwrap();
        }
        for (count, requests) in [3, 60, 1200].into_iter().zip(requests) {
            server.journal().clear();
            let found = loaded(&client, &names[..count]).await;
            let expected: Vec<String> = names[..count].iter().map(|name| format!("{name}: g")).collect();
            assert_eq!(found, expected, "{kind:?} {count}: each once");
            let asked = server.journal().requests();
            assert_eq!(asked.len(), requests, "{kind:?} {count}");
            for request in asked {
                assert_eq!(
                    (request.path.as_str(), request.tenant()),
                    ("/prometheus/api/v1/rules", Some("t1"))
                );
                let query = request.query.unwrap();
                assert!(query.len() < 4200 && query.contains("exclude_alerts=true"), "{query}");
            }
        }
        let twice = [&names[..60], &names[..60]].concat();
        assert_eq!(loaded(&client, &twice).await.len(), 60, "{kind:?}: requested twice, returned once");
        server.journal().clear();
        assert_eq!(loaded(&client, &[]).await, [""; 0]);
        assert!(server.journal().is_empty(), "{kind:?}: nothing to ask for");
    }
}

#[tokio::test]
async fn state_reads_all_pages() {
    for kind in KINDS {
        let (server, client) = start(RulerServer::builder(kind)).await;
        for n in 0..2500 {
            let yaml = format!("name: 'g {n:04} \"+/='\nrules: [{{alert: A, expr: '1'}}]");
            server.put("t1", if n % 2 == 0 { "ours" } else { "also ours" }, &yaml).unwrap();
        }
        let found = loaded(&client, &["ours", "also ours"]).await;
        assert_eq!(found.len(), 2500, "{kind:?}");
        assert!(found.windows(2).all(|two| two[0] != two[1]), "{kind:?}: each once");
        assert_eq!(server.journal().len(), if kind == Kind::Loki { 1 } else { 3 }, "{kind:?}");
    }
}

#[tokio::test]
async fn state_sends_one_query_if_filter_is_ignored() {
    let names: Vec<String> = (0..300).map(|n| format!("cluster.namespace.object-{n:04}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let client = client(&server, loki_profile().with_state_filter("file[]"));
    for namespace in &names {
        server.put("t1", namespace, ALERT).unwrap();
    }
    assert_eq!(loaded(&client, &names[..1]).await, [format!("{}: g", names[0])], "the others are foreign");
    server.journal().clear();
    // A server that supports the filter would get several queries.
    assert_eq!(loaded(&client, &names).await.len(), 300);
    assert_eq!(server.journal().len(), 1);
    for namespace in &names[1..] {
        server.remove_namespace("t1", namespace).unwrap();
    }
    server.journal().clear();
    assert_eq!(loaded(&client, &names).await.len(), 1, "returned twice, passed once");
    assert_eq!(server.journal().len(), 2);
}

#[tokio::test]
async fn state_is_unsupported_if_api_is_disabled() {
    for builder in [
        RulerServer::builder(Kind::Loki).with(RulerBuilder::api_disabled),
        RulerServer::builder(Kind::Cortex).with(RulerBuilder::api_disabled),
        RulerServer::builder(Kind::Mimir).with(|ruler| ruler.prometheus_prefix("/elsewhere")),
    ] {
        let (server, client) = start(builder).await;
        assert_eq!(
            ask(&client, &["ns"]).await,
            Ok((Evaluation::Unsupported, Vec::new())),
            "{:?}",
            server.kind()
        );
    }
}

#[tokio::test]
async fn state_reports_disabled_evaluation_in_servers_words() {
    let (_server, client) =
        start(RulerServer::builder(Kind::Mimir).with(|ruler| ruler.evaluation_disabled("t1"))).await;
    let message = "rule evaluation is disabled for tenant t1".to_owned();
    assert_eq!(ask(&client, &["ns"]).await, Err(RulerError::rejected(message)));
}

#[tokio::test]
async fn state_rejects_unexpected_responses() {
    let (server, client) = start(RulerServer::builder(Kind::Mimir)).await;
    server.put("t1", "ns", ALERT).unwrap();
    let json = |code: u16, body: &str| {
        Fault::status(code, body.to_owned()).with_header("content-type", "application/json")
    };
    let missing = r#"{"status":"error","data":null,"errorType":"server_error","error":"failed to get rules from ruler"}"#;
    for (fault, class) in [
        (Fault::wrong_document(), "misconfigured"),
        (Fault::redirect("/elsewhere"), "misconfigured"),
        (Fault::status(200, "{}\n").with_header("content-type", "application/yaml"), "misconfigured"),
        (json(200, "{}"), "unreadable"),
        (json(200, r#"{"status":"success","data":{"alerts":[]}}"#), "unreadable"),
        (json(200, r#"{"status":"success","data":{"groups":[{"name":"g"}]}}"#), "unreadable"),
        (json(500, missing), "unavailable"),
        (
            json(500, r#"{"status":"error","errorType":"server_error","error":"no valid org id found"}"#),
            "denied",
        ),
        (Fault::status(401, "no org id\n"), "denied"),
        (Fault::status(503, "down"), "unavailable"),
        (Fault::reset(), "unavailable"),
        (Fault::too_many_requests(Some(Duration::from_secs(7))), "unavailable"),
    ] {
        server.faults().inject(fault.times(1));
        let result = ask(&client, &["ns"]).await;
        assert_eq!(result.as_ref().map_err(|error| error.kind().as_str()).unwrap_err(), class, "{result:?}");
    }
    server.faults().inject(Fault::truncate(60).times(1));
    let error = ask(&client, &["ns"]).await.unwrap_err();
    // The class depends on how much of the head arrived.
    assert!(matches!(error.kind().as_str(), "unreadable" | "unavailable"), "{error}");
    assert_eq!(loaded(&client, &["ns"]).await, ["ns: g"]);
}

#[tokio::test]
async fn state_rejects_repeated_page_token() {
    let (server, client) = start(RulerServer::builder(Kind::Cortex)).await;
    let again = r#"{"status":"success","data":{"groups":[],"groupNextToken":"x+y"}}"#;
    server.faults().inject(Fault::status(200, again).with_header("content-type", "application/json"));
    assert_eq!(ask(&client, &["ns"]).await.unwrap_err().kind().as_str(), "unreadable");
    let queries: Vec<String> =
        server.journal().requests().into_iter().filter_map(|request| request.query).collect();
    assert_eq!(queries.len(), 2);
    assert!(queries[1].ends_with("&group_next_token=x%2By"), "{queries:?}");
}

/// A server that returns `page(n)` for the token `n`.
async fn paging(page: impl Fn(usize) -> serde_json::Value + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    let answer = move |request: &Request| {
        let token = request.url.query_pairs().find(|(key, _)| key == "group_next_token");
        let number = token.map_or(0, |(_, token)| token.parse().unwrap());
        ResponseTemplate::new(200).set_body_json(json!({"status": "success", "data": page(number)}))
    };
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

fn client_of(server: &MockServer, max_response_bytes: u64) -> RulerClient {
    let connection = connection(&server.uri(), &config(json!({"max_response_bytes": max_response_bytes})));
    cortex_ruler(connection.with_timeout(Duration::from_secs(10))).unwrap()
}

#[tokio::test]
async fn state_rejects_cycle_of_pages() {
    let circle = |number: usize| json!({"groups": [], "groupNextToken": (number % 3 + 1).to_string()});
    let server = paging(circle).await;
    let error = ask(&client_of(&server, 1 << 30), &["ns"]).await.unwrap_err();
    let message = "its pages do not come to an end".to_owned();
    assert_eq!(error, RulerError::unreadable(message));
    assert_eq!(server.received_requests().await.unwrap().len(), 4);
}

#[tokio::test]
async fn state_size_limit_applies_to_all_pages_together() {
    let group =
        |number: usize| json!({"name": "g", "file": "x".repeat(20_000), "rules": [], "interval": number});
    let page =
        move |number: usize| json!({"groups": [group(number)], "groupNextToken": (number + 1).to_string()});
    let server = paging(page).await;
    let error = ask(&client_of(&server, 64 << 10), &["ns"]).await.unwrap_err();
    assert!(error.to_string().contains("the answer is longer than 65536 bytes"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 4);
}

#[derive(Debug, Default)]
struct Seen(Mutex<BTreeMap<String, usize>>);

impl RequestObserver for Seen {
    fn observe(&self, method: &'static str, route: &'static str, code: &str, _: Duration) {
        *self.0.lock().unwrap().entry(format!("{method} {route} {code}")).or_default() += 1;
    }
}

#[tokio::test]
async fn state_request_times_out_and_is_observed() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let seen = Arc::new(Seen::default());
    let observer: Arc<dyn RequestObserver> = Arc::clone(&seen) as _;
    let connection = connection(&server.url(), &ClientConfig::default());
    let connection = connection.with_timeout(Duration::from_millis(200)).with_observer(observer);
    let client = loki_ruler(connection).unwrap();
    loaded(&client, &["a", "b"]).await;
    server.faults().inject(Fault::hang());
    assert_eq!(ask(&client, &["a"]).await.unwrap_err().kind().as_str(), "unavailable");
    let counts = seen.0.lock().unwrap().clone();
    assert_eq!(counts, BTreeMap::from([("GET state 200".to_owned(), 1), ("GET state error".to_owned(), 1)]));
}
