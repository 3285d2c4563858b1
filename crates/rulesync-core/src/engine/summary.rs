//! The result of a one-shot run.

use crate::status::{DestinationState, DestinationStatus, ObjectState, Status};

/// The result of a one-shot run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The number of changes carried out.
    pub applied: u64,
    /// The status at its end.
    pub status: Status,
    /// Destinations of the inventory that no route leads to: a one-shot run leaves their rules to a daemon.
    pub unrouted: Vec<String>,
}

impl Summary {
    /// Returns whether everything declared is where it should be.
    pub fn succeeded(&self) -> bool {
        self.status.destinations.iter().all(|destination| destination.state == DestinationState::InSync)
            && self.status.objects.iter().all(|object| object.state < ObjectState::Pending)
    }

    /// Logs what was not done, and why: a line for each destination that is not in sync, and for each without a route.
    pub fn log_unfinished(&self) {
        let destinations = self.status.destinations.iter();
        for destination in destinations.filter(|destination| destination.state != DestinationState::InSync) {
            let DestinationStatus { ruler, tenant, state, pending, held, refused, error, .. } = destination;
            tracing::warn!(ruler, tenant, %state, pending, held, refused, error, "Destination not in sync");
        }
        for destination in &self.unrouted {
            let hint = "only a running daemon deletes them, after the window of the delete guard";
            tracing::warn!(
                destination,
                hint,
                "No route leads to this destination, and rules of this owner may be left there"
            );
        }
    }
}

/// The reason why a one-shot run ended without a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A source did not show its objects in time.
    #[error("source `{source_name}` is not available: {reason}")]
    SourceUnavailable {
        /// The source.
        source_name: String,
        /// The reason that it reported.
        reason: String,
    },
    /// A destination could not be listed, so there is nothing to compare with.
    #[error("destination `{destination}` cannot be read: {reason}")]
    DestinationUnavailable {
        /// The destination.
        destination: String,
        /// The reason.
        reason: String,
    },
    /// The inventory cannot be read or written, which has to record the namespaces that are named as declared.
    #[error("the inventory cannot be read or written, which has to record what is written; the log says why")]
    InventoryUnavailable,
    /// A shutdown was asked for first.
    #[error("stopped before the end")]
    Stopped,
}
