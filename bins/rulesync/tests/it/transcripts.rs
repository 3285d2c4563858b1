//! What the documentation shows of the command line is what the command line prints.
//!
//! A block of `console` in `docs/cli` has commands after `$ `, which are run by a shell in `examples/cli`, and what each
//! prints. A page with `<!-- ruler -->` has a directory of its own, in which a block after `<!-- file: NAME -->` is a file,
//! and a Mimir that mimirtool's variables name; with `<!-- daemon -->`, RULESYNC_DAEMON names a daemon. Blocks of
//! `console promtool` are checked where there is one. `UPDATE_DOCS=1 cargo test -p rulesync --test it transcripts` writes
//! what is printed.

use std::path::{Path, PathBuf};

use rulesync_testkit::needs;
use rulesync_testkit::transcript::{self, Shell};

use crate::world::World;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A shell that has the command line.
fn shell(directory: PathBuf) -> Shell {
    let binary = assert_cmd::cargo::cargo_bin!("rulesync");
    Shell::new(directory).programs(binary.parent().unwrap())
}

fn in_examples() -> Shell {
    shell(root().join("examples/cli"))
}

fn with_ruler(world: &World) -> Shell {
    shell(world.path("")).env("MIMIR_ADDRESS", world.ruler.url()).env("MIMIR_TENANT_ID", "prod")
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
        let has = |comment: &str| before.lines().any(|line| line == comment);
        let mut shell = if has("<!-- ruler -->") { with_ruler(&world) } else { in_examples() };
        let daemon = crate::daemon::start().await;
        if has("<!-- daemon -->") {
            shell = shell.env("RULESYNC_DAEMON", daemon.uri());
        }
        let now = tokio::task::block_in_place(|| transcript::run(&before, &shell, |_, _| {})).unwrap();
        commands += now.commands;
        transcript::check(&page, &now.text);
    }
    assert!(commands >= 10, "{commands} commands were found");
}

#[test]
#[ignore = "needs RULESYNC_E2E_PROMTOOL_BINARY, a promtool"]
fn transcripts_with_a_promtool_are_true() {
    let shell = in_examples()
        .env("PROMTOOL", needs::variable("RULESYNC_E2E_PROMTOOL_BINARY"))
        .blocks("console promtool");
    let page = root().join("docs/cli/test.md");
    let before = std::fs::read_to_string(&page).unwrap();
    let now = transcript::run(&before, &shell, |_, _| {}).unwrap();
    assert!(now.commands >= 2, "{} commands were found", now.commands);
    transcript::check(&page, &now.text);
}
