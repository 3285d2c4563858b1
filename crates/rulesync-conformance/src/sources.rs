//! A conformance suite for [`Source`] implementations: functions that panic on a violation. Run [`all`], or those that
//! apply.
//!
//! The suite needs a [`World`]: the place that the source reads, which the suite changes. `examples/custom_source.rs`
//! is a source with its world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::model::DeclaredGroup;
use rulesync_core::testing::SinkEvents;
use rulesync_core::{ObjectId, RuleObject, Scope, Sink, Source, SourceEvent};
use tokio::task::JoinHandle;

/// The place that a source reads, as far as the suite has to change it. Objects are told apart by
/// [`ObjectId::name`].
#[async_trait]
pub trait World: Send {
    /// Creates a source over the world as it is: each call stands for a start of the process.
    async fn source(&self) -> Arc<dyn Source>;

    /// Declares an object with these groups, or changes the groups of one that exists.
    async fn declare(&mut self, name: &str, groups: &[DeclaredGroup]);

    /// Removes an object.
    async fn remove(&mut self, name: &str);

    /// Makes the declaration of an object unreadable. Returns false where a declaration cannot be unreadable.
    async fn damage(&mut self, _name: &str) -> bool {
        false
    }
}

/// Runs all checks.
pub async fn all(world: &mut dyn World) {
    empty_world_is_complete(world).await;
    snapshot_is_complete_after_everything_was_sent(world).await;
    changes_follow_the_snapshot(world).await;
    restart_sends_the_same_objects(world).await;
    unreadable_object_is_malformed_and_stays(world).await;
    emptied_world_has_no_objects(world).await;
}

/// The longest wait for an event. It is never waited for where the source conforms.
const PATIENCE: Duration = Duration::from_secs(60);

/// A world without objects is listed whole: nothing to declare is no reason to wait.
pub async fn empty_world_is_complete(world: &mut dyn World) {
    let mut observer = Observer::start(world).await;
    observer.complete().await;
    assert!(observer.view.objects.is_empty(), "objects of an empty world: {:?}", observer.view.objects);
}

/// When every scope has been listed, every object has been sent.
pub async fn snapshot_is_complete_after_everything_was_sent(world: &mut dyn World) {
    declare(world, &[("alpha", "1"), ("beta", "2"), ("gamma", "3")]).await;
    let mut observer = Observer::start(world).await;
    observer.complete().await;
    observer.assert_declares(&[("alpha", "1"), ("beta", "2"), ("gamma", "3")]);
}

/// Objects that are added, changed and removed while the source runs are sent.
pub async fn changes_follow_the_snapshot(world: &mut dyn World) {
    declare(world, &[("alpha", "1"), ("beta", "2")]).await;
    let mut observer = Observer::start(world).await;
    observer.complete().await;
    declare(world, &[("delta", "4"), ("alpha", "5")]).await;
    world.remove("beta").await;
    let expected = [("alpha", "5"), ("delta", "4"), ("gamma", "3")];
    observer.until(|view| view.declares(&expected)).await;
}

/// A source that starts again sends the objects under the same identities.
pub async fn restart_sends_the_same_objects(world: &mut dyn World) {
    declare(world, &[("alpha", "1")]).await;
    let mut before = Observer::start(world).await;
    before.complete().await;
    drop(before.task);
    let mut after = Observer::start(world).await;
    after.complete().await;
    let ids = |view: &View| view.objects.keys().cloned().collect::<Vec<_>>();
    assert_eq!(ids(&after.view), ids(&before.view), "identities after a restart");
}

/// An object that cannot be read any more is reported as malformed, and not as gone.
pub async fn unreadable_object_is_malformed_and_stays(world: &mut dyn World) {
    declare(world, &[("alpha", "1")]).await;
    let mut observer = Observer::start(world).await;
    observer.complete().await;
    let known: Vec<ObjectId> = observer.view.objects.keys().cloned().collect();
    if !world.damage("alpha").await {
        return;
    }
    observer.until(|view| !view.malformed.is_empty()).await;
    let stays = |id: &&ObjectId| !observer.view.objects.contains_key(*id);
    let gone: Vec<&ObjectId> = known.iter().filter(stays).collect();
    assert!(gone.is_empty(), "an unreadable object counts as gone: {gone:?}");
    declare(world, &[("alpha", "6")]).await;
    observer.until(|view| view.malformed.is_empty() && view.has("alpha", "6")).await;
}

/// A world from which everything was removed has no objects.
pub async fn emptied_world_has_no_objects(world: &mut dyn World) {
    let mut observer = Observer::start(world).await;
    observer.complete().await;
    for name in ["alpha", "beta", "gamma", "delta"] {
        world.remove(name).await;
    }
    observer.until(|view| view.objects.is_empty()).await;
}

