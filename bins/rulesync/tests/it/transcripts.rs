//! What the documentation shows of the command line is what the command line prints.
//!
//! A block of `console` in `docs/cli` has commands after `$ `, which are run by a shell in `examples/cli`, and what each
//! prints. A page with `<!-- ruler -->` has a directory of its own, in which a block after `<!-- file: NAME -->` is a file,
//! and a Mimir that mimirtool's variables name; with `<!-- daemon -->`, RULESYNC_DAEMON names a daemon. Blocks of
//! `console promtool` are checked where there is one. `UPDATE_DOCS=1 cargo test -p rulesync --test it transcripts` writes
//! what is printed.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::World;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Where commands are run.
struct Shell {
    directory: PathBuf,
    environment: Vec<(&'static str, String)>,
    /// What the blocks open with.
    info: &'static str,
}

impl Shell {
    fn in_examples() -> Self {
        Self { directory: root().join("examples/cli"), environment: Vec::new(), info: "console" }
    }

    fn with_promtool(path: String) -> Self {
        Self { environment: vec![("PROMTOOL", path)], info: "console promtool", ..Self::in_examples() }
    }

    fn with_ruler(world: &World) -> Self {
        let environment = vec![("MIMIR_ADDRESS", world.ruler.url()), ("MIMIR_TENANT_ID", "prod".to_owned())];
        Self { directory: world.path(""), environment, info: "console" }
    }

    /// Runs a command as a reader would, and returns what it prints.
    fn output(&self, command: &str) -> String {
        let binary = assert_cmd::cargo::cargo_bin!("rulesync");
        let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-c", &format!("{{ {command}\n}} 2>&1")])
            .current_dir(&self.directory)
            .env_clear()
            .env("PATH", path)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Returns a page with what its commands print today, and how many there are.
fn with_outputs(page: &str, shell: &Shell) -> (String, usize) {
    let (mut text, mut commands, mut in_block, mut skipping) = (String::new(), 0, false, false);
    let (mut next_file, mut file): (Option<&str>, Option<(&str, String)>) = (None, None);
    for line in page.lines() {
        if let Some(name) = line.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->")) {
            next_file = Some(name);
        }
        match line.strip_prefix("```") {
            Some(info) => {
                if let Some((name, content)) = file.take() {
                    shell.write(name, &content);
                }
                file = next_file.take().map(|name| (name, String::new()));
                in_block = !in_block && info == shell.info;
                skipping = false;
            }
            None if in_block => {
                if let Some(command) = line.strip_prefix("$ ") {
                    commands += 1;
                    skipping = true;
                    let printed = shell.output(command);
                    let _ = writeln!(text, "{}", format!("{line}\n{printed}").trim_end());
                }
            }
            None => {
                if let Some((_, content)) = &mut file {
                    let _ = writeln!(content, "{line}");
                }
            }
        }
        if !skipping {
            let _ = writeln!(text, "{line}");
        }
    }
    (text, commands)
}

#[tokio::test(flavor = "multi_thread")]
async fn transcripts_in_the_documentation_are_true() {
    let mut pages: Vec<PathBuf> =
        std::fs::read_dir(root().join("docs/cli")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    let mut commands = 0;
    for page in pages {
        let before = std::fs::read_to_string(&page).unwrap();
        let world = World::new().await;
        let has_ruler = before.lines().any(|line| line == "<!-- ruler -->");
        let mut shell = if has_ruler { Shell::with_ruler(&world) } else { Shell::in_examples() };
        let daemon = crate::daemon::start().await;
        if before.lines().any(|line| line == "<!-- daemon -->") {
            shell.environment.push(("RULESYNC_DAEMON", daemon.uri()));
        }
        let (now, number) = tokio::task::block_in_place(|| with_outputs(&before, &shell));
        commands += number;
        is_true(&page, &before, &now);
    }
    assert!(commands >= 10, "{commands} commands were found");
}

/// Fails unless a page is what it is to be, or writes it.
fn is_true(page: &Path, before: &str, now: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(page, now).unwrap();
    } else {
        let different = before.lines().zip(now.lines()).enumerate().find(|(_, (before, now))| before != now);
        let (page, first) = (page.display(), different.map(|(line, lines)| (line + 1, lines)));
        assert!(before == now, "{page}: UPDATE_DOCS=1 writes it anew; first difference: {first:?}:\n{now}");
    }
}

#[test]
#[ignore = "needs RULESYNC_E2E_PROMTOOL_BINARY, a promtool"]
fn transcripts_with_a_promtool_are_true() {
    let promtool = std::env::var("RULESYNC_E2E_PROMTOOL_BINARY");
    let promtool =
        promtool.expect("this test needs RULESYNC_E2E_PROMTOOL_BINARY; CONTRIBUTING.md says what it is for");
    let page = root().join("docs/cli/test.md");
    let before = std::fs::read_to_string(&page).unwrap();
    let (now, commands) = with_outputs(&before, &Shell::with_promtool(promtool));
    assert!(commands >= 2, "{commands} commands were found");
    is_true(&page, &before, &now);
}

#[test]
fn transcript_replaces_what_was_printed_before() {
    let directory = tempfile::tempdir().unwrap();
    let shell = Shell { directory: directory.path().to_owned(), environment: Vec::new(), info: "console" };
    let (now, commands) = with_outputs(
        "text\n\n```console\n$ echo a; echo b >&2\nold\n$ false\n```\n\n```sh\n$ echo c\n```\n",
        &shell,
    );
    assert_eq!(now, "text\n\n```console\n$ echo a; echo b >&2\na\nb\n$ false\n```\n\n```sh\n$ echo c\n```\n");
    assert_eq!(commands, 2);
    let page = "<!-- file: a/b -->\n```yaml\none\n```\n\n```console\n$ cat a/b\n```\n";
    assert_eq!(with_outputs(page, &shell).0, page.replace("cat a/b\n", "cat a/b\none\n"));
}
