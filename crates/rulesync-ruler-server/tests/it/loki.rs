//! Properties in which Loki differs from the other rulers, tested without recordings.

use bytes::Bytes;
use rulesync_ruler_server::{Kind, Limits, RulerBuilder, RulerServer};

use rulesync_testkit::wire::{Reply, ask, send};

const RULES: &str = "/loki/api/v1/rules";
const STATE: &str = "/prometheus/api/v1/rules";
const GROUP: &str = "name: g\nrules: [{record: r, expr: 'rate({a=\"b\"}[5m])'}]\n";

fn loki() -> RulerBuilder {
    RulerBuilder::new(Kind::Loki)
}

async fn start(builder: RulerBuilder) -> RulerServer {
    RulerServer::start(builder).await.expect("starts")
}

#[track_caller]
fn assert_reply(reply: &Reply, status: u16, text: &str) {
    assert_eq!((reply.status.as_u16(), reply.text()), (status, text.to_owned()));
}

/// Asserts a JSON error, which Loki sends as plain text.
#[track_caller]
fn assert_error(reply: &Reply, status: u16, kind: &str, error: &str) {
    let text = format!(r#"{{"status":"error","data":null,"errorType":"{kind}","error":"{error}"}}"#);
    assert_reply(reply, status, &text);
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
}

async fn as_tenant(ruler: &RulerServer, tenant: &str, path: &str) -> Reply {
    let headers = [("x-scope-orgid", tenant)];
    send(ruler.address(), "GET", path, &headers, Bytes::new()).await.expect("an answer")
}

fn namespaces(ruler: &RulerServer) -> Vec<String> {
    ruler.rules("t1").into_keys().collect()
}

#[tokio::test]
async fn loki_slash_encoded_once_is_a_separator() {
    let ruler = start(loki()).await;
    ruler.put("t1", "a", "name: b\nrules: [{record: r, expr: '1'}]").expect("a group");
    let once = format!("{RULES}/a%2Fb");
    assert_reply(&ask(ruler.address(), "POST", &once, GROUP).await, 405, "");
    assert_reply(&ask(ruler.address(), "GET", &format!("{once}/g"), "").await, 404, "404 page not found\n");
    let accepted = r#"{"status":"success","data":null,"errorType":"","error":""}"#;
    let twice = format!("{RULES}/a%252Fb");
    assert_reply(&ask(ruler.address(), "POST", &twice, GROUP).await, 202, accepted);
    assert_eq!(namespaces(&ruler), ["a", "a/b"]);
    assert_reply(
        &ask(ruler.address(), "GET", &format!("{twice}/none"), "").await,
        404,
        "group does not exist\n",
    );
    assert_reply(&ask(ruler.address(), "DELETE", &once, "").await, 202, accepted);
    assert_eq!(namespaces(&ruler), ["a/b"]);
    assert_reply(&ask(ruler.address(), "DELETE", &twice, "").await, 202, accepted);
    assert_reply(&ask(ruler.address(), "GET", RULES, "").await, 404, "no rule groups found\n");
    assert_reply(&ask(ruler.address(), "DELETE", &twice, "").await, 404, "group namespace does not exist\n");
}

#[tokio::test]
async fn loki_decodes_names_twice() {
    let ruler = start(loki()).await;
    for (path, status) in [
        ("plain", 202),
        ("a%2520b", 202),
        ("p%2541", 202),
        ("%2525zz", 202),
        ("a%252F%252Fb", 202),
        ("50%25", 500),
        ("%25zz", 500),
        ("%zz", 400),
        (".", 301),
        ("%2E", 301),
        ("..%2Fx", 301),
        ("a%2F%2Fb", 301),
        ("%252E%252E", 500),
        ("%252Fabs", 500),
        ("%252E", 202),
    ] {
        let reply = ask(ruler.address(), "POST", &format!("{RULES}/{path}"), GROUP).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    assert_eq!(namespaces(&ruler), ["%zz", ".", "a b", "a//b", "pA", "plain"]);
    let get = |path: &'static str| {
        let (address, path) = (ruler.address(), format!("{RULES}/{path}"));
        async move { ask(address, "GET", &path, "").await }
    };
    assert_error(&get("50%25/g").await, 500, "server_error", r#"invalid URL escape \"%\""#);
    let refused = "path traversal not allowed";
    assert_error(&get("%252E%252E").await, 500, "server_error", &format!("invalid namespace: {refused}"));
    assert_error(&get("plain/%252Fx").await, 500, "server_error", &format!("invalid groupname: {refused}"));
    assert_eq!(get("%2E%2E/x%20y").await.header("location"), Some("/loki/api/v1/x%20y"));
}

#[tokio::test]
async fn loki_consumes_form_bodies() {
    let ruler = start(loki()).await;
    let headers = [("x-scope-orgid", "t1"), ("content-type", "application/x-www-form-urlencoded")];
    let body = Bytes::from_static(GROUP.as_bytes());
    let reply = send(ruler.address(), "POST", &format!("{RULES}/ns"), &headers, body).await;
    assert_reply(&reply.expect("an answer"), 400, "group 0: Groupname must not be empty\n");
}

#[tokio::test]
async fn loki_drops_unsupported_fields() {
    let ruler = start(loki()).await;
    let body = "
name: g
interval: 90s
query_offset: 1m
evaluation_delay: 1m
limit: 5000000000
source_tenants: [b]
align_evaluation_time_on_interval: true
labels: {team: x}
rules:
- alert: A
  expr: 'rate({a=\"b\"}[300s]) > 0  '
  for: 300s
  keep_firing_for: 1m
- record: r
  expr: '1'
  keep_firing_for: 1m
";
    assert_eq!(ask(ruler.address(), "POST", &format!("{RULES}/ns"), body).await.status, 202);
    assert_eq!(ask(ruler.address(), "POST", &format!("{RULES}/ns"), "name: none").await.status, 202);
    insta::assert_snapshot!(ask(ruler.address(), "GET", "/api/prom/rules", "").await.text(), @r#"
    ns:
        - name: g
          interval: 1m30s
          limit: 5000000000
          rules:
            - alert: A
              expr: 'rate({a="b"}[300s]) > 0  '
              for: 5m
            - record: r
              expr: "1"
        - name: none
          rules: []
    "#);
    let state = ask(ruler.address(), "GET", STATE, "").await.text();
    assert_eq!(state.matches("\"file\"").count(), 1, "a group without rules is not loaded: {state}");
}

#[tokio::test]
async fn loki_reports_invalid_tenants_as_server_errors() {
    let ruler = start(loki()).await;
    for path in [RULES, STATE, "/prometheus/api/v1/alerts"] {
        let none = send(ruler.address(), "GET", path, &[], Bytes::new()).await.expect("an answer");
        assert_reply(&none, 401, "no org id\n");
    }
    for tenant in ["a b", "..", "a|b"] {
        assert_error(&as_tenant(&ruler, tenant, RULES).await, 500, "server_error", "no org id");
    }
    assert_error(&as_tenant(&ruler, "a b", STATE).await, 500, "server_error", "no valid org id found");
    assert_error(&as_tenant(&ruler, "a|b", STATE).await, 400, "bad_data", "too many org ids found");
    ruler.put("t1", "ns", GROUP).expect("a group");
    for tenant in ["t1:sub", "t1|t1"] {
        assert_eq!(as_tenant(&ruler, tenant, RULES).await.status, 200);
    }
}

#[tokio::test]
async fn loki_is_frozen_by_poison_and_invalid_file_names() {
    let long = "%25C3%25A9".repeat(43);
    for (namespace, body) in [
        ("ns", r#"{"name":"p","rules":[{"alert":"A","expr":"1","annotations":{"a":"\tx\ny"}}]}"#),
        ("%252E", GROUP),
        (long.as_str(), GROUP),
    ] {
        let ruler = start(loki()).await;
        ask(ruler.address(), "POST", &format!("{RULES}/a"), GROUP).await;
        let culprit = format!("{RULES}/{namespace}");
        assert_eq!(ask(ruler.address(), "POST", &culprit, body).await.status, 202);
        assert!(ruler.frozen("t1"), "{namespace}");
        ask(ruler.address(), "POST", &format!("{RULES}/b"), GROUP).await;
        ask(ruler.address(), "DELETE", &format!("{RULES}/a"), "").await;
        let state = ask(ruler.address(), "GET", STATE, "").await.text();
        assert!(
            state.contains(r#""file":"a""#) && !state.contains(r#""file":"b""#),
            "the old rules: {state}"
        );
        assert_eq!(ask(ruler.address(), "DELETE", &culprit, "").await.status, 202);
        let state = ask(ruler.address(), "GET", STATE, "").await.text();
        assert!(!state.contains(r#""file":"a""#) && state.contains(r#""file":"b""#), "caught up: {state}");
    }
}

#[tokio::test]
async fn loki_filters_lists_by_label() {
    let ruler = start(loki()).await;
    for (namespace, rules) in [
        ("a", "[{record: r, expr: '1', labels: {x: '1'}}, {record: s, expr: '1', labels: {x: '2'}}]"),
        ("b", "[{record: r, expr: '1', labels: {y: '1'}}]"),
        ("c", "[{record: r, expr: '1'}]"),
    ] {
        ruler.put("t1", namespace, &format!("name: g\nrules: {rules}")).expect("a group");
    }
    let list = |query: &'static str| {
        let (address, path) = (ruler.address(), format!("{RULES}?labels={query}"));
        async move { ask(address, "GET", &path, "").await }
    };
    let rules = list("x:1,y:1").await.text();
    assert_eq!(rules.matches("record: r").count(), 2, "{rules}");
    assert!(!rules.contains("record: s") && !rules.contains("c:"), "{rules}");
    assert_reply(&list("x%3A3").await, 200, "{}\n");
    let panic = "error while processing request: runtime error: index out of range [1] with length 1";
    assert_reply(&list("nocolon").await, 500, panic);
}

#[tokio::test]
async fn loki_local_store_is_read_only() {
    let ruler = start(loki().read_only()).await;
    ruler.put("t1", "rules.yaml", GROUP).expect("a group");
    let namespace = format!("{RULES}/rules.yaml");
    let group = format!("{namespace}/g");
    assert!(ask(ruler.address(), "GET", &namespace, "").await.text().contains("name: g"));
    assert!(ask(ruler.address(), "GET", STATE, "").await.text().contains("rules.yaml"));
    let unsupported = |what: &str| format!("{what} unsupported in rule local store");
    let message = |what: &str| unsupported(what) + "\n";
    assert_reply(&ask(ruler.address(), "GET", &group, "").await, 400, &message("GetRuleGroup"));
    assert_reply(&ask(ruler.address(), "POST", &namespace, GROUP).await, 500, &message("SetRuleGroup"));
    for (path, what) in [(&group, "DeleteRuleGroup"), (&namespace, "DeleteNamespace")] {
        assert_error(
            &ask(ruler.address(), "DELETE", path, "").await,
            500,
            "server_error",
            &unsupported(what),
        );
    }
    assert_eq!(ruler.group_count("t1"), 1);
}

#[tokio::test]
async fn loki_enforces_limits() {
    let ruler = start(loki().limits(Limits { groups: 1, rules_per_group: 1, ..Limits::default() })).await;
    let path = format!("{RULES}/ns");
    let two = "name: g\nrules: [{record: r, expr: '1'}, {record: s, expr: '1'}]";
    let over = "per-user rules per rule group limit (limit: 1 actual: 2) exceeded\n";
    assert_reply(&ask(ruler.address(), "POST", &path, two).await, 400, over);
    assert_eq!(ask(ruler.address(), "POST", &path, GROUP).await.status, 202);
    let over = "per-user rule groups limit (limit: 1 actual: 2) exceeded\n";
    assert_reply(&ask(ruler.address(), "POST", &path, GROUP).await, 400, over);
}

#[tokio::test]
async fn loki_never_compresses() {
    let ruler = start(loki()).await;
    let rules = "- {record: r, expr: '1'}\n".repeat(200);
    ruler.put("t1", "ns", &format!("name: g\nrules:\n{rules}")).expect("a group");
    let headers = [("x-scope-orgid", "t1"), ("accept-encoding", "gzip")];
    let reply = send(ruler.address(), "GET", RULES, &headers, Bytes::new()).await.expect("an answer");
    assert_eq!((reply.header("content-encoding"), reply.header("vary")), (None, None));
    assert!(reply.text().starts_with("ns:\n    - name: g\n"));
}

#[tokio::test]
async fn loki_unsupported_methods_and_routes() {
    let ruler = start(loki()).await;
    for method in ["PUT", "PATCH", "OPTIONS", "HEAD"] {
        let reply = ask(ruler.address(), method, &format!("{RULES}/ns"), GROUP).await;
        assert_eq!((reply.status.as_u16(), reply.text(), reply.header("allow")), (405, String::new(), None));
    }
    for path in ["/api/v1/rules", "/ruler/rule_groups", "/ruler/delete_tenant_config", "/loki/api/v1/rules/"]
    {
        assert_reply(&ask(ruler.address(), "GET", path, "").await, 404, "404 page not found\n");
    }
    let info = send(ruler.address(), "GET", "/loki/api/v1/status/buildinfo", &[], Bytes::new()).await;
    assert!(info.expect("an answer").text().contains(r#""version":"#));
    let ruler = start(loki().api_disabled()).await;
    for path in [RULES, "/api/prom/rules", STATE] {
        assert_reply(&ask(ruler.address(), "GET", path, "").await, 404, "404 page not found\n");
    }
}

#[tokio::test]
async fn loki_stores_log_queries_that_fail_evaluation() {
    let ruler = start(loki().evaluates()).await;
    let body =
        "name: g\nrules: [{alert: A, expr: '{a=\"b\"} |= \"x\"'}, {alert: B, expr: 'rate({a=\"b\"}[1m])'}]";
    assert_eq!(ask(ruler.address(), "POST", &format!("{RULES}/ns"), body).await.status, 202);
    let reply = ask(ruler.address(), "GET", STATE, "").await;
    let state: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
    let rules = &state["data"]["groups"][0]["rules"];
    assert_eq!((&rules[0]["health"], &rules[1]["health"]), (&"err".into(), &"ok".into()));
    assert_eq!(rules[0]["lastError"], "rule result is not a vector or scalar");
}
