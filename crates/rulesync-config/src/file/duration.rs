//! Durations in the file.

use std::borrow::Cow;

use rulesync_core::model::PromDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The schema of a duration.
pub(super) struct Duration;

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // As Prometheus writes them, largest unit first.
        let units = ["y", "w", "d", "h", "m", "s", "ms"].map(|unit| format!("([0-9]+{unit})?")).concat();
        json_schema!({"type": "string", "format": "duration", "pattern": format!("^(0|{units})$"), "minLength": 1})
    }
}

pub(super) fn minutes(minutes: u64) -> PromDuration {
    PromDuration::from_millis(minutes * 60_000)
}

pub(super) fn seconds(seconds: u64) -> PromDuration {
    PromDuration::from_millis(seconds * 1_000)
}
