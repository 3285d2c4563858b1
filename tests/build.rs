//! Tells the tests what they have at hand, so that those that lack something show as ignored with the reason.

use std::path::Path;

fn main() {
    for (variable, cfg) in [
        ("RULESYNC_E2E_MIMIR", "e2e_mimir"),
        ("RULESYNC_E2E_CORTEX", "e2e_cortex"),
        ("RULESYNC_E2E_KUBECONFIG", "e2e_kubeconfig"),
    ] {
        println!("cargo::rerun-if-env-changed={variable}");
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        if std::env::var_os(variable).is_some_and(|value| !value.is_empty()) {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
    println!("cargo::rerun-if-env-changed=RULESYNC_SHARED");
    println!("cargo::rustc-check-cfg=cfg(rulesync_shared)");
    let manifest = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let beside = Path::new(&manifest).join("../../shared");
    let shared = std::env::var_os("RULESYNC_SHARED").map_or(beside, Into::into);
    if shared.join("corpus").is_dir() {
        println!("cargo::rustc-cfg=rulesync_shared");
    }
    println!("cargo::rustc-env=RULESYNC_SHARED_DIR={}", shared.display());
}
