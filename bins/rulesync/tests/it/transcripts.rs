//! What the documentation shows of the command line is what the command line prints.
//!
//! A block of `console` in the book has commands after `$ `, which are run by a shell in `examples/cli`, and what each
//! prints. A page with files, the blocks after `<!-- file: NAME -->`, has a directory of its own, and so has one with
//! `<!-- ruler -->`, which has a Mimir that mimirtool's variables name, too, and in it the claims that
//! `<!-- claim: TENANT OWNER CLUSTER INSTALLATION -->` describes; one with `<!-- loki -->` has a Loki that lokitool's name
//! beside it. With `<!-- daemon -->`, RULESYNC_DAEMON names a daemon. Blocks of `console promtool` are checked where there is
//! one. `UPDATE_DOCS=1 cargo test -p rulesync --test it transcripts` writes what is printed.

use std::path::{Path, PathBuf};

use rulesync_testkit::transcript::{self, Shell};
use rulesync_testkit::{Kind, needs};

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

/// The pages of the book, but for those that quote servers.
fn pages() -> Vec<PathBuf> {
    let docs = root().join("docs");
    let mut pages: Vec<PathBuf> =
        [docs.clone(), docs.join("cli"), docs.join("guide"), docs.join("operations")]
            .iter()
            .flat_map(|directory| std::fs::read_dir(directory).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .collect();
    pages.sort();
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn transcripts_in_the_documentation_are_true() {
    let mut commands = 0;
    for page in pages() {
        let before = std::fs::read_to_string(&page).unwrap();
        let world = World::new().await;
        let loki = World::of(Kind::Loki).await;
        let has = |comment: &str| before.lines().any(|line| line == comment);
        let mut shell = match has("<!-- ruler -->") {
            true => with_ruler(&world),
            // Files of a page never get among the examples.
            false if before.contains("\n<!-- file: ") => shell(world.path("")),
            false => in_examples(),
        };
        if has("<!-- loki -->") {
            shell = shell.env("LOKI_ADDRESS", loki.ruler.url()).env("LOKI_TENANT_ID", "prod");
        }
        let daemon = crate::daemon::start().await;
        if has("<!-- daemon -->") {
            shell = shell.env("RULESYNC_DAEMON", daemon.uri());
        }
        let now = tokio::task::block_in_place(|| {
            transcript::run(&before, &shell, |name, value| claim(&world, name, value))
        })
        .unwrap();
        commands += now.commands;
        transcript::check(&page, &now.text);
    }
    assert!(commands >= 10, "{commands} commands were found");
}

/// Makes the claim that a comment describes: tenant, owner, cluster and installation.
fn claim(world: &World, name: &str, value: &str) {
    if name != "claim" {
        return;
    }
    let [tenant, owner, cluster, installation] = value.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{value}")
    };
    world.claim(tenant, owner, cluster, installation);
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
