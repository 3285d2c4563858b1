//! A real kubectl that talks to a [`KubeServer`], for transcripts of what people see.

use std::io;
use std::path::PathBuf;
use std::{fs, os::unix::fs::symlink};

use tempfile::TempDir;

use super::age::age;
use super::server::KubeServer;
use super::world::World;
use crate::needs;
use crate::transcript::Shell;

/// Names the program; `.ci/run` provides one.
const VARIABLE: &str = "RULESYNC_E2E_KUBECTL_BINARY";

/// A directory from which kubectl reaches one server and nothing else; it is gone when this is dropped.
#[derive(Debug)]
pub struct Kubectl {
    directory: TempDir,
}

impl Kubectl {
    /// Prepares the program that `RULESYNC_E2E_KUBECTL_BINARY` names.
    ///
    /// # Errors
    /// If the directory cannot be made.
    ///
    /// # Panics
    /// Without the variable: a test that uses it is to be ignored by default.
    pub fn new(server: &KubeServer) -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let at = |name: &str| directory.path().join(name);
        for name in ["bin", "home", "work"] {
            fs::create_dir(at(name))?;
        }
        symlink(fs::canonicalize(PathBuf::from(needs::variable(VARIABLE)))?, at("bin").join("kubectl"))?;
        fs::write(at("kubeconfig"), server.kubeconfig())?;
        Ok(Self { directory })
    }

    /// The directory in which commands run, for files of the test.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// A shell in that directory for the blocks `console kubectl`.
    ///
    /// The ages of Events that `kubectl describe` shows are by the clock of this machine; here they are by that of the
    /// server, as all others are.
    pub fn shell(&self, server: &KubeServer) -> Shell {
        let at = |name: &str| self.directory.path().join(name);
        let cluster = server.cluster.clone();
        Shell::new(self.directory())
            .programs(at("bin"))
            .env("HOME", at("home"))
            .env("KUBECONFIG", at("kubeconfig"))
            .blocks("console kubectl")
            .edit(move |command, printed| {
                if command.contains("kubectl describe") {
                    with_ages_of(&cluster.world(), &printed)
                } else {
                    printed
                }
            })
    }
}

/// The line above the Events in a description.
const HEAD: [&str; 5] = ["Type", "Reason", "Age", "From", "Message"];

/// Replaces the ages in a table of Events, whose columns are as wide as they must be.
fn with_ages_of(world: &World, description: &str) -> String {
    let mut lines: Vec<Line> = description.lines().map(|line| Line::of(world, line)).collect();
    let widths: Vec<usize> = (0..HEAD.len() - 1)
        .map(|column| lines.iter().filter_map(|line| line.width(column)).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in &mut lines {
        text += &line.render(&widths);
        text.push('\n');
    }
    text
}

enum Line {
    Event([String; HEAD.len()]),
    Other(String),
}

impl Line {
    fn of(world: &World, line: &str) -> Self {
        match cells(line) {
            Some(cells) if cells == HEAD || cells.iter().all(|cell| cell.starts_with("----")) => {
                Self::Event(cells.map(str::to_owned))
            }
            Some(cells) => match age_of(world, cells[1], cells[4]) {
                Some(age) => {
                    let mut cells = cells.map(str::to_owned);
                    cells[2] = age;
                    Self::Event(cells)
                }
                None => Self::Other(line.to_owned()),
            },
            None => Self::Other(line.to_owned()),
        }
    }

    fn width(&self, column: usize) -> Option<usize> {
        match self {
            Self::Event(cells) => Some(cells[column].chars().count()),
            Self::Other(_) => None,
        }
    }

    fn render(&self, widths: &[usize]) -> String {
        match self {
            Self::Other(line) => line.clone(),
            Self::Event(cells) => {
                let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  "));
                format!("  {}{}", padded.collect::<String>(), cells[HEAD.len() - 1])
            }
        }
    }
}

/// The cells of a line that may be of the table.
fn cells(line: &str) -> Option<[&str; HEAD.len()]> {
    let mut rest = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?;
    let mut cells = [""; HEAD.len()];
    for cell in cells.iter_mut().take(HEAD.len() - 1) {
        let (found, after) = rest.split_once("  ")?;
        *cell = found;
        rest = after.trim_start();
    }
    cells[HEAD.len() - 1] = rest;
    Some(cells)
}

/// The age of the Event with this reason and message, as a description shows it.
fn age_of(world: &World, reason: &str, message: &str) -> Option<String> {
    let now = world.stamps.clock.seconds();
    let events = world.store.table("events");
    let mut events = events.values().map(|record| record.value());
    let event = events.find(|event| {
        let told = event["message"].as_str().unwrap_or_default();
        event["reason"] == reason && told.trim().lines().next() == Some(message)
    })?;
    let text = |pointer: &str| event.pointer(pointer).and_then(serde_json::Value::as_str);
    let first = age(text("/firstTimestamp").or(text("/eventTime")).unwrap_or_default(), now);
    let times = event.pointer("/series/count").or(event.get("count")).and_then(serde_json::Value::as_i64);
    let last = text("/series/lastObservedTime").or(text("/lastTimestamp")).map(|time| age(time, now));
    Some(match (times, last) {
        (Some(times), Some(last)) if times > 1 => format!("{last} (x{times} over {first})"),
        _ => first,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::stamps::Stamps;
    use super::*;

    #[test]
    fn description_has_the_ages_by_the_clock_of_the_server() {
        let mut world = World::new(10, None, Stamps::new(None));
        world.stamps.clock.set(super::super::clock::seconds("2026-11-27T10:00:00Z").unwrap());
        let mut event = |name: &str, reason: &str, message: &str, rest: serde_json::Value| {
            let mut event = json!({
                "apiVersion": "v1", "kind": "Event", "metadata": {"namespace": "default", "name": name},
                "eventTime": "2026-11-27T09:58:00.000000Z", "reportingComponent": "rulesync.dev/prod",
                "reportingInstance": "pod-0", "action": "Check", "type": "Warning",
                "involvedObject": {"kind": "PrometheusRule", "name": "disk", "namespace": "default"},
                "reason": reason, "message": message,
            });
            for (key, part) in rest.as_object().unwrap() {
                event[key] = part.clone();
            }
            world.apply(event).unwrap();
        };
        event("a", "RuleRefused", "group  disk: bad\nand more", json!({}));
        let series = json!({"series": {"count": 3, "lastObservedTime": "2026-11-27T09:59:55.000000Z"}});
        event("b", "DeletesHeld", "two groups", series);
        let printed = "Name:  disk\nEvents:\n  Type     Reason       Age     From               Message\n  ----     ------       ----    ----               -------\n  Warning  RuleRefused  2y100d  rulesync.dev/prod  group  disk: bad\nand more\n  Warning  DeletesHeld  2y100d (x3 over 2y100d)  rulesync.dev/prod  two groups\n";
        assert_eq!(
            with_ages_of(&world, printed),
            "Name:  disk\nEvents:\n  Type     Reason       Age              From               Message\n  ----     ------       ----             ----               -------\n  Warning  RuleRefused  2m               rulesync.dev/prod  group  disk: bad\nand more\n  Warning  DeletesHeld  5s (x3 over 2m)  rulesync.dev/prod  two groups\n"
        );
    }
}
