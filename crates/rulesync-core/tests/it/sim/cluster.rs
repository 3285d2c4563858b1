//! What is declared in a history, and a source that shows it as a Kubernetes watch would: a list, then changes in
//! order; after a gap a list again, from which deletes must be found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{
    DeclaredGroup, Finding, Group, Known, Labels, ObjectId, Rule, RuleObject, Sink, Source, SourceEvent,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// An object as its author sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) selected: bool,
    pub(crate) malformed: bool,
    /// Groups by name, each with its expression.
    pub(crate) groups: BTreeMap<String, String>,
}

/// Which object: Kubernetes namespace and name.
pub(crate) type Name = (String, String);

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<Name, Declared>,
    namespaces: BTreeMap<String, bool>,
    log: Vec<Entry>,
    down: bool,
    /// Counts the gaps: whoever was watching before one must list again.
    gaps: usize,
}

#[derive(Debug, Clone)]
enum Entry {
    Object(Name, Option<Declared>),
    Namespace(String, bool),
}

/// What is declared. Clones are the same cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    inner: Arc<Mutex<Inner>>,
    changed: watch::Sender<()>,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let namespaces = [("a", true), ("b", true)].map(|(name, on)| (name.to_owned(), on)).into();
        let inner = Inner { namespaces, ..Inner::default() };
        Self { inner: Arc::new(Mutex::new(inner)), changed: watch::channel(()).0 }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.inner.lock().unwrap());
        self.changed.send_replace(());
        result
    }

    pub(crate) fn object(&self, name: &Name) -> Option<Declared> {
        self.inner.lock().unwrap().objects.get(name).cloned()
    }

    pub(crate) fn set(&self, name: &Name, declared: Option<Declared>) {
        self.with(|inner| {
            match &declared {
                Some(declared) => inner.objects.insert(name.clone(), declared.clone()),
                None => inner.objects.remove(name),
            };
            inner.log.push(Entry::Object(name.clone(), declared));
        });
    }

    pub(crate) fn label(&self, namespace: &str, selected: bool) {
        self.with(|inner| {
            inner.namespaces.insert(namespace.to_owned(), selected);
            inner.log.push(Entry::Namespace(namespace.to_owned(), selected));
        });
    }

    /// Nobody can see it, or everybody again; who watched has missed what happened meanwhile.
    pub(crate) fn hide(&self, down: bool) {
        self.with(|inner| {
            inner.gaps += usize::from(down && !inner.down);
            inner.down = down;
        });
    }

    /// Everybody must list again.
    pub(crate) fn gap(&self) {
        self.with(|inner| inner.gaps += 1);
    }

    /// Who should have what, by the plain reading of what is declared: namespaces with the expressions of their
    /// groups.
    pub(crate) fn should_be(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let inner = self.inner.lock().unwrap();
        let selected = |name: &Name, declared: &Declared| declared.selected && inner.namespaces[&name.0];
        let objects = inner.objects.iter().filter(|(name, declared)| selected(name, declared));
        objects
            .filter(|(_, declared)| !declared.groups.is_empty())
            .map(|(name, declared)| (namespace(name), declared.groups.clone()))
            .collect()
    }

    /// Everything that is declared, whether anything selects it or not.
    pub(crate) fn declared(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let inner = self.inner.lock().unwrap();
        inner.objects.iter().map(|(name, declared)| (namespace(name), declared.groups.clone())).collect()
    }

    pub(crate) fn malformed(&self) -> Vec<Name> {
        let inner = self.inner.lock().unwrap();
        let malformed = inner.objects.iter().filter(|(_, declared)| declared.malformed);
        malformed.map(|(name, _)| name.clone()).collect()
    }
}

/// The ruler namespace of an object.
pub(crate) fn namespace((namespace, name): &Name) -> String {
    format!("us.{namespace}.{name}")
}

/// A group as it is declared.
pub(crate) fn group(name: &str, expr: &str) -> Group {
    let rule = Rule { record: "r".to_owned(), expr: expr.to_owned(), ..Rule::default() };
    let interval = "1m30s".parse().unwrap();
    Group { name: name.to_owned(), interval, limit: 7, rules: vec![rule], ..Group::default() }
}

/// Shows a cluster.
#[derive(Debug)]
pub(crate) struct Watcher(pub(crate) Cluster);

