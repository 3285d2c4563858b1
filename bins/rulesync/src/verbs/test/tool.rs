//! The program that evaluates rules in tests: promtool, or VictoriaMetrics' vmalert-tool. rulesync evaluates nothing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A program and what kind it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) flavor: Flavor,
    path: PathBuf,
    /// Its name and version, for messages.
    pub(super) name: String,
}

/// A kind of program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    Promtool,
    VmalertTool,
}

/// What a run of a tool came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) is_success: bool,
    /// What it printed, errors first.
    pub(super) text: String,
}

/// The message where there is none.
pub(super) const NOT_FOUND: &str = "no promtool is installed, which evaluates the rules: it comes with Prometheus \
    (https://prometheus.io/download, or the package `prometheus` of Debian and Ubuntu); name it with --promtool or the variable \
    PROMTOOL. VictoriaMetrics' vmalert-tool does as well (--vmalert-tool)";

/// The programs to look for, in this order.
const KNOWN: [(&str, Flavor); 2] = [("promtool", Flavor::Promtool), ("vmalert-tool", Flavor::VmalertTool)];

impl Tool {
    /// Returns the program that the flags, a variable or the directories of PATH name. The error is a message.
    pub(super) fn find(promtool: Option<&Path>, vmalert_tool: Option<&Path>) -> Result<Self, String> {
        let named = std::env::var_os("PROMTOOL").filter(|path| !path.is_empty()).map(PathBuf::from);
        let given = match (promtool, vmalert_tool) {
            (Some(path), _) => Some((path.to_owned(), Flavor::Promtool)),
            (None, Some(path)) => Some((path.to_owned(), Flavor::VmalertTool)),
            (None, None) => named.map(|path| (path, Flavor::Promtool)),
        };
        let (path, flavor) = given
            .or_else(|| search(std::env::var_os("PATH").unwrap_or_default()))
            .ok_or_else(|| NOT_FOUND.to_owned())?;
        let name = version(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { flavor, path, name })
    }

    /// Runs the tests of a file, which is in a directory of its own.
    pub(super) fn test(&self, file: &Path, without_group_names: bool) -> Result<Answer, String> {
        let mut command = Command::new(&self.path);
        match self.flavor {
            Flavor::Promtool => {
                command.args(["test", "rules"]).arg(file);
            }
            Flavor::VmalertTool => {
                let mut files = OsString::from("--files=");
                files.push(file);
                command.arg("unittest").arg(files);
                if without_group_names {
                    command.arg("--disableAlertgroupLabel");
                }
            }
        }
        let run = command.stdin(Stdio::null()).output();
        let Output { status, stdout, stderr } =
            run.map_err(|error| format!("{}: {error}", self.path.display()))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Answer { is_success: status.success(), text: format!("{}\n{}", text(&stderr), text(&stdout)) })
    }
}

/// Returns the first program in the directories.
fn search(directories: OsString) -> Option<(PathBuf, Flavor)> {
    KNOWN.iter().find_map(|(name, flavor)| {
        let mut paths = std::env::split_paths(&directories).map(|directory| directory.join(name));
        Some((paths.find(|path| path.is_file())?, *flavor))
    })
}

/// Returns the name and version of a program, such as `promtool 2.42.0`.
fn version(path: &Path) -> Result<String, String> {
    let run = Command::new(path).arg("--version").stdin(Stdio::null()).output();
    let Output { stdout, stderr, .. } = run.map_err(|error| error.to_string())?;
    let text = [stdout, stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(named(&name, first))
}

/// Returns the name with the version in the first line that a program printed.
fn named(name: &str, line: &str) -> String {
    let is_version = |word: &&str| {
        let word = word.trim_start_matches('v');
        word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')
    };
    match line.split([' ', ',', '-']).find(is_version) {
        Some(version) => format!("{name} {}", version.trim_start_matches('v')),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_is_named_with_its_version() {
        let promtool = "promtool, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5+deb12u1)";
        assert_eq!(named("promtool", promtool), "promtool 2.42.0+ds");
        assert_eq!(named("vmalert-tool", "vmalert-tool-20250101-tags-v1.109.0-0-g1"), "vmalert-tool 1.109.0");
        assert_eq!(named("promtool", "who knows"), "promtool");
    }

    #[test]
    fn tool_is_searched_in_all_directories_promtool_first() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = std::env::join_paths([a.path(), b.path()]).unwrap();
        assert_eq!(search(path.clone()), None);
        std::fs::write(a.path().join("vmalert-tool"), "").unwrap();
        assert_eq!(search(path.clone()).unwrap().1, Flavor::VmalertTool);
        std::fs::write(b.path().join("promtool"), "").unwrap();
        assert_eq!(search(path), Some((b.path().join("promtool"), Flavor::Promtool)));
    }
}
