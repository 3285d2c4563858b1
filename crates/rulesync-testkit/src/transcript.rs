//! Transcripts: pages whose commands are run, and which fail a test unless they show what is printed.
//!
//! Commands stand in fenced blocks, after `$ `, each followed by what it prints, to standard error too. A block after
//! `<!-- file: NAME -->` is written to that file. Any other comment of the form `<!-- NAME: VALUE -->` is for the test,
//! which may change between two commands what they are to see. With `UPDATE_DOCS` in the environment, pages are written
//! instead of compared.
#![expect(clippy::panic, reason = "a page that is not true fails the test, and shows where")]

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// What changes the output of a command before it is compared.
type Edit = dyn Fn(&str, String) -> String;

/// Where and how commands are run: by `sh`, with nothing of the environment but what is said here and `PATH`.
pub struct Shell {
    directory: PathBuf,
    programs: Vec<PathBuf>,
    environment: BTreeMap<String, OsString>,
    info: String,
    edit: Option<Box<Edit>>,
}

impl Shell {
    /// Runs the commands of `console` blocks in this directory, into which files are written too.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            programs: Vec::new(),
            environment: BTreeMap::new(),
            info: "console".to_owned(),
            edit: None,
        }
    }

    /// Looks for programs in this directory before those of `PATH`.
    #[must_use]
    pub fn programs(mut self, directory: impl Into<PathBuf>) -> Self {
        self.programs.push(directory.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Runs the blocks that open with these words instead, such as `console promtool`.
    #[must_use]
    pub fn blocks(mut self, info: &str) -> Self {
        info.clone_into(&mut self.info);
        self
    }

    /// Passes a command and what it prints through this before it is compared: for what is different in every run.
    #[must_use]
    pub fn edit(mut self, edit: impl Fn(&str, String) -> String + 'static) -> Self {
        self.edit = Some(Box::new(edit));
        self
    }

    /// Runs a command as a reader would, and returns what it prints; bytes that are not UTF-8 become replacement
    /// characters.
    ///
    /// # Errors
    /// If there is no shell.
    pub fn output(&self, command: &str) -> io::Result<String> {
        self.run(command).map(|(printed, _)| printed)
    }

    /// The same, with whether the command has succeeded.
    ///
    /// # Errors
    /// If there is no shell.
    pub fn run(&self, command: &str) -> io::Result<(String, ExitStatus)> {
        let inherited = env::var_os("PATH").unwrap_or_default();
        let directories = self.programs.iter().cloned().chain(env::split_paths(&inherited));
        let path = env::join_paths(directories).map_err(io::Error::other)?;
        let output = Command::new("sh")
            .args(["-c", &format!("{{ {command}\n}} 2>&1")])
            .current_dir(&self.directory)
            .env_clear()
            .env("PATH", path)
            .envs(&self.environment)
            .output()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let printed = match &self.edit {
            Some(edit) => edit(command, printed),
            None => printed,
        };
        Ok((printed, output.status))
    }

    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let path = self.directory.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)
    }
}

/// A page with what its commands print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The text of the page.
    pub text: String,
    /// How many commands were run.
    pub commands: usize,
}

