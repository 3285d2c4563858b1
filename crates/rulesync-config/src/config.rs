//! The configuration as parsed, and as validated.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rulesync_core::Route;
use rulesync_core::model::Fingerprint;
use rulesync_core::naming::NamespacePolicy;

use crate::error::{ConfigError, ConfigErrors};
use crate::file::{File, RENAMED};
use crate::reading::{self, Text};
use crate::settings::{Settings, SourceKind};
use crate::validate::{self, Checked};
use crate::yaml::{self, Document, Parsed, Problem};

/// A configuration as it was parsed: read as far as possible, with all errors of its structure.
#[derive(Clone)]
pub struct Config {
    /// None if nothing can stand for what is wrong.
    file: Option<File>,
    /// Errors of the structure.
    problems: Vec<Problem>,
    place: ConfigLocation,
    origin: Origin,
}

/// A configuration without errors, as far as the text alone can tell.
///
/// [`build`](Self::build) makes an [`App`](crate::App) of it.
#[derive(Clone)]
pub struct ValidConfig {
    pub(crate) settings: Settings,
    pub(crate) place: ConfigLocation,
    pub(crate) origin: Origin,
}

/// The location of a configuration: its file, and the positions in it.
#[derive(Clone)]
pub(crate) struct ConfigLocation {
    shown: Arc<str>,
    document: Arc<Document>,
}

/// Where a configuration comes from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The directory that relative paths are relative to.
    pub(crate) directory: PathBuf,
    /// The digest of the text.
    pub(crate) text: Fingerprint,
    /// The file, if it was one.
    pub(crate) file: Option<OriginFile>,
}

/// The file of a configuration.
#[derive(Debug, Clone)]
pub(crate) struct OriginFile {
    pub(crate) path: PathBuf,
    /// The digest of its content.
    pub(crate) digest: [u8; 32],
    /// Whether it was a pipe, which cannot be read again.
    pub(crate) is_pipe: bool,
}

/// Without values, which may be secrets, wherever they are.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file: _, problems, place, origin } = self;
        let problems = problems.len();
        f.debug_struct("Config")
            .field("place", place)
            .field("origin", origin)
            .field("problems", &problems)
            .finish_non_exhaustive()
    }
}

/// Without values, which may be secrets.
impl fmt::Debug for ValidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { settings: _, place, origin } = self;
        f.debug_struct("ValidConfig").field("place", place).field("origin", origin).finish_non_exhaustive()
    }
}

/// The file's name.
impl fmt::Debug for ConfigLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigLocation").field(&self.shown).finish()
    }
}

impl Config {
    /// Reads a file of at most 16 MiB, or a pipe that a shell made of `<(command)`. The environment of the process answers
    /// `${NAME}`.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] if the file cannot be read, or is not YAML. All other errors are found by
    /// [`validate`](Self::validate).
    pub async fn read(path: &Path) -> Result<Self, ConfigErrors> {
        let text = reading::read(path).await?;
        Self::of(path, text).await
    }

    /// Parses what was read of a file.
    pub(crate) async fn of(path: &Path, text: Text) -> Result<Self, ConfigErrors> {
        let file = OriginFile { path: path.to_owned(), digest: text.digest(), is_pipe: text.from_pipe };
        let (shown, directory) = (path.display().to_string(), reading::directory(path).to_owned());
        let parsing = move |text: String| {
            let environment =
                std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
            let origin = Origin { directory, text: Fingerprint::of_bytes(text.as_bytes()), file: Some(file) };
            Self::parse_from(&text, &shown, environment.collect(), origin)
        };
        reading::parse_with(path, text.bytes, parsing).await?
    }

