//! Names that others have put into the ruler, and that are printed.

use rulesync_testkit::RulerServer;

use crate::fixture::{Directory, mimir};

/// Names of groups that would clear a terminal, forge a line of a plan and of a log, and turn the rest around; one of
/// them without ASCII characters that logfmt puts into quotes.
const HOSTILE: [&str; 2] = [
    "x\u{1b}[2J\n  - us.ns.all (9 groups)\nlevel=error\u{9b}31m\u{2028}\u{202e}y",
    "\u{9b}31m\u{2028}\u{202e}\u{7f}",
];

/// A ruler where somebody has put such groups beside ours.
async fn ruler_with_hostile_names() -> RulerServer {
    let ruler = mimir().await;
    for name in HOSTILE {
        let name: String = name.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
        ruler.put("prod", "us.ns.o", &format!("name: \"{name}\"\nrules: [{{record: r, expr: up}}]")).unwrap();
    }
    ruler
}

#[tokio::test]
async fn names_cannot_forge_lines_of_a_plan_or_move_the_cursor() {
    let ruler = ruler_with_hostile_names().await;
    let output = Directory::of(&ruler.url()).output(&["--dry-run"]).await;
    let mut lines: Vec<_> = std::str::from_utf8(&output.stdout).unwrap().split('\n').collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "",
            "  + us.ns.o / g (1 rules) of PrometheusRule ns/o",
            r"  - us.ns.o / \u{9b}31m\u{2028}\u{202e}\u{7f} of PrometheusRule ns/o",
            r"  - us.ns.o / x\u{1b}[2J\n  - us.ns.all (9 groups)\nlevel=error\u{9b}31m\u{2028}\u{202e}y of PrometheusRule ns/o",
            "central/prod: 3 changes",
        ]
    );
}

/// In a log of this format, whose lines begin so, and which writes the second name so.
async fn names_cannot_forge_lines(format: &str, begins: &str, escaped: &str) {
    let ruler = ruler_with_hostile_names().await;
    let directory = Directory::of(&ruler.url());
    let daemon = directory.start(&["--log.format", format]);
    daemon.logs(&["us.ns.o", escaped]).await;
    daemon.logs(&["us.ns.o", "us.ns.all (9 groups)"]).await;
    for line in daemon.log() {
        assert!(line.starts_with(begins), "{line:?}");
        assert!(!line.contains(|c: char| c.is_control() || "\u{2028}\u{202e}".contains(c)), "{line:?}");
    }
}

#[tokio::test]
async fn names_cannot_forge_lines_of_a_logfmt_log_or_move_the_cursor() {
    names_cannot_forge_lines("logfmt", "time=", r#"group="\u{9b}31m\u{2028}\u{202e}\u{7f}""#).await;
}

#[tokio::test]
async fn names_cannot_forge_lines_of_a_json_log_or_move_the_cursor() {
    names_cannot_forge_lines("json", "{", r#":"\u009b31m\u2028\u202e\u007f""#).await;
}
