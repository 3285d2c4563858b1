//! The ruler itself: writes wait here for their batch, and one at a time works in the directory.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{
    EvaluatedGroup, Evaluation, Group, Keeps, Listing, NameRules, Ruler, RulerError, TemplateEnvironment,
    TenantId,
};
use rulesync_http::{ClientConfig, Connection, RequestObserver, SettingsError};
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::time::Instant;

use crate::batch::{Batch, Write, blocking};
use crate::directory::{Directory, Lock};
use crate::listing;
use crate::names::NAME_RULES;
use crate::rule_file::Change;
use crate::server::Server;
use crate::variant::Variant;
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
    /// How long the next batch waits for more writes; no time if they come one by one.
    gather: Duration,
}

/// The right to work in the directory.
#[derive(Debug)]
struct Hold {
    turn: OwnedMutexGuard<Turn>,
    lock: Lock,
}

/// The part of the time a batch took that the next one waits for more writes, if the first had several.
const GATHER_PART: u32 = 10;

/// The longest such wait.
const GATHER_AT_MOST: Duration = Duration::from_millis(250);

/// How often a directory that somebody else works in is tried.
const TRY_LOCK_EVERY: Duration = Duration::from_millis(20);

impl PrometheusRuler {
    /// A ruler for the server at `address`, which reads `*.yaml` in `directory`. No request is made yet; the files of
    /// `tls_config` are read, which may block. `timeout` bounds every request, and so the longest reload; the observer counts requests.
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
            turn: Arc::new(tokio::sync::Mutex::new(Turn {
                recovered: false,
                settled: true,
                gather: Duration::ZERO,
            })),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Waits for the answer to a write. Whoever comes first when a batch has ended carries the next one out.
    async fn write(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        change: Change,
    ) -> Result<(), RulerError> {
        no_tenant(tenant)?;
        if let Some(reason) = NAME_RULES.refuse(namespace) {
            return Err(rejected(format!("the namespace {namespace:?} {reason}")));
        }
        let (reply, mut answer) = oneshot::channel();
        self.shared.waiting().push(Write { namespace: namespace.to_owned(), change, reply });
        let lost = || RulerError::unavailable("the batch was cut short".to_owned());
        let turn = tokio::select! {
            biased;
            answered = &mut answer => return answered.map_err(|_| lost())?,
            turn = Arc::clone(&self.shared.turn).lock_owned() => turn,
        };
        // In a task of its own: a batch has more callers than this one.
        let batch = tokio::spawn(Arc::clone(&self.shared).carry_out(turn));
        let answered = answer.await.map_err(|_| lost())?;
        drop(batch);
        answered
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<Write>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out everything that waits.
    async fn carry_out(self: Arc<Self>, turn: OwnedMutexGuard<Turn>) {
        // Those who were answered just now ask for the next thing; a turn for the others is enough if they are few.
        tokio::task::yield_now().await;
        if !turn.gather.is_zero() {
            tokio::time::sleep(turn.gather).await;
        }
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
        let (several, start) = (writes.len() > 1, Instant::now());
        hold.lock.set_busy(true);
        // Until proven otherwise, should this be cut short.
        let settled = std::mem::replace(&mut hold.turn.settled, false);
        hold.turn.recovered = false;
        let ended = Batch::new(&self.directory, &self.server, writes, settled).run().await;
        (hold.turn.settled, hold.turn.recovered) = (ended.settled, ended.tidy);
        if ended.tidy {
            hold.lock.set_busy(false);
        }
        let part = (start.elapsed() / GATHER_PART).min(GATHER_AT_MOST);
        hold.turn.gather = if several { part } else { Duration::ZERO };
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
        let known = self.shared.variant.known(group);
        if let Some(reason) = self.shared.variant.refuse(&known) {
            return Err(rejected(format!("the group {:?} cannot be written: {reason}", group.name)));
        }
        self.write(tenant, namespace, Change::Put(Box::new(known))).await
    }

    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        self.write(tenant, namespace, Change::Delete(group.to_owned())).await
    }

    async fn delete_namespace(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        _: &[&str],
    ) -> Result<(), RulerError> {
        self.write(tenant, namespace, Change::DeleteAll).await
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
