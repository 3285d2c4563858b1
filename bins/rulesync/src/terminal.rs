//! Colors: which there are, and whether they are shown. What prints writes to [`anstream::stdout`] or
//! [`anstream::stderr`] with these styles; the streams drop them where they do not belong.

use std::ffi::OsString;

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
    /// Returns the choice among arguments that are not parsed yet, and may be wrong.
    pub(crate) fn among(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
        let mut color = Self::Auto;
        while let Some(argument) = arguments.next() {
            let value = match argument.to_str().and_then(|argument| argument.strip_prefix("--color")) {
                Some("") => arguments.next(),
                Some(rest) => rest.strip_prefix('=').map(OsString::from),
                None => None,
            };
            let chosen = value.and_then(|value| <Self as ValueEnum>::from_str(value.to_str()?, false).ok());
            color = chosen.unwrap_or(color);
        }
        color
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn color_is_found_among_arguments_that_are_wrong() {
        for (arguments, color) in [
            (&["rulesync", "--nothing", "--color", "never"][..], Color::Never),
            (&["rulesync", "list", "--color=always", "--nothing"], Color::Always),
            (&["rulesync", "--colors=always", "--color"], Color::Auto),
            (&["rulesync", "--color", "pink"], Color::Auto),
            (&["rulesync", "check", "--", "--color=always"], Color::Auto),
        ] {
            assert_eq!(Color::among(arguments.iter().map(OsString::from)), color, "{arguments:?}");
        }
    }
}
