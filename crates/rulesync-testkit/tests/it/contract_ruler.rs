//! Replays the recordings of real Mimir and Cortex servers, in order, and compares the answers.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use rulesync_testkit::{Kind, Limits, RulerBuilder, RulerServer};

use crate::{
    contract_allow::ALLOWED,
    recording::{self, Recording, RequestBody},
    wire::{self, Reply},
};

/// The settings of the servers that were recorded.
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
#[cfg_attr(not(rulesync_shared), ignore = "needs ../shared or RULESYNC_SHARED")]
async fn mimir_answers_as_recorded() {
    let builder = || limits(RulerServer::builder(Kind::Mimir)).federation();
    let (first, second): (Vec<_>, Vec<_>) =
        recording::all("mimir").into_iter().partition(|recording| recording.name.as_str() < "300");
    // The last few were recorded on a server of their own.
    let mut verdicts = replay(&first, builder()).await;
    verdicts.append(&mut replay(&second, builder()).await);
    judge("mimir", verdicts);
}

#[tokio::test]
#[cfg_attr(not(rulesync_shared), ignore = "needs ../shared or RULESYNC_SHARED")]
async fn cortex_answers_as_recorded() {
    judge("cortex", replay(&recording::all("cortex"), limits(RulerServer::builder(Kind::Cortex))).await);
}

/// Each recording's name, and how the answer compares.
type Verdicts = Vec<(String, Result<Sameness, String>)>;

async fn replay(recordings: &[Recording], builder: RulerBuilder) -> Verdicts {
    let ruler = builder.start().await.expect("starts");
    let mut verdicts = Verdicts::new();
    for recording in recordings {
        // A recording that is no exchange is different by itself: it must be allowed.
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
            let body = body(recording);
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
        "{server}: {total} recordings, {alike} alike to the byte, {} by value only {other_bytes:?}, {} different",
        other_bytes.len(),
        different.len(),
    );
    for (_, name, _) in ALLOWED.iter().filter(|(allowed, ..)| *allowed == server) {
        assert!(different.remove(*name).is_some(), "{name} passes: it has no place in the allow-list");
    }
    let report: Vec<String> = different.iter().map(|(name, why)| format!("== {name}\n{why}")).collect();
    assert!(report.is_empty(), "{server}: {} differ\n{}", report.len(), report.join("\n"));
}

/// What was posted; where the recording only has its size, something of that kind.
fn body(recording: &Recording) -> Bytes {
    let rules = |count: usize| {
        let rules: String =
            (0..count).map(|n| format!("  - record: a:b{n}\n    expr: sum by (job) (up)\n")).collect();
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
        // One MiB instead of twenty, which a debug build takes ten seconds to read.
        (RequestBody::Elsewhere(_), "226-huge-20MiB-annotation") => Bytes::from(format!(
            "name: ghuge\nrules:\n  - alert: A\n    expr: sum by (job) (up)\n    annotations:\n      a: {}\n",
            "x".repeat(1 << 20)
        )),
        (RequestBody::Elsewhere(_), name) => panic!("the body of {name} is not known"),
    }
}

enum Sameness {
    Bytes,
    Value,
}

/// Headers that must be as recorded, present or absent.
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
        // The recording holds the compressed bytes as text, which destroyed them: look that ours are sound.
        use std::io::Read as _;
        let mut text = String::new();
        flate2::read::GzDecoder::new(reply.body.as_ref())
            .read_to_string(&mut text)
            .map_err(|e| e.to_string())?;
        return if text.starts_with("50%:\n    - name: g1\n") { Ok(Sameness::Bytes) } else { Err(text) };
    }
    let should = String::from_utf8_lossy(&recorded.body)
        .replace("DATA/mimir/rules/", "/data/")
        .replace("DATA/cortex/rules/", "/data/");
    let is = reply.text();
    if is == should {
        return Ok(Sameness::Bytes);
    }
    if let Some((start, end)) = should.split_once("\n… cut") {
        let end = end.split_once("…\n").map_or("", |(_, end)| end);
        return if is.starts_with(start) && is.ends_with(end) {
            Ok(Sameness::Bytes)
        } else {
            let at = is.bytes().zip(start.bytes()).take_while(|(is, should)| is == should).count();
            let around = |text: &str| {
                String::from_utf8_lossy(&text.as_bytes()[at.min(text.len())..])
                    .chars()
                    .take(200)
                    .collect::<String>()
            };
            Err(format!(
                "cut, and other bytes from {at} on: {}\ninstead of: {}\nend: {end}",
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
            parse(&is)? == parse(&should)?
        }
        _ => false,
    };
    if same { Ok(Sameness::Value) } else { Err(format!("body: {is}\ninstead of: {should}")) }
}

fn yaml(text: &str) -> Result<serde_json::Value, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}
