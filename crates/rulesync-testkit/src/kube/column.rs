//! The columns that a definition declares for its objects.

use serde_json::{Value, json};

use super::age::age;
use super::json_path::JsonPath;

/// A column that a definition declares.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) priority: i64,
    pub(crate) path: JsonPath,
}

impl Column {
    /// The age, which is the only column of a definition that declares none.
    pub(crate) fn age() -> Self {
        Self {
            name: "Age".to_owned(),
            kind: "date".to_owned(),
            format: String::new(),
            description: "The time since the object was created".to_owned(),
            priority: 0,
            path: JsonPath::members(&["metadata", "creationTimestamp"]),
        }
    }

    /// Reads an entry of `additionalPrinterColumns`.
    ///
    /// # Errors
    /// The field that is wrong and the reason.
    pub(crate) fn parse(declared: &Value) -> Result<Self, String> {
        let text = |key: &str| declared[key].as_str().unwrap_or_default().to_owned();
        let (name, kind, source) = (text("name"), text("type"), text("jsonPath"));
        if name.is_empty() {
            return Err("name: Required value".to_owned());
        }
        if !matches!(kind.as_str(), "string" | "integer" | "number" | "boolean" | "date") {
            return Err(format!(
                "type: Invalid value: {kind:?}: must be one of boolean,date,integer,number,string"
            ));
        }
        let path =
            JsonPath::parse(&source).map_err(|e| format!("jsonPath: Invalid value: {source:?}: {e}"))?;
        let description = match text("description") {
            description if description.is_empty() => format!("The value at the JSONPath {source}"),
            description => description,
        };
        let priority = declared["priority"].as_i64().unwrap_or(0);
        Ok(Self { name, kind, format: text("format"), description, priority, path })
    }

    /// The value in this column; null, which is shown as nothing, if it is missing or of another type.
    pub(crate) fn cell(&self, object: &Value, now: u64) -> Value {
        let Some(found) = self.path.find(object).first().copied().filter(|found| !found.is_null()) else {
            return Value::Null;
        };
        match (self.kind.as_str(), found) {
            ("string", Value::String(_)) | ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => {
                found.clone()
            }
            ("string", other) => json!(other.to_string()),
            ("integer", Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => json!(integer),
                #[expect(clippy::cast_possible_truncation, reason = "as the real server does")]
                (None, Some(float)) => json!(float as i64),
                (None, None) => Value::Null,
            },
            ("date", Value::String(time)) => json!(age(time, now)),
            _ => Value::Null,
        }
    }
}
