//! The time that a server may take for a request. Only time spent waiting for the server counts: the preparation of a
//! request, such as reading a secret, a token or TLS files, has separate deadlines.

use std::time::Duration;

use tokio::time::Instant;

/// The remaining time.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: Duration,
    spent: Duration,
}

impl Allowance {
    pub(crate) fn new(time: Duration) -> Self {
        Self { left: time, spent: Duration::ZERO }
    }

    /// Waits for the server while there is time left; `None` if the time runs out.
    pub(crate) async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let start = Instant::now();
        let done = tokio::time::timeout(self.left, work).await;
        self.spend(start.elapsed());
        done.ok()
    }

    /// Returns an allowance of at most `most`, to be returned to [`Allowance::settle`].
    pub(crate) fn part(&self, most: Duration) -> Self {
        Self::new(most.min(self.left))
    }

    /// Subtracts the time spent of a part.
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
    async fn allowance_counts_only_waiting() {
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
