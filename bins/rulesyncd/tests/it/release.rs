//! Deletes that are held, and how they are released by the admin API: by nobody's accident.

use rulesync_testkit::RulerServer;

use crate::fixture::{Directory, MANIFEST, mimir};
use crate::pages::raw;
use crate::process::Daemon;

/// A daemon with the admin API that has written the one object of a directory, where there is nothing to release.
async fn in_order() -> (RulerServer, Daemon, Directory) {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let daemon = directory.start(&["--web.enable-admin-api"]);
    daemon.in_order(1).await;
    (ruler, daemon, directory)
}

const OF_ONE: &str = "/api/v1/destinations/central/prod/release-deletes";
const OF_ALL: &str = "/api/v1/release-deletes";

/// What the daemon answers to a request with these headers, which need not be those of a well-behaved client.
fn post(daemon: &Daemon, path: &str, headers: &str) -> String {
    let address = daemon.address();
    raw(address, &format!("POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n"))
}

/// A daemon that has written 21 objects, whose files have all been removed since.
async fn emptied() -> (RulerServer, Daemon, Directory) {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    for number in 0..20 {
        let text = MANIFEST.replace("name: o,", &format!("name: o{number},"));
        directory.write(&format!("rules/o{number}.yaml"), &text);
    }
    let daemon = directory.start(&["--web.enable-admin-api"]);
    daemon.in_order(21).await;
    for file in std::fs::read_dir(directory.path("rules")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    daemon.until(|status| status["destinations"][0]["held"] == 21).await;
    (ruler, daemon, directory)
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_of_an_emptied_directory_are_held_and_the_log_says_what_to_do() {
    let (ruler, daemon, _directory) = emptied().await;
    daemon.logs(&["Source is empty", "Release them"]).await;
    assert_eq!(ruler.rules("prod").len(), 21);
}

/// Deletes are held until somebody asks for this.
async fn releases(path: &str) {
    let (ruler, daemon, _directory) = emptied().await;
    assert_eq!(ruler.rules("prod").len(), 21);
    let (code, answer) = daemon.post(path).await.unwrap();
    assert_eq!((code, answer.as_str()), (200, "released the deletes in 21 namespaces\n"));
    daemon.in_order(0).await;
    assert!(ruler.rules("prod").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn release_of_a_destination_carries_its_deletes_out() {
    releases(OF_ONE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn release_of_all_destinations_carries_their_deletes_out() {
    releases(OF_ALL).await;
}

#[tokio::test]
async fn release_is_forbidden_to_other_origins() {
    let (_ruler, daemon, _directory) = in_order().await;
    for headers in [
        "Origin: http://evil.example\r\n",
        "Origin: http://127.0.0.1:1\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    ] {
        for path in [OF_ONE, OF_ALL] {
            let answer = post(&daemon, path, headers);
            let is_refused = answer.starts_with("HTTP/1.1 403") && answer.contains("cross-origin request");
            assert!(is_refused, "{path} {headers}{answer}");
        }
    }
}

#[tokio::test]
async fn release_is_open_to_the_daemons_own_origin_and_to_clients_that_name_none() {
    let (_ruler, daemon, _directory) = in_order().await;
    let own = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", daemon.address());
    for headers in ["", own.as_str()] {
        for path in [OF_ONE, OF_ALL] {
            let answer = post(&daemon, path, headers);
            assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("in 0 namespaces"), "{answer}");
        }
    }
}

#[tokio::test]
async fn release_finds_only_the_path_of_a_destination() {
    let (_ruler, daemon, _directory) = in_order().await;
    for path in [
        "/api/v1/destinations/central/nobody/release-deletes",
        "/api/v1/destinations/central%2Fprod/release-deletes",
        "/api/v1/destinations/central%2fprod/release-deletes",
        "/api/v1/destinations//release-deletes",
        "/api/v1/destinations//prod/release-deletes",
        "/api/v1/destinations/central//release-deletes",
        "/api/v1/destinations/%2F/prod/release-deletes",
    ] {
        assert!(post(&daemon, path, "").starts_with("HTTP/1.1 404"), "{path}");
    }
}
