//! What is published besides the image, as `.ci/run` has built it by the instructions of the Dockerfile.

use std::path::{Path, PathBuf};

use rulesync_testkit::needs;
use serde_json::Value;
use tempfile::TempDir;

use crate::repository::{read, run, stdout};

/// The directory with the files.
fn directory() -> PathBuf {
    PathBuf::from(needs::variable("RULESYNC_E2E_PACKAGES_DIRECTORY"))
}

/// The only file whose name begins and ends so.
fn file(begins: &str, ends: &str) -> PathBuf {
    let found: Vec<PathBuf> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(begins) && name.ends_with(ends)
        })
        .collect();
    let [file] = found.as_slice() else { panic!("{begins}…{ends}: {found:?}") };
    file.clone()
}

/// A Debian package, unpacked.
struct Package {
    path: PathBuf,
    root: TempDir,
}

impl Package {
    fn of(name: &str) -> Self {
        let path = file(&format!("{name}_"), ".deb");
        let root = tempfile::tempdir().unwrap();
        run("dpkg-deb", &["--raw-extract", path.to_str().unwrap(), root.path().to_str().unwrap()]);
        Self { path, root }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn field(&self, name: &str) -> String {
        stdout(&run("dpkg-deb", &["--field", self.path.to_str().unwrap(), name])).trim().to_owned()
    }
}

#[test]
#[ignore = "needs RULESYNC_E2E_PACKAGES_DIRECTORY, what a replay of the Dockerfile leaves of the stage `artifacts`"]
fn packages_of_the_daemon_has_its_unit_and_a_configuration() {
    let package = Package::of("rulesyncd");
    assert!(package.field("Version").starts_with("0."), "{}", package.field("Version"));
    let depends = package.field("Depends");
    assert!(depends.contains("libc6 (>=") && depends.contains("systemd"), "{depends}");
    let version = stdout(&run(package.at("usr/bin/rulesyncd"), &["--version"]));
    assert!(version.starts_with("rulesyncd "), "{version}");
    for (installed, source) in [
        ("usr/lib/systemd/system/rulesyncd.service", "deploy/systemd/rulesyncd.service"),
        ("usr/lib/sysusers.d/rulesyncd.conf", "deploy/systemd/rulesyncd.sysusers"),
        ("etc/rulesync/rulesync.yaml", "deploy/debian/rulesync.yaml"),
        ("etc/default/rulesyncd", "deploy/debian/rulesyncd.default"),
    ] {
        assert_eq!(package.read(installed), read(source), "{source}");
    }
    assert_eq!(
        package.read("DEBIAN/conffiles").trim(),
        "/etc/rulesync/rulesync.yaml\n/etc/default/rulesyncd"
    );
    assert!(package.at("usr/share/doc/rulesyncd/copyright").exists());
}

#[test]
#[ignore = "needs RULESYNC_E2E_PACKAGES_DIRECTORY, what a replay of the Dockerfile leaves of the stage `artifacts`"]
fn packages_start_no_daemon_that_has_no_owner() {
    let package = Package::of("rulesyncd");
    let script = package.read("DEBIAN/postinst");
    let has = |words: &str| script.contains(words);
    assert!(has("systemd-sysusers") && has("rulesyncd.conf") && !has("#DEBHELPER#"), "{script}");
    // What was enabled before stays so, and what runs is started anew.
    assert!(has("was-enabled") && has("try-restart") && !has("invoke start"), "{script}");
    assert_eq!(script.matches("helper enable").count(), 1, "{script}");
    for script in ["postinst", "postrm"] {
        run("sh", &["-n", package.at("DEBIAN").join(script).to_str().unwrap()]);
    }
    let daemon = package.at("usr/bin/rulesyncd");
    let check = |path: &Path| {
        let arguments = ["--check-config", "--config", path.to_str().unwrap()];
        let output = std::process::Command::new(&daemon).args(arguments).output().unwrap();
        (output.status.success(), stdout(&output))
    };
    let (is_valid, said) = check(&package.at("etc/rulesync/rulesync.yaml"));
    assert!(!is_valid, "{said}");
    let problems: Vec<&str> = said.lines().filter(|line| !line.trim_start().starts_with("hint:")).collect();
    assert!(problems.len() == 1 && problems[0].ends_with("`owner` is missing"), "{said}");
    // With an owner it is complete.
    let text = package.read("etc/rulesync/rulesync.yaml").replace("# owner: my-team", "owner: my-team");
    let complete = package.at("etc/rulesync/complete.yaml");
    std::fs::write(&complete, text).unwrap();
    let (is_valid, said) = check(&complete);
    assert!(is_valid, "{said}");
}

#[test]
#[ignore = "needs RULESYNC_E2E_PACKAGES_DIRECTORY, what a replay of the Dockerfile leaves of the stage `artifacts`"]
fn packages_of_the_command_line_has_manual_pages_and_completions() {
    let package = Package::of("rulesync");
    assert!(stdout(&run(package.at("usr/bin/rulesync"), &["--version"])).starts_with("rulesync "));
    for path in [
        "usr/share/man/man1/rulesync.1.gz",
        "usr/share/man/man1/rulesync-check.1.gz",
        "usr/share/bash-completion/completions/rulesync",
        "usr/share/fish/vendor_completions.d/rulesync.fish",
        "usr/share/zsh/vendor-completions/_rulesync",
    ] {
        assert!(std::fs::metadata(package.at(path)).is_ok_and(|file| file.len() > 100), "{path}");
    }
}

#[test]
#[ignore = "needs RULESYNC_E2E_PACKAGES_DIRECTORY, what a replay of the Dockerfile leaves of the stage `artifacts`"]
fn packages_have_an_archive_with_both_binaries() {
    let archive = file("rulesync-", ".tar.gz");
    let listed = stdout(&run("tar", &["--list", "--verbose", "--gzip", "--file", archive.to_str().unwrap()]));
    for (mode, name) in [
        ("-rwxr-xr-x 0/0", "/rulesyncd"),
        ("-rwxr-xr-x 0/0", "/rulesync"),
        ("-rw-r--r-- 0/0", "/LICENSE"),
        ("-rw-r--r-- 0/0", "/man/rulesync.1.gz"),
        ("-rw-r--r-- 0/0", "/completions/bash"),
    ] {
        let is_there = listed.lines().any(|line| line.starts_with(mode) && line.ends_with(name));
        assert!(is_there, "{name}: {listed}");
    }
}

#[test]
#[ignore = "needs RULESYNC_E2E_PACKAGES_DIRECTORY, what a replay of the Dockerfile leaves of the stage `artifacts`"]
fn packages_have_bills_of_materials_that_are_read_from_the_binaries() {
    for binary in ["rulesyncd", "rulesync"] {
        let path = file("rulesync-", &format!("-{binary}.cdx.json"));
        let bill: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(bill["bomFormat"], "CycloneDX");
        let components: Vec<&str> = bill["components"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|component| component["name"].as_str())
            .collect();
        for name in ["rulesync-core", "rustls", "tokio"] {
            assert!(components.contains(&name), "{binary}: {components:?}");
        }
        assert!(!components.contains(&"rulesync-testkit"), "{binary}");
    }
}
