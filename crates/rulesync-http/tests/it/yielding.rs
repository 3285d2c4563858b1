//! Long operations do not starve other tasks: the daemon has one thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rulesync_core::naming::NamespaceClass;
use rulesync_core::ruler::StoredFields;
use rulesync_core::testing::Observed;
use rulesync_core::{Listing, Ruler};
use rulesync_http::ClientConfig;
use rulesync_mimir::cortex_ruler;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::auth::{client, connection, put};
use crate::endless::Endless;

/// Lists `body`. Returns the number of groups, and the maximum of `work` between two runs of another task.
async fn longest_stretch(body: String) -> (usize, usize) {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw(body, "application/yaml");
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let work = Arc::new(AtomicUsize::new(0));
    let longest = Arc::new(AtomicUsize::new(0));
    let other = tokio::spawn({
        let (work, longest) = (Arc::clone(&work), Arc::clone(&longest));
        async move {
            let mut seen = 0;
            loop {
                let now = work.load(Ordering::Relaxed);
                longest.fetch_max(now - seen, Ordering::Relaxed);
                seen = now;
                tokio::task::yield_now().await;
            }
        }
    });
    // Called for each namespace and each group.
    let classify = |_: &str| {
        work.fetch_add(1, Ordering::Relaxed);
        NamespaceClass::Managed
    };
    let previous = Observed::default();
    let mut listing = Listing::new(StoredFields::ALL, &classify, &previous);
    client(&server.uri(), &ClientConfig::default()).list(None, &mut listing).await.unwrap();
    let groups = listing.into_observed().groups();
    tokio::task::yield_now().await;
    other.abort();
    (groups, longest.load(Ordering::Relaxed))
}

const GROUP: &str = "    - name: group-NUMBER\n      rules:\n        - record: a:b\n          expr: up\n";

fn group(number: usize) -> String {
    GROUP.replace("NUMBER", &number.to_string())
}

#[tokio::test]
async fn list_of_many_namespaces_yields() {
    let body: String = (0..20_000).map(|number| format!("us.ns.o{number}:\n{}", group(0))).collect();
    let (groups, longest) = longest_stretch(body).await;
    assert_eq!(groups, 20_000);
    // 16 KiB of groups, two calls for each.
    assert!(longest <= 2 * (16 << 10) / GROUP.len() + 4, "{longest} calls without yielding");
}

#[tokio::test]
async fn namespace_of_many_groups_yields() {
    let groups: String = (0..20_000).map(group).collect();
    let (groups, longest) = longest_stretch(format!("us.ns.o:\n{groups}")).await;
    assert_eq!(groups, 20_000);
    assert!(longest <= 4, "{longest} calls without yielding");
}

#[tokio::test]
async fn endless_interim_responses_time_out() {
    for interim in ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"] {
        let mut server = Endless::start(Vec::new(), "", interim).await;
        let connection = connection(&server.address, &ClientConfig::default());
        let client = cortex_ruler(connection.with_timeout(Duration::from_millis(500))).unwrap();
        let turns = Arc::new(AtomicUsize::new(0));
        let other = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move {
                loop {
                    turns.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });
        let before = Arc::new(AtomicUsize::new(0));
        let asked = async {
            server.requested().await;
            before.store(turns.load(Ordering::Relaxed), Ordering::Relaxed);
            std::future::pending::<()>().await;
        };
        let error = tokio::select! {
            written = put(&client) => written.unwrap_err(),
            () = asked => unreachable!(),
        };
        assert_eq!(error.message(), "no answer within 0.5s");
        // The other task runs before the first interim response, and must continue to run during the flood.
        assert!(turns.load(Ordering::Relaxed) > before.load(Ordering::Relaxed), "the other task was starved");
        other.abort();
        server.disconnected().await;
    }
}
