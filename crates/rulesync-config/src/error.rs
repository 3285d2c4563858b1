//! Errors of a configuration: all that were found, each with its position and what to do about it.

use std::fmt::{self, Write};

use rulesync_core::finding::Printable;

/// One error of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: String,
    position: Option<(u64, u64)>,
    message: String,
    hint: Option<String>,
    variable: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(
        file: &str,
        position: Option<(u64, u64)>,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Self {
        // It may quote what somebody wrote, and is one line all the same.
        let message = message.into().chars().fold(String::new(), |mut line, c| {
            if c.is_control() {
                line.extend(c.escape_default())
            } else {
                line.push(c)
            }
            line
        });
        Self { file: file.to_owned(), position, message, hint, variable: None }
    }

    /// Returns an error of a file as a whole.
    pub fn of_file(file: &std::path::Path, message: impl Into<String>) -> Self {
        Self::new(&file.display().to_string(), None, message, None)
    }

    /// Sets the environment variable that is not set, if this is the error.
    pub(crate) fn of_variable(self, variable: Option<String>) -> Self {
        Self { variable, ..self }
    }

    /// The configuration file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1; absent for an error of the file as a whole.
    pub fn line(&self) -> Option<u64> {
        self.position.map(|(line, _)| line)
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> Option<u64> {
        self.position.map(|(_, column)| column)
    }

    /// What is wrong, without the position.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The environment variable that is not set, if this is the error. It may be set where the configuration is used.
    pub fn variable(&self) -> Option<&str> {
        self.variable.as_deref()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// `file:line:column: message (hint)`, in one line.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        self.hint.iter().try_for_each(|hint| write!(f, " ({hint})"))
    }
}

impl std::error::Error for ConfigError {}

/// All errors of a configuration, in the order of the file. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Sorts errors by position and drops repetitions; none if there is no error.
    pub(crate) fn of(mut errors: Vec<ConfigError>) -> Option<Self> {
        errors.sort_by(|a, b| (a.position, &a.message).cmp(&(b.position, &b.message)));
        errors.dedup();
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// The errors.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }

    /// Returns each error as `file:line:column: message`, which editors and CI systems know, with the hint on a line of its
    /// own. Characters that do not show as themselves are escaped.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for error in self {
            let ConfigError { file, position, message, hint, variable: _ } = error;
            let position = position.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
            let _ = writeln!(text, "{}", Printable(format_args!("{file}{position}: {message}")));
            if let Some(hint) = hint {
                let _ = writeln!(text, "  hint: {}", Printable(hint));
            }
        }
        text
    }

    /// Logs each error with its fields. `event` says what it means for the program.
    pub fn log(&self, event: &str) {
        for error in self {
            let (file, line, column, hint) = (error.file(), error.line(), error.column(), error.hint());
            tracing::error!(file, line, column, error = error.message(), hint, "{event}");
        }
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One error a line.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}
