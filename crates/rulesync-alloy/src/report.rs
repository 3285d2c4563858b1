//! What an import found: errors, warnings and notes, each with its place, in the manner of `alloy convert`.

use std::collections::BTreeSet;
use std::fmt;

use crate::syntax::Position;

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Severity {
    /// Something that cannot be imported.
    Error,
    /// Something that behaves in another way afterwards.
    Warning,
    /// Something to know or to do.
    Info,
}

/// One message of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about; none for the configuration as a whole.
    pub place: Option<Place>,
    /// What there is to say, in one line.
    pub text: String,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Place {
    /// The name of the file, as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// What an import found. `Display` prints it: the messages, then what to add to the Deployment, then the outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The messages, in the order of the files; those about the whole are last.
    pub messages: Vec<Message>,
    /// What the Deployment of rulesync needs for Secrets and ConfigMaps that the configuration refers to, as a patch in
    /// YAML.
    pub deployment_patch: Option<String>,
    /// What was imported and what was not, in one line.
    pub outcome: String,
}

impl Report {
    /// The messages of one severity.
    pub fn of(&self, severity: Severity) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |message| message.severity == severity)
    }
}

impl Message {
    /// Makes a message, such as one about the configuration that an import has made.
    #[must_use]
    pub fn new(severity: Severity, place: Option<Place>, text: impl AsRef<str>) -> Self {
        Self { severity, place, text: one_line(text.as_ref()) }
    }
}

/// The messages while an import goes on.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    found: Vec<Found>,
    /// Those that were found, so that none is repeated.
    seen: BTreeSet<Found>,
    /// The number of errors among them.
    errors: usize,
    has_secrets: bool,
}

type Found = (Option<Position>, Severity, String);

impl Messages {
    pub(crate) fn add(&mut self, severity: Severity, position: Option<Position>, text: impl Into<String>) {
        let message = (position, severity, text.into());
        if self.seen.insert(message.clone()) {
            self.found.push(message);
            self.errors += usize::from(severity == Severity::Error);
        }
    }

    pub(crate) fn error(&mut self, position: Position, text: impl Into<String>) {
        self.add(Severity::Error, Some(position), text);
    }

    pub(crate) fn warning(&mut self, position: Position, text: impl Into<String>) {
        self.add(Severity::Warning, Some(position), text);
    }

    pub(crate) fn info(&mut self, position: Position, text: impl Into<String>) {
        self.add(Severity::Info, Some(position), text);
    }

    /// Tells of a secret that stands in the configuration as it is, and what would be better.
    pub(crate) fn secret(&mut self, position: Position, what: &str, better: &str) {
        self.has_secrets = true;
        self.info(position, format!("{what} stands in the configuration as it is: better is {better}"));
    }

    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// Whether a secret stands in the configuration as it is.
    pub(crate) fn has_secrets(&self) -> bool {
        self.has_secrets
    }

    /// The messages in the order of the files, which have these names; those about the whole are last.
    pub(crate) fn into_messages(mut self, files: &[String]) -> Vec<Message> {
        self.found.sort_by_key(|(position, severity, _)| (position.is_none(), *position, *severity));
        let message = |(position, severity, text): Found| {
            Message::new(severity, position.map(|position| place(position, files)), text)
        };
        self.found.into_iter().map(message).collect()
    }
}

/// A position in words.
pub(crate) fn place(position: Position, files: &[String]) -> Place {
    let Position { file, line, column } = position;
    Place { file: one_line(files.get(file).map_or("", String::as_str)), line, column }
}

/// It may quote a name that somebody wrote, and is one line all the same.
fn one_line(text: &str) -> String {
    text.chars().fold(String::new(), |mut line, character| {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        line
    })
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "Error",
            Self::Warning => "Warning",
            Self::Info => "Info",
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column } = self;
        write!(f, "{file}:{line}:{column}")
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, place, text } = self;
        write!(f, "({severity}) ")?;
        place.iter().try_for_each(|place| write!(f, "{place}: "))?;
        f.write_str(text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, deployment_patch, outcome } = self;
        messages.iter().try_for_each(|message| writeln!(f, "{message}"))?;
        if let Some(patch) = deployment_patch {
            writeln!(f, "\nThe Deployment of rulesync needs, as a strategic merge patch:\n\n{patch}")?;
        }
        writeln!(f, "{outcome}")
    }
}
