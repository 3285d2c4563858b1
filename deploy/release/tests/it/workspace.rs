//! The workspace as it is.

use rulesync_release::order;
use rulesync_release::version::{self, Chart};
use rulesync_release::workspace::Workspace;

use crate::repository::{read, root};

#[test]
fn crates_of_the_workspace_can_be_published_in_some_order() {
    let workspace = Workspace::read(&root()).unwrap();
    let order: Vec<&str> =
        order::of(&workspace).unwrap().iter().map(|package| package.name.as_str()).collect();
    let at = |name: &str| order.iter().position(|other| *other == name).unwrap_or_else(|| panic!("{name}"));
    assert!(at("rulesync-expr") < at("rulesync-core") && at("rulesync-core") < at("rulesync-http"));
    assert!(at("rulesync-config") < at("rulesyncd"));
    for name in ["rulesync-testkit", "rulesync-tests", "rulesync-release", "rulesync-bench"] {
        assert!(!order.contains(&name), "{name}");
    }
}

#[test]
fn versions_of_the_workspace_and_the_chart_agree() {
    let workspace = Workspace::read(&root()).unwrap();
    let chart: Chart = serde_saphyr::from_str(&read("deploy/charts/rulesync/Chart.yaml")).unwrap();
    let changelog = format!("## {}\n\nNotes.\n", chart.version);
    let release = version::check(&format!("v{}", chart.version), &workspace, &chart, &changelog).unwrap();
    assert_eq!(release.notes, "Notes.");
}
