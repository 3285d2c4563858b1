//! Reports to the tests whether the recordings of real servers are available; tests that need them are otherwise shown
//! as ignored.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-env-changed=RULESYNC_SHARED");
    println!("cargo::rustc-check-cfg=cfg(rulesync_shared)");
    let beside = || Some(PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?).join("../../../shared"));
    let Some(shared) = env::var_os("RULESYNC_SHARED").map(PathBuf::from).or_else(beside) else { return };
    println!("cargo::rustc-env=RULESYNC_SHARED_DIR={}", shared.display());
    // Watching a missing file would rerun this script in every build.
    println!("cargo::rerun-if-changed=build.rs");
    if shared.join("contracts").is_dir() {
        println!("cargo::rerun-if-changed={}", shared.join("contracts/README.md").display());
        println!("cargo::rustc-cfg=rulesync_shared");
    }
}
