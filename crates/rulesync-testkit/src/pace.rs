//! The rate up to which a fault spares requests.

use std::time::Duration;

use tokio::time::Instant;

/// The requests that a fault spares: a bucket of tokens, which fills up with time.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    per_second: f64,
    most: f64,
    tokens: f64,
    /// When the bucket was last filled up; `None` before the first request.
    filled: Option<Instant>,
}

impl Pace {
    /// Spares `burst` requests, and `per_second` more each second.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let most = f64::from(burst.max(1));
        Self { per_second: per_second.into(), most, tokens: burst.into(), filled: None }
    }

    /// Takes a token; `false` if there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let elapsed = self.filled.replace(now).map_or(Duration::ZERO, |filled| now - filled);
        self.tokens = (self.tokens + elapsed.as_secs_f64() * self.per_second).min(self.most);
        let spared = self.tokens >= 1.0;
        if spared {
            self.tokens -= 1.0;
        }
        spared
    }
}
