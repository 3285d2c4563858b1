//! The instructions of the `Dockerfile`, carried out without Docker: every stage has a directory in place of a file system of
//! its own, and the machine's toolchain stands for that of the base image. What it leaves is what the image would have besides
//! its base.

mod copy;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::context::Ignore;
use crate::dockerfile::{Dockerfile, Instruction, Stage, Step, substitute};

/// Where instructions are carried out.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The repository.
    pub context: PathBuf,
    /// What of the repository is not seen.
    pub ignore: Ignore,
    /// The directory with one directory for each stage, by its name or its number. Those of an earlier replay are removed.
    pub stages: PathBuf,
    /// The directory of caches, which stay from one replay to the next.
    pub caches: PathBuf,
    /// Values of arguments, such as those of `docker build --build-arg`.
    pub arguments: BTreeMap<String, String>,
}

/// An instruction cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A command has failed.
    #[error("Dockerfile:{line}: the command failed: {status}")]
    Failed {
        /// The line.
        line: usize,
        /// How it ended.
        status: ExitStatus,
    },
    /// A command names a path outside of its directory.
    #[error(
        "Dockerfile:{line}: `{word}` is an absolute path, which is this machine's own: make it relative to WORKDIR"
    )]
    Absolute {
        /// The line.
        line: usize,
        /// The path.
        word: String,
    },
    /// What is to be copied is not there.
    #[error("Dockerfile:{line}: `{source_path}` is not there, or left out by .dockerignore")]
    Missing {
        /// The line.
        line: usize,
        /// The file or directory.
        source_path: String,
    },
    /// A stage is not there.
    #[error("Dockerfile:{line}: no earlier stage is called `{name}`")]
    NoStage {
        /// The line.
        line: usize,
        /// The name.
        name: String,
    },
    /// Files cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ReplayError {
    let path = path.to_owned();
    move |error| ReplayError::Io { path, error }
}

/// A stage while it is replayed.
struct Place {
    root: PathBuf,
    directory: PathBuf,
    values: BTreeMap<String, String>,
}

impl Place {
    /// The directory on this machine for a path in the stage.
    fn path(&self, path: &str) -> PathBuf {
        self.root.join(self.directory.join(path).strip_prefix("/").unwrap_or(Path::new(path)))
    }
}

impl Replay {
    /// Carries out all stages, and says what it does.
    ///
    /// # Errors
    /// At the first instruction that cannot be carried out.
    pub fn run(&self, dockerfile: &Dockerfile, log: &mut impl Write) -> Result<(), ReplayError> {
        let mut global = BTreeMap::new();
        for argument in &dockerfile.arguments {
            let value = self.arguments.get(&argument.name).or(argument.default.as_ref());
            global.extend(value.map(|value| (argument.name.clone(), value.clone())));
        }
        for (number, stage) in dockerfile.stages.iter().enumerate() {
            let mut place = self.begin(dockerfile, number, stage, &global, log)?;
            for step in &stage.steps {
                self.step(step, &mut place, &global, log)?;
            }
        }
        Ok(())
    }

    /// The directory of a stage.
    fn root(&self, name: &str) -> PathBuf {
        self.stages.join(name)
    }

