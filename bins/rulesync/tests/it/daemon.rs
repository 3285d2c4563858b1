//! A daemon that explains: it answers with what a running engine has answered to the tests of core.

use std::path::Path;

use wiremock::matchers::{method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// The recorded answers: the parameter, its value, and the file.
const ANSWERS: [(&str, &str, &str); 9] = [
    ("object", "shop/checkout", "fine"),
    ("object", "shop/unlabelled", "not-selected-by-label"),
    ("object", "test/checkout", "not-selected-by-namespace"),
    ("object", "shop/pay", "tenant-not-allowed"),
    ("object", "shop/refused", "refused-by-the-ruler"),
    ("object", "shop/failing", "failing"),
    ("object", "shop/idle", "not-loaded"),
    ("object", "shop/old-1", "held"),
    ("ruler_namespace", "us.shop.old-1", "namespace"),
];

/// Starts a server that answers as a daemon does.
pub(crate) async fn start() -> MockServer {
    let server = MockServer::start().await;
    let json = |text: Vec<u8>| ResponseTemplate::new(200).set_body_raw(text, "application/json");
    let explains = || Mock::given(method("GET")).and(path("/api/v1/explain"));
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/explanations");
    for (parameter, value, file) in ANSWERS {
        let text = std::fs::read(directory.join(format!("{file}.json"))).unwrap();
        explains().and(query_param(parameter, value)).respond_with(json(text)).mount(&server).await;
    }
    let nothing = rulesync_core::explain::Explained::new("us", true);
    let nothing = serde_json::to_vec(&nothing).unwrap();
    explains().respond_with(json(nothing)).with_priority(9).mount(&server).await;
    server
}
