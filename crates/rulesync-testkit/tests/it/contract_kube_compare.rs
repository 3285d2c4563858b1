//! Compares an answer of the testkit's Kubernetes server with the recorded one, without the values that differ between
//! servers.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use rulesync_testkit::recording::Response;
use serde_json::{Value, json};

use rulesync_testkit::wire::Reply;

/// The JSON documents of a body: one, or the events of a watch.
pub(crate) fn frames(body: &[u8]) -> Result<Vec<Value>, String> {
    let stream = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    stream.collect::<Result<_, _>>().map_err(|e| format!("{e} in {}", String::from_utf8_lossy(body)))
}

/// Server-specific values within strings: uids, times of the recording or test, and suffixes of generated names.
static STAMP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|2026-1\d-\d\dT\d\d:\d\d:\d\dZ|rulesync-[0-9bcdfghjklmnpqrstvwxz]{5}\b")
        .expect("a pattern")
});

/// Replaces server-specific values.
pub(crate) fn normalize(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("storageVersionHash");
            // The real server validates metadata several times, and repeats the causes.
            if let Some(causes) = members.get_mut("causes").and_then(Value::as_array_mut) {
                causes.dedup();
            }
            // The entries are sorted by time, and here all times are in the same second.
            if let Some(managers) = members.get_mut("managedFields").and_then(Value::as_array_mut) {
                managers.sort_by_key(|entry| {
                    ["operation", "manager", "subresource"].map(|key| entry[key].to_string())
                });
            }
            for (key, member) in members.iter_mut() {
                let differs =
                    matches!(key.as_str(), "uid" | "creationTimestamp" | "deletionTimestamp" | "time");
                if differs || (key == "lastTransitionTime" && *member != "2026-01-01T00:00:00Z") {
                    *member = json!("<some>");
                } else {
                    normalize(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::String(text) if STAMP.is_match(text) => *text = STAMP.replace_all(text, "<some>").into_owned(),
        _ => {}
    }
}

/// Notes where two bodies differ.
fn differ(at: &str, expected: &Value, replied: &Value, differences: &mut Vec<String>) {
    match (expected, replied) {
        (Value::Object(expected), Value::Object(replied)) => {
            let names: BTreeSet<&String> = expected.keys().chain(replied.keys()).collect();
            for name in names {
                match (expected.get(name), replied.get(name)) {
                    (Some(expected), Some(replied)) => {
                        differ(&format!("{at}/{name}"), expected, replied, differences);
                    }
                    (Some(expected), None) => differences.push(format!("{at}/{name} lacks {expected}")),
                    (None, replied) => {
                        differences.push(format!("{at}/{name} is {replied:?}, and should not be"))
                    }
                }
            }
        }
        (Value::Array(expected), Value::Array(replied)) if expected.len() == replied.len() => {
            for (index, (expected, replied)) in expected.iter().zip(replied).enumerate() {
                differ(&format!("{at}/{index}"), expected, replied, differences);
            }
        }
        (expected, replied) if expected == replied => {}
        _ => differences.push(format!("{at} is {replied} instead of {expected}")),
    }
}

/// Removes the managed fields.
pub(crate) fn remove_managers(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("managedFields");
            members.values_mut().for_each(remove_managers);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_managers),
        _ => {}
    }
}

/// Compares an answer with the recorded one: status, relevant headers, and the body by value.
pub(crate) fn compare(recorded: &Response, reply: &Reply) -> Result<(), String> {
    if recorded.status != reply.status.as_u16() {
        return Err(format!("status {} instead of {}: {}", reply.status, recorded.status, reply.text()));
    }
    for name in ["content-type", "content-encoding", "retry-after", "warning", "vary"] {
        if recorded.header(name) != reply.header(name) {
            return Err(format!("{name} {:?} instead of {:?}", reply.header(name), recorded.header(name)));
        }
    }
    if recorded.header("content-encoding").is_some() {
        // The compressed bytes were damaged when they were recorded as text.
        return Ok(());
    }
    if recorded.header("content-type").is_some_and(|kind| kind.starts_with("text/")) {
        let same = recorded.body == reply.body.as_ref();
        return if same { Ok(()) } else { Err(format!("body {:?}", reply.text())) };
    }
    let text = String::from_utf8_lossy(&recorded.body).into_owned();
    let mut replied = frames(&reply.body)?;
    let mut expected = match text.split_once("\n… cut, ") {
        None => frames(&recorded.body)?,
        Some((head, tail)) if head.trim_start().starts_with("{\"type\"") => {
            // A truncated watch: compares the events up to the cut.
            let last = head.rfind('\n').map_or(head, |end| &head[..end]);
            let kept = frames(last.as_bytes())?;
            replied.truncate(kept.len());
            assert!(tail.contains("time_total") || tail.contains('}'));
            kept
        }
        Some((_, tail)) => {
            // A truncated list: compares the part after its items.
            let at = tail.rfind("  \"kind\": ").ok_or("a cut list without an end")?;
            let rest = tail[at..].split("\n[[").next().unwrap_or_default();
            for list in &mut replied {
                *list = json!({"kind": list["kind"], "metadata": list["metadata"]});
            }
            frames(format!("{{{rest}").as_bytes())?
        }
    };
    // Objects that a test created directly have another manager than in the recording.
    if reply.text().contains("\"manager\":\"testkit\"") {
        expected.iter_mut().chain(&mut replied).for_each(remove_managers);
    }
    expected.iter_mut().chain(&mut replied).for_each(normalize);
    if expected.len() != replied.len() {
        return Err(format!("{} documents instead of {}: {}", replied.len(), expected.len(), reply.text()));
    }
    for (expected, replied) in expected.iter().zip(&replied) {
        let mut differences = Vec::new();
        differ("", expected, replied, &mut differences);
        if !differences.is_empty() {
            return Err(format!("body: {}", differences.join("; ")));
        }
    }
    Ok(())
}
