//! A changed configuration is applied without a restart; one with errors leaves the running one in force.

use rulesync_testkit::RulerServer;

use crate::fixture::{Directory, mimir};
use crate::process::Daemon;

/// A daemon that has written everything.
struct Reloading {
    ruler: RulerServer,
    directory: Directory,
    daemon: Daemon,
}

impl Reloading {
    async fn start() -> Self {
        let ruler = mimir().await;
        let directory = Directory::of(&ruler.url());
        let daemon = directory.start(&[]);
        daemon.in_order(1).await;
        ruler.journal().clear();
        Self { ruler, directory, daemon }
    }

    /// Whether the last reload succeeded, as the metrics have it.
    async fn succeeded(&self) -> bool {
        let (_, metrics) = self.daemon.get("/metrics").await.unwrap();
        let value = metrics.lines().find_map(|l| l.strip_prefix("rulesync_config_last_reload_successful "));
        match value {
            Some("0") => false,
            Some("1") => true,
            _ => panic!("{metrics}"),
        }
    }

    /// How many lines of the log contain this.
    fn logged(&self, part: &str) -> usize {
        self.daemon.log().iter().filter(|line| line.contains(part)).count()
    }
}

#[tokio::test]
async fn reload_keeps_running_when_the_configuration_is_invalid() {
    let it = Reloading::start().await;
    assert!(it.succeeded().await);
    it.directory.configure("owner: us", "owner: us\nnonsense: 1");
    it.daemon.signal("HUP");
    it.daemon.logs(&["Configuration reload failed", "nonsense"]).await;
    assert!(!it.succeeded().await);
    it.daemon.in_order(1).await;

    it.directory.configure("nonsense: 1\n", "");
    it.daemon.logs(&["Configuration reloaded"]).await;
    assert!(it.succeeded().await);
}

#[tokio::test]
async fn reload_touches_only_what_changed() {
    let it = Reloading::start().await;
    let two = "tenant: prod}, {name: more, ruler: central, tenant: stage}";
    it.directory.configure("tenant: prod}", two);
    it.daemon.logs(&["Configuration reloaded"]).await;
    it.ruler.journal().wait_until(|requests| requests.len() >= 2).await;
    it.daemon.in_order(1).await;
    let requests = it.ruler.journal().requests();
    let tenants: Vec<String> = requests
        .iter()
        .map(|request| format!("{} {}", request.method, request.tenant().unwrap_or_default()))
        .collect();
    assert_eq!(tenants, ["GET stage", "POST stage"], "the destination that did not change is left alone");
}

#[tokio::test]
async fn reload_is_tried_again_until_a_file_that_it_names_is_there() {
    let it = Reloading::start().await;
    // In the directory of the configuration.
    it.directory.configure("type: mimir,", "type: mimir, tls_config: {ca_file: ca.pem},");
    it.daemon.logs(&["Configuration reload failed", "ca.pem"]).await;
    let key = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
    it.directory.write("ca.pem", &key.cert.pem());
    it.daemon.logs(&["Configuration reloaded"]).await;
    assert_eq!(it.logged("Configuration reload failed"), 1, "{}", it.daemon.log().join("\n"));
}

#[tokio::test]
async fn reload_is_tried_again_until_the_configuration_is_back() {
    let it = Reloading::start().await;
    let original = std::fs::read_to_string(it.directory.config()).unwrap();
    it.directory.remove("rulesync.yaml");
    it.daemon.logs(&["Configuration reload failed", "rulesync.yaml", "error=\"No such file"]).await;
    assert!(!it.succeeded().await);
    it.directory.write("rulesync.yaml", &original);
    it.daemon.logs(&["Configuration reloaded"]).await;
    assert_eq!(it.logged("Configuration reload failed"), 1, "{}", it.daemon.log().join("\n"));
}
