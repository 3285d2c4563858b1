//! The rate limit: a token bucket. Pure.

use rulesync_config::web::RateLimit;
use tokio::time::Instant;

/// How full the bucket is.
#[derive(Debug, Default)]
pub(super) struct RateLimiter {
    /// The limit that the rest is about; another one begins with a full bucket.
    limit: Option<RateLimit>,
    /// When the bucket is full; none if it is.
    full_at: Option<Instant>,
}

impl RateLimiter {
    /// Takes a token. Returns whether there was one, or whether there is no limit.
    pub(super) fn admit(&mut self, limit: Option<RateLimit>, now: Instant) -> bool {
        if self.limit != limit {
            *self = Self { limit, full_at: None };
        }
        let Some(RateLimit { interval, burst, .. }) = limit else { return true };
        let full_at = self.full_at.filter(|full_at| *full_at > now).unwrap_or(now);
        // A limit beyond the end of time is none.
        let Some(next) = full_at.checked_add(interval) else { return true };
        let is_empty = interval.checked_mul(burst).is_some_and(|whole| next.duration_since(now) > whole);
        if !is_empty {
            self.full_at = Some(next);
        }
        !is_empty
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use rulesync_config::web::WebConfig;

    use super::*;

    fn limit(text: &str) -> Option<RateLimit> {
        WebConfig::parse(&format!("rate_limit: {text}"), Path::new("web.yaml")).unwrap().rate_limit
    }

    #[test]
    fn rate_limit_admits_a_burst_and_then_one_in_each_interval() {
        let (mut limiter, start) = (RateLimiter::default(), Instant::now());
        let limit = limit("{interval: 1s, burst: 3}");
        let mut admitted = |millis| limiter.admit(limit, start + Duration::from_millis(millis));
        let calls = [
            (0, true),
            (0, true),
            (10, true),
            (20, false),
            (999, false),
            (1000, true),
            (1001, false),
            (2500, true),
            (2600, false),
            (3000, true),
            // Full again after a long time, and not more than full.
            (60_000, true),
            (60_000, true),
            (60_000, true),
            (60_000, false),
        ];
        for (millis, expected) in calls {
            assert_eq!(admitted(millis), expected, "after {millis} ms");
        }
    }

    #[test]
    fn rate_limit_that_changes_begins_anew() {
        let (mut limiter, now) = (RateLimiter::default(), Instant::now());
        let one = limit("{interval: 1h, burst: 1}");
        assert!(limiter.admit(one, now) && !limiter.admit(one, now));
        assert!(limiter.admit(None, now) && limiter.admit(None, now));
        assert!(limiter.admit(one, now) && !limiter.admit(one, now));
    }

    #[test]
    fn rate_limit_of_extreme_numbers_is_no_panic() {
        let (mut limiter, now) = (RateLimiter::default(), Instant::now());
        let extreme = limit("{interval: 200y, burst: 4294967295}");
        assert!(limiter.admit(extreme, now) && limiter.admit(extreme, now));
    }
}
