//! The engine as the pages ask it: with a deadline, since its thread may be busy.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rulesync_core::{DestinationId, EngineHandle, SourceStatus, Status};
use tokio::time::Instant;

/// How long readiness waits. Kubernetes gives a probe one second.
const READY_DEADLINE: Duration = Duration::from_millis(500);

/// How long everything else waits: a person would rather wait than ask again.
const DEADLINE: Duration = Duration::from_secs(10);

/// Asks the engine. Clones share what they know of it.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    engine: EngineHandle,
    /// When the first of the questions was asked that were not answered since.
    silent: Arc<Mutex<Option<(Instant, SystemTime)>>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The engine has ended.
    Ended,
    /// The engine did not answer in time.
    Busy {
        /// Since when it has answered nothing.
        since: SystemTime,
        /// For how long that is.
        seconds: u64,
    },
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the engine does not run"),
            Self::Busy { since, seconds } => {
                let since = httpdate::HttpDate::from(*since);
                write!(f, "the engine is busy: no answer since {since} ({seconds} s)")
            }
        }
    }
}

impl Asking {
    pub(crate) fn new(engine: EngineHandle) -> Self {
        Self { engine, silent: Arc::default() }
    }

    /// How the sources are.
    pub(crate) async fn sources(&self) -> Result<Vec<SourceStatus>, NoAnswer> {
        self.ask(READY_DEADLINE, self.engine.sources()).await?.ok_or(NoAnswer::Ended)
    }

    /// How everything is.
    pub(crate) async fn status(&self) -> Result<Status, NoAnswer> {
        self.ask(DEADLINE, self.engine.status()).await?.ok_or(NoAnswer::Ended)
    }

    /// Lets the deletes pass that are held at a destination; none if there is no such destination. Without an answer
    /// they may be released later.
    pub(crate) async fn release_deletes(
        &self,
        destination: &DestinationId,
    ) -> Result<Option<usize>, NoAnswer> {
        self.ask(DEADLINE, self.engine.release_deletes(destination)).await
    }

    /// The same at all destinations.
    pub(crate) async fn release_all_deletes(&self) -> Result<usize, NoAnswer> {
        self.ask(DEADLINE, self.engine.release_all_deletes()).await?.ok_or(NoAnswer::Ended)
    }

    async fn ask<T>(&self, deadline: Duration, question: impl Future<Output = T>) -> Result<T, NoAnswer> {
        let asked = (Instant::now(), SystemTime::now());
        let answer = tokio::time::timeout(deadline, question).await;
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(answer) => {
                *silent = None;
                Ok(answer)
            }
            Err(_) => {
                let (first, since) = *silent.get_or_insert(asked);
                Err(NoAnswer::Busy { since, seconds: first.elapsed().as_secs() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_first_question_without_an_answer() {
        let asking = Asking::new(crate::web::tests::busy_engine().await.handle());
        let silent = async || match asking.ask(Duration::from_secs(3), pending::<()>()).await {
            Err(NoAnswer::Busy { since, seconds }) => (since, seconds),
            other => panic!("{other:?}"),
        };
        let first = silent().await;
        assert_eq!(first.1, 3);
        let second = silent().await;
        assert_eq!((second.0, second.1), (first.0, 6));
        assert_eq!(asking.ask(Duration::from_secs(3), ready(1)).await, Ok(1));
        assert_eq!(silent().await.1, 3);
    }

    #[test]
    fn it_is_said_since_when() {
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(
            NoAnswer::Busy { since, seconds: 12 }.to_string(),
            "the engine is busy: no answer since Sun, 06 Nov 1994 08:49:37 GMT (12 s)"
        );
    }
}
