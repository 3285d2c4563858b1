//! A source that shows a cluster as a Kubernetes watch would: a list, then changes in order; after a gap a list again,
//! in which the engine finds deletes. A kind that is removed takes its objects with it. Objects may also be in files
//! that cannot be read, as in a source of files.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::finding::Code;
use rulesync_core::model::{DeclaredGroup, Labels, ObjectVersion, PROMETHEUS_RULE};
use rulesync_core::{Finding, ObjectId, RuleObject, Scope, Sink, Source, SourceEvent};
use tokio::time::Instant;

use super::cluster::{Cluster, Declared, Entry, Inner, Name};
use super::names::uid;

/// Shows a cluster to a process.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) cluster: Cluster,
    pub(crate) process: u32,
}

#[async_trait]
impl Source for Watcher {
    async fn run(&self, sink: Sink) {
        self.watch(&sink).await;
    }

    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::Namespaces, Scope::Everything]
    }
}

/// The answer of the API server when it was last asked for the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Installed {
    Unknown,
    No,
    Yes,
    /// The kind was installed, and is no more.
    Gone,
}

/// The state of a watch.
struct Watch<'a> {
    cluster: &'a Cluster,
    process: u32,
    sink: &'a Sink,
    /// Objects that were sent and not deleted since.
    known: BTreeSet<ObjectId>,
    /// Objects of which some version was read.
    read: BTreeSet<Name>,
    /// Objects whose files were unreadable from the beginning.
    files: BTreeSet<Name>,
    position: usize,
    gap: Option<usize>,
    down: bool,
    installed: Installed,
}

/// The next message of a watch.
enum Message {
    /// Events to send one by one, and the end of a list.
    Listed(Vec<SourceEvent>),
    Events(Vec<SourceEvent>),
    /// No message before this time.
    Silence(Instant),
}

impl Watcher {
    async fn watch(&self, sink: &Sink) -> Option<()> {
        let mut changed = self.cluster.changes();
        let mut watch = Watch {
            cluster: &self.cluster,
            process: self.process,
            sink,
            known: BTreeSet::new(),
            read: BTreeSet::new(),
            files: BTreeSet::new(),
            position: 0,
            gap: None,
            down: false,
            installed: Installed::Unknown,
        };
        loop {
            match self.cluster.read(|inner| watch.next(inner)) {
                Message::Silence(until) => {
                    tokio::time::sleep_until(until).await;
                    continue;
                }
                Message::Events(events) => {
                    for event in events {
                        sink.send(event).await.ok()?;
                    }
                }
                Message::Listed(events) => {
                    for event in events {
                        // A list takes time.
                        tokio::time::sleep(Duration::from_millis(fastrand::u64(..800))).await;
                        sink.send(event).await.ok()?;
                    }
                    if watch.installed == Installed::No {
                        sink.send(kind(true)).await.ok()?;
                    }
                    let was = std::mem::replace(&mut watch.installed, Installed::Yes);
                    for event in complete() {
                        sink.send(event).await.ok()?;
                    }
                    if std::mem::take(&mut watch.down) || was == Installed::Gone {
                        sink.send(SourceEvent::Available).await.ok()?;
                    }
                }
            }
            changed.changed().await.ok()?;
        }
    }
}

fn complete() -> [SourceEvent; 2] {
    [Scope::Namespaces, Scope::Everything].map(SourceEvent::SnapshotComplete)
}

fn kind(installed: bool) -> SourceEvent {
    SourceEvent::Kind { kind: PROMETHEUS_RULE.into(), installed }
}