    /// Parses a text. `path` names it in errors, and relative paths are relative to its directory; `environment` answers
    /// `${NAME}`.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] if the text is not YAML.
    pub fn parse(
        text: &str,
        path: &Path,
        environment: HashMap<String, String>,
    ) -> Result<Self, ConfigErrors> {
        let directory = reading::directory(path).to_owned();
        let origin = Origin { directory, text: Fingerprint::of_bytes(text.as_bytes()), file: None };
        Self::parse_from(text, &path.display().to_string(), environment, origin)
    }

    fn parse_from(
        text: &str,
        shown: &str,
        environment: HashMap<String, String>,
        origin: Origin,
    ) -> Result<Self, ConfigErrors> {
        match yaml::parse(text, environment, RENAMED) {
            Ok(Parsed { value, document, problems }) => {
                let place = ConfigLocation { shown: shown.into(), document: Arc::new(document) };
                Ok(Self { file: value, problems, place, origin })
            }
            Err(Problem { position, message, hint }) => {
                let position = position.map(|position| (position.line, position.column));
                Err(ConfigError::new(shown, position, message, hint).into())
            }
        }
    }

    /// Checks everything that can be known from the text alone. Reads no file and opens no connection.
    ///
    /// # Errors
    ///
    /// All errors, each with its position.
    pub fn validate(&self) -> Result<ValidConfig, ConfigErrors> {
        let Checked { settings, problems, .. } = self.checked();
        match (self.place.errors(problems), settings) {
            (Some(errors), _) => Err(errors),
            (None, Some(settings)) => {
                Ok(ValidConfig { settings, place: self.place.clone(), origin: self.origin.clone() })
            }
            (None, None) => Err(self.place.whole("the configuration cannot be used").into()),
        }
    }

    /// Returns what is known of the configuration, with all problems so far.
    pub(crate) fn checked(&self) -> Checked {
        let mut checked = match &self.file {
            Some(file) => validate::check(file, &self.place.document, &self.origin.directory),
            None => Checked { sources: Vec::new(), rulers: Vec::new(), settings: None, problems: Vec::new() },
        };
        checked.problems.extend(self.problems.iter().cloned());
        checked
    }

    pub(crate) fn place(&self) -> &ConfigLocation {
        &self.place
    }
}

impl ValidConfig {
    /// The routes, in the order of the file.
    pub fn routes(&self) -> &[Route] {
        &self.settings.routes
    }

    /// The digest of its text, in which `${NAME}` stands as written: equal configurations have the same.
    pub fn digest(&self) -> Fingerprint {
        self.origin.text
    }

    /// The sources of files, in the order of the file: each path, and the patterns of the files in it, if it is a directory and
    /// there are any.
    pub fn file_sources(&self) -> impl Iterator<Item = (PathBuf, &[String])> {
        self.settings.sources.iter().filter_map(|source| match &source.kind {
            SourceKind::Files { path, glob } => Some((self.origin.directory.join(path), glob.as_slice())),
            SourceKind::Kubernetes { .. } => None,
        })
    }

    /// The owner of what is written, and the naming of ruler namespaces.
    pub fn namespace_policy(&self) -> &NamespacePolicy {
        &self.settings.namespace_policy
    }
}

impl ConfigLocation {
    /// Returns an error at a value.
    pub(crate) fn error(&self, path: &yaml::Path, message: impl Into<String>) -> ConfigError {
        let position = self.document.position(path);
        ConfigError::new(&self.shown, Some((position.line, position.column)), message, None)
    }

    /// Returns an error of the file as a whole.
    pub(crate) fn whole(&self, message: impl Into<String>) -> ConfigError {
        ConfigError::new(&self.shown, None, message, None)
    }

    /// Returns the errors for problems, if there are any.
    pub(crate) fn errors(&self, problems: Vec<Problem>) -> Option<ConfigErrors> {
        let error = |Problem { position, message, hint }: Problem| {
            let position = position.map(|position| (position.line, position.column));
            ConfigError::new(&self.shown, position, message, hint)
        };
        ConfigErrors::of(problems.into_iter().map(error).collect())
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
