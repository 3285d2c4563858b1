//! Whether this process may write: always, or only while it has been elected.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

/// Until when a leader may act without another renewal of its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaderTerm {
    /// No write may start at or after this time: the last successful renewal began one renew deadline before.
    pub start_before: Instant,
    /// A write under way is given up at this time: nobody else can have taken the lease before.
    pub finish_by: Instant,
}

/// Whether this process may write. Cheap to clone; asked before every write.
#[derive(Debug, Clone)]
pub struct Leadership(Option<watch::Receiver<Option<LeaderTerm>>>);

/// Says who leads: held by what runs the election. Dropping it ends the term at once.
#[derive(Debug)]
pub struct LeadershipHandle(Arc<watch::Sender<Option<LeaderTerm>>>);

impl LeadershipHandle {
    /// The lease was taken or renewed.
    pub fn renew(&self, term: LeaderTerm) {
        self.0.send_replace(Some(term));
    }

    /// The lease was given up or lost.
    pub fn step_down(&self) {
        self.0.send_replace(None);
    }
}

impl Drop for LeadershipHandle {
    fn drop(&mut self) {
        self.step_down();
    }
}

impl Leadership {
    /// The only writer there is.
    pub fn always() -> Self {
        Self(None)
    }

    /// One of several; it leads while the handle says so and the clock allows.
    pub fn elected() -> (LeadershipHandle, Self) {
        let (sender, receiver) = watch::channel(None);
        (LeadershipHandle(Arc::new(sender)), Self(Some(receiver)))
    }

    /// Whether there are others that may have written before us.
    pub fn is_elected(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a write may start now.
    pub fn may_write(&self) -> bool {
        let Some(receiver) = &self.0 else { return true };
        receiver.borrow().is_some_and(|term| Instant::now() < term.start_before)
    }

    /// Whether another may not have taken over yet: writes under way may end.
    pub fn is_leader(&self) -> bool {
        let Some(receiver) = &self.0 else { return true };
        receiver.borrow().is_some_and(|term| Instant::now() < term.finish_by)
    }

    /// Waits until a write may start.
    pub async fn leading(&self) {
        let Some(mut receiver) = self.0.clone() else { return };
        loop {
            if self.may_write() {
                return;
            }
            if receiver.changed().await.is_err() {
                // Nobody will ever be elected any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until leadership has been given up or has run out: whoever holds the lease now, it is not us.
    pub async fn lost(&self) {
        let Some(mut receiver) = self.0.clone() else { return std::future::pending().await };
        loop {
            let term = *receiver.borrow_and_update();
            let Some(term) = term else { return };
            tokio::select! {
                () = tokio::time::sleep_until(term.finish_by) => return,
                changed = receiver.changed() => if changed.is_err() { return },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    fn term(start: u64, finish: u64) -> LeaderTerm {
        let after = |seconds| Instant::now() + Duration::from_secs(seconds);
        LeaderTerm { start_before: after(start), finish_by: after(finish) }
    }

    #[tokio::test(start_paused = true)]
    async fn writes_stop_starting_before_they_are_given_up() {
        let (handle, leadership) = Leadership::elected();
        assert!(!leadership.may_write() && !leadership.is_leader());
        handle.renew(term(10, 15));
        leadership.leading().await;
        tokio::time::advance(Duration::from_secs(9)).await;
        handle.renew(term(10, 15));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(leadership.may_write());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!leadership.may_write() && leadership.is_leader());
        assert!(leadership.lost().now_or_never().is_none());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(!leadership.is_leader());
        leadership.lost().await;
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_and_dying_end_it_at_once() {
        let (handle, leadership) = Leadership::elected();
        handle.renew(term(10, 15));
        handle.step_down();
        leadership.lost().await;
        handle.renew(term(10, 15));
        drop(handle);
        leadership.lost().await;
        assert!(!leadership.may_write());
        assert!(Leadership::always().may_write());
    }
}
