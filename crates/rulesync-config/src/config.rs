//! The configuration as parsed, and as validated.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rulesync_core::Route;
use rulesync_core::model::Fingerprint;
use rulesync_core::naming::{NamespacePolicy, Pattern};

use crate::alloy::{self, Converted, Places};
use crate::error::{ConfigError, ConfigErrors};
use crate::file::{File, RENAMED};
use crate::in_force;
use crate::reading::{self, Text};
use crate::settings::{Settings, SourceKind};
use crate::validate::{self, Checked};
use crate::yaml::{self, Document, Parsed, Position, Problem};

/// A configuration as it was parsed: read as far as possible, with all errors of its structure.
#[derive(Clone)]
pub struct Config {
    /// None if nothing can stand for what is wrong.
    file: Option<File>,
    /// Errors of the structure.
    problems: Vec<Problem>,
    /// What works, and perhaps not as it is meant.
    warnings: Vec<String>,
    place: ConfigLocation,
    origin: Origin,
}

/// A configuration without errors, as far as the text alone can tell.
///
/// [`build`](Self::build) makes an [`App`](crate::App) of it.
#[derive(Clone)]
pub struct ValidConfig {
    pub(crate) settings: Settings,
    /// The whole of it for people, without secrets.
    pub(crate) shown: Arc<str>,
    pub(crate) warnings: Vec<String>,
    pub(crate) place: ConfigLocation,
    pub(crate) origin: Origin,
}

/// The location of a configuration: its file, and the positions in it.
#[derive(Clone)]
pub(crate) struct ConfigLocation {
    shown: Arc<str>,
    document: Arc<Document>,
    /// Where else the document comes from, if it was not written as it is.
    places: Option<Places>,
}

/// A configuration as YAML, and what is known of it besides.
struct Written {
    yaml: String,
    /// The owner, if the text is to name none.
    owner: Option<String>,
    places: Option<Places>,
    warnings: Vec<String>,
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
    /// The owner, if it is not given by the file.
    pub(crate) owner: Option<String>,
}

