//! The engine: sources in, rulers out, and the loop that connects them.

mod explain;
mod handle;
mod namings;
mod one_shot;
mod parts;
mod run;
mod setup;
mod summary;

use std::sync::Arc;

use tokio::sync::mpsc;

pub use crate::claim::{CLAIM_GROUP, Installation, OwnerClaim};
pub use crate::guard::DeleteGuard;
pub use crate::inventory::{Inventory, InventoryError, InventoryRecord};
pub use crate::leadership::{LeaderTerm, Leadership, LeadershipHandle};
pub use crate::log_reporter::LogReporter;
pub use crate::metrics::Metrics;
pub use crate::outcome::{Outcome, Reporter, Subject};
pub use crate::policy::{Backoff, OnInvalid, Policy};
pub use crate::problem_collector::ProblemCollector;
pub use handle::EngineHandle;
pub use setup::{DEFAULT_MAX_IN_FLIGHT, NamedRuler, NamedSource, Setup, SetupError, validate_route};
pub use summary::{RunError, Summary};

use crate::naming::{NamespacePolicy, Owner};
use crate::outcome::Reporters;
use crate::route::Route;
use crate::ruler::Ruler;
use crate::source::Source;
use parts::Parts;
use run::{Mode, Run};

/// Keeps rulers identical to what sources declare.
///
/// It does nothing before [`Engine::run`], [`Engine::sync_once`] or [`Engine::plan`] is awaited, and leaves nothing
/// running afterwards. `examples/embed.rs` is a complete program.
#[derive(Debug)]
pub struct Engine(Parts);

/// Builds an [`Engine`].
#[derive(Debug)]
pub struct EngineBuilder {
    setup: Setup,
    reporters: Vec<Arc<dyn Reporter>>,
    metrics: Metrics,
    inventory: Option<Arc<dyn Inventory>>,
    leadership: Leadership,
    identity: Option<Arc<str>>,
    installation: Option<Installation>,
    release_deletes: bool,
    bodies: bool,
}

impl Engine {
    /// Starts building an engine whose rules belong to `owner`.
    pub fn builder(owner: Owner) -> EngineBuilder {
        let setup = Setup {
            namespace_policy: NamespacePolicy::of(owner),
            sources: Vec::new(),
            rulers: Vec::new(),
            routes: Vec::new(),
            policy: Policy::default(),
        };
        EngineBuilder {
            setup,
            reporters: Vec::new(),
            metrics: Metrics::default(),
            inventory: None,
            leadership: Leadership::always(),
            identity: None,
            installation: None,
            release_deletes: false,
            bodies: false,
        }
    }

    /// Returns a handle that works while the engine runs.
    pub fn handle(&self) -> EngineHandle {
        EngineHandle::new(self.0.requests.0.clone())
    }

    /// Runs until `shutdown` completes; requests in flight are finished then.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        // In this mode it ends only at a shutdown, which is no error here.
        let _ = self.start(Mode::Forever).run(shutdown).await;
    }

    fn start(self, mode: Mode) -> Run {
        Run::new(self.0, mode)
    }
}

impl EngineBuilder {
    /// Adds a source under a name.
    #[must_use]
    pub fn source(mut self, name: &str, source: impl Source) -> Self {
        self.setup.sources.push(NamedSource { name: name.into(), source: Arc::new(source) });
        self
    }

    /// Adds a ruler under a name, with [`DEFAULT_MAX_IN_FLIGHT`] requests at once.
    #[must_use]
    pub fn ruler(mut self, name: &str, ruler: impl Ruler) -> Self {
        self.setup.rulers.push(NamedRuler::new(name, Arc::new(ruler)));
        self
    }

    /// Adds a route.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.setup.routes.push(route);
        self
    }

    /// Sets times and limits.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.setup.policy = policy;
        self
    }

    /// Replaces sources, rulers, routes, policy and owner by those of a setup made elsewhere.
    #[must_use]
    pub fn setup(mut self, setup: Setup) -> Self {
        self.setup = setup;
        self
    }

    /// Adds a reporter of outcomes.
    #[must_use]
    pub fn reporter(mut self, reporter: impl Reporter) -> Self {
        self.reporters.push(Arc::new(reporter));
        self
    }

    /// Uses these metrics.
    #[must_use]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Stores the destinations that were written to outside the process, so that removed routes are cleaned up across
    /// restarts.
    #[must_use]
    pub fn inventory(mut self, inventory: impl Inventory) -> Self {
        self.inventory = Some(Arc::new(inventory));
        self
    }

    /// Uses an inventory that is already shared.
    #[must_use]
    pub fn shared_inventory(mut self, inventory: Arc<dyn Inventory>) -> Self {
        self.inventory = Some(inventory);
        self
    }

    /// Writes only while elected.
    #[must_use]
    pub fn leadership(mut self, leadership: Leadership) -> Self {
        self.leadership = leadership;
        self
    }

    /// Sets the cluster that the objects are declared in, in place of what sources send. Without either, and without an
    /// [`Installation`] that is unique by itself, no claim is made.
    #[must_use]
    pub fn identity(mut self, identity: &str) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Sets what distinguishes this installation from others of the same owner in the same cluster, such as a second
    /// release.
    #[must_use]
    pub fn installation(mut self, installation: Installation) -> Self {
        self.installation = Some(installation);
        self
    }

    /// Sets whether an operator has released all deletes that the guard would hold. Meant for one-shot runs, where
    /// nobody could release them.
    #[must_use]
    pub fn release_deletes(mut self, release: bool) -> Self {
        self.release_deletes = release;
        self
    }

    /// Sets whether plans contain bodies: what the ruler has of each group that changes, and what it would have
    /// ([`Plan::bodies`](crate::plan::Plan::bodies)). While a plan is made, the content of all own groups is in memory
    /// then.
    #[must_use]
    pub fn bodies(mut self, bodies: bool) -> Self {
        self.bodies = bodies;
        self
    }

    /// Builds the engine.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if the parts do not fit.
    pub fn build(self) -> Result<Engine, SetupError> {
        self.setup.validate()?;
        if self.inventory.is_none() && self.setup.needs_records() {
            return Err(SetupError::NoInventory);
        }
        let Self {
            setup,
            reporters,
            metrics,
            inventory,
            leadership,
            identity,
            installation,
            release_deletes,
            bodies,
        } = self;
        let reporters = Reporters::new(reporters);
        let requests = mpsc::channel(8);
        Ok(Engine(Parts {
            setup,
            reporters,
            metrics,
            inventory,
            leadership,
            identity,
            installation,
            release_deletes,
            bodies,
            requests,
        }))
    }
}
