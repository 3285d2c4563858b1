//! The API of an engine that runs.

use axum::body::Body;
use axum::http::StatusCode;
use http_body_util::BodyExt;

use crate::pages::tests::running::Running;

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
            seen.push_str(&until(&mut events, "event: changed\ndata: {\"objects\":[").await.unwrap());
        }
    };
    changed.await;
    running.shut_down();
    assert_eq!(until(&mut events, "never").await, None);
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
