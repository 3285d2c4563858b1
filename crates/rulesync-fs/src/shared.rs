//! A value that is got now and then, once for all who want it: the work goes on in a task of its own, whoever stops
//! waiting, and what comes of it, a value or a failure, is for everybody who waited.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// A value and for how long it is good, or why there is none.
pub type Got<T> = Result<(T, Duration), String>;

/// Holds a value while it is good, such as a secret that was read from its file.
pub struct Shared<T> {
    state: Arc<Mutex<State<T>>>,
}

struct State<T> {
    kept: Option<Kept<T>>,
    work: Option<Work<T>>,
}

struct Kept<T> {
    value: T,
    /// When the work began that it is from: it is no older than that.
    since: Instant,
    until: Instant,
}

/// Work that is under way, or was.
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
    /// The value that is kept, or else what comes of the work that is under way or now begins. The work must have a
    /// deadline of its own.
    ///
    /// # Errors
    ///
    /// What the work says, to all who wait for it.
    pub async fn get<W>(&self, work: impl FnOnce() -> W) -> Result<T, String>
    where
        W: Future<Output = Got<T>> + Send + 'static,
    {
        let mut outcome = match self.now(work) {
            Ok(value) => return Ok(value),
            Err(outcome) => outcome,
        };
        let outcome = outcome.wait_for(Option::is_some).await.ok().and_then(|outcome| outcome.clone());
        // A panic is a defect; whoever comes next begins anew.
        outcome.unwrap_or_else(|| Err("it was given up".to_owned()))
    }

    /// What is kept, or where the outcome will be.
    fn now<W>(&self, work: impl FnOnce() -> W) -> Result<T, watch::Receiver<Option<Result<T, String>>>>
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
            let wanted = state.work.as_ref().is_some_and(|work| work.outcome.same_channel(&done.subscribe()));
            if wanted {
                state.work = None;
                state.kept = got.as_ref().ok().map(|(value, life)| Kept {
                    value: value.clone(),
                    since,
                    until: Instant::now() + *life,
                });
            }
            drop(state);
            done.send_replace(Some(got.map(|(value, _)| value)));
        });
        Err(outcome)
    }
}

impl<T> Shared<T> {
    /// The value that was used `then` is no good: it is got anew. One that is newer stays. Whether there was one.
    pub fn distrust(&self, then: Instant) -> bool {
        let mut state = locked(&self.state);
        // It may have seen what was there before.
        state.work.take_if(|work| work.since <= then);
        state.kept.take_if(|kept| kept.since <= then).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Work that takes a second and is counted.
    fn work(count: &Arc<AtomicUsize>, fails: bool) -> impl Future<Output = Got<usize>> + Send + use<> {
        let number = count.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::time::sleep(SECOND).await;
            if fails { Err(format!("failure {number}")) } else { Ok((number, 10 * SECOND)) }
        }
    }

    async fn many(
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
    async fn one_works_for_all_who_wait_also_in_vain() {
        let (shared, count) = (Arc::new(Shared::default()), Arc::new(AtomicUsize::new(0)));
        let start = Instant::now();
        assert_eq!(many(&shared, &count, true).await, vec![Err("failure 0".to_owned()); 8]);
        assert_eq!(start.elapsed(), SECOND, "together");
        // Who comes later tries again.
        assert_eq!(many(&shared, &count, false).await, vec![Ok(1); 8]);
        assert_eq!(many(&shared, &count, false).await, vec![Ok(1); 8]);
        assert_eq!(start.elapsed(), 2 * SECOND);
        tokio::time::advance(10 * SECOND).await;
        assert_eq!(many(&shared, &count, false).await, vec![Ok(2); 8]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_work_goes_on_when_nobody_waits() {
        let (shared, count) = (Shared::default(), Arc::new(AtomicUsize::new(0)));
        let impatient = tokio::time::timeout(SECOND / 2, shared.get(|| work(&count, false)));
        assert!(impatient.await.is_err());
        assert_eq!(tokio::time::timeout(SECOND, shared.get(|| work(&count, false))).await.unwrap(), Ok(0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_good_is_got_anew_and_what_is_newer_stays() {
        let (shared, count) = (Shared::default(), Arc::new(AtomicUsize::new(0)));
        let before = Instant::now();
        tokio::time::advance(SECOND).await;
        assert_eq!(shared.get(|| work(&count, false)).await, Ok(0));
        assert!(!shared.distrust(before));
        assert_eq!(shared.get(|| work(&count, false)).await, Ok(0));
        assert!(shared.distrust(Instant::now()));
        // What is under way has begun too early.
        let impatient = tokio::time::timeout(SECOND / 2, shared.get(|| work(&count, false)));
        assert!(impatient.await.is_err());
        shared.distrust(Instant::now());
        assert_eq!(shared.get(|| work(&count, false)).await, Ok(2));
        assert_eq!(shared.get(|| work(&count, false)).await, Ok(2));
    }

    #[tokio::test]
    async fn work_that_panics_is_begun_anew() {
        let shared = Shared::default();
        assert!(
            shared
                .get(|| async { panic!("a defect") })
                .await
                .is_err_and(|error: String| error.contains("given up"))
        );
        assert_eq!(shared.get(|| async { Ok((1, SECOND)) }).await, Ok(1));
    }
}
