//! Requests signed with AWS Signature Version 4, through the settings. Where credentials come from is tested beside the code,
//! because it depends on the environment of the process.

use rulesync_mimir::mimir_ruler;
use serde_json::json;
use wiremock::matchers::{any, header_exists, header_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::auth::{client, config, connection, put};

#[tokio::test]
async fn sigv4_of_the_settings_signs_requests_to_the_ruler() {
    let ruler = MockServer::start().await;
    let scope = "^AWS4-HMAC-SHA256 Credential=AKID/[0-9]{8}/eu-west-1/aps/aws4_request, SignedHeaders=[a-z;-]*, Signature=[0-9a-f]{64}$";
    Mock::given(header_regex("authorization", scope))
        .and(header_exists("x-amz-date"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&ruler)
        .await;
    // The server says what it was sent, as AWS does where a signature is wrong.
    let other = ResponseTemplate::new(403).set_body_string("the key hunter2 of AKID");
    Mock::given(any()).respond_with(other).with_priority(9).mount(&ruler).await;
    let sigv4 = |region: &str| {
        let keys = json!({"region": region, "access_key": "AKID", "secret_key": "hunter2"});
        config(json!({"sigv4": keys, "http_headers": {"X-Extra": {"values": ["a  b"]}}}))
    };
    put(&client(&ruler.uri(), &sigv4("eu-west-1"))).await.unwrap();
    let sent = &ruler.received_requests().await.unwrap()[0];
    let authorization = sent.headers["authorization"].to_str().unwrap();
    assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-extra,"), "{authorization}");
    let refused = put(&client(&ruler.uri(), &sigv4("eu-north-1"))).await.unwrap_err();
    assert!(refused.to_string().contains("the key <secret> of AKID"), "{refused}");
    let shown = format!("{:?}", mimir_ruler(connection(&ruler.uri(), &sigv4("r")), "/prometheus").unwrap());
    assert!(!shown.contains("hunter2") && !format!("{:?}", sigv4("r")).contains("hunter2"));
}
