//! What the documentation shows of the command line is what the command line prints.
//!
//! A block of `console` in `docs/cli` has commands after `$ `, which are run by a shell in `examples/cli`, and what each
//! prints. `UPDATE_DOCS=1 cargo test -p rulesync --test it transcripts` writes it.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Runs a command as a reader would, and returns what it prints.
fn output(command: &str) -> String {
    let binary = assert_cmd::cargo::cargo_bin!("rulesync");
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", &format!("{{ {command}\n}} 2>&1")])
        .current_dir(root().join("examples/cli"))
        .env_clear()
        .env("PATH", path)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Returns a page with what its commands print today, and how many there are.
fn with_outputs(page: &str) -> (String, usize) {
    let (mut text, mut commands, mut in_block, mut skipping) = (String::new(), 0, false, false);
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(info) => {
                in_block = !in_block && info == "console";
                skipping = false;
            }
            None if in_block => {
                if let Some(command) = line.strip_prefix("$ ") {
                    commands += 1;
                    skipping = true;
                    let printed = output(command);
                    let _ = writeln!(text, "{}", format!("{line}\n{printed}").trim_end());
                }
            }
            None => {}
        }
        if !skipping {
            let _ = writeln!(text, "{line}");
        }
    }
    (text, commands)
}

#[test]
fn transcripts_in_the_documentation_are_true() {
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir(root().join("docs/cli")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    let mut commands = 0;
    for page in pages {
        let before = std::fs::read_to_string(&page).unwrap();
        let (now, number) = with_outputs(&before);
        commands += number;
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&page, now).unwrap();
        } else {
            assert!(before == now, "{}: UPDATE_DOCS=1 writes it anew:\n{now}", page.display());
        }
    }
    assert!(commands >= 10, "{commands} commands were found");
}

#[test]
fn transcript_replaces_what_was_printed_before() {
    let (now, commands) =
        with_outputs("text\n\n```console\n$ echo a; echo b >&2\nold\n$ false\n```\n\n```sh\n$ echo c\n```\n");
    assert_eq!(now, "text\n\n```console\n$ echo a; echo b >&2\na\nb\n$ false\n```\n\n```sh\n$ echo c\n```\n");
    assert_eq!(commands, 2);
}
