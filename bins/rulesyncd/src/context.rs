//! What answers are made from: the engine, what is known of its objects, and where they are served.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rulesync_config::{App, ConfigInForce};
use rulesync_core::engine::{Leadership, Metrics};
use rulesync_core::status::ObjectStates;
use tokio_util::sync::CancellationToken;

use crate::ask::Asking;
use crate::location::Location;
use crate::token::Token;
use crate::turns::Turns;

/// What answers are made from. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    engine: Asking,
    metrics: Metrics,
    states: ObjectStates,
    configuration: ConfigInForce,
    leadership: Leadership,
    /// When the process began, in seconds since 1970.
    started: u64,
    /// What tells this process from others in marks of [`Context::mark`].
    process: Arc<str>,
    /// Whether requests that change something are allowed.
    admin: bool,
    token: Token,
    location: Arc<Location>,
    turns: Turns,
    shutdown: CancellationToken,
}

impl Context {
    /// Creates the context of an engine. `token` is that of forms that change something, which only count if
    /// `admin` is set. Streams end at a `shutdown`.
    pub(crate) fn new(
        app: &App,
        admin: bool,
        token: Token,
        location: Location,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            engine: Asking::new(app.handle()),
            metrics: app.metrics().clone(),
            states: app.states().clone(),
            configuration: app.configuration().clone(),
            leadership: app.leadership(),
            started: seconds_since_1970(),
            process: format!("{:x}", since_1970().as_nanos()).into(),
            admin,
            token,
            location: Arc::new(location),
            turns: Turns::default(),
            shutdown,
        }
    }

    /// Asks the engine.
    pub(crate) fn engine(&self) -> &Asking {
        &self.engine
    }

    /// The present state of every object.
    pub(crate) fn states(&self) -> &ObjectStates {
        &self.states
    }

    /// The configuration in force, without secrets.
    pub(crate) fn configuration(&self) -> &ConfigInForce {
        &self.configuration
    }

    /// Whether this process writes at the moment; none if it is the only one.
    pub(crate) fn leads(&self) -> Option<bool> {
        self.leadership.is_elected().then(|| self.leadership.is_leader())
    }

    /// When the process began, in seconds since 1970.
    pub(crate) fn started(&self) -> u64 {
        self.started
    }

    /// Returns a mark that this process alone gives to the states of objects after so many changes.
    pub(crate) fn mark(&self, changes: u64) -> String {
        format!("{}-{changes}", self.process)
    }

    /// Whether requests that change something are allowed.
    pub(crate) fn admin(&self) -> bool {
        self.admin
    }

    /// The token of forms that change something.
    pub(crate) fn token(&self) -> &Token {
        &self.token
    }

    /// How much may be in memory at once.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// The metrics of the engine.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Cancelled when the process ends.
    pub(crate) fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Where the pages are reached.
    pub(crate) fn location(&self) -> &Arc<Location> {
        &self.location
    }
}

/// The time, in seconds since 1970.
pub(crate) fn seconds_since_1970() -> u64 {
    since_1970().as_secs()
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
