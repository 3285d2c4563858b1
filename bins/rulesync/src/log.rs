//! What libraries log, as lines for people on standard error: warnings and errors only, because a verb prints what it
//! does itself.

use std::fmt::{Debug, Write as _};
use std::io::Write as _;

use rulesync_core::finding::Printable;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::terminal::{ERROR, WARNING};

/// Starts to print what is logged.
pub(crate) fn start() {
    tracing_subscriber::registry().with(Lines).init();
}

struct Lines;

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > Level::WARN || !metadata.target().starts_with("rulesync") {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let (word, style) =
            if *metadata.level() == Level::ERROR { ("error", ERROR) } else { ("warning", WARNING) };
        // Nothing is left to do if this output is closed.
        let _ = writeln!(anstream::stderr(), "{style}{word}:{style:#} {}", Printable(fields.line()));
    }
}

/// The fields of an event.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    hint: Option<String>,
    others: String,
}

impl Fields {
    /// `Message (key=value key=value): hint`
    fn line(&self) -> String {
        let Self { message, hint, others } = self;
        let mut line = message.clone();
        if !others.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(line, " ({})", others.trim_start());
        }
        if let Some(hint) = hint {
            let _ = write!(line, ": {hint}");
        }
        line
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "hint" => self.hint = Some(value.to_owned()),
            name => {
                let _ = write!(self.others, " {name}={value}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_has_the_message_first_and_the_hint_last() {
        let fields = Fields {
            message: "Ruler unreachable".to_owned(),
            hint: Some("look there".to_owned()),
            others: " ruler=mimir tenant=prod".to_owned(),
        };
        assert_eq!(fields.line(), "Ruler unreachable (ruler=mimir tenant=prod): look there");
        let fields = Fields { message: "Ruler unreachable".to_owned(), ..Fields::default() };
        assert_eq!(fields.line(), "Ruler unreachable");
    }
}
