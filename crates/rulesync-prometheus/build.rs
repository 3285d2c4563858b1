//! Sets `cfg` flags for the available real servers, so that tests without one are shown as ignored with the reason.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for (variable, cfg) in
        [("RULESYNC_E2E_PROMETHEUS_BINARY", "e2e_prometheus"), ("RULESYNC_E2E_VMALERT_BINARY", "e2e_vmalert")]
    {
        println!("cargo::rerun-if-env-changed={variable}");
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        if std::env::var_os(variable).is_some_and(|path| !path.is_empty()) {
            println!("cargo::rustc-cfg={cfg}");
        }
    }
}
