//! The concurrency limit of one ruler address: how many requests may be under way, adapted to how the ruler copes, and
//! shared fairly between its tenants.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::model::tenant::TenantId;
use crate::status::ConcurrencyStatus;

/// The limit, which hands out permits for requests. Clones share it.
///
/// The number of permits grows by one for each round of successes and is halved when the ruler is overloaded
/// (429, 503, no answer in time), as TCP does it: it finds the ruler's capacity by itself. Waiting tenants
/// take turns, so one with ten thousand changes delays another's single one by a request or two. Where there are
/// several tenants, none has all permits, so that one whose requests hang does not hang the others.
#[derive(Clone)]
pub(crate) struct ConcurrencyLimit(Arc<Mutex<Inner>>);

struct Inner {
    max: usize,
    /// Between 1 and `max`.
    allowed: f64,
    in_flight: usize,
    /// The requests under way of every tenant that has made one.
    in_flight_by_tenant: HashMap<Option<TenantId>, usize>,
    /// Tenants that wait, in the order of their turns, each with its waiting requests.
    turns: VecDeque<(Option<TenantId>, VecDeque<oneshot::Sender<Permit>>)>,
    /// Requests that began before this time do not count for the present limit.
    lowered: Option<Instant>,
}

/// The right to make one request; returned when dropped.
pub(crate) struct Permit {
    concurrency: ConcurrencyLimit,
    tenant: Option<TenantId>,
    since: Instant,
}

impl fmt::Debug for ConcurrencyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.lock();
        write!(f, "ConcurrencyLimit({} of {:.1}, at most {})", inner.in_flight, inner.allowed, inner.max)
    }
}

impl ConcurrencyLimit {
    /// Creates a limit of at most `max` requests at once; at least one, or no request would ever be made.
    pub(crate) fn new(max: usize) -> Self {
        let max = max.max(1);
        #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
        let allowed = max as f64;
        Self(Arc::new(Mutex::new(Inner {
            max,
            allowed,
            in_flight: 0,
            in_flight_by_tenant: HashMap::new(),
            turns: VecDeque::new(),
            lowered: None,
        })))
    }

    /// Waits for a permit of the tenant.
    pub(crate) async fn acquire(&self, tenant: Option<&TenantId>) -> Permit {
        let turn = {
            let mut inner = self.lock();
            if inner.turns.is_empty() && inner.has_room(tenant) {
                inner.begin(tenant);
                return self.permit(tenant);
            }
            let (sender, turn) = oneshot::channel();
            match inner.turns.iter_mut().find(|(waiting, _)| waiting.as_ref() == tenant) {
                Some((_, queue)) => queue.push_back(sender),
                None => inner.turns.push_back((tenant.cloned(), VecDeque::from([sender]))),
            }
            turn
        };
        // A permit may have been returned between the check and the wait: `hand_out` is always called afterwards.
        self.hand_out();
        match turn.await {
            Ok(permit) => permit,
            // The limit holds the sender until it hands out a permit, so this cannot happen; a request beyond the limit
            // would be the lesser evil.
            Err(_) => {
                self.lock().begin(tenant);
                self.permit(tenant)
            }
        }
    }

