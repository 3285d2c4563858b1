//! How long a server may take for what it is asked. Only the time counts in which it is waited for: what a request
//! needs before it can be sent, such as a secret, a token or TLS files, has deadlines of its own.

use std::time::Duration;

use tokio::time::Instant;

/// The time that is left.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: Duration,
    spent: Duration,
}

impl Allowance {
    pub(crate) fn new(time: Duration) -> Self {
        Self { left: time, spent: Duration::ZERO }
    }

    /// Waits for the server, as long as there is time left; none if it was not enough.
    pub(crate) async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let start = Instant::now();
        let done = tokio::time::timeout(self.left, work).await;
        self.spend(start.elapsed());
        done.ok()
    }

    /// A part of it, to be given back to [`Allowance::settle`].
    pub(crate) fn part(&self, most: Duration) -> Self {
        Self::new(most.min(self.left))
    }

    /// Takes off what was spent of a part.
    pub(crate) fn settle(&mut self, part: &Self) {
        self.spend(part.spent);
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.left.is_zero()
    }

    fn spend(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
        self.spent += time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn only_waiting_counts() {
        let mut whole = Allowance::new(10 * SECOND);
        let mut part = whole.part(3 * SECOND);
        assert_eq!(part.wait(tokio::time::sleep(2 * SECOND)).await, Some(()));
        tokio::time::sleep(100 * SECOND).await;
        assert_eq!(part.wait(tokio::time::sleep(2 * SECOND)).await, None);
        assert!(part.is_spent());
        whole.settle(&part);
        assert_eq!(whole.wait(tokio::time::sleep(6 * SECOND)).await, Some(()));
        let mut rest = whole.part(3 * SECOND);
        assert_eq!(rest.wait(tokio::time::sleep(2 * SECOND)).await, None, "no more than is left");
        whole.settle(&rest);
        assert!(whole.is_spent());
    }
}
