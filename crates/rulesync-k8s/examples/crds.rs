//! Writes the CRDs of the kinds we own to `deploy/crds`: `cargo run -p rulesync-k8s --example crds`.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/crds");
    for (name, yaml) in rulesync_k8s::manifest_files()? {
        std::fs::write(directory.join(name), yaml)?;
    }
    Ok(())
}
