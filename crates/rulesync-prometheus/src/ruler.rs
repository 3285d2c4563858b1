//! The ruler itself: writes wait here for their batch, and one at a time works in the directory.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{
    Capabilities, Dialect, EvaluatedGroup, Evaluation, Finding, Group, Keeps, Listing, MetricsQl, NameRules,
    PromQl, Ruler, RulerError, TemplateEnvironment, TenantId,
};
use rulesync_http::{ClientConfig, Connection, RequestObserver, SettingsError};
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::time::Instant;

use crate::batch::{Batch, Write, blocking};
use crate::directory::{Directory, Lock};
use crate::features::Version;
use crate::listing;
use crate::names::NAME_RULES;
use crate::rule_file::Change;
use crate::server::Server;
use crate::variant::Variant;
use crate::verdicts::{self, Verdicts};
use rulesync_http::LoadedGroup;

/// A Prometheus or a vmalert that reads rule files from a directory we write to.
///
/// Needs a Tokio runtime. Writes that were begun are carried through even if their callers go away.
#[derive(Debug)]
pub struct PrometheusRuler {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    directory: Directory,
    server: Server,
    variant: Variant,
    /// How long to wait for another process that is at work.
    timeout: Duration,
    waiting: Mutex<Vec<Write>>,
    turn: Arc<tokio::sync::Mutex<Turn>>,
}

/// What whose turn it is knows of the directory.
#[derive(Debug)]
struct Turn {
    /// Whether leftovers of an earlier process were looked for.
    recovered: bool,
    /// Whether the server is known to have read the files as they are.
    settled: bool,
    /// What the server has refused, once it was read from the directory.
    verdicts: Option<Verdicts>,
}

/// The right to work in the directory.
#[derive(Debug)]
struct Hold {
    turn: OwnedMutexGuard<Turn>,
    lock: Lock,
}

/// So long nobody must have come for a batch to begin.
const QUIET: Duration = Duration::from_millis(10);

/// The longest wait for writes that go on coming.
const GATHER_AT_MOST: Duration = Duration::from_secs(1);

/// How often a directory that somebody else works in is tried.
const TRY_LOCK_EVERY: Duration = Duration::from_millis(20);

