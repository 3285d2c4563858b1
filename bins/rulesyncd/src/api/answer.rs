//! Answers of the API: JSON with a tag by which a client learns that nothing has changed, streams, and refusals.

use std::fmt::{Display, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use rulesync_core::finding::Printable;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::turns::{Turn, counted};

/// Returns a value as JSON, which holds its turn until it is sent.
pub(super) fn json(value: &impl Serialize, turn: Turn) -> Response {
    match serde_json::to_vec(value) {
        Ok(json) => ([(CONTENT_TYPE, "application/json")], counted(json, turn)).into_response(),
        Err(error) => failed(error),
    }
}

/// Returns a value as JSON with a tag, or no content if the client has it.
pub(super) fn tagged(asked: &HeaderMap, value: &impl Serialize, turn: Turn) -> Response {
    let json = match serde_json::to_vec(value) {
        Ok(json) => json,
        Err(error) => return failed(error),
    };
    let tag = tag_of(&json);
    // It may be stored, and is asked for each time.
    let headers = [(CACHE_CONTROL, "no-cache".to_owned()), (ETAG, tag.clone())];
    if has(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(CONTENT_TYPE, "application/json")], counted(json, turn)).into_response()
}

fn tag_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex = digest.iter().take(12).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("\"{hex}\"")
}

/// Returns whether a client has what is tagged so (RFC 9110, 13.1.2).
fn has(asked: &HeaderMap, tag: &str) -> bool {
    let values = asked.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// Refuses a request whose parameters are wrong.
pub(super) fn bad_request(problem: impl Display) -> Response {
    (StatusCode::BAD_REQUEST, format!("{}\n", Printable(problem))).into_response()
}

/// Says that there is no such thing.
pub(super) fn not_found(what: impl Display) -> Response {
    (StatusCode::NOT_FOUND, format!("{}\n", Printable(format_args!("there is no {what}")))).into_response()
}

fn failed(error: impl Display) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
}

/// The sender of a streamed answer. If it is dropped before the end was said, the connection is closed, so that nobody
/// takes a part for the whole.
#[derive(Debug)]
pub(super) struct Pieces(mpsc::Sender<Piece>);

#[derive(Debug)]
enum Piece {
    Some(Bytes),
    End,
}

/// The end of an answer of which a part is missing.
#[derive(Debug, thiserror::Error)]
#[error("the answer could not be completed")]
struct Incomplete;

impl Pieces {
    /// Sends a piece, once the client has read those before; returns whether it still reads.
    pub(super) async fn send(&self, piece: impl Into<Bytes>) -> bool {
        self.0.send(Piece::Some(piece.into())).await.is_ok()
    }

    /// Says that nothing is missing.
    pub(super) async fn end(self) {
        // A client that has gone needs no end.
        let _ = self.0.send(Piece::End).await;
    }

    /// Waits until the client has gone.
    pub(super) async fn abandoned(&self) {
        self.0.closed().await;
    }
}

/// Returns a streamed answer, of which one piece is in memory, and its sender. It holds its turn until its end.
pub(super) fn streamed(turn: Turn) -> (Pieces, Body) {
    let (sender, receiver) = mpsc::channel(1);
    (Pieces(sender), Body::new(Streamed { receiver, _turn: turn }))
}

struct Streamed {
    receiver: mpsc::Receiver<Piece>,
    _turn: Turn,
}

impl http_body::Body for Streamed {
    type Data = Bytes;
    type Error = Incomplete;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        Poll::Ready(match ready!(self.receiver.poll_recv(context)) {
            Some(Piece::Some(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End) => None,
            None => Some(Err(Incomplete)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_is_recognized_among_others() {
        let has = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, value.parse().unwrap());
            has(&headers, "\"a\"")
        };
        assert!(has("\"a\"") && has("\"b\", W/\"a\"") && has("*"));
        assert!(!has("\"b\"") && !has("a") && !has(""));
    }
}
