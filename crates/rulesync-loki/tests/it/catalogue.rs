//! The outcome of each recorded response of a real Loki: the error catalogue of docs/contracts/ruler-api.md 1.6, row by
//! row.

use rulesync_core::ruler::RulerErrorKind;
use std::collections::BTreeMap;

use rulesync_core::naming::NamespaceClass;
use rulesync_core::testing::Observed;
use rulesync_core::{EncodedGroup, Group, Listing, Rule, Ruler, RulerError};
use rulesync_loki::RulerClient;
use rulesync_testkit::{Fault, Kind, RulerServer, recording};

use crate::conformance::ruler;

/// The outcomes other than success, by the number of the recording.
const CLASSES: [(&str, &[u32]); 6] = [
    // No rules, and nothing to delete.
    ("nothing", &[1, 2, 3, 95, 99, 207, 242, 244, 245, 250]),
    // A wrong route, a redirect, a read-only store.
    ("misconfigured", &[16, 18, 25, 27, 28, 30, 53, 56, 68, 97, 105, 301, 303, 304]),
    (
        "rejected",
        &[
            31, 33, 65, 108, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 125, 126, 127, 128, 129, 130,
            131, 132, 134, 135, 138, 140, 141, 142, 143, 144, 146, 148, 214, 219, 226,
        ],
    ),
    ("limit", &[217, 218]),
    ("denied", &[204, 205, 206, 208, 209, 210, 211, 212]),
    // Errors of the store, indistinguishable from a full disk. Such names are rejected before they are sent.
    ("unavailable", &[46, 48, 49, 51, 69, 71]),
];

#[derive(Debug)]
struct Recording {
    number: u32,
    /// The method of the request, and the number of names in its path.
    request: (String, usize),
    status: u16,
    content_type: String,
    body: String,
}

/// The recordings of requests that rulesync sends, without those that were truncated.
fn recordings() -> Vec<Recording> {
    recording::all("loki").unwrap().into_iter().filter_map(sent_by_rulesync).collect()
}

fn sent_by_rulesync(recording: recording::Recording) -> Option<Recording> {
    let path = recording.target.strip_prefix("/loki/api/v1/rules")?;
    if path.contains('?') || path.ends_with('/') || recording.text.contains("… cut, ") {
        return None;
    }
    let response = recording.response?;
    Some(Recording {
        number: recording.name.split('-').next()?.parse().ok()?,
        request: (recording.method, path.split('/').filter(|name| !name.is_empty()).count()),
        status: response.status,
        content_type: response.header("content-type").unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&response.body).into_owned(),
    })
}

/// Returns the ruler's outcome for a recorded response; `None` for requests that the ruler never sends.
async fn class(
    server: &RulerServer,
    ruler: &RulerClient,
    recording: &Recording,
) -> Option<Result<&'static str, RulerError>> {
    let mut fault = Fault::status(recording.status, recording.body.clone());
    if !recording.content_type.is_empty() {
        fault = fault.with_header("content-type", &recording.content_type);
    }
    server.faults().clear();
    server.faults().inject(fault);
    let tenant = Some("t1".parse().unwrap());
    let nothing = matches!(recording.status, 404);
    let done = if nothing { "nothing" } else { "done" };
    let result = match (recording.request.0.as_str(), recording.request.1) {
        ("GET", 0 | 1) => {
            let (empty, everything) = (Observed::default(), |_: &str| NamespaceClass::Managed);
            let mut listing = Listing::new(ruler.capabilities().fields, &everything, &empty);
            let listed = ruler.list(tenant.as_ref(), &mut listing).await;
            let groups = listing.into_observed().groups();
            assert_eq!(nothing || listed.is_err(), groups == 0, "{recording:?}");
            listed
        }
        ("POST", 1) => {
            let rule = Rule { alert: "Hi".into(), expr: "1".into(), ..Rule::default() };
            let group = Group { name: "gbad".into(), rules: vec![rule], ..Group::default() };
            ruler.write_group(tenant.as_ref(), "bad", &EncodedGroup::of(&group).unwrap()).await
        }
        ("DELETE", 1) => ruler.delete_namespace(tenant.as_ref(), "ns", &[]).await,
        ("DELETE", 2) => ruler.delete_group(tenant.as_ref(), "ns", "g").await,
        _ => return None,
    };
    Some(result.map(|()| done))
}

#[tokio::test]
async fn recorded_responses_have_expected_class() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let ruler = ruler(&server);
    let mut expected: BTreeMap<u32, &str> = CLASSES
        .iter()
        .flat_map(|(class, numbers)| numbers.iter().map(move |number| (*number, *class)))
        .collect();
    let mut seen = 0;
    for recording in recordings() {
        let Some(result) = class(&server, &ruler, &recording).await else { continue };
        let class = result.as_ref().copied().unwrap_or_else(|error| error.kind().as_str());
        assert_eq!(class, expected.remove(&recording.number).unwrap_or("done"), "{recording:?}: {result:?}");
        if let Err(error) = result {
            let json = recording.body.starts_with('{');
            let words = recording.body.trim().is_empty() || json || recording.body.len() > 300;
            // For an identified rule, only its reason.
            let alone = error.rule().is_some() && recording.body.trim().ends_with(error.message());
            let whole = error.message().contains(recording.body.trim());
            assert!(words || alone || whole, "in its own words: {error}");
        }
        seen += 1;
    }
    assert!(expected.is_empty(), "not among the recordings: {expected:?}");
    assert!(seen > 150, "{seen} recordings");
}

#[tokio::test]
async fn recorded_parse_error_names_rule() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let ruler = ruler(&server);
    let recordings = recordings();
    for number in [117, 119] {
        let recording = recordings.iter().find(|recording| recording.number == number).unwrap();
        let Some(Err(error)) = class(&server, &ruler, recording).await else { panic!("{recording:?}") };
        let message = error.message();
        assert_eq!((error.kind(), error.rule()), (RulerErrorKind::Rejected, Some(0)), "{message}");
        assert!(message.starts_with("parse error at line 1, col "), "{message}");
    }
}
