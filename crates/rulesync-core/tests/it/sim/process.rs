//! A process of a history: an engine that may be elected, and the parts that it shares with the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{
    EngineHandle, Inventory, InventoryError, InventoryRecord, LeaderTerm, Leadership, LeadershipHandle,
    NamedRuler, NamedSource, Policy, Setup,
};
use rulesync_core::naming::NamespacePolicy;
use rulesync_core::route::{Permission, Tenancy, ValueSource};
use rulesync_core::status::{
    DelayReason, EvaluationState, ObjectState, ObjectStates, ObjectStatus, ObjectSummary, Status,
};
use rulesync_core::{Engine, ObjectId, Route};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cluster::Cluster;
use super::history::History;
use super::names::Names;
use super::ruler::SimRuler;
use super::watcher::Watcher;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The parts that processes share: the cluster, the ruler, and the inventory.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) cluster: Cluster,
    pub(crate) ruler: SimRuler,
    pub(crate) inventory: SimInventory,
    pub(crate) names: Names,
}

/// An inventory in memory. Clones are the same inventory.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimInventory(Arc<Mutex<InventoryRecord>>);

#[async_trait]
impl Inventory for SimInventory {
    async fn read(&self) -> Result<InventoryRecord, InventoryError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn write(&self, record: &InventoryRecord) -> Result<(), InventoryError> {
        self.0.lock().unwrap().clone_from(record);
        Ok(())
    }
}

/// A process: an engine that may be elected.
pub(crate) struct Process {
    pub(crate) number: u32,
    pub(crate) handle: EngineHandle,
    pub(crate) lead: LeadershipHandle,
    /// The states of objects, as it reports them.
    states: ObjectStates,
    setup: Setup,
    /// The number of its connections to the ruler.
    connections: u32,
    task: JoinHandle<()>,
}

impl Process {
    pub(crate) fn start(shared: &Shared, history: &History, number: u32) -> Self {
        let watcher = Arc::new(Watcher { cluster: shared.cluster.clone(), process: number });
        let setup = Setup {
            namespace_policy: NamespacePolicy::of("us".parse().unwrap()),
            sources: vec![NamedSource { name: "cluster".into(), source: watcher }],
            rulers: vec![NamedRuler::new("central", Arc::new(shared.ruler.connect(number, 0)))],
            routes: shared.names.of_routes(routes(history)),
            // A refused group is offered again after a while, which the quiet hour must not include.
            policy: Policy {
                refusal_memory: DAY,
                resync_interval: if history.alone { DAY } else { Policy::default().resync_interval },
                ..Policy::default()
            },
        };
        let (lead, leadership) = Leadership::elected();
        let states = ObjectStates::default();
        let engine = Engine::builder(setup.namespace_policy.owner.clone())
            .setup(setup.clone())
            .leadership(leadership)
            .reporter(states.clone())
            .identity("this-cluster")
            .inventory(shared.inventory.clone())
            .build()
            .unwrap();
        let handle = engine.handle();
        let task = tokio::spawn(engine.run(std::future::pending()));
        Self { number, handle, lead, states, setup, connections: 1, task }
    }

    pub(crate) fn lead(&self) {
        let far = Instant::now() + Duration::from_secs(1_000_000);
        self.lead.renew(LeaderTerm { start_before: far, finish_by: far });
    }

    /// Reloads the configuration with nothing changed but the connection to the ruler.
    pub(crate) async fn reload(&mut self, shared: &Shared) {
        let connection = shared.ruler.connect(self.number, self.connections);
        self.connections += 1;
        self.setup.rulers = vec![NamedRuler::new("central", Arc::new(connection))];
        self.handle.reconfigure(self.setup.clone()).await.unwrap();
    }

    /// Checks that the states of objects that it has reported are those of its status. They may be behind for a moment.
    pub(crate) async fn check_states(&self) -> Result<(), String> {
        let mut difference = String::new();
        for _ in 0..5 {
            let Some(status) = self.handle.status().await else { return Ok(()) };
            let (reported, there) = (self.reported(), of_status(&status));
            if reported == there {
                return Ok(());
            }
            let differs = |(id, summary): &(&ObjectId, &Brief)| there.get(*id) != Some(*summary);
            let first = reported
                .iter()
                .find(differs)
                .or_else(|| there.iter().find(|(id, _)| !reported.contains_key(*id)));
            let id = first.map(|(id, _)| id);
            difference = format!(
                "{id:?} is reported as {:?}, and is {:?}",
                id.and_then(|id| reported.get(id)),
                id.and_then(|id| there.get(id))
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(difference)
    }

    fn reported(&self) -> BTreeMap<ObjectId, Brief> {
        let ids = self.states.ids(None, usize::MAX);
        let summaries = ids.iter().filter_map(|id| self.states.get(id));
        let brief = |summary: ObjectSummary| {
            let ObjectSummary { object, state, evaluation, delay, held, .. } = summary;
            (object, Brief { state, evaluation, delay, held })
        };
        summaries.map(brief).collect()
    }

    pub(crate) fn kill(&self) {
        self.task.abort();
    }
}

/// The state of an object in brief.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Brief {
    state: ObjectState,
    evaluation: Option<EvaluationState>,
    delay: Option<DelayReason>,
    held: bool,
}

/// Returns the states of objects by a whole status.
fn of_status(status: &Status) -> BTreeMap<ObjectId, Brief> {
    let brief = |object: &ObjectStatus| {
        let id = ObjectId::new(
            &object.source.as_str().into(),
            &object.kind.as_str().into(),
            &object.namespace,
            &object.name,
        );
        let brief = Brief {
            state: object.state,
            evaluation: object.destinations.iter().filter_map(|here| here.evaluation).max(),
            delay: object.destinations.iter().filter_map(|here| Some(here.delay.as_ref()?.reason)).max(),
            held: object.destinations.iter().any(|here| here.held_groups > 0),
        };
        (id, brief)
    };
    status.objects.iter().map(brief).collect()
}

/// Returns routes by the label `tenant`, for objects in selected Kubernetes namespaces: one for each tenant, or one by
/// which objects request theirs.
fn routes(history: &History) -> Vec<Route> {
    let namespace_selector = || serde_json::from_str(r#"{"match_labels":{"team":"t"}}"#).unwrap();
    if history.claims {
        let tenancy = Tenancy::Requested {
            from: ValueSource::Label("tenant".into()),
            pattern: "{value}".parse().unwrap(),
        };
        let tenants = history.tenants.iter().map(|tenant| (*tenant).into()).collect();
        return vec![Route {
            tenant: tenancy,
            allow: vec![Permission { values: tenants, ..Permission::default() }],
            namespace_selector: namespace_selector(),
            ..Route::all("claims", "central", None)
        }];
    }
    let route = |tenant: &&str| Route {
        rule_selector: serde_json::from_str(&format!(r#"{{"match_labels":{{"tenant":"{tenant}"}}}}"#))
            .unwrap(),
        namespace_selector: namespace_selector(),
        ..Route::all(tenant, "central", Some(tenant.parse().unwrap()))
    };
    history.tenants.iter().map(route).collect()
}