impl PrometheusRuler {
    /// A ruler for the server at `address`, which reads `*.yaml` in `directory`. No request is made yet; the files of
    /// `tls_config` are read, which may block. `timeout` bounds every request, and so the longest reload; the observer
    /// counts requests.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] for an address or settings that cannot be used.
    pub fn new(
        directory: impl AsRef<Path>,
        address: &str,
        variant: Variant,
        config: &ClientConfig,
        timeout: Duration,
        observer: Option<Arc<dyn RequestObserver>>,
    ) -> Result<Self, SettingsError> {
        let invalid = |reason: String| SettingsError::Invalid { key: "directory".to_owned(), reason };
        let path = std::path::absolute(directory).map_err(|error| invalid(error.to_string()))?;
        let Some(seen) = path.to_str().map(|path| path.trim_end_matches('/').to_owned()) else {
            return Err(invalid("is not in UTF-8".to_owned()));
        };
        let connection = Connection::new(address, config, timeout, observer)?;
        let shared = Shared {
            directory: Directory::new(path),
            server: Server::new(connection, variant, timeout, seen),
            variant,
            timeout,
            waiting: Mutex::default(),
            turn: Arc::new(tokio::sync::Mutex::new(Turn { recovered: false, settled: true, verdicts: None })),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Waits for the answers to the changes of a namespace, of which some may have been refused before. Whoever comes
    /// first when a batch has ended carries the next one out.
    async fn write(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        changes: Vec<Result<Asked, RulerError>>,
    ) -> Vec<Result<(), RulerError>> {
        let possible = no_tenant(tenant).and_then(|()| match NAME_RULES.refuse(namespace) {
            Some(reason) => Err(rejected(format!("the namespace {namespace:?} {reason}"))),
            None => Ok(()),
        });
        if let Err(error) = possible {
            return vec![Err(error); changes.len()];
        }
        let mut answers = Vec::with_capacity(changes.len());
        let mut writes = Vec::with_capacity(changes.len());
        for change in changes {
            answers.push(change.map(|Asked { change, has_finding }| {
                let (reply, answer) = oneshot::channel();
                writes.push(Write { namespace: namespace.to_owned(), change, has_finding, reply });
                answer
            }));
        }
        let asks = !writes.is_empty();
        self.shared.waiting().append(&mut writes);
        let mut all = std::pin::pin!(answers_to(answers));
        if asks {
            let turn = tokio::select! {
                biased;
                answered = &mut all => return answered,
                turn = Arc::clone(&self.shared.turn).lock_owned() => turn,
            };
            // In a task of its own: a batch has more callers than this one.
            drop(tokio::spawn(Arc::clone(&self.shared).carry_out(turn)));
        }
        all.await
    }

    /// The same for one change.
    async fn write_one(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        change: Result<Asked, RulerError>,
    ) -> Result<(), RulerError> {
        self.write(tenant, namespace, vec![change]).await.pop().unwrap_or_else(|| Err(lost()))
    }

    /// A group as it is written, unless it must not be.
    fn put(&self, group: &Group, has_finding: bool) -> Result<Asked, RulerError> {
        let known = self.shared.variant.known(group);
        match self.shared.variant.refuse(&known) {
            Some(reason) => Err(rejected(format!("the group {:?} cannot be written: {reason}", group.name))),
            None => Ok(Asked { change: Change::Put(Box::new(known)), has_finding }),
        }
    }
}

/// A change that is asked for.
#[derive(Debug)]
struct Asked {
    change: Change,
    /// Whether local checks have found something wrong with the group.
    has_finding: bool,
}

impl From<Change> for Asked {
    fn from(change: Change) -> Self {
        Self { change, has_finding: false }
    }
}

/// Waits for answers, in order.
async fn answers_to(
    answers: Vec<Result<oneshot::Receiver<Result<(), RulerError>>, RulerError>>,
) -> Vec<Result<(), RulerError>> {
    let mut results = Vec::with_capacity(answers.len());
    for answer in answers {
        results.push(match answer {
            Ok(answer) => answer.await.unwrap_or_else(|_| Err(lost())),
            Err(error) => Err(error),
        });
    }
    results
}

fn lost() -> RulerError {
    RulerError::unavailable("the batch was cut short")
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Write>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out everything that waits.
    async fn carry_out(self: Arc<Self>, turn: OwnedMutexGuard<Turn>) {
        self.gather().await;
        let held = Arc::clone(&self).hold(turn).await;
        let writes = std::mem::take(&mut *self.waiting());
        let mut hold = match held {
            Ok(hold) => hold,
            Err(error) => {
                writes.into_iter().for_each(|write| drop(write.reply.send(Err(error.clone()))));
                return;
            }
        };
        if writes.is_empty() {
            return;
        }
        let version = self.server.version().await;
        let mut verdicts = self.verdicts(hold.turn.verdicts.take()).await;
        let writes = answer_again(writes, &mut verdicts, version);
        if !writes.is_empty() {
            hold.lock.set_busy(true);
            // Until proven otherwise, should this be cut short.
            let settled = std::mem::replace(&mut hold.turn.settled, false);
            hold.turn.recovered = false;
            let batch = Batch::new(&self.directory, &self.server, &mut verdicts, version, writes, settled);
            let ended = batch.run().await;
            (hold.turn.settled, hold.turn.recovered) = (ended.settled, ended.tidy);
            if ended.tidy {
                hold.lock.set_busy(false);
            }
        }
        hold.turn.verdicts = Some(verdicts);
    }

    /// Waits until nobody has come for a while: all that is asked for at about the same time is one batch.
    async fn gather(&self) {
        let deadline = Instant::now() + GATHER_AT_MOST;
        loop {
            let before = self.waiting().len();
            tokio::time::sleep(QUIET).await;
            if self.waiting().len() == before || Instant::now() >= deadline {
                return;
            }
        }
    }

    /// The verdicts that are known, or those that an earlier process has left.
    async fn verdicts(&self, known: Option<Verdicts>) -> Verdicts {
        let path = self.directory.path().to_owned();
        match known {
            Some(known) => known,
            None => blocking(move || Ok(Verdicts::load(&path))).await.unwrap_or_default(),
        }
    }

    /// The right to work in the directory, once it is in order.
    async fn hold(self: Arc<Self>, mut turn: OwnedMutexGuard<Turn>) -> Result<Hold, RulerError> {
        let deadline = Instant::now() + self.timeout;
        let (mut lock, left_busy) = loop {
            let directory = self.directory.clone();
            if let Some(locked) = blocking(move || directory.lock()).await? {
                break locked;
            }
            if Instant::now() >= deadline {
                let path = self.directory.path().display();
                return Err(RulerError::unavailable(format!(
                    "another process has been at work in {path} for too long"
                )));
            }
            tokio::time::sleep(TRY_LOCK_EVERY).await;
        };
        if left_busy || !turn.recovered {
            let directory = self.directory.clone();
            let found = blocking(move || directory.recover()).await?;
            // Which of them the server has read nobody knows.
            turn.settled &= !found && !left_busy;
            turn.recovered = true;
            lock.set_busy(false);
        }
        Ok(Hold { turn, lock })
    }
}

#[async_trait]
impl Ruler for PrometheusRuler {
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        no_tenant(tenant)?;
        let turn = Arc::clone(&self.shared.turn).lock_owned().await;
        // In a task of its own, because putting a directory in order must not be left half way.
        let holding = tokio::spawn(Arc::clone(&self.shared).hold(turn));
        let mut hold = holding.await.map_err(|error| RulerError::unavailable(error.to_string()))??;
        if !hold.turn.settled {
            match self.shared.server.reload().await {
                Ok(()) => hold.turn.settled = true,
                Err(error) => tracing::warn!(?error, "interrupted changes were taken back but not reloaded"),
            }
        }
        listing::list(&self.shared.directory, listing).await
    }

    async fn put_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &Group,
    ) -> Result<(), RulerError> {
        self.write_one(tenant, namespace, self.put(group, false)).await
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
        writes: &[rulesync_core::Write<'_>],
    ) -> Vec<Result<(), RulerError>> {
        let change = |write: &rulesync_core::Write<'_>| match *write {
            rulesync_core::Write::Put { json, has_finding } => match serde_json::from_str(json) {
                Ok(group) => self.put(&group, has_finding),
                Err(error) => Err(rejected(error.to_string())),
            },
            rulesync_core::Write::DeleteGroup(group) => Ok(Change::Delete(group.to_owned()).into()),
            rulesync_core::Write::DeleteNamespace(_) => Ok(Change::DeleteAll.into()),
        };
        self.write(tenant, namespace, writes.iter().map(change).collect()).await
    }

