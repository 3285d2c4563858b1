//! Runs of the binary.

use std::process::Output;

use assert_cmd::Command;

/// Returns a command in an environment that says nothing of colors, rulers or tenants.
pub(crate) fn rulesync() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("rulesync"));
    command.env_clear();
    command
}

/// Runs the binary to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    rulesync().args(args).output().unwrap()
}

/// Runs the binary, which is to succeed, and returns what it printed.
pub(crate) fn prints(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
