//! Requests of the pages to the engine, each with a deadline because its thread may be busy.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rulesync_core::RulerError;
use rulesync_core::engine::EngineHandle;
use rulesync_core::explain::{Explained, ObjectText};
use rulesync_core::model::{DestinationId, ObjectId};
use rulesync_core::plan::Plan;
use rulesync_core::ruler::StoredGroups;
use rulesync_core::status::{ObjectStatus, SourceStatus, Status};
use tokio::time::Instant;

use crate::question::Question;

/// The deadline of the readiness page. Kubernetes gives a probe one second.
const READY_DEADLINE: Duration = Duration::from_millis(500);

/// The deadline of all other pages: people would rather wait than ask again.
const DEADLINE: Duration = Duration::from_secs(10);

/// Asks the engine. Clones share when it last answered.
#[derive(Debug, Clone)]
pub(crate) struct Asking {
    engine: EngineHandle,
    /// When the first of the requests was sent that were not answered since.
    silent: Arc<Mutex<Option<(Instant, SystemTime)>>>,
}

/// The reason why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The engine has ended.
    Ended,
    /// The engine did not answer in time.
    Busy {
        /// When the first unanswered request was sent.
        since: SystemTime,
        /// The time since then.
        seconds: u64,
    },
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("the engine is not running"),
            Self::Busy { since, seconds } => {
                let since = httpdate::HttpDate::from(*since);
                write!(f, "the engine is busy: no answer since {since} ({seconds} s)")
            }
        }
    }
}

impl IntoResponse for NoAnswer {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{self}\n")).into_response()
    }
}

impl Asking {
    pub(crate) fn new(engine: EngineHandle) -> Self {
        Self { engine, silent: Arc::default() }
    }

    /// Returns the state of the sources.
    pub(crate) async fn sources(&self) -> Result<Vec<SourceStatus>, NoAnswer> {
        self.ask(READY_DEADLINE, self.engine.sources()).await?.ok_or(NoAnswer::Ended)
    }

    /// Returns the status without that of objects.
    pub(crate) async fn overview(&self) -> Result<Status, NoAnswer> {
        self.ask(DEADLINE, self.engine.overview()).await?.ok_or(NoAnswer::Ended)
    }

    /// Returns the status of these objects, in this order, without those that are gone.
    pub(crate) async fn objects(&self, objects: Vec<ObjectId>) -> Result<Vec<ObjectStatus>, NoAnswer> {
        self.ask(DEADLINE, self.engine.objects(objects)).await?.ok_or(NoAnswer::Ended)
    }

    /// Returns the texts of these objects, in this order, without those that are gone.
    pub(crate) async fn texts(&self, objects: Vec<ObjectId>) -> Result<Vec<ObjectText>, NoAnswer> {
        self.ask(DEADLINE, self.engine.texts(objects)).await?.ok_or(NoAnswer::Ended)
    }

    /// Reads what a ruler has of a namespace; none if there is no such destination.
    pub(crate) async fn stored(
        &self,
        destination: &DestinationId,
        namespace: &str,
    ) -> Result<Option<Result<StoredGroups, RulerError>>, NoAnswer> {
        self.ask(DEADLINE, self.engine.stored(destination, namespace)).await
    }

    /// Returns what is to be changed at a destination; none if there is no such destination, or it does not answer.
    pub(crate) async fn plan(&self, destination: &DestinationId) -> Result<Option<Plan>, NoAnswer> {
        self.ask(DEADLINE, self.engine.plan(destination)).await
    }

    /// Has a destination compared now; returns whether there is such a destination.
    pub(crate) async fn sync_now(&self, destination: &DestinationId) -> Result<bool, NoAnswer> {
        self.ask(DEADLINE, self.engine.sync_now(destination)).await?.ok_or(NoAnswer::Ended)
    }

    /// Explains one object or one ruler namespace.
    pub(crate) async fn explain(&self, question: Question) -> Result<Explained, NoAnswer> {
        let explained = async {
            match question {
                Question::Object(object) => self.engine.explain(object).await,
                Question::Namespace(namespace, at) => self.engine.explain_namespace(&namespace, at).await,
            }
        };
        self.ask(DEADLINE, explained).await?.ok_or(NoAnswer::Ended)
    }

    /// Releases the deletes that are held at a destination; returns none if there is no such destination. Without an
    /// answer, they may still be released later.
    pub(crate) async fn release_deletes(
        &self,
        destination: &DestinationId,
    ) -> Result<Option<usize>, NoAnswer> {
        self.ask(DEADLINE, self.engine.release_deletes(destination)).await
    }

    /// Releases the held deletes of all destinations.
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
    async fn busy_time_counts_from_the_first_unanswered_request() {
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
    fn no_answer_names_the_time_since() {
        let since = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(
            NoAnswer::Busy { since, seconds: 12 }.to_string(),
            "the engine is busy: no answer since Sun, 06 Nov 1994 08:49:37 GMT (12 s)"
        );
    }
}