impl Watch<'_> {
    fn next(&mut self, inner: &Inner) -> Message {
        if let Some(until) = inner.silent.get(&self.process).filter(|until| **until > Instant::now()) {
            return Message::Silence(*until);
        }
        if inner.down {
            let new = !std::mem::replace(&mut self.down, true);
            let reason = "the API server does not answer".to_owned();
            return Message::Events(new.then_some(SourceEvent::Unavailable { reason }).into_iter().collect());
        }
        if !inner.installed {
            return Message::Events(self.without_kind(inner));
        }
        if self.gap == Some(inner.gaps) && self.installed == Installed::Yes {
            let new = inner.log[self.position..].to_vec();
            self.position = inner.log.len();
            return Message::Events(new.into_iter().flat_map(|entry| self.entry(entry)).collect());
        }
        Message::Listed(self.list(inner))
    }

    /// Removes the kind: a process that has seen its objects sees them disappear, and then the reason.
    fn without_kind(&mut self, inner: &Inner) -> Vec<SourceEvent> {
        let missed = self.gap != Some(inner.gaps);
        match self.installed {
            Installed::No | Installed::Gone => Vec::new(),
            Installed::Unknown => {
                self.installed = Installed::No;
                let namespaces = inner.namespaces.iter().map(|(name, on)| namespace(name, *on));
                namespaces.chain([kind(false)]).chain(complete()).collect()
            }
            Installed::Yes => {
                self.installed = Installed::Gone;
                let mut events = Vec::new();
                if !missed {
                    events.extend(std::mem::take(&mut self.known).into_iter().map(SourceEvent::Delete));
                    self.read.clear();
                    self.files.clear();
                    self.cluster.saw_all_go(self.process);
                }
                events.push(SourceEvent::KindGone { reason: "the kind is no more".to_owned() });
                events
            }
        }
    }

    fn list(&mut self, inner: &Inner) -> Vec<SourceEvent> {
        (self.gap, self.position) = (Some(inner.gaps), inner.log.len());
        self.known.clear();
        self.read.retain(|name| inner.objects.contains_key(name));
        self.files.retain(|name| inner.objects.contains_key(name));
        let mut events = vec![
            SourceEvent::SnapshotStarted(Scope::Namespaces),
            SourceEvent::SnapshotStarted(Scope::Everything),
        ];
        events.extend(inner.namespaces.iter().map(|(name, selected)| namespace(name, *selected)));
        for (name, declared) in &inner.objects {
            events.extend(self.there(name, declared));
        }
        events
    }

    fn entry(&mut self, entry: Entry) -> Vec<SourceEvent> {
        match entry {
            Entry::Namespace(name, selected) => vec![namespace(&name, selected)],
            Entry::Object(name, Some(declared)) => self.there(&name, &declared),
            Entry::Object(name, None) => {
                self.read.remove(&name);
                self.files.remove(&name);
                let ids = [id(self.sink, &name), file(self.sink, &name)];
                let gone = ids.into_iter().filter(|id| self.known.remove(id));
                gone.map(SourceEvent::Delete).collect()
            }
        }
    }

    fn there(&mut self, name: &Name, declared: &Declared) -> Vec<SourceEvent> {
        let (id, file) = (id(self.sink, name), file(self.sink, name));
        let unreadable = |id: ObjectId, hides: bool| SourceEvent::Malformed {
            id,
            version: ObjectVersion::default(),
            finding: Finding::error(Code::Spec, "odd"),
            hides,
        };
        if declared.obscured && !self.read.contains(name) {
            self.files.insert(name.clone());
            self.known.insert(file.clone());
            return vec![unreadable(file, true)];
        }
        self.known.insert(id.clone());
        let mut events = vec![if declared.malformed || declared.obscured {
            unreadable(id, false)
        } else {
            self.read.insert(name.clone());
            self.cluster.saw(self.process, name, declared.tenant);
            SourceEvent::Upsert(object(id, declared))
        }];
        if self.files.remove(name) {
            // Its contents are known before it stops hiding objects.
            self.known.remove(&file);
            events.push(SourceEvent::Delete(file));
        }
        events
    }
}

fn id(sink: &Sink, (namespace, name): &Name) -> ObjectId {
    ObjectId::new(sink.source(), &PROMETHEUS_RULE.into(), namespace, name)
}

/// Returns the object that stands for a file that was never read.
fn file(sink: &Sink, (namespace, name): &Name) -> ObjectId {
    ObjectId::new(sink.source(), &PROMETHEUS_RULE.into(), namespace, &format!("file-of-{name}"))
}

fn object(id: ObjectId, declared: &Declared) -> RuleObject {
    let declare = |(name, expr): (&String, &String)| -> DeclaredGroup {
        serde_json::from_value(serde_json::json!({
            "name": name, "interval": "1m30s", "limit": 7, "rules": [{"record": "r", "expr": expr}],
        }))
        .unwrap()
    };
    let labels: Labels = declared.tenant.map(|tenant| ("tenant", tenant)).into_iter().collect();
    let groups = declared.groups.iter().map(declare).collect();
    let named = super::names::declared(&(id.namespace().to_owned(), id.name().to_owned()));
    RuleObject {
        labels,
        uid: Some(uid(declared.created)),
        ruler_namespace: Some(named),
        ..RuleObject::new(id, groups)
    }
}

fn namespace(name: &str, selected: bool) -> SourceEvent {
    let labels = selected.then_some(("team", "t")).into_iter().collect();
    SourceEvent::Namespace { name: name.into(), labels, annotations: Labels::default() }
}
