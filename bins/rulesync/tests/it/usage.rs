//! Exit codes, and where things are printed.

use crate::cli::{rulesync, run};

#[test]
fn usage_errors_exit_with_64() {
    for args in [&["--no-such-flag"][..], &["no-such-verb"], &["config"], &["completion", "tcsh"], &[]] {
        let refused = run(args);
        assert_eq!(refused.status.code(), Some(64), "{refused:?}");
        assert!(refused.stdout.is_empty() && !refused.stderr.is_empty(), "{refused:?}");
    }
}

#[test]
fn help_is_a_result() {
    for args in [&["--help"][..], &["help", "config"], &["config", "check", "--help"]] {
        let shown = run(args);
        assert!(shown.status.success() && !shown.stdout.is_empty() && shown.stderr.is_empty(), "{shown:?}");
    }
}

#[test]
fn colors_of_usage_errors_and_help_are_as_chosen() {
    for (args, color, variable, colored) in [
        (&["--no-such-flag"][..], "--color=always", "NO_COLOR", true),
        (&["--no-such-flag"], "--color=never", "CLICOLOR_FORCE", false),
        (&["--help"], "--color=always", "NO_COLOR", true),
        (&["--help"], "--color=never", "CLICOLOR_FORCE", false),
    ] {
        let shown = rulesync().arg(color).args(args).env(variable, "1").output().unwrap();
        let text = [shown.stdout, shown.stderr].concat();
        assert_eq!(text.contains(&0x1b), colored, "{color} {args:?}");
    }
}

#[test]
fn colors_are_shown_only_where_they_are_wanted() {
    let colored = |args: &[&str], variable: Option<&str>| {
        let mut command = rulesync();
        command.args(args).args(["man", "/dev/null/man1"]).envs(variable.map(|name| (name, "1")));
        command.output().unwrap().stderr.contains(&0x1b)
    };
    assert!(!colored(&[], None), "standard error is no terminal");
    assert!(colored(&[], Some("CLICOLOR_FORCE")));
    assert!(!colored(&["--color", "never"], Some("CLICOLOR_FORCE")));
    assert!(colored(&["--color", "always"], Some("NO_COLOR")));
    assert!(!colored(&["--color", "auto"], Some("NO_COLOR")));
}
