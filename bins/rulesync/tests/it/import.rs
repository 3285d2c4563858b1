//! `import alloy`.

use std::path::{Path, PathBuf};
use std::process::Output;

use rulesync_testkit::KubeServer;

use crate::cli::rulesync;
use crate::world::World;

/// The files of the crate that reads them.
fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/rulesync-alloy/tests/data")
}

/// Imports with these arguments, where those files are.
fn import(args: &[&str]) -> Output {
    rulesync().current_dir(data()).args(["import", "alloy"]).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn import_prints_the_configuration_and_reports_on_standard_error() {
    let imported = import(&["seed.alloy", "--owner", "prod-eu"]);
    assert!(imported.status.success(), "{imported:?}");
    insta::assert_snapshot!(
        "import_alloy",
        format!("{}\n-- standard error --\n{}", text(&imported.stdout), text(&imported.stderr))
    );
}

#[test]
fn import_prints_nothing_if_there_are_errors() {
    let refused = import(&["broken/references.alloy", "--owner", "prod-eu"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stdout.is_empty());
    insta::assert_snapshot!("import_alloy_refused", text(&refused.stderr));
}

#[test]
fn import_writes_configuration_and_report_to_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (output, report) = (path("rulesync.yaml"), path("report.txt"));
    let flags = ["--owner", "us", "--naming", "owner", "--output", &output, "--report", &report];
    let imported = import(&[&["tenants.alloy"], &flags[..]].concat());
    assert!(imported.status.success() && imported.stdout.is_empty(), "{imported:?}");
    let outcome = format!("Imported: 2 rulers, 2 routes. Written to {output}.\n");
    assert_eq!(text(&imported.stderr), outcome);
    let written = std::fs::read_to_string(report).unwrap();
    assert!(written.contains("secretName: mimir-credentials") && written.ends_with(&outcome), "{written}");
    let configuration = std::fs::read_to_string(&output).unwrap();
    assert!(
        configuration.contains("previous_naming: [{type: alloy, prefix: alloy, separator: /}]"),
        "{configuration}"
    );
}

#[test]
fn import_reads_directories_and_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    for file in ["seed.alloy", "environment.alloy"] {
        std::fs::copy(data().join(file), directory.path().join(file)).unwrap();
    }
    std::fs::write(directory.path().join("notes.txt"), "x").unwrap();
    let imported = import(&[directory.path().to_str().unwrap(), "--owner", "us"]);
    assert!(imported.status.success(), "{imported:?}");
    assert!(text(&imported.stderr).contains("Imported: 2 rulers, 3 routes."), "{imported:?}");
    let values = std::fs::read(data().join("values.yaml")).unwrap();
    let imported =
        rulesync().args(["import", "alloy", "-", "--owner", "us"]).write_stdin(values).output().unwrap();
    assert!(text(&imported.stdout).contains("leader_election: {enabled: true}"), "{imported:?}");
    std::fs::remove_file(directory.path().join("seed.alloy")).unwrap();
    std::fs::remove_file(directory.path().join("environment.alloy")).unwrap();
    let refused = import(&[directory.path().to_str().unwrap(), "--owner", "us"]);
    assert!(text(&refused.stderr).contains("there is no file `*.alloy`"), "{refused:?}");
}

#[test]
fn import_reports_what_the_configuration_cannot_have() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.alloy");
    std::fs::write(
        &file,
        "mimir.rules.kubernetes \"a\" {\n  address   = \"http://m\"\n  tenant_id = \"a/b\"\n}\n",
    )
    .unwrap();
    let refused = import(&[file.to_str().unwrap(), "--owner", "us"]);
    assert_eq!(refused.status.code(), Some(1));
    let report = text(&refused.stderr);
    assert!(refused.stdout.is_empty() && report.contains("a.alloy:3:15: "), "{report}");
    assert!(report.ends_with("Nothing was imported: 1 error.\n"), "{report}");
}