impl Watcher {
    fn event(source: &Sink, (namespace, name): &Name, declared: &Declared) -> SourceEvent {
        let id = ObjectId::new(source.source(), &"PrometheusRule".into(), namespace, name);
        if declared.malformed {
            return SourceEvent::Malformed { id, finding: Finding::error("spec", "odd"), hides: false };
        }
        let declare = |(name, expr): (&String, &String)| -> DeclaredGroup {
            serde_json::from_value(serde_json::json!({
                "name": name, "interval": "1m30s", "limit": 7, "rules": [{"record": "r", "expr": expr}],
            }))
            .unwrap()
        };
        let labels: Labels = declared.selected.then_some(("tenant", "t")).into_iter().collect();
        SourceEvent::Upsert(RuleObject {
            labels,
            ..RuleObject::new(id, declared.groups.iter().map(declare).collect())
        })
    }

    fn namespace(name: &str, selected: bool) -> SourceEvent {
        let labels = selected.then_some(("team", "t")).into_iter().collect();
        SourceEvent::Namespace { name: name.to_owned(), labels, annotations: Labels::default() }
    }
}

#[async_trait]
impl Source for Watcher {
    async fn run(&self, sink: Sink, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.watch(&sink)).await;
    }

    fn delivers_namespaces(&self) -> bool {
        true
    }
}

impl Watcher {
    async fn watch(&self, sink: &Sink) -> Option<()> {
        let mut changed = self.0.changed.subscribe();
        let mut known = Known::default();
        let (mut position, mut gap, mut told_down) = (0, None, false);
        loop {
            let (events, complete) = {
                let inner = self.0.inner.lock().unwrap();
                if inner.down {
                    let news = !std::mem::replace(&mut told_down, true);
                    let reason = "the API server does not answer".to_owned();
                    (news.then_some(SourceEvent::Unavailable { reason }).into_iter().collect(), false)
                } else if gap == Some(inner.gaps) {
                    let news = inner.log[position..].to_vec();
                    position = inner.log.len();
                    (news.into_iter().map(|entry| self.entry(sink, &mut known, entry)).collect(), false)
                } else {
                    gap = Some(inner.gaps);
                    position = inner.log.len();
                    (self.list(sink, &mut known, &inner), true)
                }
            };
            for event in events {
                if complete {
                    // A list takes its time.
                    tokio::time::sleep(Duration::from_millis(fastrand::u64(..800))).await;
                }
                sink.send(event).await.ok()?;
            }
            if complete {
                sink.send(SourceEvent::SnapshotComplete).await.ok()?;
                if std::mem::take(&mut told_down) {
                    sink.send(SourceEvent::Available).await.ok()?;
                }
            }
            changed.changed().await.ok()?;
        }
    }

    fn list(&self, sink: &Sink, known: &mut Known, inner: &Inner) -> Vec<SourceEvent> {
        known.begin();
        let mut events: Vec<SourceEvent> =
            inner.namespaces.iter().map(|(name, selected)| Self::namespace(name, *selected)).collect();
        for (name, declared) in &inner.objects {
            known.saw(&ObjectId::new(sink.source(), &"PrometheusRule".into(), &name.0, &name.1));
            events.push(Self::event(sink, name, declared));
        }
        events.extend(known.finish().into_iter().map(SourceEvent::Delete));
        events
    }

    fn entry(&self, sink: &Sink, known: &mut Known, entry: Entry) -> SourceEvent {
        match entry {
            Entry::Namespace(name, selected) => Self::namespace(&name, selected),
            Entry::Object(name, declared) => {
                let id = ObjectId::new(sink.source(), &"PrometheusRule".into(), &name.0, &name.1);
                match declared {
                    Some(declared) => {
                        known.saw(&id);
                        Self::event(sink, &name, &declared)
                    }
                    None => {
                        known.forget(&id);
                        SourceEvent::Delete(id)
                    }
                }
            }
        }
    }
}

/// All groups by namespace and name.
pub(crate) fn keys(should: &BTreeMap<String, BTreeMap<String, String>>) -> BTreeSet<(String, String)> {
    let groups = should.iter().flat_map(|(ns, groups)| groups.keys().map(move |g| (ns.clone(), g.clone())));
    groups.collect()
}
