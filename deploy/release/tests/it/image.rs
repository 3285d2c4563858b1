//! The image: what the Dockerfile says of it, and what `.ci/run` has built by its instructions.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rulesync_release::dockerfile::{Dockerfile, Instruction, Stage};
use rulesync_testkit::needs;
use serde_json::Value;

use crate::repository::{read, root, run, stdout};

/// The directory with the content of the image besides its base.
const DIRECTORY: &str = "RULESYNC_E2E_IMAGE_DIRECTORY";

fn dockerfile() -> Dockerfile {
    Dockerfile::parse(&read("Dockerfile")).unwrap()
}

fn image() -> Stage {
    dockerfile().stages.pop().unwrap()
}

fn instructions(stage: &Stage) -> Vec<Instruction> {
    stage.steps.iter().map(|step| step.instruction.clone()).collect()
}

/// The program that the image starts.
fn entry_point() -> Vec<String> {
    let found = instructions(&image()).into_iter().find_map(|instruction| match instruction {
        Instruction::EntryPoint(words) => Some(words),
        _ => None,
    });
    found.unwrap()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn image_is_what_the_chart_installs() {
    let instructions = instructions(&image());
    let values = yaml(&read("deploy/charts/rulesync/values.yaml"));
    let security = &values["podSecurityContext"];
    let user = format!("{}:{}", security["runAsUser"], security["runAsGroup"]);
    assert!(instructions.contains(&Instruction::User(user)), "{security}");
    assert!(instructions.contains(&Instruction::Expose(values["web"]["port"].to_string())));
    let labels = instructions.iter().find_map(|instruction| match instruction {
        Instruction::Labels(labels) => Some(labels),
        _ => None,
    });
    let title = &labels.unwrap()["org.opencontainers.image.title"];
    let repository = values["image"]["repository"].as_str().unwrap();
    assert_eq!(repository.rsplit_once('/').unwrap().1, title);
    assert!(read(".github/workflows/release.yml").contains(&format!("  IMAGE: {repository}\n")));
    // The chart passes arguments on, and names no program.
    let deployment = read("deploy/charts/rulesync/templates/deployment.yaml");
    assert!(deployment.contains("args:") && !deployment.contains("command:"));
    assert_eq!(entry_point(), ["/usr/local/bin/rulesyncd"]);
}

#[test]
fn image_has_no_shell_and_runs_nothing_while_it_is_built() {
    let image = image();
    assert!(image.base.starts_with("gcr.io/distroless/cc-") && image.base.ends_with(":nonroot"));
    assert!(!instructions(&image).iter().any(|instruction| matches!(instruction, Instruction::Run { .. })));
}

#[test]
fn image_is_built_by_a_rust_that_the_binaries_support() {
    let dockerfile = dockerfile();
    let version = dockerfile.arguments.iter().find(|argument| argument.name == "RUST_VERSION").unwrap();
    let numbers = |text: &str| text.split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>();
    let manifest = read("bins/rulesyncd/Cargo.toml");
    let oldest = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    let version = version.default.as_deref().unwrap();
    assert!(numbers(version) >= numbers(oldest.trim_matches('"')), "{version} {oldest}");
    // What CI tests with is what the image is built by.
    assert!(read(".github/workflows/ci.yml").contains(&format!("container: rust:{version}-bookworm\n")));
}

fn program(name: &str) -> PathBuf {
    PathBuf::from(needs::variable(DIRECTORY)).join("usr/local/bin").join(name)
}

#[test]
#[ignore = "needs RULESYNC_E2E_IMAGE_DIRECTORY, what a replay of the Dockerfile leaves of the image"]
fn image_starts_the_daemon() {
    let directory = PathBuf::from(needs::variable(DIRECTORY));
    let daemon = directory.join(entry_point()[0].trim_start_matches('/'));
    let version = stdout(&run(&daemon, &["--version"]));
    let chart = yaml(&read("deploy/charts/rulesync/Chart.yaml"));
    assert_eq!(version, format!("rulesyncd {}\n", chart["appVersion"].as_str().unwrap()));
    let configuration = root().join("examples/quickstart/rulesync.yaml");
    let checked = run(&daemon, &["--check-config", "--config", configuration.to_str().unwrap()]);
    assert!(stdout(&checked).ends_with("rulesync.yaml: valid\n"), "{checked:?}");
    assert!(stdout(&run(program("rulesync"), &["--version"])).starts_with("rulesync "));
}

#[test]
#[ignore = "needs RULESYNC_E2E_IMAGE_DIRECTORY, what a replay of the Dockerfile leaves of the image"]
fn image_has_the_libraries_that_its_binaries_load() {
    // What distroless/cc has. libgcc_s is what it has besides distroless/base.
    let base = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"];
    for name in ["rulesyncd", "rulesync"] {
        let headers = stdout(&run("readelf", &["--dynamic", "--wide", program(name).to_str().unwrap()]));
        let needed: BTreeSet<&str> = headers
            .lines()
            .filter(|line| line.contains("(NEEDED)"))
            .filter_map(|line| line.split_once('[')?.1.split_once(']'))
            .map(|(library, _)| library)
            .collect();
        assert!(needed.contains("libc.so.6"), "{headers}");
        let missing: Vec<&&str> = needed.iter().filter(|library| !base.contains(library)).collect();
        assert!(missing.is_empty(), "{name} loads {missing:?}, which the base image does not have");
    }
}
