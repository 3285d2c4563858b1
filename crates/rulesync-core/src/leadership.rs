//! Leadership: whether this process may write, always or only while it is elected.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

/// The times until which a leader may act without another renewal of its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaderTerm {
    /// No write may start at or after this time: the last successful renewal began one renew deadline before.
    pub start_before: Instant,
    /// A write under way is given up at this time: nobody else can have taken the lease before.
    pub finish_by: Instant,
}

/// The permission of this process to write. Cheap to clone; checked before every write.
#[derive(Debug, Clone)]
pub struct Leadership(Option<watch::Receiver<Option<LeaderTerm>>>);

/// Sets the term of the leader: held by the code that runs the election. Dropping it ends the term at once.
#[derive(Debug)]
pub struct LeadershipHandle(Arc<watch::Sender<Option<LeaderTerm>>>);

impl LeadershipHandle {
    /// Sets the term after the lease was acquired or renewed.
    pub fn renew(&self, term: LeaderTerm) {
        self.0.send_replace(Some(term));
    }

    /// Ends the term, because the lease was released or lost.
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
    /// Creates the leadership of the only writer.
    pub fn always() -> Self {
        Self(None)
    }

    /// Creates the leadership of one of several processes; it leads while the handle and the clock allow.
    pub fn elected() -> (LeadershipHandle, Self) {
        let (sender, receiver) = watch::channel(None);
        (LeadershipHandle(Arc::new(sender)), Self(Some(receiver)))
    }

    /// Returns whether other processes may have written before this one.
    pub fn is_elected(&self) -> bool {
        self.0.is_some()
    }

    /// Returns whether a write may start now.
    pub fn may_write(&self) -> bool {
        let Some(receiver) = &self.0 else { return true };
        receiver.borrow().is_some_and(|term| Instant::now() < term.start_before)
    }

    /// Returns whether no other process can have taken over yet: writes under way may end.
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
                // No term will ever be set any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until leadership was given up or has expired: from then on, another process may hold the lease.
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
    async fn leadership_ends_for_new_writes_before_those_under_way() {
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
    async fn leadership_ends_at_once_when_its_handle_steps_down_or_is_dropped() {
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
