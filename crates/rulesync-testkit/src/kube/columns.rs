//! The columns of tables: what the API server shows of an object where a client asks for rows, as `kubectl get` does.

use serde_json::{Value, json};

use super::age::age;
use super::column::Column;
use super::event::EventApi;
use super::pod;
use super::resource::{BuiltIn, Nature, Resource};

/// What kubectl shows with `-o wide` only.
const WIDE: i64 = 1;

/// The columns of a kind.
pub(crate) fn definitions(resource: &Resource) -> Vec<Value> {
    let name = |format: &str| json!({"name": "Name", "type": "string", "format": format, "description": "The name of the object", "priority": 0});
    let column = |name: &str, priority: i64| json!({"name": name, "type": "string", "format": "", "description": "", "priority": priority});
    let rest: Vec<Value> = match &resource.nature {
        Nature::Custom { columns, .. } => {
            let declared = |column: &Column| {
                json!({
                    "name": column.name, "type": column.kind, "format": column.format,
                    "description": column.description, "priority": column.priority,
                })
            };
            columns.iter().map(declared).collect()
        }
        Nature::Review(..) => Vec::new(),
        Nature::Namespace => ["Status", "Age"].map(|name| column(name, 0)).into(),
        Nature::Definition => {
            vec![
                json!({"name": "Created At", "type": "date", "format": "", "description": "", "priority": 0}),
            ]
        }
        Nature::BuiltIn(BuiltIn::ConfigMap, _) => ["Data", "Age"].map(|name| column(name, 0)).into(),
        Nature::BuiltIn(BuiltIn::Lease, _) => ["Holder", "Age"].map(|name| column(name, 0)).into(),
        Nature::BuiltIn(BuiltIn::Pod, _) => {
            let shown = pod::COLUMNS.map(|name| column(name, 0));
            shown.into_iter().chain(pod::WIDE_COLUMNS.map(|name| column(name, WIDE))).collect()
        }
        Nature::BuiltIn(BuiltIn::Event(_), _) => {
            return [
                column("Last Seen", 0),
                column("Type", 0),
                column("Reason", 0),
                column("Object", 0),
                column("Subobject", WIDE),
                column("Source", WIDE),
                column("Message", 0),
                column("First Seen", WIDE),
                column("Count", WIDE),
                column("Name", WIDE),
            ]
            .into();
        }
    };
    [vec![name("name")], rest].concat()
}

/// What the columns of [`definitions`] show of an object at this time, in seconds since 1970.
pub(crate) fn cells(resource: &Resource, object: &Value, now: u64) -> Vec<Value> {
    let name = json!(object["metadata"]["name"].as_str().unwrap_or_default());
    let created = object["metadata"]["creationTimestamp"].as_str().unwrap_or_default();
    let size = |key: &str| object[key].as_object().map_or(0, serde_json::Map::len);
    let rest = match &resource.nature {
        Nature::Custom { columns, .. } => columns.iter().map(|column| column.cell(object, now)).collect(),
        Nature::Review(..) => Vec::new(),
        Nature::Namespace => vec![object["status"]["phase"].clone(), json!(age(created, now))],
        Nature::Definition => vec![json!(created)],
        Nature::BuiltIn(BuiltIn::ConfigMap, _) => {
            vec![json!(size("data") + size("binaryData")), json!(age(created, now))]
        }
        Nature::BuiltIn(BuiltIn::Lease, _) => {
            let holder = object["spec"]["holderIdentity"].as_str().unwrap_or_default();
            vec![json!(holder), json!(age(created, now))]
        }
        Nature::BuiltIn(BuiltIn::Pod, _) => pod::cells(object, &age(created, now)),
        Nature::BuiltIn(BuiltIn::Event(api), _) => return event(*api, object, now),
    };
    [vec![name], rest].concat()
}

