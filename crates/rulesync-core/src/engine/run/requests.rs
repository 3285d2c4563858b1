//! The requests to a run: status, plans, releases, and another setup.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Run;
use super::reports::REPORT_TIMEOUT;
use crate::destination::Command;
use crate::engine::handle::Request;
use crate::engine::setup::{Setup, SetupError};
use crate::model::tenant::DestinationId;
use crate::plan::{Plan, Refusal};
use crate::status::Status;

impl Run {
    /// Answers requests, or has them answered in a task: the loop waits for nobody.
    pub(super) fn request(&mut self, request: Request) {
        match request {
            Request::Status(answer) => {
                let reports = self.ask_for_reports();
                // A receiver that was dropped needs no answer.
                self.tasks.spawn(async move { drop(answer.send(reports.status().await)) });
            }
            Request::Overview(answer) => {
                let overview = self.ask_for_overview();
                self.tasks.spawn(async move { drop(answer.send(overview.status().await)) });
            }
            Request::Objects(objects, answer) => {
                let reports = self.ask_for_objects(&objects);
                self.tasks.spawn(async move { drop(answer.send(reports.objects().await)) });
            }
            Request::Texts(objects, answer) => {
                let texts = objects.iter().filter_map(|object| self.index.text_of(object)).collect();
                // A receiver that was dropped needs no answer.
                let _ = answer.send(texts);
            }
            Request::Stored(destination, namespace, answer) => self.stored(&destination, namespace, answer),
            Request::Plan(destination, answer) => self.plan_of(&destination, answer),
            Request::List(destination, answer) => {
                let known = self.running(&destination).map(|running| running.send(Command::List)).is_some();
                // A receiver that was dropped needs no answer.
                let _ = answer.send(known);
            }
            Request::Sources(answer) => drop(answer.send(self.source_statuses())),
            Request::ExplainObject(object, answer) => {
                let answers = self.explain_object(object);
                self.tasks.spawn(async move { drop(answer.send(answers.explained().await)) });
            }
            Request::ExplainNamespace(namespace, at, answer) => {
                let answers = self.explain_namespace(&namespace, &at);
                self.tasks.spawn(async move { drop(answer.send(answers.explained().await)) });
            }
            Request::Reconfigure(setup, answer) => drop(answer.send(self.reconfigure(*setup))),
            Request::Release(destination, answer) => self.release(&destination, answer),
            Request::ReleaseAll(answer) => self.release_all(answer),
        }
    }

    fn reconfigure(&mut self, setup: Setup) -> Result<(), SetupError> {
        setup.validate()?;
        if self.inventory_writer.is_none() && setup.needs_records() {
            return Err(SetupError::NoInventory);
        }
        if setup.namespace_policy.owner != self.setup.namespace_policy.owner
            || setup.namespace_policy.naming != self.setup.namespace_policy.naming
        {
            let (from, to) =
                (self.setup.namespace_policy.naming.to_string(), setup.namespace_policy.naming.to_string());
            return Err(SetupError::OwnerChanged { from, to });
        }
        if let Some((from, to)) = self.setup.renamed_route(&setup) {
            return Err(SetupError::OwnerChanged { from: from.to_string(), to: to.to_string() });
        }
        let before = std::mem::replace(&mut self.setup, setup);
        for gone in
            before.rulers.iter().filter(|old| !self.setup.rulers.iter().any(|new| new.name == old.name))
        {
            self.metrics.forget_ruler(&gone.name);
        }
        let reconverted = before.policy.on_invalid != self.setup.policy.on_invalid;
        // Destinations depend on whether claims are written.
        let replace_all = before.policy.claim != self.setup.policy.claim;
        let fresh = self.replace_destinations(replace_all);
        let table = self.setup.routing_table();
        // Their objects are sent again with other legacy names.
        let legacy_before = before.legacy_namings();
        let renamed = |id: &&DestinationId| legacy_before.get(&id.ruler) != table.legacy.get(&id.ruler);
        let renamed: Vec<DestinationId> = self.destinations.keys().filter(renamed).cloned().collect();
        let fresh: Vec<DestinationId> = fresh.into_iter().chain(renamed).collect();
        let reconverted = reconverted || table.reads_more_than(&before.routing_table());
        let mut effects = self.index.reroute(table, &fresh, Instant::now());
        for handover in std::mem::take(&mut effects.handovers) {
            self.start_handover(handover);
        }
        // A destination that no route leads to is emptied as a whole, and not object by object under the delete guard.
        self.check_unused = true;
        self.leave_destinations();
        self.carry_out(effects);
        for destination in self.destinations.values_mut() {
            destination.send(Command::Reconsider);
        }
        if reconverted {
            self.index.forget_contents();
        }
        self.adjust_sources(reconverted);
        // New destinations know the objects of their namespaces only now: before, all would look like orphans.
        self.finish_starting();
        Ok(())
    }

    /// Has a destination asked for its plan, within a time.
    fn plan_of(&mut self, destination: &DestinationId, answer: oneshot::Sender<Option<Plan>>) {
        let (planned, plan) = oneshot::channel();
        self.send_command(destination, Command::Plan(planned));
        let locations = self.index.locations().clone();
        self.tasks.spawn(async move {
            let plan = tokio::time::timeout(REPORT_TIMEOUT, plan).await;
            let mut plan = plan.ok().and_then(Result::ok);
            let refusals = plan.iter_mut().flat_map(|plan| &mut plan.refusals);
            locations.locate(refusals.map(|Refusal { object, finding }| (&*object, finding)));
            drop(answer.send(plan));
        });
    }

    /// Releases the held deletes of a destination, which answers itself.
    fn release(&mut self, destination: &DestinationId, answer: oneshot::Sender<Option<usize>>) {
        if let Some(running) = self.running(destination) {
            running.send(Command::Release(answer));
        } else {
            // A receiver that was dropped needs no answer.
            let _ = answer.send(None);
        }
    }

    /// Releases the held deletes of all destinations.
    fn release_all(&mut self, answer: oneshot::Sender<usize>) {
        let mut waiting = Vec::new();
        for destination in self.destinations.values_mut().chain(self.retiring.values_mut()) {
            let (released, answered) = oneshot::channel();
            destination.send(Command::Release(released));
            waiting.push(answered);
        }
        self.tasks.spawn(async move {
            let deadline = Instant::now() + REPORT_TIMEOUT;
            let mut namespaces = 0;
            for answered in waiting {
                if let Ok(Ok(Some(released))) = tokio::time::timeout_at(deadline, answered).await {
                    namespaces += released;
                }
            }
            // A receiver that was dropped needs no answer.
            let _ = answer.send(namespaces);
        });
    }

    pub(in crate::engine) async fn status(&mut self) -> Status {
        self.ask_for_reports().status().await
    }
}