#[test]
fn import_tells_of_secrets_and_writes_them_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let component = |settings: &str| {
        let text = format!("mimir.rules.kubernetes \"a\" {{\n  tenant_id = \"a\"\n{settings}}}\n");
        std::fs::write(path("a.alloy"), text).unwrap();
    };
    let import = || {
        let flags = ["import", "alloy", &path("a.alloy"), "--owner", "us", "--output", &path("out.yaml")];
        rulesync().args(flags).output().unwrap()
    };
    let mode = || std::fs::metadata(path("out.yaml")).unwrap().permissions().mode() & 0o777;
    let plain = "  address = \"http://m\"\n";
    component(plain);
    assert!(import().status.success());
    assert_ne!(mode(), 0o600, "there is no secret");
    for (setting, says) in [
        ("http_headers = {\"X-Key\" = [\"s3cret\"]}", "(Info) {}:4:18: the header `X-Key` stands"),
        ("proxy_url = \"http://u:s3cret@p\"", "(Info) {}:4:15: the password in `proxy_url` stands"),
        ("bearer_token = \"s3cret\"", "(Info) {}:4:18: `bearer_token` stands"),
    ] {
        component(&format!("{plain}  {setting}\n"));
        let imported = import();
        let report = text(&imported.stderr);
        assert!(imported.status.success() && !report.contains("s3cret"), "{report}");
        assert!(report.contains(&says.replace("{}", &path("a.alloy"))), "{report}");
        assert_eq!(mode(), 0o600);
    }
    component("  address = \"http://u:s3cret@m\"\n");
    let refused = import();
    let report = text(&refused.stderr);
    assert!(report.contains(":3:13: `address` holds credentials: use `basic_auth`\n"), "{report}");
    assert!(refused.status.code() == Some(1) && !report.contains("s3cret"), "{report}");
}

#[test]
fn import_does_not_say_that_it_has_written_what_it_has_not() {
    let failed = import(&["seed.alloy", "--owner", "us", "--output", "/nowhere/out.yaml"]);
    let report = text(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{report}");
    assert!(report.contains("\nImported: ") && !report.contains("Written"), "{report}");
    assert!(
        report.ends_with("error: /nowhere/out.yaml: No such file or directory (os error 2)\n"),
        "{report}"
    );
    // Nobody can be told, and what was asked for is done.
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("rulesync"));
    command.current_dir(data()).args(["import", "alloy", "seed.alloy", "--owner", "us"]).stderr(full);
    let imported = command.output().unwrap();
    assert!(imported.status.success() && !imported.stdout.is_empty(), "{imported:?}");
}

#[test]
fn import_needs_an_owner() {
    let refused = import(&["seed.alloy"]);
    assert_eq!(refused.status.code(), Some(64));
    assert!(text(&refused.stderr).contains("--owner"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_reads_configurations_of_alloy() {
    let world = World::new().await;
    let kube = KubeServer::start().await.unwrap();
    kube.create_namespace("monitoring", [("kubernetes.io/metadata.name", "monitoring")]).unwrap();
    let object = serde_json::json!({
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "web", "namespace": "monitoring", "labels": {"tenant": "prod"}},
        "spec": {"groups": [{"name": "g", "rules": [{"alert": "Down", "expr": "up == 0"}]}]},
    });
    let uid = kube.apply(object).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
    world.write("kubeconfig", &kube.kubeconfig());
    let text = std::fs::read_to_string(data().join("seed.alloy")).unwrap();
    let address = "http://mimir.monitoring.svc.cluster.local:9009";
    world.write("alerts.alloy", &text.replace(address, &world.ruler.url()));
    let plan = |flags: &[&str]| {
        let mut command = world.command(&[&["plan", "--config", "alerts.alloy"], flags].concat());
        command
            .env("KUBECONFIG", "kubeconfig")
            .env_remove("RULESYNC_ADDRESS")
            .env_remove("RULESYNC_TENANT_ID");
        world.finish(command)
    };
    let planned = plan(&["--owner", "prod-eu"]).await.ok();
    assert!(planned.contains("Plan: 1 to add, 0 to change, 0 to delete"), "{planned}");
    world.put(&format!("alloy/monitoring/web/{uid}"), "name: g\nrules: [{alert: Down, expr: up == 0}]");
    let planned = plan(&["--owner", "prod-eu"]).await.ok();
    assert!(planned.contains("Plan: 0 to add, 0 to change, 0 to delete"), "{planned}");
    let list = world.command(&["list", "--config", "alerts.alloy", "--destination", "mimir/prod"]);
    let listed = world.finish(list).await.ok();
    assert!(listed.contains(&uid), "{listed}");
}

#[test]
fn config_check_reads_configurations_of_alloy() {
    let check = |flags: &[&str]| {
        rulesync().current_dir(data()).args(["config", "check", "seed.alloy"]).args(flags).output().unwrap()
    };
    let refused = check(&[]);
    assert!(text(&refused.stdout).contains("seed.alloy: the owner is missing"), "{refused:?}");
    assert_eq!(text(&check(&["--owner", "us"]).stdout), "seed.alloy: valid\n");
}
