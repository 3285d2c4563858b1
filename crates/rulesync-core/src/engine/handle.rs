//! The handle of a running engine, and the requests that it sends.

use tokio::sync::{mpsc, oneshot};

use super::setup::{Setup, SetupError};
use crate::explain::{DestinationFilter, Explained, ObjectRef, ObjectText};
use crate::model::name::RulerNamespace;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::plan::Plan;
use crate::ruler::{RulerError, StoredGroups};
use crate::status::{ObjectStatus, SourceStatus, Status};

/// A handle to query and control a running engine.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    requests: mpsc::Sender<Request>,
}

/// A request to a running engine, with the sender of its answer.
#[derive(Debug)]
pub(super) enum Request {
    Status(oneshot::Sender<Status>),
    Overview(oneshot::Sender<Status>),
    Objects(Vec<ObjectId>, oneshot::Sender<Vec<ObjectStatus>>),
    Texts(Vec<ObjectId>, oneshot::Sender<Vec<ObjectText>>),
    Plan(DestinationId, oneshot::Sender<Option<Plan>>),
    Stored(DestinationId, RulerNamespace, oneshot::Sender<StoredAnswer>),
    List(DestinationId, oneshot::Sender<bool>),
    Sources(oneshot::Sender<Vec<SourceStatus>>),
    ExplainObject(ObjectRef, oneshot::Sender<Explained>),
    ExplainNamespace(String, DestinationFilter, oneshot::Sender<Explained>),
    Reconfigure(Box<Setup>, oneshot::Sender<Result<(), SetupError>>),
    Release(DestinationId, oneshot::Sender<Option<usize>>),
    ReleaseAll(oneshot::Sender<usize>),
}

/// What a ruler has of a namespace; none if there is no such destination.
pub(super) type StoredAnswer = Option<Result<StoredGroups, RulerError>>;

impl EngineHandle {
    pub(super) fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests }
    }

    /// Returns the current status; none when the engine does not run (any more).
    pub async fn status(&self) -> Option<Status> {
        let (answer, status) = oneshot::channel();
        self.requests.send(Request::Status(answer)).await.ok()?;
        status.await.ok()
    }

    /// Returns the current status without that of objects, which is cheaper than the whole; none when the engine does not
    /// run (any more).
    pub async fn overview(&self) -> Option<Status> {
        let (answer, status) = oneshot::channel();
        self.requests.send(Request::Overview(answer)).await.ok()?;
        status.await.ok()
    }

    /// Returns the status of these objects, in this order, without those that no source declares; none when the engine does
    /// not run. Only their own destinations are asked.
    pub async fn objects(&self, objects: Vec<ObjectId>) -> Option<Vec<ObjectStatus>> {
        let (answer, status) = oneshot::channel();
        self.requests.send(Request::Objects(objects, answer)).await.ok()?;
        status.await.ok()
    }

    /// Returns the texts of these objects as their authors wrote them, in this order, without those that no source declares;
    /// none when the engine does not run.
    pub async fn texts(&self, objects: Vec<ObjectId>) -> Option<Vec<ObjectText>> {
        let (answer, texts) = oneshot::channel();
        self.requests.send(Request::Texts(objects, answer)).await.ok()?;
        texts.await.ok()
    }

    /// Reads what a ruler has of one namespace at the moment, by a request to it; none if there is no such destination, or the
    /// engine does not run. The engine itself keeps digests alone.
    pub async fn stored(
        &self,
        destination: &DestinationId,
        namespace: &str,
    ) -> Option<Result<StoredGroups, RulerError>> {
        let (answer, stored) = oneshot::channel();
        self.requests.send(Request::Stored(destination.clone(), namespace.into(), answer)).await.ok()?;
        stored.await.ok()?
    }

    /// Returns the changes that a destination needs at the moment, with the reasons of those that are not made; none if there
    /// is no such destination, it does not answer, or the engine does not run.
    pub async fn plan(&self, destination: &DestinationId) -> Option<Plan> {
        let (answer, plan) = oneshot::channel();
        self.requests.send(Request::Plan(destination.clone(), answer)).await.ok()?;
        plan.await.ok()?
    }

    /// Has a destination listed and compared now, instead of at its next resync. Returns false if there is no such
    /// destination, none when the engine does not run.
    pub async fn sync_now(&self, destination: &DestinationId) -> Option<bool> {
        let (answer, known) = oneshot::channel();
        self.requests.send(Request::List(destination.clone(), answer)).await.ok()?;
        known.await.ok()
    }

    /// Returns the status of the sources, which is cheaper than the whole status; none when the engine does not run.
    pub async fn sources(&self) -> Option<Vec<SourceStatus>> {
        let (answer, sources) = oneshot::channel();
        self.requests.send(Request::Sources(answer)).await.ok()?;
        sources.await.ok()
    }

    /// Explains why the objects of a name are where they are, or are not; none when the engine does not run. The answer has
    /// no objects if no source has shown one and no ruler has anything of one.
    pub async fn explain(&self, object: ObjectRef) -> Option<Explained> {
        let (answer, explained) = oneshot::channel();
        self.requests.send(Request::ExplainObject(object, answer)).await.ok()?;
        explained.await.ok()
    }

    /// Explains whose a ruler namespace is at each of these destinations; none when the engine does not run.
    pub async fn explain_namespace(&self, namespace: &str, at: DestinationFilter) -> Option<Explained> {
        let (answer, explained) = oneshot::channel();
        self.requests.send(Request::ExplainNamespace(namespace.to_owned(), at, answer)).await.ok()?;
        explained.await.ok()
    }

    /// Releases the held deletes of a destination. Returns the number of namespaces, or none if there is no such
    /// destination (or the engine does not run).
    pub async fn release_deletes(&self, destination: &DestinationId) -> Option<usize> {
        let (answer, released) = oneshot::channel();
        self.requests.send(Request::Release(destination.clone(), answer)).await.ok()?;
        released.await.ok()?
    }

    /// Releases the held deletes of all destinations. Returns the number of namespaces, or none if the engine does not
    /// run.
    pub async fn release_all_deletes(&self) -> Option<usize> {
        let (answer, released) = oneshot::channel();
        self.requests.send(Request::ReleaseAll(answer)).await.ok()?;
        released.await.ok()
    }

    /// Replaces the running setup. Sources and rulers that are the same [`Arc`](std::sync::Arc) as before keep running. Rules of
    /// removed routes are deleted from their rulers; removed rulers are left as they are.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if the parts do not fit; the running setup stays.
    pub async fn reconfigure(&self, setup: Setup) -> Result<(), SetupError> {
        let (answer, result) = oneshot::channel();
        if self.requests.send(Request::Reconfigure(Box::new(setup), answer)).await.is_err() {
            return Ok(());
        }
        result.await.unwrap_or(Ok(()))
    }
}
