//! Faults of one verb and one resource, and the journal's counts of them.

use bytes::Bytes;
use rulesync_testkit::{KubeFaults, KubeServer, wire};

#[tokio::test]
async fn faults_can_be_limited_to_a_verb_and_a_group() {
    let server = KubeServer::start().await.unwrap();
    let events = "/apis/events.k8s.io/v1/namespaces/default/events";
    let status = async |method: &str, target: &str| {
        let reply = wire::send(server.address(), method, target, &[], Bytes::new()).await.unwrap();
        (reply.status.as_u16(), reply.header("retry-after").map(str::to_owned))
    };
    let slow_down = KubeFaults::refusal(429).with_header("retry-after", "7").times(2);
    server.faults().inject_on("list", "events.events.k8s.io", slow_down);
    assert_eq!(status("GET", "/api/v1/events").await.0, 200, "another group");
    assert_eq!(status("DELETE", &format!("{events}/none")).await.0, 404, "another verb");
    for _ in 0..2 {
        assert_eq!(status("GET", events).await, (429, Some("7".to_owned())));
    }
    assert_eq!(status("GET", events).await.0, 200);

    let throttled = server.faults().throttle("list", "configmaps", 1, 2);
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(status("GET", "/api/v1/configmaps").await);
    }
    assert_eq!(codes[..2], [(200, None), (200, None)]);
    assert_eq!(codes[3], (429, Some("1".to_owned())));
    assert!(server.faults().requests().remove(throttled));
    assert_eq!(status("GET", "/api/v1/configmaps").await.0, 200);

    server.faults().forbid("list", "events.events.k8s.io");
    assert_eq!((status("GET", events).await.0, status("GET", "/api/v1/events").await.0), (403, 200));

    let counts = server.requests_by_verb();
    assert_eq!(counts["list events.events.k8s.io"], 4);
    assert_eq!((counts["delete events.events.k8s.io"], counts["list configmaps"]), (1, 5));
    assert_eq!(server.requests_for("list", "events"), 6, "of both groups");
    assert_eq!(server.requests_for("list", "events.events.k8s.io"), 4);
}
