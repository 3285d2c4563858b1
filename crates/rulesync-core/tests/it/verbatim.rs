//! Namespaces that are named as declared: the inventory records own ones before they are written, and any other belongs to
//! somebody else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{Inventory, InventoryError, InventoryRecord, RunError, Setup, SetupError};
use rulesync_core::finding::Code;
use rulesync_core::naming::{NamespacePolicy, Naming};
use rulesync_core::plan::DryRun;
use rulesync_core::status::ObjectState;
use rulesync_core::{Engine, Route, RuleObject};

use crate::inheritance::put;
use crate::inventory::MemoryInventory;
use crate::world::{MemoryRuler, World, object, resync, route, scripted_source};

/// An object that names its ruler namespace.
fn named(name: &str, namespace: &str, expr: &str) -> RuleObject {
    RuleObject { ruler_namespace: Some(namespace.to_owned()), ..object(name, &[("g", expr)]) }
}

fn verbatim(setup: &mut Setup) {
    setup.namespace_policy.naming = Naming::Verbatim;
}

fn adopting(setup: &mut Setup) {
    verbatim(setup);
    setup.namespace_policy.adopt = vec!["*".into()];
}

fn start(ruler: &MemoryRuler, inventory: impl Inventory, setup: impl FnOnce(&mut Setup)) -> World {
    World::with(ruler, setup, |engine| engine.inventory(inventory).identity("a"))
}

fn namespaces(ruler: &MemoryRuler) -> Vec<String> {
    ruler.groups("prod").into_keys().filter(|namespace| namespace != "us").collect()
}

fn recorded(inventory: &MemoryInventory) -> Vec<String> {
    inventory.0.lock().unwrap().namespaces.get("central/prod").into_iter().flatten().cloned().collect()
}

