//! Sets `cfg` flags for the prerequisites of tests, so that tests without them are shown as ignored with the reason.

use std::{env, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RULESYNC_E2E_LOKI");
    println!("cargo::rustc-check-cfg=cfg(e2e_loki)");
    if env::var_os("RULESYNC_E2E_LOKI").is_some_and(|value| !value.is_empty()) {
        println!("cargo::rustc-cfg=e2e_loki");
    }
    println!("cargo::rerun-if-env-changed=RULESYNC_SHARED");
    println!("cargo::rustc-check-cfg=cfg(rulesync_shared)");
    let beside = || Some(PathBuf::from(env::var_os("CARGO_MANIFEST_DIR")?).join("../../../shared"));
    let Some(shared) = env::var_os("RULESYNC_SHARED").map(PathBuf::from).or_else(beside) else { return };
    println!("cargo::rustc-env=RULESYNC_SHARED_DIR={}", shared.display());
    if shared.join("contracts").is_dir() {
        println!("cargo::rustc-cfg=rulesync_shared");
    }
}
