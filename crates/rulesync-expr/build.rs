//! Sets `cfg(rulesync_shared)` if the shared corpus exists; the tests that need it are reported as ignored otherwise.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(rulesync_shared)");
    println!("cargo::rerun-if-env-changed=RULESYNC_SHARED");
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let shared = env::var_os("RULESYNC_SHARED").map_or_else(|| here.join("../../../shared"), PathBuf::from);
    if shared.join("corpus").is_dir() {
        println!("cargo::rustc-cfg=rulesync_shared");
    }
    println!("cargo::rustc-env=RULESYNC_SHARED_DIR={}", shared.display());
}
