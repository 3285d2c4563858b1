//! The parts of an engine, as its builder hands them to its run.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::handle::Request;
use super::setup::Setup;
use crate::claim::Installation;
use crate::inventory::Inventory;
use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::outcome::Reporters;

/// The parts of an engine that stay the same while it runs.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) setup: Setup,
    pub(super) reporters: Reporters,
    pub(super) metrics: Metrics,
    pub(super) inventory: Option<Arc<dyn Inventory>>,
    pub(super) leadership: Leadership,
    pub(super) identity: Option<Arc<str>>,
    pub(super) installation: Option<Installation>,
    pub(super) release_deletes: bool,
    pub(super) bodies: bool,
    pub(super) requests: (mpsc::Sender<Request>, mpsc::Receiver<Request>),
}
