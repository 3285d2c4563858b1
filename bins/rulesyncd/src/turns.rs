//! How much of what is answered may be in memory at once, however slowly it is read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The number of statuses and explanations that may be in memory at once.
const STATUSES: usize = 2;

/// The number of metrics pages, which are smaller.
pub(crate) const EXPOSITIONS: usize = 4;

/// The number of pages for people and of their twins, which are bounded by what they show.
const PAGES: usize = 4;

/// The number of clients that may follow changes at once.
const STREAMS: usize = 8;

/// How long a request waits while that many are in memory.
const PATIENCE: Duration = Duration::from_secs(5);

/// The right to have an answer in memory.
pub(crate) type Turn = OwnedSemaphorePermit;

/// Hands out turns. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    statuses: Arc<Semaphore>,
    expositions: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// The reason why there is no answer: as many are being read as may be in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("other clients are reading this page, as many as there may be at once: try again")
    }
}

impl IntoResponse for Busy {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{self}\n")).into_response()
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            statuses: Arc::new(Semaphore::new(STATUSES)),
            expositions: Arc::new(Semaphore::new(EXPOSITIONS)),
            pages: Arc::new(Semaphore::new(PAGES)),
            streams: Arc::new(Semaphore::new(STREAMS)),
        }
    }
}

impl Turns {
    /// Waits for the turn of a status, or of an explanation.
    pub(crate) async fn status(&self) -> Result<Turn, Busy> {
        wait(&self.statuses).await
    }

    /// Waits for the turn of a metrics page.
    pub(crate) async fn exposition(&self) -> Result<Turn, Busy> {
        wait(&self.expositions).await
    }

    /// Waits for the turn of a page for people, or of its twin.
    pub(crate) async fn page(&self) -> Result<Turn, Busy> {
        wait(&self.pages).await
    }

    /// Returns the turn of a client that follows changes, without waiting: others may follow them for long.
    pub(crate) fn stream(&self) -> Result<Turn, Busy> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| Busy)
    }
}

async fn wait(for_one_of: &Arc<Semaphore>) -> Result<Turn, Busy> {
    match tokio::time::timeout(PATIENCE, Arc::clone(for_one_of).acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(Busy),
    }
}

/// Returns a body that holds its turn until its last byte is sent or the connection is closed.
pub(crate) fn counted(bytes: Vec<u8>, turn: Turn) -> Bytes {
    struct Counted(Vec<u8>, #[expect(dead_code, reason = "dropped with the body")] Turn);
    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    Bytes::from_owner(Counted(bytes, turn))
}
