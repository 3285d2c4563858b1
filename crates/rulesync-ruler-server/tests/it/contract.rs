//! Replays the recordings of real Mimir, Cortex and Loki servers, in order, and compares the answers.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use rulesync_ruler_server::{Kind, Limits, RulerBuilder, RulerServer};
use rulesync_testkit::{
    recording::{self, Recording, RequestBody},
    wire::{self, Reply},
};

use crate::contract_allow::ALLOWED;

/// The limits of the recorded servers.
fn limits(builder: RulerBuilder) -> RulerBuilder {
    builder
        .tenant_limits("limited", Limits { rules_per_group: 2, groups: 3, ..Limits::default() })
        .tenant_limits(
            "prot",
            Limits { protected_namespaces: vec!["locked".to_owned()], ..Limits::default() },
        )
        .tenant_limits("minint", Limits { min_interval: Duration::from_secs(60), ..Limits::default() })
}

#[tokio::test]
async fn contract_mimir_answers_match_recordings() {
    let builder = || limits(RulerBuilder::new(Kind::Mimir)).federation();
    let (first, second): (Vec<_>, Vec<_>) = recording::all("mimir")
        .expect("recordings")
        .into_iter()
        .partition(|recording| recording.name.as_str() < "300");
    // The last recordings are from a separate server.
    let mut verdicts = replay(&first, &start(builder()).await).await;
    verdicts.append(&mut replay(&second, &start(builder()).await).await);
    judge("mimir", verdicts);
}

#[tokio::test]
async fn contract_cortex_answers_match_recordings() {
    let ruler = start(limits(RulerBuilder::new(Kind::Cortex))).await;
    judge("cortex", replay(&recording::all("cortex").expect("recordings"), &ruler).await);
}

#[tokio::test]
async fn contract_loki_answers_match_recordings() {
    let (first, second): (Vec<_>, Vec<_>) = recording::all("loki")
        .expect("recordings")
        .into_iter()
        .partition(|recording| recording.name.as_str() < "300");
    let mut verdicts = replay(&first, &start(limits(RulerBuilder::new(Kind::Loki))).await).await;
    // The last recordings are from a server whose rules are files.
    let ruler = start(RulerBuilder::new(Kind::Loki).read_only()).await;
    let group = r#"{name: fromfile, rules: [{record: "a:b", expr: 'sum(count_over_time({a="b"}[1m]))'}]}"#;
    ruler.put("t1", "rules.yaml", group).expect("a group");
    verdicts.append(&mut replay(&second, &ruler).await);
    judge("loki", verdicts);
}

async fn start(builder: RulerBuilder) -> RulerServer {
    RulerServer::start(builder).await.expect("starts")
}

/// The name of each recording, and the result of the comparison.
type Verdicts = Vec<(String, Result<Sameness, String>)>;

async fn replay(recordings: &[Recording], ruler: &RulerServer) -> Verdicts {
    let logs = ruler.kind() == Kind::Loki;
    let mut verdicts = Verdicts::new();
    for recording in recordings {
        // A recording without an exchange always differs: it must be in the allow-list.
        let verdict = if recording.response.is_none() {
            Err("no exchange".to_owned())
        } else {
            let headers: Vec<(&str, &str)> = recording
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                // The client frames the body itself.
                .filter(|(name, _)| !name.eq_ignore_ascii_case("transfer-encoding"))
                .collect();
            let body = body(recording, logs);
            match wire::send(ruler.address(), &recording.method, &recording.target, &headers, body).await {
                Ok(reply) => compare(recording, &reply),
                Err(error) => Err(format!("no answer: {error}")),
            }
        };
        verdicts.push((recording.name.clone(), verdict));
    }
    verdicts
}

fn judge(server: &str, verdicts: Verdicts) {
    let (total, mut different, mut other_bytes) = (verdicts.len(), BTreeMap::new(), Vec::new());
    for (name, verdict) in verdicts {
        match verdict {
            Ok(Sameness::Bytes) => {}
            Ok(Sameness::Value) => other_bytes.push(name),
            Err(why) => {
                different.insert(name, why);
            }
        }
    }
    let alike = total - other_bytes.len() - different.len();
    println!(
        "{server}: {total} recordings, {alike} byte-identical, {} by value only {other_bytes:?}, {} different",
        other_bytes.len(),
        different.len(),
    );
    for (_, name, _) in ALLOWED.iter().filter(|(allowed, ..)| *allowed == server) {
        assert!(different.remove(*name).is_some(), "{name} passes: remove it from the allow-list");
    }
    let report: Vec<String> = different.iter().map(|(name, why)| format!("== {name}\n{why}")).collect();
    assert!(report.is_empty(), "{server}: {} differ\n{}", report.len(), report.join("\n"));
}

