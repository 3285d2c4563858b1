//! `--once`: the exit code says whether everything was written.

use crate::fixture::{Directory, MANIFEST, mimir};

#[tokio::test]
async fn once_succeeds_when_everything_is_written() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    assert_eq!(directory.start(&["--once"]).end().await.code(), Some(0));
    assert!(ruler.rules("prod")["us.ns.o"].contains_key("g"));
}

#[tokio::test]
async fn once_fails_when_a_group_is_refused() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    directory.write("rules/o.yaml", &MANIFEST.replace("up == 0", "up == (0"));
    assert_eq!(directory.start(&["--once"]).end().await.code(), Some(1));
}

#[tokio::test]
async fn once_fails_when_the_ruler_is_down() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    ruler.faults().outage();
    assert_eq!(directory.start(&["--once"]).end().await.code(), Some(1));
}
