//! Replays the recordings of a real API server and compares the answers: status, content type and body by value,
//! including revisions. The store is taken through the recorded history, so that revisions, continue tokens, messages
//! with revisions and field ownership are the same; uids, times and the suffixes of generated names are not compared.
//!
//! Time is paused: a watch of 75 seconds takes no real time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use rulesync_testkit::{
    Access, KubeServer,
    recording::{self, Recording, RequestBody, Response},
    wire::{self, Reply},
};
use serde_json::{Value, json};

use crate::{
    contract_kube_allow::ALLOWED,
    contract_kube_compare::{compare, frames, normalize, remove_managers},
    kube_client::{RULES, watches_started},
};

/// The recordings, and the result of each one that was replayed.
struct Replay {
    recordings: BTreeMap<String, Recording>,
    verdicts: BTreeMap<String, Result<(), String>>,
}

impl Replay {
    fn recording(&self, prefix: &str) -> &Recording {
        let found = self.recordings.range(prefix.to_owned()..).next().expect("a recording").1;
        assert!(found.name.starts_with(prefix), "no recording {prefix}");
        found
    }

    fn response(&self, prefix: &str) -> &Response {
        self.recording(prefix).response.as_ref().expect("an exchange")
    }

    /// The body of a recording's response.
    fn value(&self, prefix: &str) -> Value {
        serde_json::from_slice(&self.response(prefix).body).expect("JSON")
    }

    /// The objects of a recorded watch, one per event.
    fn events(&self, prefix: &str) -> Vec<Value> {
        let body = self.recording(prefix).response.as_ref().map(|r| r.body.clone());
        let body = body.unwrap_or_else(|| recorded_frames(self.recording(prefix)));
        let frames = frames(&body).expect("frames");
        frames.into_iter().map(|frame| frame["object"].clone()).collect()
    }

    /// Sends the recorded request.
    async fn send(&self, server: &KubeServer, prefix: &str) -> Result<Reply, wire::Failure> {
        let recording = self.recording(prefix);
        send(server, recording).await
    }

    /// Replays the recordings in order and notes the result of the comparison.
    async fn replay(&mut self, server: &KubeServer, prefixes: &[&str]) {
        for prefix in prefixes {
            let reply = self.send(server, prefix).await;
            self.judge(
                prefix,
                reply.map_err(|e| e.to_string()).and_then(|reply| compare(self.response(prefix), &reply)),
            );
        }
    }

    /// Checks that a recorded request gets no answer within curl's timeout.
    async fn replay_silence(&mut self, server: &KubeServer, prefix: &str) {
        let silent = tokio::time::timeout(Duration::from_secs(12), self.send(server, prefix)).await.is_err();
        self.judge(prefix, if silent { Ok(()) } else { Err("unexpected answer".to_owned()) });
    }

    fn judge(&mut self, prefix: &str, verdict: Result<(), String>) {
        let name = self.recording(prefix).name.clone();
        self.verdicts.insert(name, verdict);
    }
}

async fn send(server: &KubeServer, recording: &Recording) -> Result<Reply, wire::Failure> {
    // curl sends its user agent, which the server stores as the manager; the recording does not show it.
    let mut headers = vec![("user-agent", "curl/8")];
    headers.extend(recording.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let body = match &recording.body {
        _ if recording.name.starts_with("064") => huge_rule(),
        RequestBody::Bytes(bytes) => bytes.clone(),
        RequestBody::None | RequestBody::Elsewhere(_) => Bytes::new(),
    };
    wire::send(server.address(), &recording.method, &recording.target, &headers, body).await
}

/// The recording contains only the size of the object.
fn huge_rule() -> Bytes {
    let mut rule = bulk("huge");
    rule["metadata"] = json!({"name": "huge"});
    rule["spec"]["groups"][0]["rules"][0]["expr"] = json!("u".repeat(1_935_036));
    Bytes::from(rule.to_string())
}

fn bulk(name: &str) -> Value {
    let rules: Vec<Value> =
        (0..40).map(|n| json!({"record": format!("a:b{n}"), "expr": "sum(up)"})).collect();
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"namespace": "team-b", "name": name}, "spec": {"groups": [{"name": "g", "rules": rules}]},
    })
}

/// Recordings 230 and 231 contain the frames of a watch without the exchange around them.
fn recorded_frames(recording: &Recording) -> Vec<u8> {
    let frames = recording.text.lines().filter(|line| line.starts_with('{'));
    frames.collect::<Vec<_>>().join("\n").into_bytes()
}

