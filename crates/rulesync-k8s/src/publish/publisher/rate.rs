//! How often something may happen: a token bucket, as one time. Pure: the clock is passed in.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket that fills by one token in each interval, up to a burst.
///
/// The state of a bucket is a [`Level`]; buckets with the same rate share this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    interval: Duration,
    burst: u32,
}

/// The level of a bucket: the time at which it is full, which is in the past for one that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Level(Option<Instant>);

impl Rate {
    /// Creates a rate of one token in each interval, of which at most `burst` are saved up.
    pub(super) const fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst: if burst == 0 { 1 } else { burst } }
    }

    /// Creates a rate of this many tokens a second, of which at most a quarter of a second's are saved up: several changes
    /// at one moment do not wait for each other, and the number in a second hardly exceeds the rate.
    pub(super) fn per_second(tokens: u32) -> Self {
        let tokens = tokens.max(1);
        Self::new(Duration::from_secs(1) / tokens, tokens.div_ceil(4))
    }

    /// Takes a token.
    ///
    /// # Errors
    ///
    /// The time at which there is one again.
    pub(super) fn take(self, level: &mut Level, now: Instant) -> Result<(), Instant> {
        match self.next(*level, now) {
            at if at > now => Err(at),
            _ => {
                level.0 = Some(level.full_at(now) + self.interval);
                Ok(())
            }
        }
    }

    /// Returns the time at which there is a token: `now`, or later.
    pub(super) fn next(self, level: Level, now: Instant) -> Instant {
        // Without one token less than a burst, nothing is left.
        let saved = self.interval * (self.burst - 1);
        level.full_at(now).checked_sub(saved).map_or(now, |at| at.max(now))
    }
}

impl Level {
    /// Returns whether the bucket is full, so that nothing is lost if it is forgotten.
    pub(super) fn is_full(self, now: Instant) -> bool {
        self.full_at(now) == now
    }

    fn full_at(self, now: Instant) -> Instant {
        self.0.map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes a token after each wait if there is one; returns the times of those that were taken.
    fn taken(rate: Rate, waits: &[u64]) -> Vec<Duration> {
        let start = Instant::now();
        let (mut level, mut now, mut taken) = (Level::default(), start, Vec::new());
        for wait in waits {
            now += Duration::from_millis(*wait);
            if rate.take(&mut level, now).is_ok() {
                taken.push(now - start);
            }
        }
        taken
    }

    #[test]
    fn bucket_saves_a_burst_and_fills_again() {
        let rate = Rate::new(Duration::from_secs(300), 25);
        let (mut level, now) = (Level::default(), Instant::now());
        for _ in 0..25 {
            assert_eq!(rate.take(&mut level, now), Ok(()));
        }
        let next = now + Duration::from_secs(300);
        assert_eq!(rate.take(&mut level, now), Err(next));
        assert_eq!(rate.take(&mut level, next), Ok(()));
        assert_eq!(rate.take(&mut level, next), Err(next + Duration::from_secs(300)));
        assert!(!level.is_full(next) && level.is_full(next + Duration::from_secs(300 * 25)));
    }

    #[test]
    fn bucket_gives_the_whole_rate_whenever_it_is_asked_in_time() {
        let taken = taken(Rate::per_second(20), &[1; 60_000]);
        assert_eq!(taken.len(), 20 * 60 + 4);
    }

    proptest! {
        #[test]
        fn bucket_never_exceeds_its_rate_in_any_window(
            per_second in 1_u32..200,
            waits in prop::collection::vec(0_u64..400, 1..100),
        ) {
            let taken = taken(Rate::per_second(per_second), &waits);
            let burst = per_second.div_ceil(4);
            for (first, from) in taken.iter().enumerate() {
                for (last, to) in taken.iter().enumerate().skip(first) {
                    let window = (*to - *from).as_secs_f64();
                    let allowed = f64::from(burst) + window * f64::from(per_second);
                    let number = u32::try_from(last - first + 1).unwrap();
                    prop_assert!(f64::from(number) <= allowed + 1e-6, "{number} in {window} s");
                }
            }
        }
    }
}
