//! Changes of objects as they happen, as server-sent events.
//!
//! | event | data |
//! |---|---|
//! | `changed` | `{"objects": [{"source": …, "kind": …, "namespace": …, "name": …, "state": …}], "more": 0}`; without `state`, the object is gone |
//! | `missed` | `{}`: something has changed between what the client has seen and this stream |
//!
//! What changes within a second is told together. A client that has not read what it was told is told later, of all that
//! has changed meanwhile; nothing is kept for it but the names.
//!
//! Nothing is lost where one stream follows another, or a page: each event has a mark as its `id`, which clients send as
//! `Last-Event-ID`, or as `seen`. If it is not that of the present states, the stream begins with `missed`.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use rulesync_core::model::ObjectId;
use rulesync_core::status::{ObjectState, ObjectStates, ObjectSubscription};
use serde::{Deserialize, Serialize};

use super::answer::{Pieces, bad_request, streamed};
use crate::context::Context;
use crate::serve::Stream;

/// How often something is sent, at the latest, so that it is noticed when the client has gone.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The least time between two events.
const PAUSE: Duration = Duration::from_secs(1);

/// How long browsers wait before they connect again, in milliseconds.
const RETRY_MILLIS: u32 = 2000;

/// The number of objects that one event names; of others it has the number.
const MAX_OBJECTS: usize = 100;

/// The mark of the last event that a client has seen, which browsers send when they connect again.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Keeps proxies from collecting events before they pass them on.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

#[derive(Debug, Serialize)]
struct Changed<'a> {
    objects: Vec<ChangedObject<'a>>,
    /// The number of objects that have changed, too, and are not named.
    more: usize,
}

#[derive(Debug, Serialize)]
struct ChangedObject<'a> {
    source: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<ObjectState>,
}

/// The parameters of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    /// The mark of what the client has seen, for clients that cannot set a header.
    seen: String,
}

/// The stream of changes.
pub(super) async fn stream(
    State(context): State<Context>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match asked {
        Ok(Query(asked)) => asked,
        Err(rejection) => return bad_request(rejection.body_text()),
    };
    let Ok(turn) = context.turns().stream() else {
        let text = "as many clients follow the changes as there may be at once: try again later\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    };
    let (pieces, body) = streamed(turn);
    let subscription = context.states().subscribe();
    // That of the stream before, which began after the page was seen.
    let last = headers.get(LAST_EVENT_ID).map(|last| String::from_utf8_lossy(last.as_bytes()).into_owned());
    let first = opening(&context.mark(subscription.seen()), &last.unwrap_or(asked.seen));
    tokio::spawn(tell(context, subscription, pieces, first));
    let headers =
        [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store"), (X_ACCEL_BUFFERING, "no")];
    (headers, Extension(Stream), body).into_response()
}

/// Sends events until the client is gone or the process ends.
async fn tell(context: Context, mut subscription: ObjectSubscription, pieces: Pieces, first: Bytes) {
    let mut next = first;
    let telling = async {
        loop {
            if !pieces.send(next).await {
                return;
            }
            next = match tokio::time::timeout(HEARTBEAT, subscription.changed()).await {
                Ok(objects) => event(context.states(), &objects, &context.mark(subscription.seen())),
                Err(_) => Bytes::from_static(b": still here\n\n"),
            };
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = telling => {}
        () = pieces.abandoned() => {}
        () = context.shutdown().cancelled() => {}
    }
    pieces.end().await;
}

/// Returns how a stream begins whose states have the mark `now`, for a client that has seen those of another one, or none.
fn opening(now: &str, seen: &str) -> Bytes {
    let missed = if seen.is_empty() || seen == now { "" } else { "event: missed\ndata: {}\n" };
    Bytes::from(format!("retry: {RETRY_MILLIS}\nid: {now}\n{missed}\n"))
}

/// Returns the event that tells of changed objects.
fn event(states: &ObjectStates, objects: &BTreeSet<ObjectId>, mark: &str) -> Bytes {
    let changed = |id| ChangedObject {
        source: ObjectId::source(id),
        kind: id.kind(),
        namespace: id.namespace(),
        name: id.name(),
        state: states.get(id).map(|summary| summary.state),
    };
    let more = objects.len().saturating_sub(MAX_OBJECTS);
    let changed = Changed { objects: objects.iter().take(MAX_OBJECTS).map(changed).collect(), more };
    // JSON has no line breaks but in its texts, where they are escaped.
    let json = serde_json::to_string(&changed).unwrap_or_default();
    Bytes::from(format!("id: {mark}\nevent: changed\ndata: {json}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_says_whether_something_was_missed() {
        let missed = |seen: &str| {
            let text = String::from_utf8(opening("a-2", seen).to_vec()).unwrap();
            assert!(text.starts_with("retry: 2000\nid: a-2\n") && text.ends_with("\n\n"), "{text:?}");
            text.contains("event: missed\ndata: {}\n")
        };
        assert_eq!(["", "a-2", "a-1", "b-2", "x"].map(missed), [false, false, true, true, true]);
    }
}
