//! Runs the testkit's Kubernetes API server, to try kubectl with it: `cargo run -p rulesync-testkit --example
//! kube_server -- FILE…` creates the objects in these files (YAML) and prints a kubeconfig.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use rulesync_testkit::KubeServer;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = KubeServer::start().await?;
    for path in std::env::args().skip(1) {
        for object in serde_saphyr::from_multiple(&std::fs::read_to_string(&path)?)? {
            server.apply(object)?;
        }
    }
    println!("{}", server.kubeconfig());
    std::future::pending().await
}
