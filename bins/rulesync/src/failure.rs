//! Why a verb could not do what it was asked to: one or several `error: …` lines on standard error, and an exit code.

use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use rulesync_config::{ConfigErrors, SourceError};
use rulesync_core::RulerError;
use rulesync_core::engine::RunError;
use rulesync_core::finding::Printable;
use rulesync_core::ruler::UnreadableGroup;

use crate::terminal::ERROR;

/// The exit code for wrong flags, `EX_USAGE` of sysexits.h. Not 2, which tools use for "there are differences".
pub(crate) const USAGE: u8 = 64;

/// The reason why a verb stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Flags or variables that do not fit together, which only the verb can tell.
    #[error("{0}")]
    Usage(String),
    /// The configuration has errors.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// What the command line names cannot be read.
    #[error("{0}")]
    Input(String),
    /// A file or directory cannot be written.
    #[error("{path}: {error}")]
    Write {
        /// What was to be written.
        path: String,
        /// Why it was not.
        error: io::Error,
    },
    /// Standard output cannot be written.
    #[error("cannot write to standard output: {0}")]
    Output(#[source] io::Error),
    /// A run could not be brought to its end.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A stored plan is out of date.
    #[error("{path}: the plan is out of date, and nothing was written")]
    Moved {
        /// The file of the plan.
        path: String,
        /// What has changed since.
        moved: Vec<String>,
    },
    /// A ruler did not do what it was asked to.
    #[error("{destination}: {what}: {error}")]
    Ruler {
        /// The ruler and tenant.
        destination: String,
        /// What was not done.
        what: String,
        /// Why.
        error: RulerError,
    },
    /// Groups that a ruler has and that cannot be read.
    #[error("some groups cannot be read")]
    Unreadable(Vec<UnreadableGroup>),
    /// A daemon gives no answer that can be used.
    #[error("{address}: {reason}")]
    Daemon {
        /// Its address.
        address: String,
        /// Why not.
        reason: String,
    },
    /// Several things went wrong, a line each.
    #[error("{}", .0.join("; "))]
    Several(Vec<String>),
    /// What was asked for is not there.
    #[error("{0}")]
    Missing(String),
    /// The definitions of Kubernetes resources cannot be printed.
    #[error(transparent)]
    Crds(#[from] rulesync_k8s::ManifestError),
    /// The process has no resources to start.
    #[error("cannot start: {0}")]
    Runtime(#[source] io::Error),
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Usage(format!("--source: {error}"))
    }
}

impl Failure {
    /// Creates the failure to read what the command line names.
    pub(crate) fn unreadable(path: &Path, error: &dyn Display) -> Self {
        Self::Input(format!("{}: cannot be read: {error}", path.display()))
    }

    /// Creates the failure to write a file or directory.
    pub(crate) fn write(path: &Path, error: io::Error) -> Self {
        Self::Write { path: path.display().to_string(), error }
    }

    /// Returns what failed, and why, for where the ruler and tenant stand beside it.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Ruler { what, error, .. } => format!("{what}: {error}"),
            other => other.to_string(),
        }
    }

    /// Prints what failed, and returns the exit code for it.
    pub(crate) fn report(&self) -> ExitCode {
        // Who closed the output has seen enough.
        if !matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe) {
            // Nothing is left to do if this output is closed, too.
            let _ = write!(anstream::stderr(), "{}", self.lines());
        }
        match self {
            Self::Usage(_) => ExitCode::from(USAGE),
            _ => ExitCode::FAILURE,
        }
    }

    /// Returns the lines that say what failed.
    fn lines(&self) -> String {
        let mut lines = String::new();
        match self {
            Self::Config(errors) => errors.iter().for_each(|error| line(&mut lines, error)),
            Self::Several(several) => several.iter().for_each(|error| line(&mut lines, error)),
            Self::Unreadable(groups) => {
                groups.iter().for_each(|group| {
                    line(&mut lines, format_args!("{group} cannot be read: {}", group.reason));
                });
            }
            Self::Moved { moved, .. } => {
                moved.iter().for_each(|moved| line(&mut lines, moved));
                line(&mut lines, self);
            }
            other => line(&mut lines, other),
        }
        lines
    }
}

/// Appends one line. What it quotes may come from anybody.
fn line(lines: &mut String, error: impl Display) {
    let _ = writeln!(lines, "{ERROR}error:{ERROR:#} {}", Printable(error));
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rulesync_config::Config;

    use super::*;

    #[test]
    fn failure_has_a_line_for_each_error_of_a_configuration() {
        let config = Config::parse("owner: us\nrulers: 1\n", Path::new("a.yaml"), HashMap::new()).unwrap();
        let errors = config.validate().unwrap_err();
        let lines = anstream::adapter::strip_str(&Failure::from(errors.clone()).lines()).to_string();
        assert!(errors.iter().count() > 1);
        assert_eq!(lines.matches("error: a.yaml").count(), errors.iter().count(), "{lines}");
    }

    #[test]
    fn failure_is_one_line_whatever_it_quotes() {
        let failure = Failure::Usage("a\nb \u{1b}[2J".to_owned());
        assert_eq!(anstream::adapter::strip_str(&failure.lines()).to_string(), "error: a\\nb \\u{1b}[2J\n");
    }
}
