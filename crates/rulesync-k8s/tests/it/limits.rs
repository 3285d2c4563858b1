//! Answers of an API server without an end, or longer than a limit.

use std::sync::Arc;

use rulesync_k8s::KubernetesConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::fixture::{Running, cluster, object, within};

/// What a server sends that is never hung up on. Buffers on the way take some of it.
const MOST: usize = 256 << 20;

const EMPTY: &str = r#"{"kind":"PrometheusRuleList","apiVersion":"monitoring.coreos.com/v1","metadata":{"resourceVersion":"7"},"items":[]}"#;

/// An API server that answers lists, or nothing but watches, without end; how much it got rid of.
async fn endless(lists: bool) -> (String, mpsc::UnboundedReceiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (told, sent) = mpsc::unbounded_channel();
    let filling = Arc::new("x".repeat(64 << 10));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (told, filling) = (told.clone(), Arc::clone(&filling));
            tokio::spawn(async move {
                let mut request = Vec::new();
                while let Ok(1..) = stream.read_buf(&mut request).await {
                    if !request.ends_with(b"\r\n\r\n") {
                        continue;
                    }
                    let head = String::from_utf8_lossy(&request).into_owned();
                    request.clear();
                    let rules = head.contains("/prometheusrules?");
                    if !rules || !(lists || head.contains("watch=")) {
                        let body = if rules { EMPTY } else { "{}" };
                        let answer = format!(
                            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                            body.len()
                        );
                        stream.write_all(answer.as_bytes()).await.ok();
                        continue;
                    }
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"kind\":\"";
                    let mut result = stream.write_all(head.as_bytes()).await;
                    let mut sent = 0;
                    while result.is_ok() && sent < MOST {
                        result = stream.write_all(filling.as_bytes()).await;
                        sent += filling.len();
                    }
                    told.send(sent).ok();
                    return;
                }
            });
        }
    });
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters:\n- name: test\n  cluster: {{server: \"http://{address}\"}}\n\
         users:\n- name: test\n  user: {{}}\n\
         contexts:\n- name: test\n  context: {{cluster: test, user: test}}\n"
    );
    (kubeconfig, sent)
}

fn limited() -> KubernetesConfig {
    KubernetesConfig { max_event_bytes: 3_000, max_page_bytes: 1 << 20, ..within(&["a"]) }
}

#[tokio::test]
async fn watch_line_without_an_end_is_given_up_at_a_limit() {
    let (kubeconfig, mut sent) = endless(false).await;
    let mut source = Running::by(kubeconfig, limited()).await;
    let events = source.until("unavailable: ").await;
    let told = events.last().unwrap();
    assert!(told.contains("an event of the watch is longer than 3000 bytes"), "{told}");
    assert!(sent.recv().await.unwrap() < MOST, "it went on reading");
}

#[tokio::test]
async fn list_without_an_end_is_given_up_at_a_limit() {
    let (kubeconfig, mut sent) = endless(true).await;
    let mut source = Running::by(kubeconfig, limited()).await;
    let events = source.until("unavailable: ").await;
    let told = events.last().unwrap();
    assert!(told.contains("one page of a list, is longer than 1048576 bytes"), "{told}");
    assert!(sent.recv().await.unwrap() < MOST, "it went on reading");
}

#[tokio::test]
async fn object_too_long_for_a_watch_line_is_listed() {
    let kube = cluster().await;
    let mut source = Running::of(&kube, limited()).await;
    source.until("complete").await;
    kube.apply(object("a", "large", &format!("up == {}", "1".repeat(4_000)))).unwrap();
    source.until("upsert a/large").await;
    assert_eq!(kube.requests_for("list", "prometheusrules"), 2);
}
