//! Runs that end by themselves: a sync, a plan, and a sync whose plan somebody reviews first.

use std::pin::pin;
use std::time::Duration;

use super::Engine;
use super::run::{Mode, Run};
use super::summary::{RunError, Summary};
use crate::inventory::{Inventory, InventoryRecord};
use crate::plan::DryRun;

/// The longest time that a one-shot run waits for its inventory.
const INVENTORY_TIMEOUT: Duration = Duration::from_secs(10);

impl Engine {
    /// Brings all destinations in sync once and returns.
    ///
    /// # Errors
    ///
    /// [`RunError`] if a source stays unavailable or `shutdown` comes first. What rulers refuse, and rulers that are
    /// down, are in the [`Summary`].
    pub async fn sync_once(self, shutdown: impl Future<Output = ()> + Send) -> Result<Summary, RunError> {
        let inventory = self.0.inventory.clone();
        let run = self.start(Mode::Once).run(shutdown).await?;
        Ok(finish(run, inventory.as_deref()).await)
    }

    /// Computes what [`Engine::sync_once`] would do, and writes nothing.
    ///
    /// # Errors
    ///
    /// [`RunError`] if a source or a destination stays unavailable, or `shutdown` comes first.
    pub async fn plan(self, shutdown: impl Future<Output = ()> + Send) -> Result<DryRun, RunError> {
        let mut run = self.start(Mode::Plan).run(shutdown).await?;
        let dry_run = run.dry_run().await;
        run.stop().await;
        dry_run
    }

    /// Computes a plan, has it reviewed, and if `review` returns true makes exactly its changes, without those that
    /// `review` has removed from it. From the review on, nothing that sources send counts any more, and a change that is
    /// not in the plan is left out. Returns none if the plan was not approved; nothing was written then.
    ///
    /// # Errors
    ///
    /// Those of [`Engine::plan`] and [`Engine::sync_once`].
    pub async fn sync_reviewed(
        self,
        review: impl AsyncFnOnce(&mut DryRun) -> bool,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Option<Summary>, RunError> {
        let inventory = self.0.inventory.clone();
        let mut shutdown = pin!(shutdown);
        let mut run = self.start(Mode::Plan).run(shutdown.as_mut()).await?;
        let mut dry_run = match run.dry_run().await {
            Ok(dry_run) => dry_run,
            Err(error) => {
                run.stop().await;
                return Err(error);
            }
        };
        let approved = tokio::select! {
            approved = review(&mut dry_run) => Ok(approved),
            () = shutdown.as_mut() => Err(RunError::Stopped),
        };
        if approved != Ok(true) {
            run.stop().await;
            return approved.map(|_| None);
        }
        let run = run.carry_out_plans(&dry_run, shutdown).await?;
        Ok(Some(finish(run, inventory.as_deref()).await))
    }
}

/// Ends a run that has reached its end, and sums it up.
async fn finish(mut run: Run, inventory: Option<&dyn Inventory>) -> Summary {
    let record = match inventory {
        Some(inventory) => tokio::time::timeout(INVENTORY_TIMEOUT, inventory.read()).await,
        None => Ok(Ok(InventoryRecord::default())),
    };
    let unrouted = match record {
        Ok(Ok(record)) => run.unrouted(&record),
        Ok(Err(error)) => {
            tracing::warn!(%error, "Inventory unreachable, removed routes are unknown");
            Vec::new()
        }
        Err(_) => Vec::new(),
    };
    let summary = Summary { applied: run.applied(), status: run.status().await, unrouted };
    run.stop().await;
    summary
}
