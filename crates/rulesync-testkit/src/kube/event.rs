//! Events, which are served by two APIs: core/v1 and events.k8s.io/v1 name the fields of the same stored object
//! differently and have different validation rules.

use serde_json::{Value, json};

use super::clock::{Precision, read_time};
use super::json_path::JsonPath;
use super::selectable_field::SelectableField;

/// The field names that differ: in core/v1, which is the stored form, and in events.k8s.io/v1.
const NAMES: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

/// An API that serves events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventApi {
    /// core/v1.
    Core,
    /// events.k8s.io/v1.
    Events,
}

impl EventApi {
    /// The name in this API of a field of core/v1.
    pub(super) fn name(self, core: &'static str) -> &'static str {
        let found = NAMES.iter().find(|(name, _)| self == Self::Events && *name == core);
        found.map_or(core, |(_, name)| name)
    }

    /// The properties of the schema of an event.
    pub(crate) fn members(self) -> Value {
        let (text, number) = (json!({"type": "string"}), json!({"type": "integer"}));
        let time = json!({"type": "string", "nullable": true});
        let object = json!({
            "type": "object", "x-kubernetes-map-type": "atomic",
            "properties": {
                "apiVersion": text, "kind": text, "namespace": text, "name": text, "uid": text,
                "resourceVersion": text, "fieldPath": text,
            },
        });
        let source = json!({"type": "object", "properties": {"component": text, "host": text}});
        let series = json!({"type": "object", "properties": {"count": number, "lastObservedTime": text}});
        let mut members = json!({"eventTime": time, "series": series, "related": object});
        for name in ["reason", "type", "action", "reportingInstance", "message", "reportingComponent"] {
            members[self.name(name)] = text.clone();
        }
        members[self.name("involvedObject")] = object;
        members[self.name("source")] = source;
        members[self.name("firstTimestamp")] = time.clone();
        members[self.name("lastTimestamp")] = time;
        members[self.name("count")] = number;
        members
    }

    /// By what events can be selected; the paths are those of the stored form.
    pub(crate) fn selectable(self) -> Vec<SelectableField> {
        const PARTS: [&str; 7] =
            ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
        let object = self.name("involvedObject");
        let about = PARTS.map(|part| {
            SelectableField::new(
                &format!("{object}.{part}"),
                vec![JsonPath::members(&["involvedObject", part])],
            )
        });
        let own = ["reason", "type", "reportingComponent"]
            .map(|name| SelectableField::new(self.name(name), vec![JsonPath::members(&[name])]));
        let source = ["source", "component"].as_slice();
        let source = [source, &["reportingComponent"]].map(JsonPath::members).into();
        // The newer API has no source.
        let source = (self == Self::Core).then(|| SelectableField::new("source", source));
        about.into_iter().chain(own).chain(source).collect()
    }

    /// The state of an event before any write.
    pub(crate) fn empty(self) -> Value {
        let mut empty = json!({"metadata": {}});
        self.fill(&mut empty);
        empty
    }

    /// Removes empty fields, and adds those that this API always prints.
    fn fill(self, event: &mut Value) {
        if let Some(members) = event.as_object_mut() {
            members.retain(|_, part| *part != "");
        }
        for name in ["involvedObject", "source"] {
            default(event, self.name(name), json!({}));
        }
        for name in ["firstTimestamp", "lastTimestamp", "eventTime"] {
            default(event, self.name(name), Value::Null);
        }
        if self == Self::Core {
            for name in ["reportingComponent", "reportingInstance"] {
                default(event, name, json!(""));
            }
        }
    }

    /// Converts times to their stored format and adds the fields that are always printed.
    ///
    /// # Errors
    /// If a time cannot be parsed.
    pub(crate) fn read(self, event: &mut Value) -> Result<(), String> {
        for name in ["firstTimestamp", "lastTimestamp"] {
            read_time(event, self.name(name), Precision::Seconds)?;
        }
        read_time(event, "eventTime", Precision::Micros)?;
        if event.get("series").is_some() {
            read_time(&mut event["series"], "lastObservedTime", Precision::Micros)?;
        }
        self.fill(event);
        Ok(())
    }

    /// Converts an event of this API to core/v1, which is how it is stored.
    pub(crate) fn stored(self, event: &Value) -> Value {
        if self == Self::Core { event.clone() } else { renamed(event, Self::Core, |(core, new)| (new, core)) }
    }

    /// Converts a stored event to this API.
    pub(crate) fn shown(self, event: &Value) -> Value {
        if self == Self::Core {
            event.clone()
        } else {
            renamed(event, Self::Events, |(core, new)| (core, new))
        }
    }
}

fn default(event: &mut Value, name: &str, value: Value) {
    if event.get(name).is_none() {
        event[name] = value;
    }
}

fn renamed(
    event: &Value,
    api: EventApi,
    direction: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str),
) -> Value {
    let mut event = event.clone();
    if let Some(members) = event.as_object_mut() {
        for names in NAMES {
            let (from, to) = direction(names);
            if let Some(part) = members.remove(from) {
                members.insert(to.to_owned(), part);
            }
        }
        let version = if api == EventApi::Core { "v1" } else { "events.k8s.io/v1" };
        members.insert("apiVersion".to_owned(), json!(version));
    }
    api.fill(&mut event);
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Value {
        let mut event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"namespace": "a"},
            "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "x.example/y",
            "reportingInstance": "pod-0", "action": "Sync", "reason": "Refused", "type": "Warning",
            "regarding": {"namespace": "b"}, "note": "why",
        });
        EventApi::Events.read(&mut event).unwrap();
        event
    }

    fn messages(api: EventApi, old: Option<&Value>, event: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        api.validate(old, event, &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn event_converts_between_both_apis() {
        let stored = EventApi::Events.stored(&event());
        assert_eq!(stored["apiVersion"], "v1");
        assert_eq!(
            (&stored["message"], &stored["involvedObject"]["namespace"]),
            (&json!("why"), &json!("b"))
        );
        assert_eq!(EventApi::Events.shown(&stored), event());
        assert!(messages(EventApi::Core, None, &EventApi::Core.shown(&stored)).is_empty());
    }

    #[test]
    fn event_rules_of_events_api_are_stricter() {
        assert!(messages(EventApi::Events, None, &event()).is_empty());
        for (part, value, message) in [
            ("eventTime", Value::Null, "eventTime: Required value"),
            ("type", json!("Info"), "type: Invalid value: \"\": has invalid value: Info"),
            ("reportingController", json!("a b"), "reportingController: Invalid value: \"a b\": name part"),
            (
                "note",
                json!("x".repeat(1025)),
                "message: Invalid value: \"\": can have at most 1024 characters",
            ),
            ("deprecatedCount", json!(2), "count: Invalid value: \"\": needs to be unset"),
            ("series", json!({"count": 1, "lastObservedTime": "x"}), "series.count: Invalid value"),
            ("regarding", json!({}), "involvedObject.namespace: Invalid value: \"\": does not match"),
        ] {
            let mut event = event();
            event[part] = value;
            let found = messages(EventApi::Events, None, &event);
            assert!(found.iter().any(|found| found.starts_with(message)), "{part}: {found:?}");
        }
        let mut later = event();
        later["series"] = json!({"count": 2, "lastObservedTime": "2026-01-01T00:00:00.000000Z"});
        assert!(messages(EventApi::Events, Some(&event()), &later).is_empty());
        later["note"] = json!("another");
        assert_eq!(
            messages(EventApi::Events, Some(&event()), &later),
            ["message: Invalid value: \"another\": field is immutable"]
        );
    }

    #[test]
    fn event_without_time_must_involve_its_own_namespace() {
        let mut old = json!({"metadata": {"namespace": "a"}, "involvedObject": {"namespace": "a"}});
        assert!(messages(EventApi::Core, None, &old).is_empty());
        old["involvedObject"] = json!({"namespace": "b"});
        assert_eq!(messages(EventApi::Core, None, &old).len(), 1);
        old["involvedObject"] = json!({});
        assert_eq!(messages(EventApi::Core, None, &old).len(), 1, "only events in default may have none");
        old["metadata"]["namespace"] = json!("default");
        assert!(messages(EventApi::Core, None, &old).is_empty());
    }
}
