//! Caches a value that is fetched once for all concurrent callers: the work runs in a separate task, even if callers
//! stop waiting, and all waiting callers get its result, a value or an error.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// A value with the time for which it is valid, or the reason why there is none.
pub type Got<T> = Result<(T, Duration), String>;

/// Caches a value while it is valid, such as a secret read from a file.
pub struct Shared<T> {
    state: Arc<Mutex<State<T>>>,
}

struct State<T> {
    kept: Option<Kept<T>>,
    work: Option<Work<T>>,
}

struct Kept<T> {
    value: T,
    /// The start of the work that produced the value: the value is no older than that.
    since: Instant,
    until: Instant,
}

/// Work that is in progress, or that ended without a result.
struct Work<T> {
    since: Instant,
    outcome: watch::Receiver<Option<Result<T, String>>>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { state: Arc::new(Mutex::new(State { kept: None, work: None })) }
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

fn locked<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Clone + Send + Sync + 'static> Shared<T> {
    /// Returns the cached value, or else the result of the work in progress, which is started if there is none. The
    /// work must have its own deadline.
    ///
    /// # Errors
    ///
    /// The error of the work, for all callers that wait for it; also an error if the work panics.
    pub async fn get<W>(&self, work: impl FnOnce() -> W) -> Result<T, String>
    where
        W: Future<Output = Got<T>> + Send + 'static,
    {
        let mut outcome = match self.cached_or_start(work) {
            Ok(value) => return Ok(value),
            Err(outcome) => outcome,
        };
        let outcome = outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        // The work panicked, which is a bug; the next caller starts it again.
        outcome.unwrap_or_else(|| Err("the task ended without a result".to_owned()))
    }

    /// Returns the cached value, or the receiver of the outcome of the work.
    fn cached_or_start<W>(
        &self,
        work: impl FnOnce() -> W,
    ) -> Result<T, watch::Receiver<Option<Result<T, String>>>>
    where
        W: Future<Output = Got<T>> + Send + 'static,
    {
        let mut state = locked(&self.state);
        let since = Instant::now();
        if let Some(kept) = state.kept.as_ref().filter(|kept| since < kept.until) {
            return Ok(kept.value.clone());
        }
        if let Some(work) = &state.work
            && work.outcome.has_changed().is_ok()
        {
            return Err(work.outcome.clone());
        }
        let (done, outcome) = watch::channel(None);
        state.work = Some(Work { since, outcome: outcome.clone() });
        let (shared, work) = (Arc::clone(&self.state), work());
        tokio::spawn(async move {
            let got = work.await;
            let mut state = locked(&shared);
            let is_current =
                state.work.as_ref().is_some_and(|work| work.outcome.same_channel(&done.subscribe()));
            if is_current {
                state.work = None;
                state.kept = got.as_ref().ok().map(|(value, lifetime)| Kept {
                    value: value.clone(),
                    since,
                    until: Instant::now() + *lifetime,
                });
            }
            drop(state);
            done.send_replace(Some(got.map(|(value, _)| value)));
        });
        Err(outcome)
    }
}

impl<T> Shared<T> {
    /// Discards the value that was in use at `then`, so that it is fetched again, and returns `true` if there was one.
    /// A newer value is kept.
    pub fn distrust(&self, then: Instant) -> bool {
        let mut state = locked(&self.state);
        // The work may have read the old state.
        state.work.take_if(|work| work.since <= then);
        state.kept.take_if(|kept| kept.since <= then).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Counts the call, and returns work that takes a second.
    fn work(count: &Arc<AtomicUsize>, fails: bool) -> impl Future<Output = Got<usize>> + Send + use<> {
        let number = count.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::time::sleep(SECOND).await;
            if fails { Err(format!("failure {number}")) } else { Ok((number, 10 * SECOND)) }
        }
    }

    async fn get_concurrently(
        shared: &Arc<Shared<usize>>,
        count: &Arc<AtomicUsize>,
        fails: bool,
    ) -> Vec<Result<usize, String>> {
        let one = || {
            let (shared, count) = (Arc::clone(shared), Arc::clone(count));
            tokio::spawn(async move { shared.get(|| work(&count, fails)).await })
        };
        let all: Vec<_> = (0..8).map(|_| one()).collect();
        let mut outcomes = Vec::new();
        for one in all {
            outcomes.push(one.await.unwrap());
        }
        outcomes
    }

    #[tokio::test(start_paused = true)]
    async fn shared_runs_work_once_for_all_callers_also_on_failure() {
        let (shared, count) = (Arc::new(Shared::default()), Arc::new(AtomicUsize::new(0)));
        let start = Instant::now();
        assert_eq!(get_concurrently(&shared, &count, true).await, vec![Err("failure 0".to_owned()); 8]);
        assert_eq!(start.elapsed(), SECOND, "concurrent");
        // Later callers try again.
        assert_eq!(get_concurrently(&shared, &count, false).await, vec![Ok(1); 8]);
        assert_eq!(get_concurrently(&shared, &count, false).await, vec![Ok(1); 8]);
        assert_eq!(start.elapsed(), 2 * SECOND);
        tokio::time::advance(10 * SECOND).await;
        assert_eq!(get_concurrently(&shared, &count, false).await, vec![Ok(2); 8]);
    }

    #[tokio::test(start_paused = true)]
    async fn shared_work_continues_without_callers() {
        let (shared, count) = (Shared::default(), Arc::new(AtomicUsize::new(0)));
        let impatient = tokio::time::timeout(SECOND / 2, shared.get(|| work(&count, false)));
        assert!(impatient.await.is_err());
        assert_eq!(tokio::time::timeout(SECOND, shared.get(|| work(&count, false))).await.unwrap(), Ok(0));
    }

    #[tokio::test(start_paused = true)]
    async fn shared_distrust_discards_old_value_and_keeps_newer() {
        let (shared, count) = (Shared::default(), Arc::new(AtomicUsize::new(0)));
        let before = Instant::now();
        tokio::time::advance(SECOND).await;
        assert_eq!(shared.get(|| work(&count, false)).await, Ok(0));
        assert!(!shared.distrust(before));
        assert_eq!(shared.get(|| work(&count, false)).await, Ok(0));
        assert!(shared.distrust(Instant::now()));
        // The work in progress began too early.
        let impatient = tokio::time::timeout(SECOND / 2, shared.get(|| work(&count, false)));
        assert!(impatient.await.is_err());
        shared.distrust(Instant::now());
        assert_eq!(shared.get(|| work(&count, false)).await, Ok(2));
        assert_eq!(shared.get(|| work(&count, false)).await, Ok(2));
    }

    #[tokio::test]
    async fn shared_restarts_work_after_panic() {
        let shared = Shared::default();
        assert!(
            shared
                .get(|| async { panic!("a bug") })
                .await
                .is_err_and(|error: String| error.contains("without a result"))
        );
        assert_eq!(shared.get(|| async { Ok((1, SECOND)) }).await, Ok(1));
    }
}
