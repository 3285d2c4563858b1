//! For programs and people: the same object as [`json`](super::json), as YAML.

use std::io::{self, Write};

use rulesync_core::finding::{Printable, is_hidden};
use serde_json::Value;

use super::json::ReportForm;
use crate::changes::yaml::to_yaml;
use crate::report::Report;

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let text = to_yaml(&ReportForm::of(report));
    if !text.contains(|c| c != '\n' && is_hidden(c)) {
        return out.write_all(text.as_bytes());
    }
    // Rare enough to be done for the whole at once.
    let value = printable(serde_json::to_value(ReportForm::of(report))?);
    out.write_all(to_yaml(&value).as_bytes())
}

/// Returns a value in which every text shows as itself.
fn printable(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains(is_hidden) => Value::String(Printable(text).to_string()),
        Value::Array(items) => items.into_iter().map(printable).collect(),
        Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, printable(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_shows_every_character() {
        let value = printable(serde_json::json!({"a": ["\u{1b}[2J", "ü"], "b": 1}));
        assert_eq!(value, serde_json::json!({"a": [r"\u{1b}[2J", "ü"], "b": 1}));
    }
}
