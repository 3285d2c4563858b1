//! The bounds of connections to the pages.

use std::time::Duration;

/// The bounds of connections to the pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The number of connections that may be open at once.
    pub(crate) connections: usize,
    /// How long a TLS handshake may take.
    pub(crate) handshake: Duration,
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
            handshake: Duration::from_secs(10),
            // Longer than the usual scrape interval of a minute, and not a multiple of it, so that no scrape coincides with
            // the end of its connection.
            idle: Duration::from_secs(100),
            head: Duration::from_secs(10),
            stall: Duration::from_secs(10),
            answer: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// The shortest time that anything may take.
    pub(super) fn nearest(&self) -> Duration {
        let Self { connections: _, handshake, idle, head, stall, answer } = *self;
        handshake.min(idle).min(head).min(stall).min(answer)
    }
}

/// The maximum size of a request's head, and of what is read ahead of a client.
pub(super) const HEAD_BYTES: usize = 16 << 10;

/// How much of an answer is encrypted ahead of a client.
pub(super) const TLS_SEND_BYTES: usize = 32 << 10;

/// The number of requests that an HTTP/2 connection may have at once. Browsers need some for one page.
pub(super) const HTTP2_STREAMS: u32 = 16;

/// The maximum size of a request's head over HTTP/2, of which a connection may have as many as requests.
pub(super) const HTTP2_HEAD_BYTES: u32 = 8 << 10;

/// How much of a stream's answer HTTP/2 holds besides what the page has made.
pub(super) const HTTP2_SEND_BYTES: usize = 16 << 10;

/// How much a client may send before the daemon reads it: the least that HTTP/2 has. The pages read no bodies.
pub(super) const HTTP2_WINDOW_BYTES: u32 = 65_535;
