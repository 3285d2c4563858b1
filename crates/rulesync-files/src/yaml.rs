//! The one way YAML is read here, and what is told of an error: one line and a position, no excerpt.

use std::borrow::Cow;

use rulesync_core::Position;
use serde::de::DeserializeOwned;
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Error, Localizer, Location, MessageFormatter, Options, UserMessageFormatter};

use crate::document::Document;

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) message: String,
    /// In the file, in characters.
    pub(crate) position: Position,
}

/// What aliases may add to the text that stands in a document.
const ALIASED_BYTES: usize = 16 * 1024 * 1024;

/// What aliases may repeat, in events of the parser; a label is two of them.
const ALIASED_EVENTS: usize = 200_000;

/// Scalars as Kubernetes and the rulers read them, and budgets for files of half a million rules. Depth and aliases,
/// which is where the danger lies, are held short: a small text must never become a large one.
pub(crate) fn options(text: &str) -> Options {
    serde_saphyr::options! {
        strict_booleans: true,
        legacy_octal_numbers: true,
        emit_comments: false,
        with_snippet: false,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        budget: serde_saphyr::budget! {
            max_nodes: 20_000_000,
            max_events: 60_000_000,
            max_total_scalar_bytes: text.len().saturating_add(ALIASED_BYTES),
            max_recorded_anchor_events: ALIASED_EVENTS / 4,
            // One set of labels for hundreds of rules is what aliases are for.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: ALIASED_EVENTS },
    }
}

/// Reads one document.
pub(crate) fn read<T: DeserializeOwned>(document: Document<'_>) -> Result<T, Problem> {
    serde_saphyr::from_str_with_options(document.text, options(document.text))
        .map_err(|error| problem(document, &error))
}

/// An error of the parser, told in terms of the file.
pub(crate) fn problem(document: Document<'_>, error: &Error) -> Problem {
    let position = match error.location() {
        Some(location) if location.line() > 0 => {
            Position { line: count(location.line()), column: count(location.column()) }
        }
        _ => Position { line: 1, column: 1 },
    };
    Problem {
        message: error.without_snippet().render_with_formatter(&WithoutPlace),
        position: Position { line: position.line + document.lines_before, ..position },
    }
}

/// The parser's numbers as ours.
pub(crate) fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The parser's words without "at line 1, column 2": it counts from the document, and a finding has a place already.
struct WithoutPlace;

impl Localizer for WithoutPlace {
    fn attach_location<'a>(&self, base: Cow<'a, str>, _: Location) -> Cow<'a, str> {
        base
    }

    fn alias_used_at(&self, _: Location) -> String {
        String::new()
    }

    fn alias_defined_at(&self, _: Location) -> String {
        String::new()
    }
}

impl MessageFormatter for WithoutPlace {
    fn localizer(&self) -> &dyn Localizer {
        self
    }

    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        UserMessageFormatter.format_message(error)
    }
}