fn agent() -> Access {
    let read = ["get", "list", "watch"].map(|verb| (verb, "*"));
    let leases = ["create", "update", "patch"].map(|verb| (verb, "leases"));
    Access::only(read.into_iter().chain(leases).chain([
        ("create", "events"),
        ("patch", "events"),
        ("patch", "prometheusrules/status"),
    ]))
}

async fn recorded_server() -> KubeServer {
    let server = KubeServer::builder()
        .token("admin-token", "admin", Access::all())
        .token("nobody-token", "nobody", Access::none())
        .token("agent-token", "rulesync", agent())
        .without_namespace_controller()
        .start()
        .await
        .expect("starts");
    server.advance_to(219);
    for name in ["team-a", "team-b", "sync"] {
        server.create_namespace(name, []).expect("a namespace");
    }
    server
}

/// Creates a rule as kubectl did in the recording.
async fn seed(server: &KubeServer, object: &Value) {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    metadata.retain(|key, _| matches!(key.as_str(), "name" | "namespace" | "labels" | "annotations"));
    let target = format!(
        "/apis/monitoring.coreos.com/v1/namespaces/{}/prometheusrules?fieldManager=kubectl-client-side-apply",
        metadata["namespace"].as_str().expect("a namespace")
    );
    let headers = [("authorization", "Bearer admin-token"), ("content-type", "application/json")];
    let body = Bytes::from(object.to_string());
    let reply = wire::send(server.address(), "POST", &target, &headers, body).await.expect("an answer");
    assert_eq!(reply.status, 201, "{}", reply.text());
}

/// Replays everything from the first list to the deleted namespace.
async fn history(replay: &mut Replay) {
    let server = recorded_server().await;
    server.advance_to(224);
    server.faults().compact();
    for object in replay.value("009")["items"].as_array().expect("items") {
        seed(&server, object).await;
    }
    server.advance_to(293);
    let lists = ["006", "007", "008", "009", "010", "011", "012", "013", "014", "015", "016", "017", "018"];
    replay.replay(&server, &["001", "002", "004"]).await;
    aggregated_discovery(replay, &server).await;
    replay.replay(&server, &lists).await;
    replay.replay(&server, &["020", "021", "022", "023", "024", "025"]).await;

    replay.replay(&server, &["027", "028", "029", "030", "031"]).await;
    replay.replay(&server, &["032", "033", "034", "035", "036"]).await;
    server.advance_to(298);
    replay.replay(&server, &["037", "038", "039", "040"]).await;
    replay.replay(&server, &["041", "042", "043", "044", "045", "026", "046"]).await;
    let validations: Vec<String> = (47..=67).map(|n| format!("{n:03}")).collect();
    for validation in &validations {
        replay.replay(&server, &[validation]).await;
    }
    server.advance_to(303);
    replay
        .replay(
            &server,
            &["068", "069", "070", "071", "072", "073", "074", "075", "076", "077", "078", "079", "080"],
        )
        .await;
    server.advance_to(306);
    replay.replay(&server, &["081", "082", "083", "084"]).await;
    server.advance_to(308);
    replay.replay(&server, &["085", "086", "087"]).await;

    server.advance_to(310);
    server.journal().clear();
    let (leases_watch, ()) = tokio::join!(replay.send(&server, "088"), async {
        watches_started(&server, 1).await;
        let reply = replay.send(&server, "089").await.expect("an answer");
        compare(replay.response("089"), &reply).expect("as recorded");
    });
    replay.judge("089", Ok(()));
    let leases_watch = leases_watch.expect("an answer");
    replay.judge("088", compare(replay.response("088"), &leases_watch));
    replay.replay(&server, &["090"]).await;
    let leases = ["091", "092", "093", "094", "095", "096", "097", "098", "099", "100"];
    replay.replay(&server, &leases).await;
    replay.replay(&server, &["101", "102", "103", "104", "105"]).await;

    events(replay, &server).await;
    assert_eq!(server.revision(), 322);
    for n in 0..120 {
        server.apply(bulk(&format!("bulk{n:03}"))).expect("a rule");
    }
    server.advance_to(444);
    let reply = replay.send(&server, "119").await.expect("an answer");
    replay.judge("119", compare(replay.response("119"), &reply));
    replay.replay(&server, &["120", "121"]).await;
    for n in 0..150 {
        server
            .patch(RULES, "team-a", "r1", json!({"metadata": {"annotations": {"i": n.to_string()}}}))
            .expect("a patch");
    }
    assert_eq!(server.revision(), 594);
    server.faults().compact_to(293);
    replay.replay(&server, &["123", "124"]).await;
    server.faults().compact();
    replay.replay(&server, &["122"]).await;
    server.advance_to(596);
    replay.replay(&server, &["125"]).await;
    assert_eq!(server.revision(), 716);

    server.journal().clear();
    let (watch, ()) = tokio::join!(replay.send(&server, "126"), async {
        watches_started(&server, 1).await;
        replay.send(&server, "127").await.expect("an answer");
    });
    let watch = watch.expect("an answer");
    replay.judge("126", compare(replay.response("126"), &watch));
    replay.replay(&server, &["128", "129", "130", "131", "132"]).await;
    server.create_crd();
    server.advance_to(729);
    replay.replay(&server, &["133", "134", "135"]).await;
}

