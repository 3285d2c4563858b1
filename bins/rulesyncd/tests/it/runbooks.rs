//! Every command of every runbook is run as a reader runs it: in a cluster where the chart is installed, the daemon runs, and
//! what the runbook is about has happened. Each must succeed and show what the runbook says that it shows.
//!
//! | file | content |
//! |---|---|
//! | `page` | the commands of a page, in blocks and inline, and the words in capitals |
//! | `expected`, `outcome` | what each command shows, by runbook; what may come of a command |
//! | `world` | the cluster, the rulers and the daemon |
//! | `installation` | what the chart has installed, and the pods of it |
//! | `states` | what has happened |
//!
//! What was run and seen is in `runbooks.txt` of the target directory's `tmp`, which `.ci/run` prints.

mod expected;
mod installation;
mod outcome;
mod page;
mod states;
mod world;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use outcome::{Outcome, Runbook, Shown};
use rulesync_testkit::transcript::Shell;
use world::World;

use crate::chart;
use crate::process::crypto;

/// How long a state may take to be shown: an outage of a ruler is published after a minute.
const PATIENCE: Duration = Duration::from_secs(180);

/// The page that says how the others are used.
const INTRODUCTION: &str = "operations/alerts.md";

fn docs() -> PathBuf {
    chart::root().join("docs")
}

/// Runs a command until it shows what it should: what has happened takes a moment to be known everywhere.
fn run(shell: &Shell, command: &str, shown: &Shown) -> Result<String, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (printed, status) = shell.run(command).unwrap();
        let missing: Vec<&str> =
            shown.fragments().iter().copied().filter(|part| !printed.contains(part)).collect();
        if missing.is_empty() && status.code() == Some(shown.code()) {
            return Ok(printed);
        }
        if Instant::now() > deadline {
            return Err(format!("{command}\n{status}, without {missing:?}:\n{printed}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Runs the commands of a runbook, and returns a row of the table for each.
fn check(world: &World, runbook: &Runbook, table: &mut String, problems: &mut Vec<String>) {
    let text = std::fs::read_to_string(docs().join(runbook.page)).unwrap();
    let commands = page::commands(&text);
    let name = runbook.page;
    writeln!(table, "{name}").unwrap();
    let expected: Vec<&str> = runbook.shows.iter().map(|shown| shown.command).collect();
    if commands.len() != expected.len() {
        problems.push(format!("{name}: expected {expected:#?}, and the page has {commands:#?}"));
        return;
    }
    let words: BTreeMap<&str, String> = world.words(runbook);
    let shell = world.shell();
    for (command, shown) in commands.iter().zip(runbook.shows) {
        if !command.contains(shown.command) {
            problems.push(format!("{name}: expected {:?}, and the page has {command:?}", shown.command));
            continue;
        }
        let row = match &shown.outcome {
            Outcome::CannotRun(_) => shown.to_string(),
            Outcome::Shows(_) | Outcome::Fails(..) | Outcome::Nothing(_) => {
                match page::replace(command, &words).and_then(|command| run(&shell, &command, shown)) {
                    Ok(_) => shown.to_string(),
                    Err(problem) => {
                        problems.push(format!("{name}: {problem}"));
                        "FAILED".to_owned()
                    }
                }
            }
        };
        writeln!(table, "  {command}\n    {row}").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs RULESYNC_E2E_CLI_BINARY, a rulesync, and the variables of kubectl and helm 4"]
async fn runbooks_show_what_they_say() {
    crypto();
    let mut pages: Vec<String> = std::fs::read_dir(docs().join("runbooks"))
        .unwrap()
        .map(|entry| format!("runbooks/{}", entry.unwrap().file_name().to_str().unwrap()))
        .chain([INTRODUCTION.to_owned()])
        .collect();
    pages.sort();
    let mut known: Vec<&str> = expected::RUNBOOKS.iter().map(|runbook| runbook.page).collect();
    known.sort_unstable();
    assert_eq!(pages, known, "the pages that there are");

    let mut world = World::start().await;
    let (mut table, mut problems) = (String::new(), Vec::new());
    for runbook in expected::RUNBOOKS {
        world.make(runbook.state).await;
        let (world, table, problems) = (&world, &mut table, &mut problems);
        tokio::task::block_in_place(|| check(world, runbook, table, problems));
    }
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("runbooks.txt"), &table).unwrap();
    let denied = "kubectl auth can-i delete leases.coordination.k8s.io --namespace monitoring --as system:serviceaccount:monitoring:rulesync";
    let (printed, status) = world.shell().run(denied).unwrap();
    assert_eq!((printed.trim(), status.code()), ("no", Some(1)), "what the chart does not grant");
    let count = problems.len();
    assert!(problems.is_empty(), "{count} problems:\n{}\n{}", problems.join("\n\n"), world.log());
}
