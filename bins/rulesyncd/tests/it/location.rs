//! The route prefix and the external URL of a running daemon.

use crate::fixture::{Directory, mimir};
use crate::pages::raw;

#[tokio::test]
async fn pages_are_below_the_path_of_the_external_url() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let flags = ["--web.external-url", "https://example.com/rules/", "--web.enable-admin-api"];
    let daemon = directory.start(&flags);
    daemon.logs(&["Started"]).await;
    let address = daemon.address();
    let ask = |request: &str, headers: &str| {
        raw(address, &format!("{request} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n"))
    };
    assert!(ask("GET /rules/-/healthy", "").ends_with("\r\n\r\nhealthy\n"));
    assert!(ask("GET /rules/metrics", "").contains("rulesync_leader"));
    assert!(ask("GET /rules/", "").ends_with("All of them are below /rules\n"));
    assert!(ask("GET /-/healthy", "").starts_with("HTTP/1.1 404"));
    let redirected = ask("GET /", "");
    assert!(
        redirected.starts_with("HTTP/1.1 302") && redirected.contains("location: /rules/\r\n"),
        "{redirected}"
    );
    // What a browser sends with the form of a page, through a proxy that asks for another host.
    let post = |origin: &str| ask("POST /rules/api/v1/release-deletes", &format!("Origin: {origin}\r\n"));
    assert!(post("https://example.com").starts_with("HTTP/1.1 200"));
    for origin in ["http://example.com", "https://evil.example", "null"] {
        assert!(post(origin).starts_with("HTTP/1.1 403"), "{origin}");
    }
}

#[tokio::test]
async fn route_prefix_may_differ_from_the_path_of_the_external_url() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let flags = ["--web.external-url", "https://example.com/rules", "--web.route-prefix", "/"];
    let daemon = directory.start(&flags);
    daemon.logs(&["Started"]).await;
    let healthy = daemon.get("/-/healthy").await;
    assert_eq!(healthy, Some((200, "healthy\n".to_owned())));
    assert_eq!(daemon.get("/rules/-/healthy").await.map(|(code, _)| code), Some(404));
}
