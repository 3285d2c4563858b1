//! What a table shows of a Pod, as the API server makes it of the status of its containers.

use serde_json::{Value, json};

/// The columns after the name.
pub(crate) const COLUMNS: [&str; 4] = ["Ready", "Status", "Restarts", "Age"];

/// What kubectl shows with `-o wide` only.
pub(crate) const WIDE_COLUMNS: [&str; 4] = ["IP", "Node", "Nominated Node", "Readiness Gates"];

/// The cells of all these columns.
pub(crate) fn cells(pod: &Value, age: &str) -> Vec<Value> {
    let containers = pod["status"]["containerStatuses"].as_array().map_or(&[][..], Vec::as_slice);
    let declared = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    let ready = containers.iter().filter(|container| container["ready"] == true).count();
    let restarts: u64 = containers.iter().filter_map(|container| container["restartCount"].as_u64()).sum();
    let text = |value: &Value| match value.as_str() {
        Some(text) if !text.is_empty() => json!(text),
        _ => json!("<none>"),
    };
    vec![
        json!(format!("{ready}/{declared}")),
        json!(status(pod, containers)),
        json!(restarts.to_string()),
        json!(age),
        text(&pod["status"]["podIP"]),
        text(&pod["spec"]["nodeName"]),
        json!("<none>"),
        json!("<none>"),
    ]
}

/// The reason of a container that does not run, such as `CrashLoopBackOff`, or the phase.
fn status<'a>(pod: &'a Value, containers: &'a [Value]) -> &'a str {
    if pod["metadata"].get("deletionTimestamp").is_some() {
        return "Terminating";
    }
    let reason = |container: &'a Value| {
        let state = &container["state"];
        state["waiting"]["reason"].as_str().or_else(|| state["terminated"]["reason"].as_str())
    };
    let phase = pod["status"]["phase"].as_str().unwrap_or("Unknown");
    containers.iter().find_map(reason).or_else(|| pod["status"]["reason"].as_str()).unwrap_or(phase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pod_columns_say_why_a_container_does_not_run() {
        let shown = |status: Value| {
            let spec = json!({"containers": [{"name": "a"}, {"name": "b"}], "nodeName": "node-1"});
            cells(&json!({"metadata": {}, "spec": spec, "status": status}), "5m")
        };
        assert_eq!(
            Value::Array(shown(json!({"phase": "Running", "podIP": "10.0.0.7", "containerStatuses": [
                {"ready": true, "restartCount": 1, "state": {"running": {}}},
                {"ready": true, "restartCount": 2, "state": {"running": {}}},
            ]}))),
            json!(["2/2", "Running", "3", "5m", "10.0.0.7", "node-1", "<none>", "<none>"])
        );
        for (state, expected) in [
            (json!({"waiting": {"reason": "CrashLoopBackOff"}}), "CrashLoopBackOff"),
            (json!({"terminated": {"reason": "OOMKilled"}}), "OOMKilled"),
        ] {
            let status = json!({"phase": "Running", "containerStatuses": [{"ready": false, "state": state}]});
            assert_eq!(shown(status)[..2], [json!("0/2"), json!(expected)]);
        }
        assert_eq!(
            shown(json!({"phase": "Pending"}))[..5],
            ["0/2", "Pending", "0", "5m", "<none>"].map(|cell| json!(cell))
        );
        assert_eq!(shown(json!({"phase": "Failed", "reason": "Evicted"}))[1], json!("Evicted"));
    }
}
