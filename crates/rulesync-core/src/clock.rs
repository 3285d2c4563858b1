//! The time of day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time of day, in seconds since 1970, for people; the engine itself counts in [`Instant`]s.
pub(crate) fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}