    /// Returns the limit as it is now.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and a number of connections"
    )]
    pub(crate) fn status(&self) -> ConcurrencyStatus {
        let inner = self.lock();
        ConcurrencyStatus { in_flight: inner.in_flight, allowed: inner.allowed as usize, max: inner.max }
    }

    /// Returns whether so many requests wait that another one would only take up memory.
    pub(crate) fn is_contended(&self) -> bool {
        let inner = self.lock();
        inner.turns.len() >= inner.max
    }

    fn permit(&self, tenant: Option<&TenantId>) -> Permit {
        Permit { concurrency: self.clone(), tenant: tenant.cloned(), since: Instant::now() }
    }

    /// Gives free permits to those whose turn it is.
    fn hand_out(&self) {
        loop {
            let (sender, tenant) = {
                let mut inner = self.lock();
                let next = inner.turns.iter().position(|(tenant, _)| inner.has_room(tenant.as_ref()));
                let Some((tenant, mut queue)) = next.and_then(|next| inner.turns.remove(next)) else {
                    return;
                };
                let sender = queue.pop_front();
                if !queue.is_empty() {
                    inner.turns.push_back((tenant.clone(), queue));
                }
                let Some(sender) = sender.filter(|sender| !sender.is_closed()) else { continue };
                inner.begin(tenant.as_ref());
                (sender, tenant)
            };
            // A receiver that was dropped just now drops the permit, which hands it out again.
            drop(sender.send(self.permit(tenant.as_ref())));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Returns whether a tenant may begin a request.
    #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
    fn has_room(&self, tenant: Option<&TenantId>) -> bool {
        let allowed = self.allowed.floor();
        if self.in_flight as f64 >= allowed {
            return false;
        }
        let key = tenant.cloned();
        let alone = self.in_flight_by_tenant.keys().all(|other| *other == key);
        let in_flight = self.in_flight_by_tenant.get(&key).copied().unwrap_or_default();
        alone || (in_flight as f64) < (allowed - (allowed / 4.0).ceil()).max(1.0)
    }

    fn begin(&mut self, tenant: Option<&TenantId>) {
        self.in_flight += 1;
        *self.in_flight_by_tenant.entry(tenant.cloned()).or_default() += 1;
    }
}

impl Permit {
    /// Records that the request was answered.
    #[expect(clippy::cast_precision_loss, reason = "a number of connections")]
    pub(crate) fn succeeded(&self) {
        let mut inner = self.concurrency.lock();
        inner.allowed = (inner.allowed + 1.0 / inner.allowed).min(inner.max as f64);
    }

    /// Records that the ruler was overloaded or did not answer in time.
    pub(crate) fn overloaded(&self) {
        let mut inner = self.concurrency.lock();
        // All that were under way together fail together: they count once.
        if inner.lowered.is_none_or(|lowered| self.since >= lowered) {
            inner.allowed = (inner.allowed / 2.0).max(1.0);
            inner.lowered = Some(Instant::now());
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut inner = self.concurrency.lock();
            inner.in_flight -= 1;
            if let Some(in_flight) = inner.in_flight_by_tenant.get_mut(&self.tenant) {
                *in_flight -= 1;
            }
        }
        self.concurrency.hand_out();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    fn tenant(name: &str) -> TenantId {
        name.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn tenants_take_turns() {
        let concurrency = ConcurrencyLimit::new(1);
        let permit = concurrency.acquire(None).await;
        let (big, small) = (tenant("big"), tenant("small"));
        let mut waiting: Vec<_> = (0..1000).map(|_| Box::pin(concurrency.acquire(Some(&big)))).collect();
        for wait in &mut waiting {
            assert!(wait.now_or_never().is_none());
        }
        let mut single = Box::pin(concurrency.acquire(Some(&small)));
        assert!(single.as_mut().now_or_never().is_none());
        drop(permit);
        let mut done = 0;
        while single.as_mut().now_or_never().is_none() {
            waiting.retain_mut(|wait| wait.now_or_never().is_none());
            done += 1;
        }
        assert!(done <= 1, "{done} requests of the other tenant came first");
    }

    #[tokio::test(start_paused = true)]
    async fn limit_is_halved_once_by_simultaneous_failures_and_grows_again() {
        let concurrency = ConcurrencyLimit::new(8);
        let permits: Vec<Permit> = futures::future::join_all((0..8).map(|_| concurrency.acquire(None))).await;
        assert!(concurrency.acquire(None).now_or_never().is_none());
        tokio::time::advance(Duration::from_millis(5)).await;
        permits.iter().for_each(Permit::overloaded);
        drop(permits);
        let room = |concurrency: &ConcurrencyLimit| {
            let permits: Vec<Permit> =
                std::iter::from_fn(|| concurrency.acquire(None).now_or_never()).collect();
            permits.len()
        };
        assert_eq!(room(&concurrency), 4);
        for _ in 0..3 {
            tokio::time::advance(Duration::from_millis(5)).await;
            concurrency.acquire(None).await.overloaded();
        }
        assert_eq!(room(&concurrency), 1, "one is always allowed");
        for _ in 0..100 {
            concurrency.acquire(None).await.succeeded();
        }
        assert_eq!(room(&concurrency), 8, "and never more than the configured number");
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_requests_cost_no_turn() {
        let concurrency = ConcurrencyLimit::new(1);
        let permit = concurrency.acquire(None).await;
        let mut gone = Box::pin(concurrency.acquire(None));
        assert!(gone.as_mut().now_or_never().is_none());
        let mut next = Box::pin(concurrency.acquire(None));
        assert!(next.as_mut().now_or_never().is_none());
        drop(gone);
        drop(permit);
        assert!(next.as_mut().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn tenant_whose_requests_hang_leaves_room_for_others() {
        let tenant = |name: &str| Some(name.parse::<TenantId>().unwrap());
        let (hung, other) = (tenant("hung"), tenant("other"));
        let concurrency = ConcurrencyLimit::new(8);
        drop(concurrency.acquire(other.as_ref()).await);
        let mut permits = Vec::new();
        for _ in 0..6 {
            permits.push(concurrency.acquire(hung.as_ref()).await);
        }
        let (seventh, wanting) = (concurrency.clone(), hung.clone());
        let seventh = tokio::spawn(async move { seventh.acquire(wanting.as_ref()).await });
        tokio::task::yield_now().await;
        assert!(!seventh.is_finished());
        let other_permit = concurrency.acquire(other.as_ref()).await;
        permits.pop();
        seventh.await.unwrap();
        drop(other_permit);
        // A single tenant has all permits.
        let concurrency = ConcurrencyLimit::new(8);
        for _ in 0..8 {
            permits.push(concurrency.acquire(hung.as_ref()).await);
        }
    }
}
