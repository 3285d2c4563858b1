//! What authors see with a real kubectl of what the daemon publishes: the guide's page, and `tests/data/kubectl.md`, which
//! has more. Both also say how many writes that costs, for which the permissions that are deployed are enough.
//!
//! The page about installing has a kustomization, which needs no cluster.
//!
//! `UPDATE_DOCS=1` writes what is printed. Comments between the blocks of commands:
//!
//! - `time`: the clock of everybody is set.
//! - `written`: the daemon has written this since the last such comment, and nothing else. Waits for it.
//! - `daemon`: another daemon takes the place of the one that runs.
//! - `refuses`: Mimir refuses a ruler namespace with a message.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rulesync_config::Config;
use rulesync_testkit::{KubeServer, Kubectl, transcript};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::cluster::Cluster;
use crate::process::crypto;

const BEGIN: &str = "2026-11-27T10:00:00Z";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Reads a list such as `2 patch rulestatuses, 1 create events`; `nothing` is empty.
fn counts(text: &str) -> BTreeMap<String, usize> {
    let items = text.split(", ").filter(|item| *item != "nothing");
    let count = |item: &str| {
        let (times, write) = item.split_once(' ').unwrap();
        (write.to_owned(), times.parse().unwrap())
    };
    items.map(count).collect()
}

/// Runs the commands of a page in a cluster with a daemon, and returns how many these were.
async fn check(page: &Path, status: &str) -> usize {
    crypto();
    let mut cluster = Cluster::start(BEGIN, status).await;
    let kubectl = Kubectl::new(&cluster.kube).unwrap();
    std::os::unix::fs::symlink(root().join("deploy"), kubectl.directory().join("deploy")).unwrap();
    let shell = kubectl.shell(&cluster.kube);
    for crd in ["loggingrules", "rulestatuses"] {
        let file = format!("deploy/crds/rulesync.dev_{crd}.yaml");
        let applied =
            shell.output(&format!("kubectl create namespace team-a; kubectl apply -f {file}")).unwrap();
        assert!(applied.contains("created"), "{applied}");
    }
    cluster.start_daemon().await;
    let before = std::fs::read_to_string(page).unwrap();
    let mut expected = String::new();
    let comment = |name: &str, value: &str| match name {
        "time" => cluster.set_time(value),
        "daemon" => Handle::current().block_on(cluster.start_daemon()),
        "refuses" => {
            let (namespace, message) = value.split_once(": ").unwrap();
            cluster.refuse(namespace, message);
        }
        "written" => {
            let written = Handle::current().block_on(cluster.written(&counts(value)));
            assert_eq!(written, counts(value), "after {expected:?}\n{}", cluster.story());
            value.clone_into(&mut expected);
        }
        // Of other tests.
        "rendered" => {}
        other => panic!("{other}: {value}"),
    };
    let now = block_in_place(|| transcript::run(&before, &shell, comment)).unwrap();
    transcript::check(page, &now.text);
    let asked = cluster.asked();
    assert!(asked.contains("patch rulestatuses.rulesync.dev"), "{asked:?}");
    now.commands
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_KUBECTL_BINARY, a kubectl, and RULESYNC_E2E_FAKETIME_LIBRARY, libfaketime"]
async fn kubectl_shows_authors_what_the_guide_says() {
    let commands = check(&root().join("docs/guide/status.md"), "{}").await;
    assert!(commands >= 5, "{commands} commands were found");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_KUBECTL_BINARY, a kubectl, and RULESYNC_E2E_FAKETIME_LIBRARY, libfaketime"]
async fn kubectl_shows_all_that_the_daemon_publishes() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kubectl.md");
    let commands = check(&page, "{objects: all, events: all}").await;
    assert!(commands >= 20, "{commands} commands were found");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_KUBECTL_BINARY, a kubectl"]
async fn kubectl_makes_of_the_manifests_what_the_guide_says() {
    crypto();
    let kube = KubeServer::builder().start().await.unwrap();
    let kubectl = Kubectl::new(&kube).unwrap();
    let directory = kubectl.directory();
    std::os::unix::fs::symlink(root().join("deploy").canonicalize().unwrap(), directory.join("deploy"))
        .unwrap();
    let page = root().join("docs/guide/installing.md");
    let before = std::fs::read_to_string(&page).unwrap();
    let shell = kubectl.shell(&kube);
    let now = block_in_place(|| transcript::run(&before, &shell, |_, _| {})).unwrap();
    transcript::check(&page, &now.text);
    assert!(now.commands >= 2, "{} commands were found", now.commands);
    // What is applied in the end has a configuration that the daemon accepts.
    let rendered = std::fs::read_to_string(directory.join("installation.yaml")).unwrap();
    let objects = crate::chart::objects(&rendered);
    let map = objects.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
    let text = map["data"]["rulesync.yaml"].as_str().unwrap();
    let config = Config::parse(text, Path::new("rulesync.yaml"), HashMap::new()).unwrap();
    assert!(config.validate().is_ok(), "{text}");
}
