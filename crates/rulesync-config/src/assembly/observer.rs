//! Counts the requests to a ruler.

use std::time::Duration;

use rulesync_core::engine::Metrics;
use rulesync_http::RequestObserver;

#[derive(Debug)]
pub(super) struct Observer {
    pub(super) ruler: String,
    pub(super) metrics: Metrics,
}

impl RequestObserver for Observer {
    fn observe(&self, method: &'static str, route: &'static str, code: &str, elapsed: Duration) {
        self.metrics.observe_request(&self.ruler, method, route, code, elapsed);
    }
}