/// Compares aggregated discovery: what is served here is described as recorded and in the recorded order; the recorded
/// server has other kinds besides.
async fn aggregated_discovery(replay: &mut Replay, server: &KubeServer) {
    let reply = replay.send(server, "005").await.expect("an answer");
    let served: Value = serde_json::from_slice(&reply.body).expect("JSON");
    let mut recorded = replay.value("005");
    let resources = |list: &Value| -> Vec<String> {
        let groups = list["items"].as_array().into_iter().flatten();
        let versions = groups.flat_map(|group| {
            let versions = group["versions"].as_array().into_iter().flatten();
            versions.map(|version| (group["metadata"]["name"].clone(), version.clone()))
        });
        let described = versions.flat_map(|(group, version)| {
            let resources = version["resources"].as_array().cloned().unwrap_or_default();
            resources.into_iter().map(move |resource| {
                format!("{group} {} {} {resource}", version["version"], version["freshness"])
            })
        });
        described.collect()
    };
    let (served_here, mut expected) = (resources(&served), resources(&recorded));
    expected.retain(|resource| served_here.contains(resource));
    recorded["items"] = served["items"].clone();
    let headers = ["content-type", "cache-control", "vary"];
    let same_headers = headers.iter().all(|name| reply.header(name) == replay.response("005").header(name));
    let same = served_here == expected && served == recorded && same_headers;
    replay.judge(
        "005",
        if same { Ok(()) } else { Err(format!("{served_here:#?}\ninstead of\n{expected:#?}")) },
    );
}

/// Replays the events. Their generated names differ here, so the patches are sent to these names.
async fn events(replay: &mut Replay, server: &KubeServer) {
    for (create, patch) in [("106", "107"), ("108", "109")] {
        let created = replay.send(server, create).await.expect("an answer");
        let object: Value = serde_json::from_slice(&created.body).expect("an event");
        replay.judge(create, compare(replay.response(create), &created));
        let mut request = replay.recording(patch).clone();
        let (path, _) = request.target.rsplit_once('/').expect("a path");
        request.target = format!("{path}/{}", object["metadata"]["name"].as_str().expect("a name"));
        let patched = send(server, &request).await.expect("an answer");
        replay.judge(patch, compare(replay.response(patch), &patched));
    }
    replay.replay(server, &["110", "111", "112", "113", "114", "115", "116", "117", "118"]).await;
}

/// Replays restarts, bookmarks without changes, and an etcd outage.
async fn outages(replay: &mut Replay) {
    let server = recorded_server().await;
    server.advance_to(811);
    for object in replay.events("207").iter().filter(|object| object.get("spec").is_some()) {
        let mut object = object.clone();
        object["metadata"].as_object_mut().expect("metadata").remove("annotations");
        server.apply(object).expect("a rule");
    }
    assert_eq!(server.revision(), 823);
    replay.replay(&server, &["200"]).await;
    server.advance_to(827);
    replay.replay(&server, &["201"]).await;
    server.advance_to(840);
    for n in 0..150 {
        server
            .patch(RULES, "team-a", "q00", json!({"metadata": {"annotations": {"i": n.to_string()}}}))
            .expect("a patch");
    }
    server.faults().compact_to(839);
    replay.replay(&server, &["202"]).await;
    server.advance_to(1002);
    server.stop().await;
    let refused = replay.send(&server, "203").await.is_err();
    replay.judge("203", if refused { Ok(()) } else { Err("unexpected answer".to_owned()) });
    server.start_again().await.expect("listens");
    replay.replay(&server, &["204", "205", "206"]).await;

    server.journal().clear();
    let (silent, ()) = tokio::join!(replay.send(&server, "207"), async {
        watches_started(&server, 1).await;
        server.faults().send_bookmarks();
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.faults().etcd_down(true);
    });
    // The requested bookmark is not in the recording; it proves that the watch was alive before.
    let mut silent = silent.expect("an answer");
    let text = silent.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.last().is_some_and(|last| last.contains("BOOKMARK") && !last.contains("initial-events-end"))
    );
    silent.body = Bytes::from(lines[..lines.len() - 1].join("\n"));
    replay.judge("207", compare(replay.response("207"), &silent));
    for prefix in ["208", "210", "211", "213"] {
        replay.replay_silence(&server, prefix).await;
    }
    replay.replay(&server, &["209", "212"]).await;
    server.faults().etcd_down(false);

    let (broken, ()) = tokio::join!(replay.send(&server, "223"), async {
        server.journal().clear();
        watches_started(&server, 1).await;
        server.stop().await;
    });
    replay.judge("223", if broken.is_err() { Ok(()) } else { Err("the watch ended cleanly".to_owned()) });
}

