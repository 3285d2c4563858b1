//! Replays what a real API server has answered to the requests by which rulesync publishes, in the order in which they were
//! recorded: applies of statuses and annotations, lists of metadata, Events, deletes, and refusals.
//!
//! Revisions are compared too: what the recorded server has written of itself meanwhile is left out by advancing the
//! testkit's to the one before the next write. UIDs are translated, so that requests name the objects of the testkit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use rulesync_testkit::recording::{self, Recording, RequestBody, Response};
use rulesync_testkit::wire::{self, Reply};
use rulesync_testkit::{Access, KubeServer};
use serde_json::Value;

use crate::contract_kube_compare::compare;

/// Intended differences, with reasons. A recording that passes must not be listed.
const ALLOWED: &[(&str, &str)] = &[(
    "338-apply-status-null-fields",
    "of nulls in a configuration, which nobody here sends, the real server is the owner",
)];

/// What happened to the recorded server between two recordings, named by the second.
async fn meanwhile(server: &KubeServer, name: &str) {
    match name {
        "373-list-initializing" => {
            server.faults().compact();
            // What the recorded server wrote of itself meanwhile.
            server.advance_to(236);
            server.restart().await.expect("listens");
            server.faults().initializing("rulestatuses", 1);
        }
        "750-too-many-requests" => drop(server.faults().respond_on("rulestatuses", 429, 1)),
        _ => {}
    }
}

async fn recorded_server() -> KubeServer {
    let server = KubeServer::builder()
        .token("admin-token", "admin", Access::all())
        .token("nobody-token", "nobody", Access::none())
        .token(
            "agent-token",
            "agent",
            Access::only([("patch", "rulestatuses"), ("patch", "prometheusrules")]),
        )
        .without_namespace_controller()
        .start()
        .await
        .expect("starts");
    for crd in ["loggingrules", "rulestatuses"] {
        let path = format!("../../deploy/crds/rulesync.dev_{crd}.yaml");
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file");
        server.apply(serde_saphyr::from_str(&text).expect("YAML")).expect("a definition");
    }
    server
}

/// The UIDs of the recorded server, and those that the testkit's has given to the same objects.
#[derive(Default)]
struct Uids(BTreeMap<String, String>);

impl Uids {
    fn translate(&self, text: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(text).into_owned();
        self.0.iter().fold(text, |text, (theirs, ours)| text.replace(theirs, ours)).into_bytes()
    }

    /// Notes the UIDs at the same places of both answers.
    fn learn(&mut self, theirs: &Value, ours: &Value) {
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(ours)) => {
                for (key, theirs) in theirs {
                    match (theirs, ours.get(key)) {
                        (Value::String(theirs), Some(Value::String(ours))) if key == "uid" => {
                            self.0.insert(theirs.clone(), ours.clone());
                        }
                        (theirs, Some(ours)) => self.learn(theirs, ours),
                        (_, None) => {}
                    }
                }
            }
            (Value::Array(theirs), Value::Array(ours)) => {
                theirs.iter().zip(ours).for_each(|(theirs, ours)| self.learn(theirs, ours));
            }
            _ => {}
        }
    }
}

/// Brings the testkit's revision to where that of the recorded server was before it answered.
fn advance(server: &KubeServer, answer: &Value) {
    let revision = answer["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse::<u64>().ok());
    let is_list = answer["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    if let Some(revision) = revision {
        server.advance_to(if is_list { revision } else { revision - 1 });
    }
}

/// Sends a recorded request to the testkit's server, and compares the answers.
async fn replay(server: &KubeServer, recording: &Recording, uids: &mut Uids) -> Result<(), String> {
    let recorded = recording.response.as_ref().ok_or("no response was recorded")?;
    let theirs = serde_json::from_slice::<Value>(&recorded.body).unwrap_or_default();
    advance(server, &theirs);
    let mut headers = vec![("user-agent", "curl/8")];
    headers.extend(recording.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let body = match &recording.body {
        RequestBody::Bytes(bytes) => Bytes::from(uids.translate(bytes)),
        RequestBody::None | RequestBody::Elsewhere(_) => Bytes::new(),
    };
    let target = String::from_utf8(uids.translate(recording.target.as_bytes())).map_err(|e| e.to_string())?;
    let reply = wire::send(server.address(), &recording.method, &target, &headers, body).await;
    let reply: Reply = reply.map_err(|e| e.to_string())?;
    if let Ok(ours) = serde_json::from_slice(&reply.body) {
        uids.learn(&theirs, &ours);
    }
    compare(&Response { body: uids.translate(&recorded.body), ..recorded.clone() }, &reply)
}

#[tokio::test(start_paused = true)]
async fn contract_publishing_answers_match_recordings() {
    let recordings = recording::all("kube-publishing").expect("recordings");
    let server = recorded_server().await;
    let mut uids = Uids::default();
    let (mut failures, mut allowed) = (Vec::new(), BTreeSet::new());
    for recording in &recordings {
        meanwhile(&server, &recording.name).await;
        let verdict = replay(&server, recording, &mut uids).await;
        let reason = ALLOWED.iter().find(|(prefix, _)| recording.name.starts_with(prefix));
        match (verdict, reason) {
            (Ok(()), None) => {}
            (Err(_), Some((prefix, _))) => drop(allowed.insert(*prefix)),
            (Ok(()), Some(_)) => {
                failures.push(format!("{}: allowed to differ, and does not", recording.name))
            }
            (Err(why), None) => failures.push(format!("{}: {why}", recording.name)),
        }
    }
    failures.extend(
        ALLOWED
            .iter()
            .filter(|(prefix, _)| !allowed.contains(prefix))
            .map(|(prefix, _)| format!("{prefix}: unused")),
    );
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), recordings.len(), failures.join("\n"));
}
