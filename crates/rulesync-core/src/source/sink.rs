//! The channel between a source and the engine.

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::SourceEvent;
use crate::model::name::SourceName;

/// Receives the events of a source, in order. Waiting in [`Sink::send`] is the back-pressure that keeps memory small.
#[derive(Debug, Clone)]
pub struct Sink {
    source: SourceName,
    run: u32,
    events: mpsc::Sender<SourceMessage>,
}

/// One event with its source and time.
#[derive(Debug)]
pub(crate) struct SourceMessage {
    pub(crate) source: SourceName,
    /// The run of the source, which distinguishes it from an earlier source of the same name.
    pub(crate) run: u32,
    pub(crate) at: Instant,
    pub(crate) event: SourceEvent,
}

/// The engine has stopped receiving events: the source should return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine has stopped receiving events")]
pub struct Closed;

impl Sink {
    pub(crate) fn new(source: SourceName, run: u32, events: mpsc::Sender<SourceMessage>) -> Self {
        Self { source, run, events }
    }

    /// Creates a sink and the receiver of its events, for testing a source by itself.
    pub fn channel(source: &str) -> (Self, SinkEvents) {
        let (events, receiver) = mpsc::channel(16);
        (Self::new(source.into(), 0, events), SinkEvents(receiver))
    }

    /// Returns the name of the source: the first argument of [`ObjectId::new`](crate::ObjectId::new).
    pub fn source(&self) -> &SourceName {
        &self.source
    }

    /// Sends an event; waits while the engine is busy.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the engine has stopped or dropped this source.
    pub async fn send(&self, event: SourceEvent) -> Result<(), Closed> {
        let message = SourceMessage { source: self.source.clone(), run: self.run, at: Instant::now(), event };
        self.events.send(message).await.map_err(|_| Closed)
    }
}

/// The receiver of [`Sink::channel`].
#[derive(Debug)]
pub struct SinkEvents(mpsc::Receiver<SourceMessage>);

impl SinkEvents {
    /// Waits for the next event; returns none when every sink has been dropped.
    pub async fn next(&mut self) -> Option<SourceEvent> {
        Some(self.0.recv().await?.event)
    }
}
