//! The status is streamed, and is the same as that of the engine.

use http_body_util::BodyExt;
use serde_json::Value;

use crate::pages::tests::running::Running;

fn objects(count: usize) -> String {
    let object = |number: usize| {
        format!(
            "---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: o{number:05}, namespace: shop, labels: {{team: a}}}}\n\
             spec: {{groups: [{{name: g, rules: [{{alert: A, expr: up == 0}}]}}]}}\n"
        )
    };
    (0..count).map(object).collect()
}

/// Returns a status without the time at which a destination was last in sync, which moves on.
fn timeless(status: &str) -> String {
    const KEY: &str = "\"last_success\":";
    let mut parts = status.split(KEY);
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, rest| text + KEY + &rest[rest.find('}').unwrap()..])
}

#[tokio::test]
async fn status_is_streamed_and_the_same_as_that_of_the_engine() {
    for count in [1, 500, 1203] {
        let running = Running::start(&objects(count)).await;
        running.settled(count).await;
        running.in_order().await;
        let engine =
            async || timeless(&serde_json::to_string(&running.engine().status().await.unwrap()).unwrap());
        // Something may change between two questions.
        let streamed = loop {
            let before = engine().await;
            let answer = running.get("/api/v1/status").await;
            assert_eq!(answer.header("content-type"), "application/json");
            if before == engine().await {
                assert_eq!(before.matches("\"uid\"").count(), count);
                assert_eq!(timeless(&answer.body), before, "{count}");
                break answer.body;
            }
        };
        assert!(serde_json::from_str::<Value>(&streamed).is_ok());
    }
}

#[tokio::test]
async fn status_is_made_as_it_is_read() {
    let running = Running::start(&objects(3000)).await;
    running.settled(3000).await;
    let mut body = running.send("GET", "/api/v1/status", &[], "").await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let second = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.ends_with(b"\"objects\":["), "the first piece has no objects");
    let text = String::from_utf8(second.to_vec()).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Value>>(&format!("[{text}]")).unwrap().len(), 500);
}

#[tokio::test]
async fn status_that_cannot_be_completed_is_cut_off() {
    let running = Running::start(&objects(1100)).await;
    running.settled(1100).await;
    let mut body = running.send("GET", "/api/v1/status", &[], "").await.into_body();
    body.frame().await.unwrap().unwrap();
    running.end().await;
    let cut_off = loop {
        match body.frame().await {
            Some(Ok(_)) => {}
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(cut_off, "a part would be taken for the whole");
}
