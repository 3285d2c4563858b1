//! What may come of a command.

use std::fmt;

use super::states::State;

/// A page with commands.
pub(super) struct Runbook {
    /// Its path below `docs`.
    pub(super) page: &'static str,
    pub(super) state: State,
    /// The ruler, the tenant and the name of the object that it is read for.
    pub(super) about: [&'static str; 3],
    /// What `FILE` is.
    pub(super) file: &'static str,
    /// Its commands, in order: those in blocks first, then those in the text.
    pub(super) shows: &'static [Shown],
}

/// A command, and what comes of it.
pub(super) struct Shown {
    /// A part of the command.
    pub(super) command: &'static str,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    /// It succeeds, and these are in what it prints.
    Shows(&'static [&'static str]),
    /// What the runbook is about makes it exit with this code, and these are in what it prints.
    Fails(i32, &'static [&'static str]),
    /// It succeeds. There is nothing to be seen here, and why.
    Nothing(&'static str),
    /// It is not run, and why.
    CannotRun(&'static str),
}

use Outcome::{CannotRun, Fails, Nothing, Shows};

impl Shown {
    /// What must be in the output.
    pub(super) fn fragments(&self) -> &'static [&'static str] {
        match self.outcome {
            Shows(fragments) | Fails(_, fragments) => fragments,
            Nothing(_) | CannotRun(_) => &[],
        }
    }

    /// The exit code.
    pub(super) fn code(&self) -> i32 {
        match self.outcome {
            Fails(code, _) => code,
            _ => 0,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Shows(fragments) => write!(f, "shows: {}", fragments.join(" … ")),
            Fails(code, fragments) => {
                write!(f, "exits with {code}, as it should, and shows: {}", fragments.join(" … "))
            }
            Nothing(why) => write!(f, "shows: nothing to see here: {why}"),
            CannotRun(why) => write!(f, "not run: {why}"),
        }
    }
}

/// A command and what comes of it, as in the table.
pub(super) const fn to(command: &'static str, outcome: Outcome) -> Shown {
    Shown { command, outcome }
}
