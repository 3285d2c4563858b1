//! Plans of a run, and how the run goes on when one of them was approved.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::inventory_writer::InventoryWriter;
use super::{Mode, Run};
use crate::destination::Command;
use crate::engine::summary::RunError;
use crate::finding::Finding;
use crate::model::object::ObjectId;
use crate::model::tenant::DestinationId;
use crate::plan::{Approval, DryRun, Plan, Refusal};
use crate::status::{ObjectState, ObjectStatus, Status};

impl Run {
    /// Returns the plan of every destination.
    ///
    /// # Errors
    ///
    /// [`RunError::DestinationUnavailable`] if one could not be listed, [`RunError::InventoryUnavailable`] if an inventory
    /// that is needed could not be read.
    pub(in crate::engine) async fn dry_run(&mut self) -> Result<DryRun, RunError> {
        let is_read = self.inventory_writer.as_ref().is_some_and(InventoryWriter::is_read);
        if self.setup.needs_records() && !is_read {
            return Err(RunError::InventoryUnavailable);
        }
        let Status { destinations, objects, .. } = self.status().await;
        if let Some(unread) = destinations.into_iter().find(|destination| destination.error.is_some()) {
            return Err(RunError::DestinationUnavailable {
                destination: match unread.tenant {
                    Some(tenant) => format!("{}/{tenant}", unread.ruler),
                    None => unread.ruler,
                },
                reason: unread.error.unwrap_or_default(),
            });
        }
        let mut plans = self.plans().await;
        let written = |plan: &Plan| {
            let puts = plan.changes.iter().filter(|change| !change.is_delete());
            (plan.destination.clone(), puts.map(|change| change.namespace.clone()).collect())
        };
        self.planned_namespaces = plans.iter().map(written).collect();
        let refusals = plans.iter_mut().flat_map(|plan| &mut plan.refusals);
        self.index.locations().locate(refusals.map(|Refusal { object, finding }| (&*object, finding)));
        let reported = |object: &ObjectStatus| {
            object.state != ObjectState::NotSelected && object.findings.iter().any(Finding::is_error)
        };
        let reported: Vec<(ObjectId, &[Finding])> = objects
            .iter()
            .filter(|object| reported(object))
            .map(|ObjectStatus { source, kind, namespace, name, findings, .. }| {
                let (source, kind) = (source.as_str().into(), kind.as_str().into());
                (ObjectId::new(&source, &kind, namespace, name), findings.as_slice())
            })
            .collect();
        Ok(DryRun::new(plans, reported.iter().map(|(object, findings)| (object, *findings))))
    }

    async fn plans(&mut self) -> Vec<Plan> {
        let mut plans = Vec::new();
        for destination in self.destinations.values_mut() {
            let (answer, plan) = oneshot::channel();
            destination.send(Command::Plan(answer));
            plans.extend(plan.await);
        }
        plans
    }

    /// Stores the records of the namespaces that the plan writes, before it is carried out.
    async fn store_records(&mut self) -> Result<(), RunError> {
        if !self.setup.needs_records() {
            return Ok(());
        }
        let Some(inventory_writer) = self.inventory_writer.as_ref().filter(|inventory| inventory.is_read())
        else {
            return Err(RunError::InventoryUnavailable);
        };
        inventory_writer.allow_writes();
        self.known_destinations_changed = true;
        self.update_inventory();
        let deadline = Instant::now() + self.setup.policy.patience;
        let are_stored = |run: &Self| {
            run.inventory_writer.as_ref().is_none_or(|inventory_writer| {
                run.records
                    .are_stored(|key, namespace| inventory_writer.stored_namespaces(key).contains(namespace))
            })
        };
        while !are_stored(self) {
            let progressed = Arc::clone(&self.progressed);
            if tokio::time::timeout_at(deadline, progressed.notified()).await.is_err() {
                return Err(RunError::InventoryUnavailable);
            }
        }
        Ok(())
    }

    /// Makes the changes of a plan that was made by this run, and no others. What is declared stays as it was.
    ///
    /// # Errors
    ///
    /// [`RunError::Stopped`] if `shutdown` comes first.
    pub(in crate::engine) async fn carry_out_plans(
        mut self,
        DryRun { plans, .. }: &DryRun,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Self, RunError> {
        let approved = |id: &DestinationId| {
            let plan = plans.iter().find(|plan| plan.destination == *id);
            plan.map_or(Approval::Planned(BTreeSet::new().into()), Approval::of)
        };
        self.record_approved(|id, namespace| approved(id).writes_to(namespace));
        self.mode = Mode::Once;
        self.store_records().await?;
        self.frozen = true;
        for (id, destination) in self.destinations.iter_mut().chain(&mut self.retiring) {
            destination.send(Command::Approve(approved(id)));
        }
        self.approval = Approval::Planned(BTreeSet::new().into());
        // The time of the review does not count.
        self.last_progress.0 = Instant::now();
        self.go_on(shutdown).await
    }
}
