//! The parts that the engine shares with a destination.

use std::sync::Arc;

use tokio::sync::Notify;

use super::records::RecordRequests;
use super::unrecognized::Unrecognized;
use crate::leadership::Leadership;
use crate::metrics::Metrics;
use crate::naming::NamespaceClassifier;
use crate::outcome::Reporters;
use crate::plan::Approval;
use crate::ruler::Ruler;

/// The parts that the engine shares with a destination.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) ruler: Arc<dyn Ruler>,
    pub(crate) classifier: Arc<NamespaceClassifier>,
    /// The namespaces whose records it asks to change.
    pub(crate) record_requests: RecordRequests,
    /// The namespaces that it asks about.
    pub(crate) unrecognized: Unrecognized,
    pub(crate) leadership: Leadership,
    /// True if claims are written and respected.
    pub(crate) claims: bool,
    pub(crate) reporters: Reporters,
    pub(crate) metrics: Metrics,
    /// True if an operator has released all deletes beforehand.
    pub(crate) release_deletes: bool,
    /// The changes that may be made at first.
    pub(crate) approval: Approval,
    /// True if plans contain the bodies of the groups that change.
    pub(crate) bodies: bool,
    /// True if the ruler is asked how rules evaluate.
    pub(crate) evaluates: bool,
    /// Notified whenever a destination makes progress.
    pub(crate) progressed: Arc<Notify>,
}