    /// All that waits costs one reload, whose answer never says more than that it failed.
    fn capabilities(&self) -> Capabilities {
        Capabilities { batches: true, explains_refusals: false }
    }

    fn dialect(&self) -> &dyn Dialect {
        match self.shared.variant {
            Variant::Prometheus => &PromQl,
            Variant::Vmalert => &MetricsQl,
        }
    }

    fn check(&self, group: &Group) -> Vec<Finding> {
        self.shared.variant.check(&self.shared.variant.known(group))
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

    /// A write is accepted only when it is loaded.
    fn sync_period(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn templates(&self) -> TemplateEnvironment {
        self.shared.variant.templates()
    }

    fn keeps(&self) -> Keeps {
        self.shared.variant.keeps()
    }

    fn address(&self) -> Option<&str> {
        Some(self.shared.server.address())
    }

    fn name_rules(&self) -> NameRules {
        NAME_RULES
    }
}

/// Answers what an earlier process has asked the same server already; the others are left.
fn answer_again(writes: Vec<Write>, verdicts: &mut Verdicts, version: Option<Version>) -> Vec<Write> {
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
            // Nobody may be waiting any more.
            Some(error) => drop(write.reply.send(Err(error))),
            None => left.push(write),
        }
    }
    left
}

fn no_tenant(tenant: Option<&TenantId>) -> Result<(), RulerError> {
    match tenant {
        None => Ok(()),
        Some(tenant) => Err(RulerError::Misconfigured {
            message: format!(
                "rule files have no tenants: the route must not name one, but it named {tenant}"
            ),
        }),
    }
}

fn rejected(message: String) -> RulerError {
    RulerError::Rejected { message, rule: None }
}
