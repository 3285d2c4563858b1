//! An answer that lasts until its client has taken all of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::Response;
use hyper::body::{Frame, SizeHint};

use super::activity::Answering;

/// The extension of an answer that is a stream: it has no end of its own, and lasts as long as its client takes what there is
/// of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream;

/// The body of an answer.
pub(super) struct Answer {
    body: Body,
    answering: Arc<Answering>,
}

impl Answer {
    /// Returns an answer whose body notes what the client takes of it.
    pub(super) fn watch(answer: Response<Body>, mut answering: Answering) -> Response<Self> {
        if answer.extensions().get::<Stream>().is_some() {
            answering.becomes_stream();
        }
        answer.map(|body| Self { body, answering: Arc::new(answering) })
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let part = |bytes: Bytes| {
            if bytes.is_empty() {
                bytes
            } else {
                Bytes::from_owner(Part::new(bytes, Arc::clone(&self.answering)))
            }
        };
        frame.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A part of an answer. HTTP/1 and HTTP/2 keep it until it is sent, or copy it if it is small.
struct Part {
    bytes: Bytes,
    answering: Arc<Answering>,
}

impl Part {
    fn new(bytes: Bytes, answering: Arc<Answering>) -> Self {
        answering.part_ready();
        Self { bytes, answering }
    }
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.answering.part_gone();
    }
}
