//! Tells the tests whether they have a real Prometheus at hand, so that those that lack it show as ignored with the
//! reason.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RULESYNC_E2E_PROMETHEUS_BINARY");
    println!("cargo::rustc-check-cfg=cfg(e2e_prometheus)");
    if std::env::var_os("RULESYNC_E2E_PROMETHEUS_BINARY").is_some_and(|path| !path.is_empty()) {
        println!("cargo::rustc-cfg=e2e_prometheus");
    }
}
