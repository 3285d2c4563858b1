//! The form of a log line: `time`, `level` and `msg`, then the fields in the order of the code, in logfmt or JSON.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::registry::LookupSpan;

use crate::args::LogFormat;

impl<S, N> FormatEvent<S, N> for LogFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        out.write_str(&line(*self, &time, &level, &fields))
    }
}

/// The fields of an event.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

#[derive(Debug)]
enum Value {
    Text(String),
    /// A number or a boolean, which both formats write alike.
    Literal(String),
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Text(text)) => self.message = text,
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, Value::Text(format!("{value:?}")));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::Text(value.to_owned()));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::Literal(value.to_string()));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::Literal(value.to_string()));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::Literal(value.to_string()));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        let value = if value.is_finite() {
            Value::Literal(value.to_string())
        } else {
            Value::Text(value.to_string())
        };
        self.add(field, value);
    }
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, Value::Text(value.to_string()));
    }
}

fn line(format: LogFormat, time: &str, level: &str, Fields { message, others }: &Fields) -> String {
    let mut line = match format {
        LogFormat::Logfmt => format!("time={time} level={level} msg={}", logfmt(message)),
        LogFormat::Json => {
            format!("{{\"time\":{},\"level\":\"{level}\",\"msg\":{}", json(time), json(message))
        }
    };
    for (name, value) in others {
        // Writing to a string does not fail.
        let _ = match (format, value) {
            (LogFormat::Logfmt, Value::Text(text)) => write!(line, " {name}={}", logfmt(text)),
            (LogFormat::Logfmt, Value::Literal(literal)) => write!(line, " {name}={literal}"),
            (LogFormat::Json, Value::Text(text)) => write!(line, ",{}:{}", json(name), json(text)),
            (LogFormat::Json, Value::Literal(literal)) => write!(line, ",{}:{literal}", json(name)),
        };
    }
    line.push_str(match format {
        LogFormat::Logfmt => "\n",
        LogFormat::Json => "}\n",
    });
    line
}

/// Returns a text as a value of logfmt: in quotes where it could end early or be read as something else.
fn logfmt(text: &str) -> String {
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=' | '\\');
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { json(text) }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let text = |text: &str| Value::Text(text.to_owned());
        let others = vec![
            ("group", text("a b=\"c\"\n")),
            ("tenant", text("prod")),
            ("line", Value::Literal("3".to_owned())),
            ("error", text("")),
        ];
        Fields { message: "Rule group rejected".to_owned(), others }
    }

    #[test]
    fn logfmt_line_begins_with_time_level_and_message() {
        assert_eq!(
            line(LogFormat::Logfmt, "2026-01-01T00:00:00Z", "warn", &fields()),
            "time=2026-01-01T00:00:00Z level=warn msg=\"Rule group rejected\" group=\"a b=\\\"c\\\"\\n\" tenant=prod \
             line=3 error=\"\"\n"
        );
    }

    #[test]
    fn json_line_has_the_same_keys_in_the_same_order() {
        let line = line(LogFormat::Json, "2026-01-01T00:00:00Z", "warn", &fields());
        assert!(line.starts_with("{\"time\":\"2026-01-01T00:00:00Z\",\"level\":\"warn\",\"msg\":"), "{line}");
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&read["group"], &read["line"]), (&"a b=\"c\"\n".into(), &3.into()));
    }
}