#[tokio::test(start_paused = true)]
async fn verbatim_namespaces_are_recorded_written_and_deleted_with_their_objects() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    put(&ruler, "theirs", "1");
    let world = start(&ruler, inventory.clone(), verbatim);
    world.declare([named("o", "my rules", "1"), named("p", "others/x", "1")]).await;
    assert_eq!(namespaces(&ruler), ["my rules", "others/x", "theirs"]);
    assert_eq!(recorded(&inventory), ["my rules", "others/x"]);
    world.source.delete("p");
    tokio::time::sleep(Duration::from_secs(5)).await;
    world.settle().await;
    resync().await;
    assert_eq!(namespaces(&ruler), ["my rules", "theirs"]);
    assert_eq!(recorded(&inventory), ["my rules"], "whoever writes the other next owns it");
    put(&ruler, "others/x", "2");
    resync().await;
    assert_eq!(namespaces(&ruler), ["my rules", "others/x", "theirs"]);
    world.stop().await;
    // Another process knows what was written.
    let world = start(&ruler, inventory.clone(), verbatim);
    ruler.requests();
    world.declare([named("q", "new", "1")]).await;
    world.until(|status| status.destinations[0].held == 0).await;
    resync().await;
    assert_eq!(namespaces(&ruler), ["new", "others/x", "theirs"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn verbatim_namespace_of_others_is_refused_and_never_touched() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    put(&ruler, "theirs", "1");
    let world = start(&ruler, inventory.clone(), verbatim);
    world.source.upsert(named("o", "theirs", "2"));
    world.source.upsert(named("p", "mine", "1"));
    world.source.complete();
    let status = world
        .until(|status| {
            status.objects.len() == 2
                && status.objects.iter().all(|object| object.state != ObjectState::Pending)
        })
        .await;
    let refused = status.objects.iter().find(|object| object.name == "o").unwrap();
    assert_eq!(refused.state, ObjectState::Refused);
    let findings: Vec<Code> = refused.destinations[0].findings.iter().map(|finding| finding.code).collect();
    assert_eq!(findings, [Code::NamespaceTaken]);
    let here = &refused.destinations[0];
    assert_eq!((here.groups, here.rules, here.refused_groups), (0, 0, 1), "nothing of it goes there");
    resync().await;
    let groups = ruler.groups("prod");
    assert_eq!(groups["theirs"]["g"].rules[0].expr, "1");
    assert!(groups.contains_key("mine") && recorded(&inventory) == ["mine"]);
    // The others leave.
    ruler.edit("prod", |groups| drop(groups.remove("theirs")));
    resync().await;
    world.settle().await;
    assert_eq!(ruler.groups("prod")["theirs"]["g"].rules[0].expr, "2");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn verbatim_namespace_that_holds_what_is_declared_is_adopted_as_it_is() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    put(&ruler, "equal", "1");
    put(&ruler, "differs", "5");
    put(&ruler, "untold", "6");
    let world = start(&ruler, inventory.clone(), adopting);
    let mut requests = Vec::new();
    world.source.upsert(named("o", "equal", "1"));
    world.source.upsert(named("p", "differs", "2"));
    world.source.complete();
    resync().await;
    requests.extend(ruler.requests().into_iter().filter(|request| !request.starts_with("GET")));
    assert_eq!(requests, ["POST prod us/rulesync"], "nothing is written");
    assert_eq!(recorded(&inventory), ["equal"]);
    world.source.upsert(named("o", "equal", "3"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ruler.requests(), ["POST prod equal/g"]);
    resync().await;
    assert_eq!(namespaces(&ruler), ["differs", "equal", "untold"]);
    assert_eq!(ruler.groups("prod")["differs"]["g"].rules[0].expr, "5");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn verbatim_namespaces_with_equal_groups_never_replace_each_other() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    for namespace in ["one", "other", "undeclared"] {
        put(&ruler, namespace, "1");
    }
    let world = start(&ruler, inventory.clone(), adopting);
    world.declare([named("o", "one", "1"), named("p", "other", "1")]).await;
    resync().await;
    let changes: Vec<String> =
        ruler.requests().into_iter().filter(|request| !request.starts_with("GET")).collect();
    assert_eq!(changes, ["POST prod us/rulesync", "DELETE prod undeclared/g"]);
    assert_eq!(recorded(&inventory), ["one", "other"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn verbatim_namespace_that_others_have_written_since_the_last_list_is_refused() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let world = start(&ruler, inventory.clone(), verbatim);
    world.declare([named("o", "mine", "1")]).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    put(&ruler, "theirs", "1");
    world.source.upsert(named("p", "theirs", "2"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(ruler.groups("prod")["theirs"]["g"].rules[0].expr, "1");
    assert_eq!(recorded(&inventory), ["mine"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn verbatim_namespace_is_foreign_as_soon_as_it_was_deleted() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let world = start(&ruler, inventory.clone(), verbatim);
    world.declare([named("o", "mine", "1"), named("p", "moves", "1")]).await;
    world.source.delete("p");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(namespaces(&ruler), ["mine"]);
    put(&ruler, "moves", "of others");
    resync().await;
    assert_eq!(
        (namespaces(&ruler), recorded(&inventory)),
        (vec!["mine".to_owned(), "moves".to_owned()], vec!["mine".to_owned()])
    );
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn records_of_a_tenant_that_was_emptied_are_forgotten() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let mut world = start(&ruler, inventory.clone(), |setup| {
        verbatim(setup);
        setup.routes = vec![route("prod"), route("stage")];
    });
    world.declare([named("o", "mine", "1")]).await;
    world.reload(|setup| drop(setup.routes.remove(0))).await;
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    assert!(namespaces(&ruler).is_empty() && recorded(&inventory).is_empty());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn records_of_a_run_that_ends_by_itself_are_kept_by_the_daemon() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let mut world = start(&ruler, inventory.clone(), verbatim);
    world.declare([named("o", "mine", "1")]).await;
    // A pipeline records and writes what the daemon sees only later.
    inventory.0.lock().unwrap().namespaces.get_mut("central/prod").unwrap().insert("shared".to_owned());
    put(&ruler, "shared", "1");
    world.source.upsert(named("p", "shared", "2"));
    world.reload(|setup| setup.routes.push(route("later"))).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(inventory.0.lock().unwrap().destinations.contains("central/later"));
    assert_eq!(recorded(&inventory), ["mine", "shared"]);
    assert_eq!(ruler.groups("prod")["shared"]["g"].rules[0].expr, "2");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn namespace_whose_writes_a_review_leaves_out_is_not_recorded() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let objects = vec![named("o", "kept", "1"), named("p", "left out", "1")];
    let engine = one_shot(&ruler, inventory.clone(), objects);
    let review = async |plan: &mut DryRun| {
        plan.plans[0].changes.retain(|change| &*change.namespace == "kept");
        true
    };
    engine.sync_reviewed(review, std::future::pending()).await.unwrap().unwrap();
    assert_eq!(
        (namespaces(&ruler), recorded(&inventory)),
        (vec!["kept".to_owned()], vec!["kept".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn plan_that_cannot_read_its_records_is_none() {
    #[derive(Debug)]
    struct Unreadable;
    #[async_trait]
    impl Inventory for Unreadable {
        async fn read(&self) -> Result<InventoryRecord, InventoryError> {
            Err(InventoryError("forbidden".to_owned()))
        }

        async fn write(&self, _: &InventoryRecord) -> Result<(), InventoryError> {
            Err(InventoryError("forbidden".to_owned()))
        }
    }
    let engine = one_shot(&MemoryRuler::default(), Unreadable, vec![named("o", "mine", "1")]);
    let plan = engine.plan(std::future::pending()).await;
    assert!(matches!(plan, Err(RunError::InventoryUnavailable)), "{plan:?}");
}

/// An inventory that can be read and not written.
#[derive(Debug, Clone, Default)]
struct ReadOnly(Arc<Mutex<usize>>);

#[async_trait]
impl Inventory for ReadOnly {
    async fn read(&self) -> Result<InventoryRecord, InventoryError> {
        Ok(InventoryRecord::default())
    }

    async fn write(&self, _: &InventoryRecord) -> Result<(), InventoryError> {
        *self.0.lock().unwrap() += 1;
        Err(InventoryError("read-only".to_owned()))
    }
}

#[tokio::test(start_paused = true)]
async fn verbatim_namespace_is_not_written_before_it_is_recorded() {
    let (ruler, inventory) = (MemoryRuler::default(), ReadOnly::default());
    let world = start(&ruler, inventory.clone(), verbatim);
    world.source.upsert(named("o", "mine", "1"));
    world.source.complete();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(*inventory.0.lock().unwrap() > 0 && namespaces(&ruler).is_empty());
    assert_eq!(world.status().await.objects[0].state, ObjectState::Pending);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn object_that_names_no_namespace_or_a_reserved_one_is_refused_where_names_are_verbatim() {
    let ruler = MemoryRuler::default();
    let world = start(&ruler, MemoryInventory::default(), verbatim);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.upsert(named("p", "us", "1"));
    world.source.upsert(named("q", "", "1"));
    world.source.complete();
    let status = world.until(|status| status.objects.len() == 3 && status.ready()).await;
    for object in &status.objects {
        assert_eq!(object.findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [Code::Name]);
    }
    assert!(namespaces(&ruler).is_empty());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn verbatim_names_are_followed_by_those_of_the_owner() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let world = start(&ruler, inventory.clone(), verbatim);
    world.declare([named("o", "mine", "1")]).await;
    world.stop().await;
    put(&ruler, "theirs", "1");
    ruler.requests();
    let world =
        start(&ruler, inventory.clone(), |setup| setup.namespace_policy.legacy = vec![Naming::Verbatim]);
    world.declare([named("o", "mine", "1"), named("p", "theirs", "1")]).await;
    resync().await;
    let changes: Vec<String> =
        ruler.requests().into_iter().filter(|request| !request.starts_with("GET")).collect();
    let position = |request: &str| changes.iter().position(|other| other == request);
    assert!(position("POST prod us.ns.o/g") < position("DELETE prod mine"), "{changes:?}");
    assert_eq!(namespaces(&ruler), ["theirs", "us.ns.o", "us.ns.p"]);
    assert!(recorded(&inventory).is_empty());
    world.stop().await;
}

/// An engine that ends by itself.
fn one_shot(ruler: &MemoryRuler, inventory: impl Inventory, objects: Vec<RuleObject>) -> Engine {
    let (source, control) = scripted_source();
    objects.into_iter().for_each(|object| control.upsert(object));
    control.complete();
    let mut setup = Setup {
        namespace_policy: NamespacePolicy::of("us".parse().unwrap()),
        sources: vec![rulesync_core::engine::NamedSource { name: "script".into(), source: Arc::new(source) }],
        rulers: vec![rulesync_core::engine::NamedRuler::new("central", Arc::new(ruler.clone()))],
        routes: vec![Route { rule_selector: Default::default(), ..route("prod") }],
        policy: Default::default(),
    };
    verbatim(&mut setup);
    // The source must not end.
    std::mem::forget(control);
    Engine::builder("us".parse().unwrap()).setup(setup).inventory(inventory).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn verbatim_namespaces_are_recorded_by_runs_that_end_by_themselves() {
    let (ruler, inventory) = (MemoryRuler::default(), MemoryInventory::default());
    let objects = || vec![named("o", "mine", "1")];
    let plan = one_shot(&ruler, inventory.clone(), objects()).plan(std::future::pending()).await.unwrap();
    assert_eq!(plan.plans[0].changes.len(), 1, "{:?}", plan.plans);
    assert!(recorded(&inventory).is_empty(), "a plan stores nothing");
    let reviewed = one_shot(&ruler, inventory.clone(), objects());
    let summary = reviewed.sync_reviewed(async |_| true, std::future::pending()).await.unwrap().unwrap();
    assert!(summary.succeeded());
    assert_eq!(
        (namespaces(&ruler), recorded(&inventory)),
        (vec!["mine".to_owned()], vec!["mine".to_owned()])
    );
    let again =
        one_shot(&ruler, inventory.clone(), objects()).sync_once(std::future::pending()).await.unwrap();
    assert_eq!((again.applied, again.succeeded()), (0, true));
    let more = vec![named("o", "mine", "1"), named("p", "more", "1")];
    let more = one_shot(&ruler, inventory.clone(), more).sync_once(std::future::pending()).await.unwrap();
    assert!(more.succeeded());
    assert_eq!(recorded(&inventory), ["mine", "more"]);
    let unwritable = one_shot(&ruler, ReadOnly::default(), vec![named("q", "new", "1")]);
    let refused = unwritable.sync_reviewed(async |_| true, std::future::pending()).await;
    assert!(matches!(refused, Err(RunError::InventoryUnavailable)), "{refused:?}");
    assert!(!namespaces(&ruler).contains(&"new".to_owned()));
}

#[test]
fn verbatim_names_need_an_inventory() {
    let mut setup = Setup {
        namespace_policy: NamespacePolicy::of("us".parse().unwrap()),
        sources: vec![],
        rulers: vec![],
        routes: vec![],
        policy: Default::default(),
    };
    let (source, _control) = scripted_source();
    setup
        .sources
        .push(rulesync_core::engine::NamedSource { name: "script".into(), source: Arc::new(source) });
    setup.rulers.push(rulesync_core::engine::NamedRuler::new("central", Arc::new(MemoryRuler::default())));
    setup.routes.push(Route { naming: Some(Naming::Verbatim), ..route("prod") });
    let built = Engine::builder("us".parse().unwrap()).setup(setup).build();
    assert_eq!(built.unwrap_err(), SetupError::NoInventory);
}
