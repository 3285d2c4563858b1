//! The end of the daemon by a signal.

use std::time::Duration;

use rulesync_testkit::Fault;

use crate::fixture::{Directory, MANIFEST, mimir};

#[tokio::test]
async fn signal_ends_the_daemon_with_success() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let daemon = directory.start(&[]);
    daemon.in_order(1).await;
    daemon.signal("TERM");
    daemon.logs(&["Stopped"]).await;
    assert_eq!(daemon.end().await.code(), Some(0));
}

#[tokio::test]
async fn signal_lets_a_write_finish_and_waits_for_no_other() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let more = MANIFEST.replace("name: o,", "name: slow,").replace("name: g,", "name: slow,");
    directory.write("rules/slow.yaml", &more);
    // One write takes its time, another never ends.
    let posts =
        |name: &str, fault: Fault| fault.on_method(reqwest::Method::POST).on_path(format!("us.ns.{name}"));
    ruler.faults().inject(posts("slow", Fault::latency(Duration::from_secs(2))));
    ruler.faults().inject(posts("o", Fault::hang()));
    let daemon = directory.start(&[]);
    ruler.journal().wait_until(|requests| requests.iter().filter(|r| r.method == "POST").count() == 2).await;
    daemon.signal("TERM");
    // The pages tell of it to the end.
    assert_eq!(daemon.get("/-/healthy").await, Some((200, "healthy\n".to_owned())));
    daemon.logs(&["Rule group created", "us.ns.slow"]).await;
    daemon.logs(&["Stopped"]).await;
    assert_eq!(daemon.end().await.code(), Some(0));
    assert!(ruler.rules("prod").contains_key("us.ns.slow"));
}
