//! The ruler: queues writes for the next batch, and serializes the work in the directory.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::ruler::{EvaluatedGroup, Evaluation};
use rulesync_core::{Capabilities, EncodedGroup, Finding, Group, Listing, Ruler, RulerError, TenantId};
use rulesync_http::{Connection, LoadedGroup, SettingsError};
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::time::Instant;

use crate::batch::{Batch, Write, blocking};
use crate::directory::{Directory, Lock};
use crate::features::Version;
use crate::listing;
use crate::names::NAME_LIMITS;
use crate::rule_file::Change;
use crate::server::Server;
use crate::variant::Variant;
use crate::verdicts::{self, Verdicts};

/// A Prometheus or vmalert that reads rule files from a directory that rulesync writes to.
///
/// Requires a Tokio runtime. Writes that have started are completed even if their callers are cancelled.
#[derive(Debug)]
pub struct PrometheusRuler {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    directory: Directory,
    server: Server,
    variant: Variant,
    /// The maximum wait for another process that works in the directory.
    timeout: Duration,
    waiting: Mutex<Vec<Write>>,
    state: Arc<tokio::sync::Mutex<DirectoryState>>,
}

/// The state of the directory, guarded by a mutex.
#[derive(Debug)]
struct DirectoryState {
    /// Set if leftovers of an earlier process were reverted.
    recovered: bool,
    /// Set if the server is known to have loaded the current files.
    settled: bool,
    /// The rejections of the server, once they were read from the directory.
    verdicts: Option<Verdicts>,
}

/// Exclusive access to the directory.
#[derive(Debug)]
struct Access {
    state: OwnedMutexGuard<DirectoryState>,
    lock: Lock,
}

/// The time without new writes after which a batch starts.
const QUIET_PERIOD: Duration = Duration::from_millis(10);

/// The maximum wait while new writes keep arriving.
const MAX_GATHER: Duration = Duration::from_secs(1);

/// The interval of attempts to lock a directory that another process has locked.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

