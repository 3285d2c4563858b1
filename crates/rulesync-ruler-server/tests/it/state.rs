//! The state API of all kinds: sync delay, filters, pages, format and rule health.

use std::time::Duration;

use bytes::Bytes;
use rulesync_ruler_server::{Kind, NameScheme, RulerBuilder, RulerServer};
use serde_json::Value;

use rulesync_testkit::wire::{ask, send};

const KINDS: [Kind; 3] = [Kind::Mimir, Kind::Cortex, Kind::Loki];
const STATE: &str = "/prometheus/api/v1/rules";
const SYNC: Duration = Duration::from_secs(3600);

async fn start(builder: RulerBuilder) -> RulerServer {
    RulerServer::start(builder).await.expect("starts")
}

/// Starts a ruler with groups that are stored without validation, in any language.
async fn with_groups(kind: Kind, groups: &[(&str, &str)]) -> RulerServer {
    let ruler = start(RulerBuilder::new(kind)).await;
    for (namespace, yaml) in groups {
        ruler.put("t1", namespace, yaml).expect("a group");
    }
    ruler
}

async fn state(ruler: &RulerServer, query: &str) -> Value {
    let reply = ask(ruler.address(), "GET", &format!("{STATE}?{query}"), "").await;
    assert_eq!(reply.header("content-type"), Some("application/json"), "{query}: {}", reply.text());
    serde_json::from_slice(&reply.body).expect("JSON")
}

/// The contents of an answer, as `file/group:rule,rule`.
fn shown(state: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let groups = state["data"]["groups"].as_array().expect("groups");
    groups
        .iter()
        .map(|group| {
            let rules = group["rules"].as_array().expect("rules");
            let rules: Vec<String> = rules.iter().map(|rule| text(&rule["name"])).collect();
            format!("{}/{}:{}", text(&group["file"]), text(&group["name"]), rules.join(","))
        })
        .collect()
}