async fn declare(world: &mut dyn World, objects: &[(&str, &str)]) {
    for (name, expr) in objects {
        world.declare(name, &[group(expr)]).await;
    }
}

fn group(expr: &str) -> DeclaredGroup {
    let json = format!(r#"{{"name":"g","rules":[{{"record":"conformance:value","expr":"{expr}"}}]}}"#);
    match serde_json::from_str(&json) {
        Ok(group) => group,
        Err(error) => panic!("the suite's own group: {error}"),
    }
}

/// A running source and what it has sent.
struct Observer {
    events: SinkEvents,
    view: View,
    task: Abort,
}

/// A task that ends when it is dropped, as the engine ends a source.
struct Abort(JoinHandle<()>);

impl Drop for Abort {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Observer {
    async fn start(world: &dyn World) -> Self {
        let source = world.source().await;
        let scopes = source.scopes();
        assert!(!scopes.is_empty(), "a source without scopes is complete before it sends anything");
        let (sink, events) = Sink::channel("conformance");
        let task = Abort(tokio::spawn(async move { source.run(sink).await }));
        Self { events, view: View::new(scopes), task }
    }

    /// Receives events until every scope has been listed.
    async fn complete(&mut self) {
        self.until(|view| view.incomplete.is_empty()).await;
    }

    async fn until(&mut self, holds: impl Fn(&View) -> bool) {
        while !holds(&self.view) {
            match tokio::time::timeout(PATIENCE, self.events.next()).await {
                Ok(Some(event)) => self.view.receive(event),
                Ok(None) => panic!("the source ended early; it has sent {:#?}", self.view),
                Err(_) => panic!("the source sends nothing more; it has sent {:#?}", self.view),
            }
        }
    }

    fn assert_declares(&self, objects: &[(&str, &str)]) {
        assert!(self.view.declares(objects), "expected {objects:?}, and it has sent {:#?}", self.view);
    }
}

/// The objects of a source, derived from its events as the engine derives them.
#[derive(Debug)]
struct View {
    /// Objects, with the expression of the last readable form.
    objects: BTreeMap<ObjectId, Option<String>>,
    malformed: BTreeSet<ObjectId>,
    incomplete: BTreeSet<Scope>,
    /// Objects that were sent since the latest snapshot of a scope began.
    listed: BTreeMap<Scope, BTreeSet<ObjectId>>,
}

impl View {
    fn new(scopes: Vec<Scope>) -> Self {
        let listed = scopes.iter().map(|scope| (scope.clone(), BTreeSet::new())).collect();
        Self {
            objects: BTreeMap::new(),
            malformed: BTreeSet::new(),
            incomplete: scopes.into_iter().collect(),
            listed,
        }
    }

    fn receive(&mut self, event: SourceEvent) {
        match event {
            SourceEvent::SnapshotStarted(scope) => drop(self.listed.insert(scope, BTreeSet::new())),
            SourceEvent::SnapshotComplete(scope) => self.complete(&scope),
            SourceEvent::Upsert(RuleObject { id, groups, .. }) => {
                let rule = groups.first().and_then(|group| group.rules.as_ref()?.first());
                self.malformed.remove(&id);
                self.exists(&id);
                self.objects.insert(id, rule.map(|rule| rule.expr.clone()));
            }
            SourceEvent::Malformed { id, .. } => {
                self.exists(&id);
                self.objects.entry(id.clone()).or_default();
                self.malformed.insert(id);
            }
            SourceEvent::Delete(id) | SourceEvent::Renamed { id, .. } => self.gone(&id),
            _ => {}
        }
    }

    fn exists(&mut self, id: &ObjectId) {
        for (_, listed) in self.listed.iter_mut().filter(|(scope, _)| scope.contains(id)) {
            listed.insert(id.clone());
        }
    }

    fn gone(&mut self, id: &ObjectId) {
        self.objects.remove(id);
        self.malformed.remove(id);
    }

    fn complete(&mut self, scope: &Scope) {
        let listed = self.listed.get(scope).cloned().unwrap_or_default();
        let missing = |id: &&ObjectId| scope.contains(id) && !listed.contains(*id);
        let gone: Vec<ObjectId> = self.objects.keys().filter(missing).cloned().collect();
        gone.iter().for_each(|id| self.gone(id));
        self.incomplete.remove(scope);
    }

    fn has(&self, name: &str, expr: &str) -> bool {
        self.objects.iter().any(|(id, declared)| id.name() == name && declared.as_deref() == Some(expr))
    }

    fn declares(&self, objects: &[(&str, &str)]) -> bool {
        self.objects.len() == objects.len() && objects.iter().all(|(name, expr)| self.has(name, expr))
    }
}