/// Without values, which may be secrets, wherever they are.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file: _, problems, warnings: _, place, origin } = self;
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
        let Self { settings: _, shown: _, warnings: _, place, origin } = self;
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
        Self::read_with_owner(path, None).await
    }

    /// Reads a file like [`read`](Self::read), with an owner for one that names none. A file that ends in `.alloy` is a
    /// configuration of Grafana Alloy, which never does: its components `mimir.rules.kubernetes` and
    /// `loki.rules.kubernetes` become routes, with the names that Alloy gives to ruler namespaces.
    ///
    /// # Errors
    ///
    /// [`ConfigErrors`] if the file cannot be read, or is not YAML. For a configuration of Alloy, all of it that cannot be
    /// used. All other errors, such as an owner that the file names as well, are found by [`validate`](Self::validate).
    pub async fn read_with_owner(path: &Path, owner: Option<&str>) -> Result<Self, ConfigErrors> {
        let text = reading::read(path).await?;
        Self::of(path, text, owner).await
    }

    /// Parses what was read of a file.
    pub(crate) async fn of(path: &Path, text: Text, owner: Option<&str>) -> Result<Self, ConfigErrors> {
        let owner = owner.map(str::to_owned);
        let (digest, is_pipe) = (text.digest(), text.from_pipe);
        let (shown, directory) = (path.display().to_string(), reading::directory(path).to_owned());
        let file = OriginFile { path: path.to_owned(), digest, is_pipe, owner: owner.clone() };
        let is_alloy = alloy::is_alloy(path);
        let parsing = move |text: String| {
            let environment =
                std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
            let environment: HashMap<String, String> = environment.collect();
            let written = if is_alloy {
                alloy::convert(&text, &shown, owner.as_deref(), &environment)?.into()
            } else {
                Written { owner, ..Written::of(text) }
            };
            Self::parse_from(written, &shown, environment, directory, Some(file))
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
        let shown = path.display().to_string();
        Self::parse_from(Written::of(text.to_owned()), &shown, environment, directory, None)
    }

    fn parse_from(
        written: Written,
        shown: &str,
        environment: HashMap<String, String>,
        directory: PathBuf,
        file: Option<OriginFile>,
    ) -> Result<Self, ConfigErrors> {
        let Written { yaml, owner, places, warnings } = written;
        let given: Vec<(&str, &str)> = owner.iter().map(|owner| ("owner", owner.as_str())).collect();
        let text = Fingerprint::of_bytes(format!("{given:?}{yaml}").as_bytes());
        match yaml::parse(&yaml, environment, RENAMED, &given) {
            Ok(Parsed { value, document, problems }) => {
                let place = ConfigLocation { shown: shown.into(), document: Arc::new(document), places };
                Ok(Self { file: value, problems, warnings, place, origin: Origin { directory, text, file } })
            }
            Err(Problem { position, message, hint, .. }) => {
                let position = position.map(|position| (position.line, position.column));
                Err(ConfigError::new(shown, position, message, hint).into())
            }
        }
    }

    /// What works, and in another way than whoever wrote it may expect: in a configuration of Grafana Alloy, what Alloy
    /// would do differently. Logged when an [`App`](crate::App) is built.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Checks everything that can be known from the text alone. Reads no file and opens no connection.
    ///
    /// # Errors
    ///
    /// All errors, each with its position.
    pub fn validate(&self) -> Result<ValidConfig, ConfigErrors> {
        let Checked { settings, problems, .. } = self.checked();
        match (self.place.errors(problems), settings.zip(self.file.as_ref())) {
            (Some(errors), _) => Err(errors),
            (None, Some((settings, file))) => {
                let (place, origin) = (self.place.clone(), self.origin.clone());
                let shown = in_force::shown(file, &settings);
                Ok(ValidConfig { settings, shown, warnings: self.warnings.clone(), place, origin })
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

    /// Returns the same configuration with these namespaces of others, with `*` for any text, in place of `adopt`.
    #[must_use]
    pub fn adopting(mut self, namespaces: &[String]) -> Self {
        self.settings.namespace_policy.adopt =
            namespaces.iter().map(|pattern| Pattern::from(pattern.as_str())).collect();
        self
    }

    /// The Kubernetes namespaces that the sources watch; none if one of them watches all, or is a source of files, whose objects
    /// may name any.
    pub fn watched_namespaces(&self) -> Option<BTreeSet<&str>> {
        let mut watched = BTreeSet::new();
        for source in &self.settings.sources {
            match &source.kind {
                SourceKind::Kubernetes { namespaces, .. } if !namespaces.is_empty() => {
                    watched.extend(namespaces.iter().map(String::as_str));
                }
                _ => return None,
            }
        }
        Some(watched)
    }

    /// The owner of what is written, and the naming of ruler namespaces.
    pub fn namespace_policy(&self) -> &NamespacePolicy {
        &self.settings.namespace_policy
    }
}

impl ConfigLocation {
    /// That of a document as it was written.
    pub(crate) fn new(shown: &str, document: Document) -> Self {
        Self { shown: shown.into(), document: Arc::new(document), places: None }
    }

    /// The positions.
    pub(crate) fn document(&self) -> &Document {
        &self.document
    }

    /// Returns an error at a value.
    pub(crate) fn error(&self, path: &yaml::Path, message: impl Into<String>) -> ConfigError {
        let position = self.in_file(self.document.position(path));
        ConfigError::new(&self.shown, position, message, None)
    }

    /// Returns an error of the file as a whole.
    pub(crate) fn whole(&self, message: impl Into<String>) -> ConfigError {
        ConfigError::new(&self.shown, None, message, None)
    }

    /// Returns the errors for problems, if there are any.
    pub(crate) fn errors(&self, problems: Vec<Problem>) -> Option<ConfigErrors> {
        let error = |Problem { position, message, hint, variable }: Problem| {
            let position = position.and_then(|position| self.in_file(position));
            ConfigError::new(&self.shown, position, message, hint).of_variable(variable)
        };
        ConfigErrors::of(problems.into_iter().map(error).collect())
    }

    /// Returns where in the file a position of the document is; none for what the file does not say.
    fn in_file(&self, Position { line, column }: Position) -> Option<(u64, u64)> {
        match &self.places {
            None => Some((line, column)),
            Some(places) => {
                let line = usize::try_from(line).ok()?.checked_sub(1)?;
                places.get(line).copied().flatten()
            }
        }
    }
}

impl Written {
    /// Returns a text as it is.
    fn of(yaml: String) -> Self {
        Self { yaml, owner: None, places: None, warnings: Vec::new() }
    }
}

impl From<Converted> for Written {
    fn from(Converted { yaml, places, warnings }: Converted) -> Self {
        Self { yaml, owner: None, places: Some(places), warnings }
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