/// Advances the clock and lets it continue, so that sockets do not meet a paused clock.
async fn advance(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

const ALERT: &str = "name: g\nrules: [{alert: A, expr: '1'}]";

#[tokio::test]
async fn state_shows_changes_after_the_sync_delay() {
    for kind in KINDS {
        let ruler = start(RulerBuilder::new(kind).sync_delay(SYNC)).await;
        ruler.put("t1", "ns", ALERT).expect("a group");
        assert_eq!(shown(&state(&ruler, "").await), [""; 0], "{kind:?}: not yet");
        advance(SYNC / 2).await;
        ruler.put("t1", "ns", "name: h\nrules: [{record: r, expr: '1'}]").expect("a group");
        advance(SYNC / 2).await;
        assert_eq!(shown(&state(&ruler, "").await), ["ns/g:A"], "{kind:?}: only the first change");
        ruler.remove("t1", "ns", "g").expect("removed");
        advance(SYNC / 2).await;
        assert_eq!(
            shown(&state(&ruler, "").await),
            ["ns/g:A", "ns/h:r"],
            "{kind:?}: deletions are delayed too"
        );
        advance(SYNC / 2).await;
        assert_eq!(shown(&state(&ruler, "").await), ["ns/h:r"], "{kind:?}");
    }
}

#[tokio::test]
async fn state_of_frozen_tenant_keeps_old_rules() {
    let poison = "name: p\nrules: [{alert: A, expr: \"\\tx\\ny\"}]";
    // Mimir does not map namespaces to files, and Cortex stores poison only by direct access.
    for (kind, namespace, yaml) in [
        (Kind::Mimir, "x", poison),
        (Kind::Loki, "x", poison),
        (Kind::Loki, ".", ALERT),
        (Kind::Cortex, ".", ALERT),
    ] {
        let ruler = start(RulerBuilder::new(kind).sync_delay(SYNC)).await;
        ruler.put("t1", "ns", ALERT).expect("a group");
        ruler.put("other", "ns", ALERT).expect("a group");
        advance(SYNC).await;
        ruler.put("t1", namespace, yaml).expect("a group");
        assert!(ruler.frozen("t1") && !ruler.frozen("other"), "{kind:?}");
        ruler.put("t1", "new", ALERT).expect("a group");
        ruler.remove("t1", "ns", "g").expect("removed");
        ruler.remove("other", "ns", "g").expect("removed");
        advance(SYNC * 5).await;
        assert_eq!(shown(&state(&ruler, "").await), ["ns/g:A"], "{kind:?}: the old rules");
        let other = send(ruler.address(), "GET", STATE, &[("x-scope-orgid", "other")], Bytes::new()).await;
        assert!(
            other.expect("an answer").text().contains(r#""groups":[]"#),
            "{kind:?}: other tenants are not frozen"
        );
        assert!(ruler.remove_namespace("t1", namespace).expect("removed"));
        advance(SYNC).await;
        assert_eq!(shown(&state(&ruler, "").await), ["new/g:A"], "{kind:?}: all changes loaded");
    }
}

#[tokio::test]
async fn poison_is_rejected_only_by_cortex() {
    let body = r#"{"name":"g","rules":[{"alert":"A","expr":"1","annotations":{"a":"\tx\ny"}}]}"#;
    for (kind, path, status) in [
        (Kind::Mimir, "/prometheus/config/v1/rules/ns", 202),
        (Kind::Loki, "/loki/api/v1/rules/ns", 202),
        (Kind::Cortex, "/api/v1/rules/ns", 400),
    ] {
        let ruler = start(RulerBuilder::new(kind)).await;
        let reply = ask(ruler.address(), "POST", path, body).await;
        assert_eq!(reply.status, status, "{kind:?}: {}", reply.text());
        assert_eq!(ruler.frozen("t1"), status == 202, "{kind:?}");
        if status == 400 {
            assert_eq!(reply.text(), "unable to decoded rule group\n");
        }
    }
}

#[tokio::test]
async fn merge_key_as_name_freezes_unless_names_are_validated() {
    const MIMIR: &str = "/prometheus/config/v1/rules/ns";
    let body = |group: &str, rule: &str| {
        format!(r#"{{"name":"g"{group},"rules":[{{"alert":"A","expr":"1"{rule}}}]}}"#)
    };
    let (label, annotation) = (body("", r#","labels":{"<<":"x"}"#), body("", r#","annotations":{"<<":"x"}"#));
    let group_label = body(r#","labels":{"<<":"x"}"#, "");
    let legacy = || RulerBuilder::new(Kind::Mimir).sync_delay(SYNC);
    let ruler = start(legacy()).await;
    for (body, message) in [(&label, "invalid label name: <<"), (&annotation, "invalid annotation name: <<")]
    {
        let reply = ask(ruler.address(), "POST", MIMIR, body).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
        assert!(reply.text().trim_end().ends_with(message), "{}", reply.text());
    }
    assert!(!ruler.frozen("t1"));
    // No scheme validates the names of group labels.
    let utf8 = || legacy().name_scheme(NameScheme::Utf8);
    for (builder, body) in
        [(legacy(), &group_label), (utf8(), &group_label), (utf8(), &label), (utf8(), &annotation)]
    {
        let ruler = start(builder).await;
        ruler.put("t1", "before", ALERT).expect("a group");
        advance(SYNC).await;
        assert_eq!(ask(ruler.address(), "POST", MIMIR, body).await.status, 202, "{body}");
        assert!(ruler.frozen("t1"), "{body}");
        ruler.put("t1", "later", ALERT).expect("a group");
        advance(SYNC * 5).await;
        let stored = ask(ruler.address(), "GET", MIMIR, "").await;
        assert!(stored.text().contains("    <<: x\n"), "{}", stored.text());
        assert_eq!(shown(&state(&ruler, "").await), ["before/g:A"], "stored and never loaded: {body}");
        assert!(ruler.remove("t1", "ns", "g").expect("removed"));
        advance(SYNC).await;
        assert_eq!(shown(&state(&ruler, "").await), ["before/g:A", "later/g:A"], "{body}");
    }
}

#[tokio::test]
async fn state_of_tenant_frozen_at_start_is_empty() {
    let directory = tempfile::tempdir().expect("a directory");
    let ruler = start(RulerBuilder::new(Kind::Loki).storage(directory.path())).await;
    for namespace in ["!", ".", "a"] {
        ruler.put("t1", namespace, ALERT).expect("a group");
    }
    ruler.shutdown().await;
    let ruler = start(RulerBuilder::new(Kind::Loki).storage(directory.path())).await;
    assert!(ruler.frozen("t1"));
    assert_eq!(shown(&state(&ruler, "").await), [""; 0]);
    ruler.remove_namespace("t1", ".").expect("removed");
    assert_eq!(shown(&state(&ruler, "").await), ["!/g:A", "a/g:A"]);
}

const GROUPS: [(&str, &str); 3] = [
    (
        "a",
        "name: g\nlabels: {team: x}\nrules: [{alert: A, expr: '1', labels: {sev: page}}, {record: r, expr: '1'}]",
    ),
    ("a", "name: h\nrules: [{alert: A, expr: '1', labels: {team: y}}]"),
    ("b", "name: g\nrules: [{record: r, expr: '1'}]"),
];

#[tokio::test]
async fn state_filters_differ_by_kind() {
    let all: &[&str] = &["a/g:A,r", "a/h:A", "b/g:r"];
    let in_b: &[&str] = &["b/g:r"];
    let in_h: &[&str] = &["a/h:A"];
    let recording: &[&str] = &["a/g:r", "b/g:r"];
    let alerting: &[&str] = &["a/g:A", "a/h:A"];
    let none: &[&str] = &[];
    let mut rulers = Vec::new();
    for kind in KINDS {
        rulers.push(with_groups(kind, &GROUPS).await);
    }
    for (query, mimir, cortex, loki) in [
        ("", all, all, all),
        ("type=alert", alerting, alerting, alerting),
        ("type=record", recording, recording, recording),
        ("type=ALERT", alerting, alerting, alerting),
        ("file=b", in_b, all, in_b),
        ("file[]=b", in_b, in_b, all),
        ("file=b&file[]=b", in_b, in_b, in_b),
        ("file=a&file[]=b", in_b, in_b, &["a/g:A,r", "a/h:A"]),
        ("file=nope", none, all, none),
        ("rule_group=h", in_h, all, in_h),
        ("rule_group[]=h", in_h, in_h, all),
        ("rule_name=r", recording, all, recording),
        ("rule_name%5B%5D=r", recording, recording, all),
        ("group_limit=1&file=x&file[]=b", in_b, in_b, none),
        ("state=inactive", all, none, all),
        ("health=unknown", all, all, all),
        ("health=err", all, none, all),
        ("match[]={team=\"x\"}", all, &["a/g:A,r"], all),
        ("match[]={sev=~\"p.*\"}&match[]={team=\"y\"}", all, alerting, all),
        ("match[]={team!=\"x\",team=~\".%2B\"}", all, in_h, all),
    ] {
        let query = query.replace('"', "%22").replace('{', "%7B").replace('}', "%7D");
        for (ruler, expected) in rulers.iter().zip([mimir, cortex, loki]) {
            assert_eq!(shown(&state(ruler, &query).await), expected, "{:?} {query}", ruler.kind());
        }
    }
}

#[tokio::test]
async fn state_filter_errors_differ_by_kind() {
    for (kind, query, error) in [
        (Kind::Mimir, "type=foo", r#"not supported value \"foo\""#),
        (Kind::Loki, "type=foo", r#"not supported value \"foo\""#),
        (Kind::Cortex, "type=foo", r#"unsupported rule type \"foo\""#),
        (Kind::Mimir, "group_limit=x", "invalid group limit value"),
        (Kind::Mimir, "group_limit=-1", "invalid group limit value"),
        (Kind::Cortex, "group_limit=x", "group_limit needs to be greater than 0"),
        (Kind::Cortex, "group_limit=0", "group_limit needs to be greater than 0"),
        (Kind::Cortex, "group_next_token=x", "group_limit needs to be set"),
        (Kind::Cortex, "state=foo", r#"unsupported state value \"foo\""#),
        (Kind::Cortex, "health=foo", r#"unsupported health value \"foo\""#),
        (Kind::Cortex, "match[]=1", "no selector"),
    ] {
        let ruler = start(RulerBuilder::new(kind)).await;
        let reply = ask(ruler.address(), "GET", &format!("{STATE}?{query}"), "").await;
        assert_eq!(reply.status, 400, "{kind:?} {query}");
        let text = reply.text();
        assert!(
            text.contains(r#""errorType":"bad_data""#) && text.contains(error),
            "{kind:?} {query}: {text}"
        );
    }
    let loki = start(RulerBuilder::new(Kind::Loki)).await;
    for query in ["group_limit=x", "group_next_token=x", "state=foo", "match[]=1"] {
        assert_eq!(ask(loki.address(), "GET", &format!("{STATE}?{query}"), "").await.status, 200, "{query}");
    }
}

#[tokio::test]
async fn state_pages_are_complete_in_mimir_and_cortex() {
    let names = ["a.b", "a/b", "c", "d", "e"];
    let groups: Vec<(&str, &str)> = names.iter().map(|name| (*name, ALERT)).collect();
    for (kind, in_order) in [(Kind::Mimir, true), (Kind::Cortex, false)] {
        let ruler = with_groups(kind, &groups).await;
        let (mut seen, mut sizes, mut token) = (Vec::new(), Vec::new(), String::new());
        loop {
            let page = state(&ruler, &format!("group_limit=2&group_next_token={token}")).await;
            let mut groups = shown(&page);
            sizes.push(groups.len());
            seen.append(&mut groups);
            match page["data"]["groupNextToken"].as_str() {
                Some(next) => token = next.replace('=', "%3D"),
                None => break,
            }
        }
        assert_eq!(sizes, [2, 2, 1], "{kind:?}");
        let sorted = names.map(|name| format!("{name}/g:A"));
        assert_eq!(seen == sorted, in_order, "{kind:?}: {seen:?}");
        seen.sort();
        assert_eq!(seen, sorted, "{kind:?}");
    }
    let loki = state(&with_groups(Kind::Loki, &groups).await, "group_limit=2").await;
    assert_eq!((shown(&loki).len(), loki["data"].get("groupNextToken")), (5, None));
}

#[tokio::test]
async fn state_format_differs_by_kind() {
    let group = "name: g\nlimit: 3\nlabels: {team: x, sev: a}\nrules: [{alert: A, expr: 1 < bool 2, for: 1m, keep_firing_for: 1500ms, labels: {sev: b}}, {record: r, expr: '1'}]";
    let mut texts = Vec::new();
    for (kind, path) in [
        (Kind::Mimir, "/prometheus/config/v1/rules/n%2Fs"),
        (Kind::Cortex, "/api/v1/rules/n%2Fs"),
        (Kind::Loki, "/loki/api/v1/rules/n%252Fs"),
    ] {
        let ruler = start(RulerBuilder::new(kind)).await;
        let posted = ask(ruler.address(), "POST", path, group).await;
        assert_eq!(posted.status, 202, "{kind:?}: {}", posted.text());
        texts.push(ask(ruler.address(), "GET", STATE, "").await.text());
    }
    insta::assert_snapshot!(texts[0], @r#"{"status":"success","data":{"groups":[{"name":"g","file":"n/s","rules":[{"state":"unknown","name":"A","query":"1 \u003c bool 2","duration":60,"keepFiringFor":1.5,"labels":{"sev":"b","team":"x"},"annotations":{},"alerts":[],"health":"unknown","lastError":"","type":"alerting","lastEvaluation":"0001-01-01T00:00:00Z","evaluationTime":0},{"name":"r","query":"1","labels":{"sev":"a","team":"x"},"health":"unknown","lastError":"","type":"recording","lastEvaluation":"0001-01-01T00:00:00Z","evaluationTime":0}],"interval":60,"lastEvaluation":"0001-01-01T00:00:00Z","evaluationTime":0,"sourceTenants":null}]},"errorType":"","error":""}"#);
    insta::assert_snapshot!(texts[1], @r#"{"status":"success","data":{"groups":[{"name":"g","file":"n/s","rules":[{"state":"unknown","name":"A","query":"1 \u003c bool 2","duration":60,"keepFiringFor":1.5,"labels":{"sev":"b","team":"x"},"annotations":{},"alerts":[],"health":"unknown","lastError":"","type":"alerting","lastEvaluation":"0001-01-01T00:00:00Z","evaluationTime":0},{"name":"r","query":"1","labels":{"sev":"a","team":"x"},"health":"unknown","lastError":"","type":"recording","lastEvaluation":"0001-01-01T00:00:00Z","evaluationTime":0}],"interval":60,"lastEvaluation":"0001-01-01T00:00:00Z","evaluationTime":0,"limit":3}]}}"#);
    insta::assert_snapshot!(texts[2], @r#"{"status":"success","data":{"groups":[{"name":"g","file":"n/s","rules":[{"state":"unknown","name":"A","query":"1 \u003c bool 2","duration":60,"labels":{"sev":"b"},"annotations":{},"alerts":[],"health":"unknown","lastError":"","type":"alerting","lastEvaluation":"0001-01-01T00:00:00Z","evaluationTime":0},{"name":"r","query":"1","labels":{},"health":"unknown","lastError":"","type":"recording","lastEvaluation":"0001-01-01T00:00:00Z","evaluationTime":0}],"interval":60,"limit":3,"lastEvaluation":"0001-01-01T00:00:00Z","evaluationTime":0}]},"errorType":"","error":""}"#);
    for (kind, empty) in [
        (Kind::Mimir, r#"{"status":"success","data":{"groups":[]},"errorType":"","error":""}"#),
        (Kind::Cortex, r#"{"status":"success","data":{"groups":[]}}"#),
        (Kind::Loki, r#"{"status":"success","data":{"groups":[]},"errorType":"","error":""}"#),
    ] {
        let ruler = start(RulerBuilder::new(kind)).await;
        assert_eq!(ask(ruler.address(), "GET", STATE, "").await.text(), empty);
        let alerts = ask(ruler.address(), "GET", "/prometheus/api/v1/alerts", "").await.text();
        assert_eq!(alerts, empty.replace("groups", "alerts"));
    }
}

#[tokio::test]
async fn state_exclude_alerts_differs_by_kind() {
    for (kind, alerts) in [
        (Kind::Mimir, Value::Null),
        (Kind::Cortex, Value::from(Vec::<Value>::new())),
        (Kind::Loki, Value::from(Vec::<Value>::new())),
    ] {
        let ruler = with_groups(kind, &[("ns", ALERT)]).await;
        let state = state(&ruler, "exclude_alerts=true").await;
        assert_eq!(state["data"]["groups"][0]["rules"][0].get("alerts"), Some(&alerts), "{kind:?}");
    }
}

#[tokio::test]
async fn state_of_disabled_evaluation_is_an_error_only_in_mimir() {
    let rules_of_disabled_tenant = |kind: Kind| async move {
        let ruler = start(RulerBuilder::new(kind).evaluation_disabled("t1")).await;
        for tenant in ["t1", "t2"] {
            ruler.put(tenant, "ns", ALERT).expect("a group");
        }
        let other = send(ruler.address(), "GET", STATE, &[("x-scope-orgid", "t2")], Bytes::new()).await;
        assert!(
            other.expect("an answer").text().contains(r#""file":"ns""#),
            "{kind:?}: other tenants are evaluated"
        );
        let reply = ask(ruler.address(), "GET", STATE, "").await;
        (reply.status.as_u16(), reply.text())
    };
    let disabled = r#"{"status":"error","data":null,"errorType":"execution","error":"rule evaluation is disabled for tenant t1"}"#;
    assert_eq!(rules_of_disabled_tenant(Kind::Mimir).await, (422, disabled.to_owned()));
    for kind in [Kind::Cortex, Kind::Loki] {
        let (status, text) = rules_of_disabled_tenant(kind).await;
        assert!(status == 200 && text.contains(r#""groups":[]"#), "{kind:?}: {text}");
    }
}

#[tokio::test]
async fn state_health_follows_the_test() {
    for kind in KINDS {
        let ruler = with_groups(kind, &GROUPS).await;
        let rule = |state: &Value, index: usize| state["data"]["groups"][0]["rules"][index].clone();
        let never = "0001-01-01T00:00:00Z";
        let before = state(&ruler, "").await;
        assert_eq!(
            (&rule(&before, 0)["health"], &rule(&before, 0)["state"]),
            (&"unknown".into(), &"unknown".into())
        );
        assert_eq!(rule(&before, 0)["lastEvaluation"], never);
        ruler.set_evaluates(true);
        ruler.set_rule_error("t1", "a", "g", 1, Some("found duplicate series"));
        let first = state(&ruler, "").await;
        assert_eq!(
            (&rule(&first, 0)["health"], &rule(&first, 0)["state"]),
            (&"ok".into(), &"inactive".into())
        );
        assert_eq!(rule(&first, 1)["health"], "err", "{kind:?}");
        assert_eq!(rule(&first, 1)["lastError"], "found duplicate series");
        assert_eq!(rule(&first, 0)["lastError"], "");
        assert_ne!(rule(&first, 0)["lastEvaluation"], never);
        advance(Duration::from_secs(60)).await;
        let second = state(&ruler, "").await;
        let time = |state: &Value| rule(state, 1)["lastEvaluation"].as_str().unwrap_or_default().to_owned();
        assert!(time(&second) > time(&first), "{kind:?}: {} after {}", time(&second), time(&first));
        assert_eq!(second["data"]["groups"][0]["lastEvaluation"], time(&second));
        ruler.set_rule_error("t1", "a", "g", 1, None);
        assert_eq!(rule(&state(&ruler, "").await, 1)["health"], "ok");
        if kind == Kind::Cortex {
            ruler.set_rule_error("t1", "a", "h", 0, Some("x"));
            assert_eq!(shown(&state(&ruler, "health=err").await), ["a/h:A"]);
            assert_eq!(shown(&state(&ruler, "state=inactive").await), ["a/g:A", "a/h:A"]);
        }
        ruler.set_evaluates(false);
    }
}
