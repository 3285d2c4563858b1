//! Prints the CRDs of the kinds we own: `cargo run -p rulesync-k8s --example crds >
//! deploy/crds/rulesync.dev_loggingrules.yaml`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

fn main() -> Result<(), rulesync_k8s::ManifestError> {
    print!("{}", rulesync_k8s::manifests()?);
    Ok(())
}