/// The posted body; if the recording contains only its size, a similar one in LogQL or PromQL.
fn body(recording: &Recording, logs: bool) -> Bytes {
    let expr = if logs { r#"sum by (job) (count_over_time({job="a"}[1m]))"# } else { "sum by (job) (up)" };
    let rules = |count: usize| {
        let rules: String = (0..count).map(|n| format!("  - record: a:b{n}\n    expr: {expr}\n")).collect();
        Bytes::from(format!("name: gh{count}-rules\nrules:\n{rules}"))
    };
    match (&recording.body, recording.name.as_str()) {
        (RequestBody::None, _) => Bytes::new(),
        (RequestBody::Bytes(bytes), _) => bytes.clone(),
        (RequestBody::Elsewhere(_), "148-bad-invalid-utf8") => {
            Bytes::from_static(b"name: g\xff\nrules:\n- record: a:b\n  expr: sum by (job) (up)\n")
        }
        (RequestBody::Elsewhere(_), "219-gzip-body") => {
            use std::io::Write as _;
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            packer.write_all(&rules(1)).expect("writes to memory");
            Bytes::from(packer.finish().expect("writes to memory"))
        }
        (RequestBody::Elsewhere(_), "224-huge-500-rules") => rules(500),
        (RequestBody::Elsewhere(_), "225-huge-5000-rules") => rules(5000),
        // One MiB instead of twenty, which a debug build takes ten seconds to read; if the size matters, the required
        // size.
        (RequestBody::Elsewhere(_), "226-huge-20MiB-annotation") => Bytes::from(format!(
            "name: ghuge\nrules:\n  - alert: A\n    expr: {expr}\n    annotations:\n      a: {}\n",
            "x".repeat(if logs { 16 } else { 1 } << 20)
        )),
        (RequestBody::Elsewhere(_), name) => panic!("the body of {name} is not known"),
    }
}

enum Sameness {
    Bytes,
    Value,
}

/// Headers that must be equal to the recorded ones, or absent in both.
const HEADERS: [&str; 7] = [
    "content-type",
    "content-encoding",
    "vary",
    "location",
    "allow",
    "x-content-type-options",
    "x-mimir-ruler-protected-namespaces",
];

fn compare(recording: &Recording, reply: &Reply) -> Result<Sameness, String> {
    let recorded = recording.response.as_ref().ok_or("no exchange")?;
    if reply.status.as_u16() != recorded.status {
        return Err(format!("status {} instead of {}: {}", reply.status, recorded.status, reply.text()));
    }
    for name in HEADERS {
        let (is, should) = (reply.header(name), recorded.header(name));
        if is != should {
            return Err(format!("{name}: {is:?} instead of {should:?}"));
        }
    }
    if recorded.header("content-encoding") == Some("gzip") {
        // The compressed bytes were damaged when they were recorded as text: only checks that the answer decompresses.
        use std::io::Read as _;
        let mut text = String::new();
        flate2::read::GzDecoder::new(reply.body.as_ref())
            .read_to_string(&mut text)
            .map_err(|e| e.to_string())?;
        return if text.starts_with("50%:\n    - name: g1\n") { Ok(Sameness::Bytes) } else { Err(text) };
    }
    let should = String::from_utf8_lossy(&recorded.body)
        .replace("DATA/mimir/rules/", "/data/")
        .replace("DATA/cortex/rules/", "/data/")
        .replace("DATA/loki/rules/", "/data/");
    let is = reply.text();
    if is == should {
        return Ok(Sameness::Bytes);
    }
    let (printed, should) = (should.clone(), with_posted_expressions(&should));
    let alike = if printed == should { Sameness::Bytes } else { Sameness::Value };
    if let Some((start, end)) = should.split_once("\n… cut") {
        let end = end.split_once("…\n").map_or("", |(_, end)| end);
        return if is.starts_with(start) && is.ends_with(end) {
            Ok(alike)
        } else {
            let at = is.bytes().zip(start.bytes()).take_while(|(is, should)| is == should).count();
            let around = |text: &str| {
                String::from_utf8_lossy(&text.as_bytes()[at.min(text.len())..])
                    .chars()
                    .take(200)
                    .collect::<String>()
            };
            Err(format!(
                "cut, and different from byte {at} on: {}\ninstead of: {}\nend: {end}",
                around(&is),
                around(start)
            ))
        };
    }
    let same = match recorded.header("content-type") {
        Some("application/yaml") => yaml(&is)? == yaml(&should)?,
        Some("application/json") => {
            let parse =
                |text: &str| serde_json::from_str::<serde_json::Value>(text).map_err(|e| e.to_string());
            normalized(parse(&is)?) == normalized(parse(&should)?)
        }
        _ => false,
    };
    if same { Ok(Sameness::Value) } else { Err(format!("body: {is}\ninstead of: {should}")) }
}

/// Normalizes a state document: Loki sorts groups by file only, with any order within a file, and prints expressions on
/// one line.
fn normalized(mut document: serde_json::Value) -> serde_json::Value {
    let Some(groups) = document.pointer_mut("/data/groups").and_then(|groups| groups.as_array_mut()) else {
        return document;
    };
    groups.sort_by_key(|group| (group["file"].to_string(), group["name"].to_string()));
    for rule in groups.iter_mut().filter_map(|group| group["rules"].as_array_mut()).flatten() {
        let query = rule["query"].as_str().unwrap_or_default();
        rule["query"] = query.split_whitespace().collect::<Vec<_>>().join(" ").into();
    }
    document
}

/// Replaces printed expressions of a state document by the posted ones: Loki formats its own syntax tree, which the
/// testkit does not imitate.
fn with_posted_expressions(document: &str) -> String {
    [
        (
            r#""query":"(sum by (job)(rate({job=\"a\"} |= \"err\"[5m])) \u003e 0)""#,
            r#""query":"sum by (job) (rate({job=\"a\"} |= \"err\" [5m])) \u003e 0""#,
        ),
        (
            r#""query":"sum by (job)(count_over_time({job=\"a\"}[1m]))""#,
            r#""query":"sum by (job) (count_over_time({job=\"a\"}[1m]))""#,
        ),
    ]
    .iter()
    .fold(document.to_owned(), |document, (printed, sent)| document.replace(printed, sent))
}

fn yaml(text: &str) -> Result<serde_json::Value, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}
