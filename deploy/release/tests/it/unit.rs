//! The unit file of the daemon.

use std::collections::BTreeMap;

use crate::repository::{read, run, stdout};

const UNIT: &str = "deploy/systemd/rulesyncd.service";

/// The settings of the unit; of one that is repeated, the values with a space between them.
fn settings() -> BTreeMap<String, String> {
    let mut settings: BTreeMap<String, String> = BTreeMap::new();
    let text = read(UNIT);
    for (name, value) in
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='))
    {
        let setting = settings.entry(name.to_owned()).or_default();
        setting.push_str(if setting.is_empty() { "" } else { " " });
        setting.push_str(value);
    }
    settings
}

#[test]
fn unit_agrees_with_the_configuration_of_the_package() {
    let settings = settings();
    let configuration: serde_json::Value =
        serde_saphyr::from_str(&read("deploy/debian/rulesync.yaml")).unwrap();
    let states: Vec<String> =
        settings["StateDirectory"].split(' ').map(|name| format!("/var/lib/{name}")).collect();
    // What the sandbox lets the daemon write is all that the configuration has it write. It makes no directory of a ruler.
    let inventory = configuration["inventory"]["path"].as_str().unwrap();
    assert!(inventory.starts_with(&format!("{}/", states[0])), "{inventory}");
    let directory = configuration["rulers"][0]["directory"].as_str().unwrap();
    assert!(states.iter().any(|state| state == directory), "{directory} {states:?}");
    assert!(settings["ExecStart"].contains("--config=/etc/rulesync/rulesync.yaml"));
    assert!(read("deploy/systemd/rulesyncd.sysusers").contains(&format!("\nu {} ", settings["User"])));
    // The daemon reloads on SIGHUP, and tells systemd nothing.
    assert_eq!(
        (settings["ExecReload"].as_str(), settings["Type"].as_str()),
        ("/bin/kill -HUP $MAINPID", "exec")
    );
    assert!(read("deploy/debian/rulesyncd.default").contains("\nARGS="));
}

#[test]
#[ignore = "needs RULESYNC_E2E_SYSTEMD_ANALYZE_BINARY"]
fn unit_is_hardened() {
    let systemd = rulesync_testkit::needs::variable("RULESYNC_E2E_SYSTEMD_ANALYZE_BINARY");
    let said = stdout(&run(systemd, &["security", "--offline=true", "--no-pager", "--threshold=19", UNIT]));
    let exposure =
        said.lines().find_map(|line| line.split_once("Overall exposure level for rulesyncd.service: "));
    let exposure = exposure.unwrap_or_else(|| panic!("{said}")).1;
    let number: f32 = exposure.split(' ').next().unwrap().parse().unwrap();
    assert!(number < 2.0, "{said}");
}