impl PrometheusRuler {
    /// Creates a ruler for the server of a connection, which reads `*.yaml` in `directory`. Sends no request. The
    /// timeout of the connection bounds every request, and thereby a reload.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] with the key `directory` if its path is not in UTF-8 or has no absolute form.
    pub fn new(
        connection: Connection,
        directory: impl AsRef<Path>,
        variant: Variant,
    ) -> Result<Self, SettingsError> {
        let invalid = |reason: String| SettingsError::invalid("directory", reason);
        let path = std::path::absolute(directory).map_err(|error| invalid(error.to_string()))?;
        let Some(seen) = path.to_str().map(|path| path.trim_end_matches('/').to_owned()) else {
            return Err(invalid("is not in UTF-8".to_owned()));
        };
        let shared = Shared {
            directory: Directory::new(path),
            variant,
            timeout: connection.timeout(),
            server: Server::new(connection, variant, seen),
            waiting: Mutex::default(),
            state: Arc::new(tokio::sync::Mutex::new(DirectoryState {
                recovered: false,
                settled: true,
                verdicts: None,
            })),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Queues the changes of a namespace, some of which may be rejected already, and waits for their results. The first
    /// caller after the end of a batch runs the next one.
    async fn write(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        changes: Vec<Result<RequestedChange, RulerError>>,
    ) -> Vec<Result<(), RulerError>> {
        let possible = no_tenant(tenant).and_then(|()| match NAME_LIMITS.refuse(namespace) {
            Some(reason) => Err(rejected(format!("the namespace {namespace:?} {reason}"))),
            None => Ok(()),
        });
        if let Err(error) = possible {
            return vec![Err(error); changes.len()];
        }
        let mut answers = Vec::with_capacity(changes.len());
        let mut writes = Vec::with_capacity(changes.len());
        for change in changes {
            answers.push(change.map(|RequestedChange { change, has_finding }| {
                let (reply, answer) = oneshot::channel();
                writes.push(Write { namespace: namespace.to_owned(), change, has_finding, reply });
                answer
            }));
        }
        let has_writes = !writes.is_empty();
        self.shared.waiting().append(&mut writes);
        let mut all = std::pin::pin!(results(answers));
        if has_writes {
            let state = tokio::select! {
                biased;
                answered = &mut all => return answered,
                state = Arc::clone(&self.shared.state).lock_owned() => state,
            };
            // In a separate task: the batch has other callers too.
            drop(tokio::spawn(Arc::clone(&self.shared).run_batch(state)));
        }
        all.await
    }

    /// Like [`Self::write`], for one change.
    async fn write_one(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        change: Result<RequestedChange, RulerError>,
    ) -> Result<(), RulerError> {
        self.write(tenant, namespace, vec![change]).await.pop().unwrap_or_else(|| Err(interrupted()))
    }

    /// The change that writes a group, or an error if the group must not be written.
    fn put(&self, group: &Group, has_finding: bool) -> Result<RequestedChange, RulerError> {
        let known = self.shared.variant.known(group);
        match self.shared.variant.refuse(&known) {
            Some(reason) => Err(rejected(format!("the group {:?} cannot be written: {reason}", group.name))),
            None => Ok(RequestedChange { change: Change::Put(Box::new(known)), has_finding }),
        }
    }
}

/// A requested change.
#[derive(Debug)]
struct RequestedChange {
    change: Change,
    /// Set if local checks have findings for the group.
    has_finding: bool,
}

impl From<Change> for RequestedChange {
    fn from(change: Change) -> Self {
        Self { change, has_finding: false }
    }
}

/// Waits for the results of writes, in order.
async fn results(
    answers: Vec<Result<oneshot::Receiver<Result<(), RulerError>>, RulerError>>,
) -> Vec<Result<(), RulerError>> {
    let mut results = Vec::with_capacity(answers.len());
    for answer in answers {
        results.push(match answer {
            Ok(answer) => answer.await.unwrap_or_else(|_| Err(interrupted())),
            Err(error) => Err(error),
        });
    }
    results
}

fn interrupted() -> RulerError {
    RulerError::unavailable("the batch was interrupted")
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Write>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a batch of all queued writes.
    async fn run_batch(self: Arc<Self>, state: OwnedMutexGuard<DirectoryState>) {
        self.gather().await;
        let acquired = Arc::clone(&self).acquire(state).await;
        let writes = std::mem::take(&mut *self.waiting());
        let mut access = match acquired {
            Ok(access) => access,
            Err(error) => {
                writes.into_iter().for_each(|write| drop(write.reply.send(Err(error.clone()))));
                return;
            }
        };
        if writes.is_empty() {
            return;
        }
        let version = self.server.version().await;
        let mut verdicts = self.verdicts(access.state.verdicts.take()).await;
        let writes = answer_from_verdicts(writes, &mut verdicts, version);
        if !writes.is_empty() {
            access.lock.set_busy(true);
            // Assumed until the batch ends, in case it is interrupted.
            let settled = std::mem::replace(&mut access.state.settled, false);
            access.state.recovered = false;
            let batch = Batch::new(&self.directory, &self.server, &mut verdicts, version, writes, settled);
            let ended = batch.run().await;
            (access.state.settled, access.state.recovered) = (ended.settled, ended.tidy);
            if ended.tidy {
                access.lock.set_busy(false);
            }
        }
        access.state.verdicts = Some(verdicts);
    }

    /// Waits until no new writes have arrived for a while, so that concurrent writes form one batch.
    async fn gather(&self) {
        let deadline = Instant::now() + MAX_GATHER;
        loop {
            let before = self.waiting().len();
            tokio::time::sleep(QUIET_PERIOD).await;
            if self.waiting().len() == before || Instant::now() >= deadline {
                return;
            }
        }
    }

    /// Returns the known verdicts, or those that an earlier process has saved.
    async fn verdicts(&self, known: Option<Verdicts>) -> Verdicts {
        let path = self.directory.path().to_owned();
        match known {
            Some(known) => known,
            None => blocking(move || Ok(Verdicts::load(&path))).await.unwrap_or_default(),
        }
    }

    /// Locks the directory, and reverts interrupted changes.
    async fn acquire(
        self: Arc<Self>,
        mut state: OwnedMutexGuard<DirectoryState>,
    ) -> Result<Access, RulerError> {
        let deadline = Instant::now() + self.timeout;
        let (mut lock, left_busy) = loop {
            let directory = self.directory.clone();
            if let Some(locked) = blocking(move || directory.lock()).await? {
                break locked;
            }
            if Instant::now() >= deadline {
                let path = self.directory.path().display();
                return Err(RulerError::unavailable(format!(
                    "another process keeps the directory {path} locked"
                )));
            }
            tokio::time::sleep(LOCK_INTERVAL).await;
        };
        if left_busy || !state.recovered {
            let directory = self.directory.clone();
            let found = blocking(move || directory.recover()).await?;
            // It is unknown whether the server has loaded the reverted changes.
            state.settled &= !found && !left_busy;
            state.recovered = true;
            lock.set_busy(false);
        }
        Ok(Access { state, lock })
    }
}

#[async_trait]
impl Ruler for PrometheusRuler {
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        no_tenant(tenant)?;
        let state = Arc::clone(&self.shared.state).lock_owned().await;
        // In a separate task, because recovery must not be cancelled.
        let acquiring = tokio::spawn(Arc::clone(&self.shared).acquire(state));
        let mut access = acquiring.await.map_err(|error| RulerError::unavailable(error.to_string()))??;
        if !access.state.settled {
            match self.shared.server.reload().await {
                Ok(()) => access.state.settled = true,
                Err(error) => tracing::warn!(?error, "Interrupted changes were reverted but not reloaded"),
            }
        }
        listing::list(&self.shared.directory, listing).await
    }

    async fn write_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        self.write_one(tenant, namespace, self.put(&group.decode()?, false)).await
    }

    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        self.write_one(tenant, namespace, Ok(Change::Delete(group.to_owned()).into())).await
    }

    async fn delete_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        _: &[&str],
    ) -> Result<(), RulerError> {
        self.write_one(tenant, namespace, Ok(Change::DeleteAll.into())).await
    }

    async fn write_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        writes: &[rulesync_core::ruler::Write<'_>],
    ) -> Vec<Result<(), RulerError>> {
        let change = |write: &rulesync_core::ruler::Write<'_>| match *write {
            rulesync_core::ruler::Write::Put { group, has_finding } => {
                self.put(&group.decode()?, has_finding)
            }
            rulesync_core::ruler::Write::DeleteGroup(group) => Ok(Change::Delete(group.to_owned()).into()),
            rulesync_core::ruler::Write::DeleteNamespace(_) => Ok(Change::DeleteAll.into()),
        };
        self.write(tenant, namespace, writes.iter().map(change).collect()).await
    }

    fn capabilities(&self) -> Capabilities {
        self.shared.variant.capabilities()
    }

    fn check(&self, group: &Group) -> Vec<Finding> {
        self.shared.variant.check(group)
    }

    async fn evaluation(
        &self,
        tenant: Option<&TenantId>,
        namespaces: &[&str],
        found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        no_tenant(tenant)?;
        if !namespaces.is_empty() {
            let mut pass = |namespace: String, group: LoadedGroup| {
                found(EvaluatedGroup { namespace, name: group.name, rules: group.rules });
            };
            self.shared.server.loaded(namespaces, true, &mut pass).await?;
        }
        Ok(Evaluation::Read)
    }

    fn address(&self) -> Option<&str> {
        Some(self.shared.server.address())
    }
}

/// Answers writes that an earlier process has already tried with the same server, and returns the others.
fn answer_from_verdicts(writes: Vec<Write>, verdicts: &mut Verdicts, version: Option<Version>) -> Vec<Write> {
    if !verdicts.knows_any() {
        return writes;
    }
    let mut left = Vec::with_capacity(writes.len());
    for write in writes {
        let known = match &write.change {
            Change::Put(group) => verdicts.recall(&verdicts::key(&write.namespace, group), version),
            Change::Delete(_) | Change::DeleteAll => None,
        };
        match known {
            // The caller may have been cancelled.
            Some(error) => drop(write.reply.send(Err(error))),
            None => left.push(write),
        }
    }
    left
}

fn no_tenant(tenant: Option<&TenantId>) -> Result<(), RulerError> {
    match tenant {
        None => Ok(()),
        Some(tenant) => Err(RulerError::misconfigured(format!(
            "rule files have no tenants: the route must not name one, but it named {tenant}"
        ))),
    }
}

fn rejected(message: String) -> RulerError {
    RulerError::rejected(message)
}