/// Runs the commands of a page. `comment` is called with the name and the value of each comment for the test, when all
/// commands before it have been run.
///
/// # Errors
/// If there is no shell, or a file cannot be written.
pub fn run(page: &str, shell: &Shell, mut comment: impl FnMut(&str, &str)) -> io::Result<Transcript> {
    let (mut text, mut commands, mut in_block, mut skipping) = (String::new(), 0, false, false);
    let (mut next_file, mut file): (Option<&str>, Option<(&str, String)>) = (None, None);
    for line in page.lines() {
        match comment_of(line) {
            Some(("file", name)) => next_file = Some(name),
            Some((name, value)) => comment(name, value),
            None => {}
        }
        match line.strip_prefix("```") {
            Some(info) => {
                if let Some((name, content)) = file.take() {
                    shell.write(name, &content)?;
                }
                file = next_file.take().map(|name| (name, String::new()));
                in_block = !in_block && info == shell.info;
                skipping = false;
            }
            None if in_block => {
                if let Some(command) = line.strip_prefix("$ ") {
                    commands += 1;
                    skipping = true;
                    let printed = shell.output(command)?;
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
    Ok(Transcript { text, commands })
}

/// Returns the paths of the README and of the pages of the book of a repository.
///
/// # Errors
/// If a directory cannot be read.
pub fn documents(repository: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    let repository = repository.as_ref();
    let mut documents = vec![repository.join("README.md")];
    let mut waiting = vec![repository.join("docs")];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents.sort();
    Ok(documents)
}

/// Returns the commands that a page shows in blocks of `console` and `sh`, in order, whether they are run or not: the lines
/// with a prompt, or all of a block that has none. Lines that go on (`\\`) are one command.
pub fn commands(page: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut block: Option<Vec<String>> = None;
    for line in page.lines() {
        // Blocks may stand in lists.
        let line = line.trim_start();
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(info)) if ["console", "sh"].contains(&info.split(' ').next().unwrap_or_default()) => {
                block = Some(Vec::new());
            }
            (None, Some(_)) => block = None,
            (Some(lines), Some(_)) => {
                let prompted: Vec<String> =
                    lines.iter().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect();
                commands.extend(if prompted.is_empty() { std::mem::take(lines) } else { prompted });
                block = None;
            }
            (Some(lines), None) => match lines.last_mut() {
                Some(last) if last.ends_with('\\') => {
                    last.pop();
                    last.push_str(line);
                }
                _ => lines.push(line.to_owned()),
            },
            (None, None) => {}
        }
    }
    commands
}

fn comment_of(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("<!-- ")?.strip_suffix(" -->")?.split_once(": ")
}

/// Fails unless the file is this text, or writes it if `UPDATE_DOCS` is set.
///
/// # Panics
/// With the first line that differs.
pub fn check(path: &Path, now: &str) {
    let shown = path.display();
    if env::var_os("UPDATE_DOCS").is_some() {
        return fs::write(path, now).unwrap_or_else(|error| panic!("{shown}: {error}"));
    }
    let before = fs::read_to_string(path).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let different = before.lines().zip(now.lines()).enumerate().find(|(_, (before, now))| before != now);
    let first = different.map(|(line, lines)| (line + 1, lines));
    assert!(before == now, "{shown}: UPDATE_DOCS=1 writes it anew; first difference: {first:?}:\n{now}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transcript_replaces_what_was_printed_before() {
        let directory = tempfile::tempdir().unwrap();
        let shell = Shell::new(directory.path());
        let page = "text\n\n```console\n$ echo a; echo b >&2\nold\n$ false\n```\n\n```sh\n$ echo c\n```\n";
        let now = run(page, &shell, |_, _| {}).unwrap();
        assert_eq!(
            now.text,
            "text\n\n```console\n$ echo a; echo b >&2\na\nb\n$ false\n```\n\n```sh\n$ echo c\n```\n"
        );
        assert_eq!(now.commands, 2);
        let page = "<!-- file: a/b -->\n```yaml\none\n```\n\n```console\n$ cat a/b\n```\n";
        assert_eq!(run(page, &shell, |_, _| {}).unwrap().text, page.replace("cat a/b\n", "cat a/b\none\n"));
    }

    #[test]
    fn commands_are_those_with_a_prompt_or_all_lines() {
        let page = "```console\n$ a | b\nprinted\n$ c\n```\n\n- in a list:\n\n  ```sh\n  d \\\n    --e\n  f\n  ```\n\n```yaml\nno: command\n```\n";
        assert_eq!(commands(page), ["a | b", "c", "d --e", "f"]);
    }

    #[test]
    fn transcript_says_whether_a_command_has_succeeded() {
        let directory = tempfile::tempdir().unwrap();
        let shell = Shell::new(directory.path());
        for (command, printed, code) in [("echo a", "a\n", 0), ("echo a; exit 3", "a\n", 3)] {
            let (text, status) = shell.run(command).unwrap();
            assert_eq!((text.as_str(), status.code()), (printed, Some(code)));
        }
    }

    #[test]
    fn transcript_tells_the_test_of_comments_between_commands() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let shell = Shell::new(&path).blocks("console x").edit(|_, printed| printed.to_uppercase());
        let page = "<!-- now: one -->\n```console x\n$ cat now\n```\n<!-- now: two -->\n```console x\n$ cat now\n```\n";
        let transcript = run(page, &shell, |name, value| fs::write(path.join(name), value).unwrap()).unwrap();
        assert_eq!(
            transcript.text,
            page.replacen("cat now\n", "cat now\nONE\n", 1).replace("cat now\n```\n", "cat now\nTWO\n```\n")
        );
    }
}
