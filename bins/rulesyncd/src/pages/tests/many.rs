//! Pages of many objects: how long they are, and how many are in memory for clients who do not read.

use std::fmt::Write as _;

use super::running::Running;
use axum::http::StatusCode;

const OBJECTS: usize = 10_000;

/// The most bytes that a page may have.
const PAGE_BYTES: usize = 100_000;

/// Manifests of so many objects, each of which is refused before any ruler is asked.
fn refused(objects: usize) -> String {
    let mut manifests = String::new();
    for number in 0..objects {
        let _ = write!(
            manifests,
            "---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n\
             metadata: {{name: service-{number:05}-with-a-name-as-long-as-they-are, namespace: team-{}, labels: {{team: a}}}}\n\
             spec: {{groups: [{{name: latency, rules: [{{alert: Slow, expr: \"sum(rate(requests_{number}[5m])) > (3\"}}]}}]}}\n",
            number % 40
        );
    }
    manifests
}

#[tokio::test]
async fn pages_of_ten_thousand_refused_objects_stay_short_and_few_are_in_memory() {
    let running = Running::start(&refused(OBJECTS)).await;
    running.until(|states| states.counts().1 == OBJECTS).await;
    for path in [
        "/",
        "/objects",
        "/objects?state=problem&page=100",
        "/objects?q=service-0",
        "/destinations",
        "/destinations/central/prod",
        "/api/v1/overview",
        "/api/v1/objects?limit=100",
    ] {
        let answer = running.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.body.len() < PAGE_BYTES, "{path} has {} bytes", answer.body.len());
    }
    // The others wait for their turn, which takes no time now.
    tokio::time::pause();
    for (path, at_once) in [("/", 4), ("/objects", 4), ("/api/v1/status", 2)] {
        let mut unread = Vec::new();
        for _ in 0..100 {
            unread.push(running.send("GET", path, &[("accept", "text/html")], "").await);
        }
        let answered = unread.iter().filter(|answer| answer.status() == StatusCode::OK).count();
        let busy = unread.iter().filter(|answer| answer.status() == StatusCode::SERVICE_UNAVAILABLE).count();
        assert_eq!((answered, busy), (at_once, 100 - at_once), "{path}");
    }
}