    fn begin(
        &self,
        dockerfile: &Dockerfile,
        number: usize,
        stage: &Stage,
        global: &BTreeMap<String, String>,
        log: &mut impl Write,
    ) -> Result<Place, ReplayError> {
        let root = self.root(stage.name.as_deref().unwrap_or(&number.to_string()));
        match fs::remove_dir_all(&root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&root)(error)),
            _ => fs::create_dir_all(&root).map_err(at(&root))?,
        }
        let mut place = Place { root, directory: PathBuf::from("/"), values: BTreeMap::new() };
        let base = substitute(&stage.base, global);
        let is_stage =
            dockerfile.stages.iter().take(number).any(|earlier| earlier.name.as_ref() == Some(&base));
        let what = if is_stage {
            copy::tree(&self.root(&base), &place.root, &|_| false).map_err(at(&place.root))?;
            // The directory of the stage that it begins with, as far as the file says it.
            place.directory = dockerfile.stage(&base).map_or(PathBuf::from("/"), directory_at_end);
            "as it is above"
        } else {
            "not used: an image of a registry"
        };
        tell(log, &format!("FROM {base} ({what})"))?;
        Ok(place)
    }

    fn step(
        &self,
        step: &Step,
        place: &mut Place,
        global: &BTreeMap<String, String>,
        log: &mut impl Write,
    ) -> Result<(), ReplayError> {
        match &step.instruction {
            Instruction::Argument(argument) => {
                let value = self.arguments.get(&argument.name).or(argument.default.as_ref());
                let value = value.or_else(|| global.get(&argument.name)).cloned().unwrap_or_default();
                place.values.insert(argument.name.clone(), value);
            }
            Instruction::Environment(variables) => {
                for (name, value) in variables {
                    let value = substitute(value, &place.values);
                    place.values.insert(name.clone(), value);
                }
            }
            Instruction::Directory(path) => {
                place.directory = place.directory.join(path);
                let path = place.path(".");
                fs::create_dir_all(&path).map_err(at(&path))?;
            }
            Instruction::Copy { from, sources, destination } => {
                tell(log, &format!("COPY {} {destination}", sources.join(" ")))?;
                self.copy(step.line, from.as_deref(), sources, destination, place)?;
            }
            Instruction::Run { caches, command } => {
                tell(log, &format!("RUN {command}"))?;
                self.execute(step.line, caches, command, place)?;
            }
            // What says how the image is run.
            Instruction::Labels(_)
            | Instruction::User(_)
            | Instruction::Expose(_)
            | Instruction::EntryPoint(_) => {}
        }
        Ok(())
    }

    fn copy(
        &self,
        line: usize,
        from: Option<&str>,
        sources: &[String],
        destination: &str,
        place: &Place,
    ) -> Result<(), ReplayError> {
        let base = match from {
            Some(name) => {
                let root = self.root(name);
                if !root.is_dir() {
                    return Err(ReplayError::NoStage { line, name: name.to_owned() });
                }
                root
            }
            None => self.context.clone(),
        };
        let target = place.path(destination);
        let is_directory = destination.ends_with('/') || destination == "." || sources.len() > 1;
        for source in sources {
            let relative = source.trim_start_matches('/').trim_end_matches('/');
            let path = base.join(relative);
            let is_ignored = |below: &str| from.is_none() && self.ignore.is_ignored(&join(relative, below));
            let copied = if path.is_dir() {
                copy::tree(&path, &target, &is_ignored)
            } else if path.is_file() && !is_ignored("") {
                let name = Path::new(relative).file_name().unwrap_or_default();
                let target = if is_directory { target.join(name) } else { target.clone() };
                copy::file(&path, &target).map(|()| true)
            } else {
                Ok(false)
            };
            if !copied.map_err(at(&path))? {
                return Err(ReplayError::Missing { line, source_path: source.clone() });
            }
        }
        Ok(())
    }

    fn execute(
        &self,
        line: usize,
        caches: &[String],
        command: &str,
        place: &Place,
    ) -> Result<(), ReplayError> {
        if let Some(word) = command.split([' ', '"', '\'', '=', '(']).find(|word| word.starts_with('/')) {
            return Err(ReplayError::Absolute { line, word: word.to_owned() });
        }
        let directory = place.path(".");
        // Caches elsewhere are those that the machine has anyway.
        let here: Vec<PathBuf> = caches
            .iter()
            .filter(|cache| Path::new(cache).starts_with(&place.directory))
            .map(|cache| place.path(cache))
            .collect();
        for link in &here {
            let name = link.strip_prefix(&self.stages).unwrap_or(link).to_string_lossy().replace('/', "-");
            let cache = self.caches.join(name);
            fs::create_dir_all(&cache).map_err(at(&cache))?;
            std::os::unix::fs::symlink(&cache, link).map_err(at(link))?;
        }
        let status = Command::new("/bin/sh")
            .args(["-c", command])
            .current_dir(&directory)
            .envs(&place.values)
            .env_remove("CARGO_TARGET_DIR")
            .status()
            .map_err(at(&directory))?;
        for link in &here {
            fs::remove_file(link).map_err(at(link))?;
        }
        if status.success() { Ok(()) } else { Err(ReplayError::Failed { line, status }) }
    }
}

/// Returns the directory in which a stage ends.
fn directory_at_end(stage: &Stage) -> PathBuf {
    let directories = stage.steps.iter().filter_map(|step| match &step.instruction {
        Instruction::Directory(path) => Some(path),
        _ => None,
    });
    directories.fold(PathBuf::from("/"), |directory, path| directory.join(path))
}

fn join(directory: &str, below: &str) -> String {
    if below.is_empty() { directory.to_owned() } else { format!("{directory}/{below}") }
}

fn tell(log: &mut impl Write, line: &str) -> Result<(), ReplayError> {
    writeln!(log, "-- {line}").and_then(|()| log.flush()).map_err(at(Path::new("standard output")))
}

#[cfg(test)]
mod tests;
