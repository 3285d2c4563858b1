//! The bounds of connections to the pages.

use std::time::Duration;

/// The bounds of connections to the pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The number of connections that may be open at once.
    pub(crate) connections: usize,
    /// How long a connection may be open without a request.
    pub(crate) idle: Duration,
    /// How long a request's head may take from its first byte to its last.
    pub(crate) head: Duration,
    /// How long a client may read nothing of its answer.
    pub(crate) stall: Duration,
    /// How long an answer may take as a whole.
    pub(crate) answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            // Longer than the usual scrape interval of a minute, and not a multiple of it, so that no scrape coincides with
            // the end of its connection.
            idle: Duration::from_secs(100),
            head: Duration::from_secs(10),
            stall: Duration::from_secs(10),
            answer: Duration::from_secs(60),
        }
    }
}

/// The maximum size of a request's head, and of what is read ahead of a client.
pub(super) const HEAD_BYTES: usize = 16 << 10;
