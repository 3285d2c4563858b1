//! The configuration in force, for people: with defaults, and without secrets.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::file::{File, SourceType};
use crate::settings::Settings;

/// What stands in place of a secret.
const MASK: &str = "<secret>";

/// The configuration in force, which changes when another one is loaded. Clones share it.
#[derive(Clone)]
pub struct ConfigInForce(Arc<Mutex<Arc<str>>>);

/// Without the configuration, which is long.
impl fmt::Debug for ConfigInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ConfigInForce").finish_non_exhaustive()
    }
}

impl ConfigInForce {
    pub(crate) fn new(text: Arc<str>) -> Self {
        Self(Arc::new(Mutex::new(text)))
    }

    pub(crate) fn set(&self, text: Arc<str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text;
    }

    /// Returns it as YAML. Secrets, the values of HTTP headers, and credentials in URLs are masked.
    pub fn yaml(&self) -> Arc<str> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the same as JSON.
    pub fn json(&self) -> Value {
        serde_saphyr::from_str(&self.yaml()).unwrap_or_default()
    }
}

/// Returns a configuration as YAML, without secrets.
pub(crate) fn shown(file: &File, settings: &Settings) -> Arc<str> {
    let mut file = file.clone();
    for (written, known) in file.sources.iter_mut().zip(&settings.sources) {
        written.name.get_or_insert_with(|| known.name.clone());
    }
    for (written, known) in file.rulers.iter_mut().zip(&settings.rulers) {
        written.max_in_flight.get_or_insert(known.max_in_flight);
    }
    if file.sources.iter().any(|source| source.kind == SourceType::Kubernetes) {
        file.status.get_or_insert_default();
    }
    // `Secret` masks itself; a file that cannot be shown has a path that is no text.
    let mut value = serde_json::to_value(&file).unwrap_or_default();
    mask(&mut value);
    prune(&mut value);
    serde_saphyr::to_string(&value).unwrap_or_default().into()
}

/// Masks what may be a secret although its type is none: credentials in URLs, and values of headers.
fn mask(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(masked) = without_credentials(text) {
                *text = masked;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut() {
                match value {
                    Value::Object(headers) if key == "http_headers" => {
                        headers.values_mut().for_each(mask_header)
                    }
                    _ => mask(value),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Masks the values of a header: some of them are credentials, and their names do not tell.
fn mask_header(header: &mut Value) {
    if let Some(Value::Array(values)) = header.get_mut("values") {
        values.fill(Value::from(MASK));
    }
}

/// Returns a text without the user and the password of a URL in it; none if there are none.
fn without_credentials(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password may contain a slash that its author has not encoded.
    let at = rest.get(..end)?.rfind('@').or_else(|| rest.find('@'))?;
    Some(format!("{scheme}://{MASK}{}", rest.get(at..)?))
}

/// Removes what is empty, which means the same as if it was not there.
fn prune(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Object(fields) => {
            fields.values_mut().for_each(prune);
            fields.retain(|_, value| match value {
                Value::Null => false,
                Value::Object(fields) => !fields.is_empty(),
                Value::Array(items) => !items.is_empty(),
                _ => true,
            });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
