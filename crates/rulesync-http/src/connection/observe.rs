//! The observer of requests, which counts them.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use tokio::time::Instant;

/// An observer of requests, for metrics.
pub trait RequestObserver: fmt::Debug + Send + Sync + 'static {
    /// Records one request: its method, its kind of route (such as `list`, `namespace`, `group` or `state`), its status
    /// or `error`, and its duration.
    fn observe(&self, method: &'static str, route: &'static str, code: &str, elapsed: Duration);
}

/// Reports a request to the observer when dropped, including when the request is cancelled at its deadline.
pub(super) struct Observed<'a> {
    pub(super) observer: Option<&'a dyn RequestObserver>,
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    pub(super) start: Instant,
    pub(super) status: Option<StatusCode>,
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        if let Some(observer) = self.observer {
            let code = self.status.as_ref().map_or("error", StatusCode::as_str);
            observer.observe(self.method, self.route, code, self.start.elapsed());
        }
    }
}
