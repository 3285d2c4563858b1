//! The inventory of the daemon, which makes its directory an installation with a claim of its own.

use rulesync_testkit::RulerServer;

use crate::fixture::{Directory, mimir};

const INVENTORY: &str = ".rulesync/ledger.json";

/// A directory whose configuration makes claims.
async fn claiming() -> (RulerServer, Directory) {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    directory.configure("claim: off\n", "");
    (ruler, directory)
}

/// Runs the daemon until it has written everything.
async fn run_daemon(directory: &Directory) {
    let daemon = directory.start(&[]);
    daemon.in_order(1).await;
    daemon.signal("TERM");
    assert_eq!(daemon.end().await.code(), Some(0));
}

#[tokio::test]
async fn inventory_and_claim_are_not_made_by_once() {
    let (ruler, directory) = claiming().await;
    let output = directory.output(&["--once"]).await;
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && log.matches("No claim is made").count() == 1, "{log}");
    assert!(!directory.path(INVENTORY).exists(), "each checkout would be another installation");
    assert_eq!(ruler.rules("prod").into_keys().collect::<Vec<_>>(), ["us.ns.o"]);
}

#[tokio::test]
async fn inventory_names_the_installation_of_the_daemon_and_of_once() {
    let (ruler, directory) = claiming().await;
    run_daemon(&directory).await;
    assert!(directory.path(INVENTORY).exists());
    assert!(ruler.rules("prod").contains_key("us"), "the claim");
    let output = directory.output(&["--once"]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn inventory_that_is_lost_makes_another_installation_of_the_same_directory() {
    let (_ruler, directory) = claiming().await;
    run_daemon(&directory).await;
    directory.remove(INVENTORY);
    let daemon = directory.start(&[]);
    daemon.logs(&["Another installation writes here", "previous_installation="]).await;
}
