//! Changes of objects as they happen, as server-sent events.
//!
//! | event | data |
//! |---|---|
//! | `changed` | `{"objects": [{"source": …, "kind": …, "namespace": …, "name": …, "state": …}], "more": 0}`; without `state`, the object is gone |
//!
//! What changes within a second is told together. A client that has not read what it was told is told later, of all that
//! has changed meanwhile; nothing is kept for it but the names. A stream ends after [`LIFETIME`], with which it stays
//! within what any answer may take; browsers connect again by themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use rulesync_core::model::ObjectId;
use rulesync_core::status::{ObjectState, ObjectStates, ObjectSubscription};
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::{Pieces, streamed};
use crate::context::Context;

/// How long a stream lasts, less than an answer may take as a whole.
const LIFETIME: Duration = Duration::from_secs(50);

/// How often something is sent, at the latest, less than a client may read nothing.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The least time between two events.
const PAUSE: Duration = Duration::from_secs(1);

/// How long browsers wait before they connect again, in milliseconds.
const RETRY_MILLIS: u32 = 2000;

/// The number of objects that one event names; of others it has the number.
const MAX_OBJECTS: usize = 100;

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

/// The stream of changes.
pub(super) async fn stream(State(context): State<Context>) -> Response {
    let Ok(turn) = context.turns().stream() else {
        let text = "as many clients follow the changes as there may be at once: try again later\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    };
    let (pieces, body) = streamed(turn);
    let states = context.states().clone();
    let subscription = states.subscribe();
    tokio::spawn(tell(states, subscription, pieces, context.shutdown().clone()));
    let headers =
        [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store"), (X_ACCEL_BUFFERING, "no")];
    (headers, body).into_response()
}

/// Sends events until the client is gone, the time is over, or the process ends.
async fn tell(
    states: ObjectStates,
    mut subscription: ObjectSubscription,
    pieces: Pieces,
    shutdown: CancellationToken,
) {
    let end = Instant::now() + LIFETIME;
    let mut next = Bytes::from(format!("retry: {RETRY_MILLIS}\n\n"));
    let telling = async {
        loop {
            if !pieces.send(next).await {
                return;
            }
            next = match tokio::time::timeout(HEARTBEAT, subscription.changed()).await {
                Ok(objects) => event(&states, &objects),
                Err(_) => Bytes::from_static(b": still here\n\n"),
            };
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = telling => {}
        () = pieces.abandoned() => {}
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep_until(end) => {}
    }
    pieces.end().await;
}

/// Returns the event that tells of changed objects.
fn event(states: &ObjectStates, objects: &BTreeSet<ObjectId>) -> Bytes {
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
    Bytes::from(format!("event: changed\ndata: {json}\n\n"))
}
