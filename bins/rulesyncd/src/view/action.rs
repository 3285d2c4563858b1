//! What can be done at a destination, by the button of a page and by a program alike.

use rulesync_core::model::DestinationId;

use crate::ask::NoAnswer;
use crate::context::Context;

/// What can be done at a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Release the deletes that the guard holds.
    ReleaseDeletes,
    /// List the ruler and compare it now.
    Sync,
}

/// What an action has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Held deletes in so many namespaces are released.
    Released(usize),
    /// The destination is about to be compared.
    Syncing,
}

impl Action {
    pub(crate) const ALL: [Self; 2] = [Self::ReleaseDeletes, Self::Sync];

    /// Returns its name in paths.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ReleaseDeletes => "release-deletes",
            Self::Sync => "sync",
        }
    }

    /// Does it; none if there is no such destination.
    pub(crate) async fn carry_out(
        self,
        context: &Context,
        destination: &DestinationId,
    ) -> Result<Option<Done>, NoAnswer> {
        match self {
            Self::ReleaseDeletes => {
                let released = context.engine().release_deletes(destination).await?;
                Ok(released.map(|namespaces| {
                    tracing::info!(%destination, namespaces, "Held deletes released");
                    Done::Released(namespaces)
                }))
            }
            Self::Sync => {
                let is_there = context.engine().sync_now(destination).await?;
                Ok(is_there.then(|| {
                    tracing::info!(%destination, "Sync requested");
                    Done::Syncing
                }))
            }
        }
    }
}
