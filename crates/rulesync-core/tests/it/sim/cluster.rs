//! The declared objects of a history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rulesync_core::{Group, Rule};
use tokio::sync::watch;
use tokio::time::Instant;

use super::ruler::{Key, Place, Tenant};

/// An object as its author declared it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    /// The tenant that its label selects it for.
    pub(crate) tenant: Option<Tenant>,
    pub(crate) malformed: bool,
    /// True if its file cannot be read.
    pub(crate) obscured: bool,
    /// The number of its creation, which is in its UID.
    pub(crate) created: u32,
    /// Groups by name, each with its expression.
    pub(crate) groups: BTreeMap<String, String>,
}

/// The name of an object: Kubernetes namespace and name.
pub(crate) type Name = (String, String);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) objects: BTreeMap<Name, Declared>,
    pub(crate) namespaces: BTreeMap<String, bool>,
    pub(crate) log: Vec<Entry>,
    pub(crate) down: bool,
    /// True if the kind of all objects is installed.
    pub(crate) installed: bool,
    /// The number of gaps: a watch from before the last one must list again.
    pub(crate) gaps: usize,
    /// The time until which the watch of a process is silent.
    pub(crate) silent: BTreeMap<u32, Instant>,
}

#[derive(Debug, Clone)]
pub(crate) enum Entry {
    Object(Name, Option<Declared>),
    Namespace(String, bool),
}

/// The tenant that a process last saw, by process and object.
type Seen = BTreeMap<(u32, Name), Option<Tenant>>;

/// A cluster with declared objects. Clones are the same cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    inner: Arc<Mutex<Inner>>,
    /// The tenant for which a process last saw an object.
    seen: Arc<Mutex<Seen>>,
    changed: watch::Sender<()>,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let inner = Inner {
            objects: BTreeMap::new(),
            namespaces: [("a", true), ("b", true)].map(|(name, on)| (name.to_owned(), on)).into(),
            log: Vec::new(),
            down: false,
            installed: true,
            gaps: 0,
            silent: BTreeMap::new(),
        };
        Self { inner: Arc::new(Mutex::new(inner)), seen: Arc::default(), changed: watch::channel(()).0 }
    }

    fn with<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.inner.lock().unwrap());
        self.changed.send_replace(());
        result
    }

    /// Reads the cluster without changing it.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Inner) -> T) -> T {
        read(&self.inner.lock().unwrap())
    }

    /// Returns a receiver that is notified of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn object(&self, name: &Name) -> Option<Declared> {
        self.read(|inner| inner.objects.get(name).cloned())
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

    /// Sets whether the kind of its objects is installed.
    pub(crate) fn install(&self, installed: bool) {
        self.with(|inner| inner.installed = installed);
    }

    /// Sets whether it can be seen; watches have missed what happened meanwhile.
    pub(crate) fn hide(&self, down: bool) {
        self.with(|inner| {
            inner.gaps += usize::from(down && !inner.down);
            inner.down = down;
        });
    }

    /// Has every watch list again.
    pub(crate) fn gap(&self) {
        self.with(|inner| inner.gaps += 1);
    }

    /// Silences the watch of a process until then.
    pub(crate) fn silence(&self, process: u32, until: Instant) {
        self.with(|inner| inner.silent.insert(process, until));
    }

    /// Records that a process sees an object selected for a tenant, or for none.
    pub(crate) fn saw(&self, process: u32, name: &Name, tenant: Option<Tenant>) {
        self.seen.lock().unwrap().insert((process, name.clone()), tenant);
    }

    /// Records that a process sees all objects disappear.
    pub(crate) fn saw_all_go(&self, process: u32) {
        self.seen.lock().unwrap().retain(|(by, _), _| *by != process);
    }

    /// Returns whether a process last saw an object like this.
    pub(crate) fn has_seen(&self, process: u32, name: &Name, tenant: Option<Tenant>) -> bool {
        self.seen.lock().unwrap().get(&(process, name.clone())) == Some(&tenant)
    }

    /// Returns the groups that should exist by the declarations: places with the expressions of their groups.
    pub(crate) fn should_be(&self) -> BTreeMap<Place, BTreeMap<String, String>> {
        self.read(|inner| {
            let objects = inner.objects.iter().filter(|(name, _)| inner.namespaces[&name.0]);
            objects
                .filter(|(_, declared)| !declared.groups.is_empty())
                .filter_map(|(name, declared)| {
                    Some(((declared.tenant?, namespace(name)), declared.groups.clone()))
                })
                .collect()
        })
    }

    /// Returns every declared object, whether it is selected or not.
    pub(crate) fn declared(&self) -> BTreeMap<Name, Declared> {
        self.read(|inner| inner.objects.clone())
    }
}

/// Returns the ruler namespace of an object as the owner names it.
pub(crate) fn namespace((namespace, name): &Name) -> String {
    format!("us.{namespace}.{name}")
}

/// Returns a group as it is declared.
pub(crate) fn group(name: &str, expr: &str) -> Group {
    let rule = Rule { record: "r".to_owned(), expr: expr.to_owned(), ..Rule::default() };
    let interval = "1m30s".parse().unwrap();
    Group { name: name.to_owned(), interval, limit: 7, rules: vec![rule], ..Group::default() }
}

/// Returns all groups, wherever they should be.
pub(crate) fn keys(should: &BTreeMap<Place, BTreeMap<String, String>>) -> BTreeSet<Key> {
    let groups =
        should.iter().flat_map(|((_, ns), groups)| groups.keys().map(move |g| (ns.clone(), g.clone())));
    groups.collect()
}
