//! What the testkit adds to a ruler: latency per group, and a journal that shows requests while they last.

use std::time::Duration;

use rulesync_testkit::{Kind, RulerServer, wire::ask};

const MIMIR: &str = "/prometheus/config/v1/rules";
const LOKI: &str = "/loki/api/v1/rules";
const GROUP: &str = "name: g\nrules: [{record: r, expr: up}]\n";

#[tokio::test]
async fn list_latency_applies_per_group() {
    let ruler = RulerServer::builder(Kind::Mimir)
        .list_latency(Duration::from_millis(20))
        .start()
        .await
        .expect("starts");
    for namespace in ["a", "b", "c"] {
        ruler.put("t1", namespace, GROUP).expect("a group");
    }
    for path in [MIMIR.to_owned(), format!("{MIMIR}/a")] {
        ask(ruler.address(), "GET", &path, "").await;
    }
    ruler.journal().wait_until(|seen| seen.iter().all(|request| request.ended.is_some())).await;
    let took: Vec<Duration> = ruler
        .journal()
        .requests()
        .iter()
        .filter_map(|request| Some(request.ended? - request.started))
        .collect();
    assert!(took[0] >= Duration::from_millis(60), "{took:?}");
    assert!(took[1] >= Duration::from_millis(20), "{took:?}");
}

#[tokio::test]
async fn loki_list_latency_applies_per_group() {
    let ruler = RulerServer::builder(Kind::Loki)
        .list_latency(Duration::from_millis(20))
        .start()
        .await
        .expect("starts");
    ruler.put("t1", "a/b", GROUP).expect("a group");
    ask(ruler.address(), "GET", &format!("{LOKI}/a%252Fb"), "").await;
    ruler.journal().wait_until(|seen| seen.iter().all(|request| request.ended.is_some())).await;
    let request = ruler.journal().requests().remove(0);
    assert!(request.ended.expect("ended") - request.started >= Duration::from_millis(20));
}

#[tokio::test]
async fn long_body_does_not_block_other_requests() {
    let ruler = RulerServer::builder(Kind::Mimir).start().await.expect("starts");
    let rules = "- {record: r, expr: up}\n".repeat(20_000);
    let long = format!("name: g\nrules:\n{rules}");
    let address = ruler.address();
    let post = tokio::spawn(async move { ask(address, "POST", &format!("{MIMIR}/ns"), &long).await });
    ruler.journal().wait_until(|requests| !requests.is_empty()).await;
    let list = ask(address, "GET", MIMIR, "").await;
    assert_eq!((list.status.as_u16(), list.text().len()), (200, "{}\n".len()), "nothing is stored yet");
    assert_eq!(ruler.journal().requests()[0].status, None, "the long request is still in progress");
    assert_eq!(post.await.expect("an answer").status, 202);
    assert_eq!(ruler.rules("t1")["ns"]["g"].rules.len(), 20_000);
}
