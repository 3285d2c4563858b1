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
    /// The ages of Events that `kubectl describe` and `kubectl events` show are by the clock of this machine; here they are
    /// by that of the server, as all others are.
    pub fn shell(&self, server: &KubeServer) -> Shell {
        let at = |name: &str| self.directory.path().join(name);
        let cluster = server.cluster.clone();
        Shell::new(self.directory())
            .programs(at("bin"))
            .env("HOME", at("home"))
            .env("KUBECONFIG", at("kubeconfig"))
            .blocks("console kubectl")
            .edit(move |command, printed| match Layout::of(command) {
                Some(layout) => layout.with_ages_of(&cluster.world(), &printed),
                None => printed,
            })
    }
}

/// A table of Events in what kubectl prints, with the ages that it makes by the clock of this machine.
struct Layout {
    /// The first line. The messages are last, and in no column.
    head: [&'static str; COLUMNS],
    /// What each line begins with.
    indent: &'static str,
    /// The spaces between columns.
    gap: usize,
    reason: usize,
    age: usize,
}

/// The number of columns of either table.
const COLUMNS: usize = 5;

/// The end of a description.
const DESCRIBE: Layout =
    Layout { head: ["Type", "Reason", "Age", "From", "Message"], indent: "  ", gap: 2, reason: 1, age: 2 };

/// What `kubectl events` prints of one Kubernetes namespace.
const EVENTS: Layout = Layout {
    head: ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"],
    indent: "",
    gap: 3,
    reason: 2,
    age: 0,
};

impl Layout {
    /// Returns the table that a command prints.
    fn of(command: &str) -> Option<&'static Self> {
        let prints = |name: &str| command.contains(name);
        [("kubectl describe", &DESCRIBE), ("kubectl events", &EVENTS)]
            .into_iter()
            .find_map(|(name, layout)| prints(name).then_some(layout))
    }

    /// Replaces the ages in the table, whose columns are as wide as they must be.
    fn with_ages_of(&self, world: &World, printed: &str) -> String {
        let lines: Vec<Line> = printed.lines().map(|line| self.line(world, line)).collect();
        let widths: Vec<usize> = (0..COLUMNS - 1)
            .map(|column| lines.iter().filter_map(|line| line.width(column)).max().unwrap_or(0))
            .collect();
        lines.iter().map(|line| self.render(line, &widths) + "\n").collect()
    }

    fn line(&self, world: &World, line: &str) -> Line {
        let other = || Line::Other(line.to_owned());
        let Some(cells) = self.cells(line) else { return other() };
        if cells == self.head || cells.iter().all(|cell| cell.starts_with("----")) {
            return Line::Event(cells.map(str::to_owned));
        }
        let Some(age) = age_of(world, cells[self.reason], cells[COLUMNS - 1]) else { return other() };
        let mut cells = cells.map(str::to_owned);
        cells[self.age] = age;
        Line::Event(cells)
    }

    /// The cells of a line that may be of the table.
    fn cells<'a>(&self, line: &'a str) -> Option<[&'a str; COLUMNS]> {
        let mut rest = line.strip_prefix(self.indent).filter(|rest| !rest.starts_with(' '))?;
        let mut cells = [""; COLUMNS];
        for cell in cells.iter_mut().take(COLUMNS - 1) {
            let (found, after) = rest.split_once("  ")?;
            *cell = found;
            rest = after.trim_start();
        }
        cells[COLUMNS - 1] = rest;
        Some(cells)
    }

    fn render(&self, line: &Line, widths: &[usize]) -> String {
        match line {
            Line::Other(line) => line.clone(),
            Line::Event(cells) => {
                let padded =
                    cells.iter().zip(widths).map(|(cell, width)| format!("{cell:0$}", width + self.gap));
                format!("{}{}{}", self.indent, padded.collect::<String>(), cells[COLUMNS - 1])
            }
        }
    }
}

enum Line {
    Event([String; COLUMNS]),
    Other(String),
}

impl Line {
    fn width(&self, column: usize) -> Option<usize> {
        match self {
            Self::Event(cells) => Some(cells[column].chars().count()),
            Self::Other(_) => None,
        }
    }
}

/// The age of the Event with this reason and message, as kubectl shows it.
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
            DESCRIBE.with_ages_of(&world, printed),
            "Name:  disk\nEvents:\n  Type     Reason       Age              From               Message\n  ----     ------       ----             ----               -------\n  Warning  RuleRefused  2m               rulesync.dev/prod  group  disk: bad\nand more\n  Warning  DeletesHeld  5s (x3 over 2m)  rulesync.dev/prod  two groups\n"
        );
        let printed = "LAST SEEN                TYPE      REASON        OBJECT                MESSAGE\n2y100d (x3 over 2y100d)  Warning   DeletesHeld   PrometheusRule/disk   two groups\n2y100d                   Warning   RuleRefused   PrometheusRule/disk   group  disk: bad\nand more\n";
        assert_eq!(
            EVENTS.with_ages_of(&world, printed),
            "LAST SEEN         TYPE      REASON        OBJECT                MESSAGE\n5s (x3 over 2m)   Warning   DeletesHeld   PrometheusRule/disk   two groups\n2m                Warning   RuleRefused   PrometheusRule/disk   group  disk: bad\nand more\n"
        );
    }
}