/// Replays the leases that were recorded later that day.
async fn later_leases(replay: &mut Replay) {
    let server = recorded_server().await;
    server.advance_to(10_260);
    replay.replay(&server, &["232", "233", "234", "235", "236", "237"]).await;
    server.advance_to(10_273);
    replay.replay(&server, &["238", "239"]).await;
}

/// Replays the deletion of a namespace with the controller running. In the recording, other content was deleted with
/// it, so revisions are not compared.
async fn namespace_deletion(replay: &mut Replay) {
    let server = KubeServer::start().await.expect("starts");
    server.create_namespace("team-b", []).expect("a namespace");
    for object in &replay.events("230")[..5] {
        server.apply(object.clone()).expect("a rule");
    }
    let base = "watch=true&allowWatchBookmarks=true&timeoutSeconds=3";
    let objects = format!("/apis/monitoring.coreos.com/v1/prometheusrules?{base}");
    let namespace = format!("/api/v1/namespaces?{base}&fieldSelector=metadata.name%3Dteam-b");
    let address = server.address();
    let watch = |target: String| async move { wire::send(address, "GET", &target, &[], Bytes::new()).await };
    let (objects, namespace, ()) = tokio::join!(watch(objects), watch(namespace), async {
        watches_started(&server, 2).await;
        assert!(server.delete_namespace("team-b"));
    });
    for (prefix, reply) in [("230", objects), ("231", namespace)] {
        let mut recorded = frames(&recorded_frames(replay.recording(prefix))).expect("frames");
        let mut replied = frames(&reply.expect("an answer").body).expect("frames");
        for frame in recorded.iter_mut().chain(&mut replied) {
            remove_managers(frame);
            normalize(frame);
            frame["object"]["metadata"]["resourceVersion"] = json!("<some>");
        }
        let same = recorded == replied;
        replay.judge(
            prefix,
            if same { Ok(()) } else { Err(format!("{replied:#?}\ninstead of\n{recorded:#?}")) },
        );
    }
}

#[tokio::test(start_paused = true)]
async fn contract_kubernetes_answers_match_recordings() {
    let recordings = recording::all("kube").expect("recordings");
    let recordings = recordings.into_iter().map(|recording| (recording.name.clone(), recording)).collect();
    let mut replay = Replay { recordings, verdicts: BTreeMap::new() };
    history(&mut replay).await;
    outages(&mut replay).await;
    later_leases(&mut replay).await;
    namespace_deletion(&mut replay).await;

    let mut failures = Vec::new();
    let (mut passed, mut allowed) = (0, 0);
    let mut reasons_used = BTreeSet::new();
    for name in replay.recordings.keys() {
        let reason = ALLOWED.iter().find(|(prefix, _)| name.starts_with(prefix));
        match (replay.verdicts.get(name), reason) {
            (Some(Ok(())), _) => passed += 1,
            (Some(Err(why)), _) => failures.push(format!("{name}: {why}")),
            (None, Some((prefix, _))) => {
                allowed += 1;
                reasons_used.insert(*prefix);
            }
            (None, None) => failures.push(format!("{name}: neither replayed nor allowed")),
        }
    }
    for (prefix, _) in ALLOWED.iter().filter(|(prefix, _)| !reasons_used.contains(prefix)) {
        failures.push(format!("{prefix}: unused entry of the allow-list"));
    }
    println!("kube: {passed} match the recordings, {allowed} allowed");
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        replay.recordings.len(),
        failures.join("\n")
    );
}