/// An event may have times of either API: those of a series count first, then those of core/v1.
fn event(api: EventApi, object: &Value, now: u64) -> Vec<Value> {
    let event = api.stored(object);
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let first_of = |pointers: &[&str]| {
        pointers.iter().map(|pointer| text(pointer)).find(|text| !text.is_empty()).unwrap_or_default()
    };
    let first = first_of(&["/firstTimestamp", "/eventTime"]);
    let series = event.get("series");
    let (last, count) = match series {
        Some(series) => (text("/series/lastObservedTime"), series["count"].as_i64().unwrap_or(0)),
        None => {
            let last = first_of(&["/lastTimestamp", "/firstTimestamp", "/eventTime"]);
            // The newer API has no count.
            (last, event["count"].as_i64().filter(|count| *count != 0).unwrap_or(1))
        }
    };
    let about = match (text("/involvedObject/kind").to_lowercase(), text("/involvedObject/name")) {
        (kind, "") => kind,
        (kind, name) => format!("{kind}/{name}"),
    };
    let instance = first_of(&["/source/host", "/reportingInstance"]);
    let component = first_of(&["/source/component", "/reportingComponent"]);
    let source = if instance.is_empty() { component.to_owned() } else { format!("{component}, {instance}") };
    vec![
        json!(age(last, now)),
        json!(text("/type")),
        json!(text("/reason")),
        json!(about),
        json!(text("/involvedObject/fieldPath")),
        json!(source),
        json!(text("/message").trim()),
        json!(age(first, now)),
        json!(count),
        json!(text("/metadata/name")),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::builtin;
    use super::*;

    #[test]
    fn column_converts_values_to_its_type() {
        let object = json!({"spec": {
            "text": "x", "number": 2.5, "integer": 3, "flag": true, "list": ["a", 1], "time": "1970-01-01T00:00:10Z",
        }});
        for (kind, path, expected) in [
            ("string", ".spec.text", json!("x")),
            ("string", ".spec.integer", json!("3")),
            ("string", ".spec.list", json!("[\"a\",1]")),
            ("string", ".spec.missing", json!(null)),
            ("integer", ".spec.integer", json!(3)),
            ("integer", ".spec.number", json!(2)),
            ("integer", ".spec.text", json!(null)),
            ("number", ".spec.number", json!(2.5)),
            ("boolean", ".spec.flag", json!(true)),
            ("boolean", ".spec.text", json!(null)),
            ("date", ".spec.time", json!("15s")),
            ("date", ".spec.text", json!("<invalid>")),
            ("date", ".spec.missing", json!(null)),
        ] {
            let column = Column::parse(&json!({"name": "x", "type": kind, "jsonPath": path})).unwrap();
            assert_eq!(column.cell(&object, 25), expected, "{kind} {path}");
        }
        for wrong in [
            json!({"type": "string", "jsonPath": ".x"}),
            json!({"name": "x", "type": "text", "jsonPath": ".x"}),
            json!({"name": "x", "type": "string", "jsonPath": "x"}),
        ] {
            assert!(Column::parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn event_columns_show_the_times_of_both_apis() {
        let kinds = builtin::resources();
        let events = kinds.iter().find(|kind| kind.group == "events.k8s.io").unwrap();
        let shown = |changes: Value| {
            let mut event = json!({
                "metadata": {"name": "e"}, "eventTime": "1970-01-01T00:00:10.000000Z", "type": "Warning",
                "reason": "Refused", "note": " why\n", "reportingController": "rulesync.dev/a",
                "reportingInstance": "pod-0", "regarding": {"kind": "PrometheusRule", "name": "r"},
            });
            for (key, part) in changes.as_object().unwrap() {
                event[key] = part.clone();
            }
            Value::Array(cells(events, &event, 100))
        };
        let about = "prometheusrule/r";
        assert_eq!(
            shown(json!({})),
            json!(["90s", "Warning", "Refused", about, "", "rulesync.dev/a, pod-0", "why", "90s", 1, "e"])
        );
        let series = json!({"series": {"count": 7, "lastObservedTime": "1970-01-01T00:01:00.000000Z"}});
        let repeated = shown(series);
        assert_eq!((&repeated[0], &repeated[7], &repeated[8]), (&json!("40s"), &json!("90s"), &json!(7)));
        let old = shown(json!({
            "eventTime": null, "deprecatedCount": 3, "deprecatedSource": {"component": "kubelet"},
            "deprecatedFirstTimestamp": "1970-01-01T00:00:20Z", "deprecatedLastTimestamp": "1970-01-01T00:01:30Z",
            "regarding": {"kind": "Node"},
        }));
        assert_eq!(
            (&old[0], &old[3], &old[5], &old[7], &old[8]),
            (&json!("10s"), &json!("node"), &json!("kubelet, pod-0"), &json!("80s"), &json!(3))
        );
        assert_eq!(definitions(events).len(), old.as_array().unwrap().len());
    }
}
