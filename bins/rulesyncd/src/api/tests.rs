//! The API of an engine that runs.

mod described;
mod status;

use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt;

use crate::pages::tests::running::{Answer, Running};

/// Reads events until one contains a text; none if the stream ends before.
async fn until(body: &mut Body, wanted: &str) -> Option<String> {
    while let Some(frame) = body.frame().await {
        let text = String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap();
        assert!(text.ends_with("\n\n"), "{text:?}");
        if text.contains(wanted) {
            return Some(text);
        }
    }
    None
}

fn object(name: &str) -> String {
    format!(
        "---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{groups: [{{name: g, rules: [{{alert: A, expr: up == 0}}]}}]}}\n"
    )
}

#[tokio::test]
async fn events_tell_which_objects_have_changed_until_the_process_ends() {
    let running = Running::start(&object("a")).await;
    running.settled(1).await;
    let answer = running.send("GET", "/api/v1/events", &[], "").await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut events = answer.into_body();
    assert!(until(&mut events, "retry: ").await.is_some());
    running.declare(&object("b"));
    let changed = async {
        let mut seen = String::new();
        while !(seen.contains(r#""name":"b","state":"not_selected""#) && seen.contains(r#""name":"a"}"#)) {
            seen.push_str(&until(&mut events, "\nevent: changed\ndata: {\"objects\":[").await.unwrap());
        }
    };
    changed.await;
    running.shut_down();
    assert_eq!(until(&mut events, "never").await, None);
}

#[tokio::test]
async fn events_of_a_stream_say_whether_something_was_missed_before_it() {
    let running = Running::start(&object("a")).await;
    running.settled(1).await;
    let page = running.get("/objects").await.body;
    let followed = page.split("data-events=\"").nth(1).unwrap().split('"').next().unwrap();
    let followed = Answer::resolve("/objects", followed);
    let first = async |headers: &[(&str, &str)]| {
        let mut events = running.send("GET", &followed, headers, "").await.into_body();
        until(&mut events, "retry: ").await.unwrap()
    };
    let opening = first(&[]).await;
    assert!(!opening.contains("missed"), "the page is of now: {opening}");
    let mark = opening.split("id: ").nth(1).unwrap().lines().next().unwrap();
    running.declare(&object("b"));
    running
        .until(|states| !states.named("shop", "b").is_empty() && states.named("shop", "a").is_empty())
        .await;
    for headers in [vec![], vec![("last-event-id", mark)]] {
        let opening = first(&headers).await;
        assert!(opening.contains("event: missed\ndata: {}\n"), "{headers:?}: {opening}");
    }
    assert_eq!(running.get("/api/v1/events?since=1").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn events_are_followed_by_a_few_clients_at_once() {
    let running = Running::start("").await;
    let mut followed = Vec::new();
    for _ in 0..8 {
        followed.push(running.send("GET", "/api/v1/events", &[], "").await);
    }
    assert!(followed.iter().all(|answer| answer.status() == StatusCode::OK));
    assert_eq!(running.get("/api/v1/events").await.status, StatusCode::SERVICE_UNAVAILABLE);
    followed.pop();
    assert_eq!(running.send("GET", "/api/v1/events", &[], "").await.status(), StatusCode::OK);
}

/// An object that is in order, one that the ruler refuses, and one that goes nowhere.
const OBJECTS: &str = r#"
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: good, namespace: shop, labels: {team: a}}
spec: {groups: [{name: g, interval: 1m, rules: [{alert: A, expr: up == 0, for: 5m, labels: {a: b}, annotations: {c: d}}]}]}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: bad, namespace: shop, labels: {team: a}}
spec: {groups: [{name: g, rules: [{alert: A, expr: "sum(rate(x[5m]) > 3"}]}]}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: elsewhere, namespace: shop}
spec: {groups: [{name: g, rules: [{record: a:b, expr: up}]}]}
"#;

#[tokio::test]
async fn objects_are_listed_in_parts() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    let mut names = Vec::new();
    let mut after = String::new();
    loop {
        let list = described::get(&running, &format!("/api/v1/objects?limit=2&after={after}")).await;
        assert_eq!(list["total"], 3);
        let objects = list["objects"].as_array().unwrap();
        names.extend(objects.iter().map(|object| object["name"].as_str().unwrap().to_owned()));
        match list["next"].as_str() {
            Some(next) => {
                after = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC)
                    .to_string()
            }
            None => break,
        }
    }
    assert_eq!(names, ["bad", "elsewhere", "good"]);
    let refused = described::get(&running, "/api/v1/objects?state=refused").await;
    assert_eq!((&refused["total"], &refused["objects"][0]["name"]), (&1.into(), &"bad".into()));
    for query in ["limit=0", "limit=1001", "limit=x", "after=x", "page=2", "state=x", "unknown=1"] {
        let answer = running.get(&format!("/api/v1/objects?{query}")).await;
        assert_eq!((answer.status, answer.body.lines().count()), (StatusCode::BAD_REQUEST, 1), "{query}");
    }
}

#[tokio::test]
async fn answers_have_a_tag_by_which_nothing_is_sent_twice() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    for path in [
        "/api/v1/objects",
        "/api/v1/config",
        "/api/v1/openapi.json",
        "/api/v1/objects/files/PrometheusRule/shop/bad",
    ] {
        let answer = running.get(path).await;
        let tag = answer.header("etag").to_owned();
        let again = running.ask("GET", path, &[("if-none-match", &tag)], "").await;
        assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path}");
        assert_eq!(again.header("etag"), tag);
        let other = running.ask("GET", path, &[("if-none-match", "\"0\"")], "").await;
        assert_eq!((other.status, &other.body), (StatusCode::OK, &answer.body), "{path}");
    }
    let before = running.get("/api/v1/objects").await;
    running.declare(&object("other"));
    running.until(|states| states.named("shop", "other").len() == 1).await;
    let tag = before.header("etag");
    assert_eq!(
        running.ask("GET", "/api/v1/objects", &[("if-none-match", tag)], "").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn overview_counts_and_names_the_latest_problems() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    let overview = described::get(&running, "/api/v1/overview").await;
    assert_eq!(overview["objects"], serde_json::json!({"not_selected": 1, "synced": 1, "refused": 1}));
    assert_eq!(overview["problems"]["objects_total"], 1);
    let problem = &overview["problems"]["objects"][0];
    assert_eq!(problem["name"], "bad");
    assert!(
        problem["findings"][0]["message"].as_str().unwrap().contains("unclosed left parenthesis"),
        "{problem}"
    );
}

#[tokio::test]
async fn actions_are_for_programs_too() {
    let running = Running::start(OBJECTS).await;
    running.settled(3).await;
    for (path, status) in [
        ("/api/v1/destinations/central/prod/sync", StatusCode::OK),
        ("/api/v1/destinations/central/sync", StatusCode::NOT_FOUND),
        ("/api/v1/destinations/central/other/sync", StatusCode::NOT_FOUND),
        ("/api/v1/destinations/central/prod/release-deletes", StatusCode::OK),
        ("/api/v1/release-deletes", StatusCode::OK),
    ] {
        assert_eq!(running.ask("POST", path, &[], "").await.status, status, "{path}");
    }
    let running = Running::start_without_admin("").await;
    assert_eq!(
        running.ask("POST", "/api/v1/destinations/central/prod/sync", &[], "").await.status,
        StatusCode::FORBIDDEN
    );
}
