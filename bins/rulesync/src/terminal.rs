//! Colors: which there are, and whether they are shown. What prints writes to [`anstream::stdout`] or
//! [`anstream::stderr`] with these styles; the streams drop them where they do not belong.

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// The word `error`.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();

/// The word `warning`.
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// What is added.
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();

/// What changes.
pub(crate) const CHANGED: Style = AnsiColor::Yellow.on_default();

/// What is removed.
pub(crate) const REMOVED: Style = AnsiColor::Red.on_default();

/// What stands above others.
pub(crate) const HEADING: Style = Style::new().bold();

/// What is there for orientation only.
pub(crate) const MUTED: Style = Style::new().dimmed();

/// When to use colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On terminals.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Makes this the choice of the process. `auto` is what NO_COLOR, CLICOLOR_FORCE, CLICOLOR and TERM say of each stream.
    pub(crate) fn apply(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}
