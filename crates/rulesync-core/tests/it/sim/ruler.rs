//! The ruler of a history: it normalizes, fails and loses answers on demand, and checks itself: a promised group that
//! goes missing, or a foreign one that is touched, is recorded at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rulesync_core::Group;
use rulesync_core::engine::{CLAIM_GROUP, OwnerClaim};
use rulesync_core::model::PromDuration;
use tokio::time::Instant;

use super::connection::SimConnection;
use super::names::Names;

/// A tenant of the ruler.
pub(crate) type Tenant = &'static str;

pub(crate) const TENANTS: [Tenant; 3] = ["t", "u", "v"];

/// A namespace of a tenant.
pub(crate) type Place = (Tenant, String);

/// Groups by place and name.
pub(crate) type Groups = BTreeMap<Place, BTreeMap<String, Group>>;

/// A group by namespace and name, in whatever tenant.
pub(crate) type Key = (String, String);

/// A fault of the ruler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Connections are refused.
    Down,
    /// Requests are never answered.
    Hang,
    /// 429 with a `Retry-After`.
    Busy,
    /// Changes are carried out and the answer is lost.
    Deaf,
    /// Lists cannot be parsed.
    Garbled,
    /// Writes of one group always fail on the server's side.
    OneGroup,
    /// Writes are accepted and nothing is stored.
    Swallow,
}

/// The form in which the ruler stores groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    Faithful,
    /// Trims and adds blanks in expressions, which have no meaning.
    Blanks,
    /// Drops a field that the engine believes to be stored.
    DropsLimit,
    /// Prints expressions in its own way.
    Reprints,
}

/// A ruler in memory. Clones are the same ruler.
#[derive(Debug, Clone)]
pub(crate) struct SimRuler(Arc<Mutex<World>>);

#[derive(Debug)]
pub(crate) struct World {
    habit: Habit,
    names: Names,
    faults: BTreeMap<Tenant, Fault>,
    groups: Groups,
    /// Groups that must exist in some tenant from their first write on, until they are declared otherwise.
    promised: BTreeSet<Key>,
    /// The process that leads; none while no process may begin a write.
    leader: Option<u32>,
    /// The time since when another cluster claims a tenant.
    claimed: BTreeMap<Tenant, Instant>,
    /// The latest connection of each process to each tenant that was used.
    newest: BTreeMap<(u32, Tenant), u32>,
    writes: usize,
    pub(super) failed: usize,
    wrongs: Vec<String>,
}

/// The expression that no ruler accepts.
pub(crate) const BAD: &str = "bad(";

/// The time after which every process has listed the ruler again, and earlier requests have ended.
const LOOKS: Duration = Duration::from_secs(8 * 60);

impl SimRuler {
    pub(crate) fn new(habit: Habit, names: Names, foreign: Groups) -> Self {
        Self(Arc::new(Mutex::new(World {
            habit,
            names,
            faults: BTreeMap::new(),
            groups: foreign,
            promised: BTreeSet::new(),
            leader: Some(0),
            claimed: BTreeMap::new(),
            newest: BTreeMap::new(),
            writes: 0,
            failed: 0,
            wrongs: Vec::new(),
        })))
    }

    pub(super) fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// Returns a connection of a process to the same ruler, counted from 0.
    pub(crate) fn connect(&self, process: u32, number: u32) -> SimConnection {
        SimConnection { ruler: self.clone(), process, number }
    }

    /// Lets another process lead from now on, or none.
    pub(crate) fn lead(&self, leader: Option<u32>) {
        self.with(|world| world.leader = leader);
    }

    /// Sets whether another cluster claims a tenant.
    pub(crate) fn claim(&self, tenant: Tenant, foreign: bool) {
        self.with(|world| {
            world.claimed.remove(tenant);
            world.claimed.extend(foreign.then(|| (tenant, Instant::now())));
        });
    }

    /// Returns the tenants that another cluster claims.
    pub(crate) fn claimed(&self) -> Vec<Tenant> {
        self.with(|world| world.claimed.keys().copied().collect())
    }

    /// Returns whether it accepts a tenant's writes and stores nothing.
    pub(crate) fn swallows(&self, tenant: Tenant) -> bool {
        self.with(|world| world.faults.get(tenant) == Some(&Fault::Swallow))
    }

    /// Sets the fault of these tenants, or none any more.
    pub(crate) fn suffer(&self, fault: Option<Fault>, tenants: &[Tenant]) {
        self.with(|world| {
            for tenant in tenants {
                world.faults.remove(tenant);
                world.faults.extend(fault.map(|fault| (*tenant, fault)));
                // A process that cannot list cannot know of a claim.
                if let Some(since) = world.claimed.get_mut(tenant) {
                    *since = Instant::now();
                }
            }
        });
    }

    /// Returns all groups, by the names of their namespaces.
    pub(crate) fn groups(&self) -> Groups {
        self.with(|world| world.groups.clone())
    }

    /// Returns the own groups, by the names that the owner gives to their namespaces.
    pub(crate) fn own_groups(&self) -> Groups {
        self.with(|world| {
            let mut own = Groups::new();
            for ((tenant, namespace), groups) in &world.groups {
                if let Some(canonical) = world.names.canonical(namespace) {
                    own.entry((*tenant, canonical)).or_default().extend(groups.clone());
                }
            }
            own
        })
    }

    /// Edits groups as another tool would.
    pub(crate) fn edit(&self, edit: impl FnOnce(&mut Groups)) {
        self.with(|world| edit(&mut world.groups));
    }

    pub(crate) fn promise(&self, groups: BTreeSet<Key>) {
        self.with(|world| world.promised = groups);
    }

    /// Returns the numbers of writes and deletes that were carried out or answered, and of requests that failed, since
    /// the last call.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.with(|world| (std::mem::take(&mut world.writes), std::mem::take(&mut world.failed)))
    }

    /// Returns the violations so far.
    pub(crate) fn wrongs(&self) -> Vec<String> {
        self.with(|world| world.wrongs.clone())
    }

    /// Returns a group as the ruler stores it.
    pub(crate) fn stored(habit: Habit, group: &Group) -> Group {
        let mut stored = group.clone();
        match habit {
            Habit::Faithful => {}
            Habit::Blanks => {
                stored.rules.iter_mut().for_each(|rule| rule.expr = format!(" {} ", rule.expr.trim()))
            }
            Habit::DropsLimit => stored.limit = 0,
            Habit::Reprints => {
                stored.rules.iter_mut().for_each(|rule| rule.expr = rule.expr.replace('+', " + "));
                stored.interval = PromDuration::from_millis(stored.interval.as_millis() / 1000 * 1000);
            }
        }
        stored
    }
}

impl SimRuler {
    pub(super) fn habit(&self) -> Habit {
        self.0.lock().unwrap().habit
    }
}

impl World {
    pub(super) fn habit(&self) -> Habit {
        self.habit
    }

    /// Begins a request; returns the ruler's fault.
    pub(super) fn begin(&mut self, by: &SimConnection, tenant: Tenant, write: Option<&str>) -> Option<Fault> {
        let newest = self.newest.entry((by.process, tenant)).or_default();
        *newest = by.number.max(*newest);
        if let Some(namespace) = write {
            if self.names.canonical(namespace).is_none() && namespace != "us" {
                self.wrongs.push(format!("a request about the foreign namespace {namespace}"));
            }
            self.writes += 1;
            if self.leader.is_none() {
                self.wrongs.push(format!("process {} began a write while nobody led", by.process));
            }
        }
        self.faults.get(tenant).copied()
    }

    /// Carries out a change of the engine, and judges it.
    pub(super) fn change(&mut self, by: &SimConnection, tenant: Tenant, change: impl FnOnce(&mut Groups)) {
        let before = self.groups.clone();
        change(&mut self.groups);
        if self.leader.is_some_and(|leader| leader != by.process) {
            self.wrongs.push(format!("process {} wrote while {:?} led", by.process, self.leader));
        }
        if self.newest.get(&(by.process, tenant)).is_some_and(|newest| *newest > by.number) {
            self.wrongs.push(format!("process {} wrote by a way that has been replaced", by.process));
        }
        // Of two clusters that claim within seconds of each other, the later claim stands, and the earlier cluster
        // stops.
        let claim = self.groups.get(&(tenant, "us".to_owned()));
        let claim = claim.and_then(|groups| OwnerClaim::read(groups.get(CLAIM_GROUP)?));
        let foreign = claim.is_some_and(|claim| &*claim.cluster == "other-cluster");
        let long_ago = self.claimed.get(tenant).is_some_and(|since| since.elapsed() > LOOKS);
        if foreign && !self.faults.contains_key(tenant) && long_ago {
            self.wrongs.push("something was written under the claim of another cluster".to_owned());
        }
        for (place, groups) in &before {
            let after = self.groups.get(place);
            if after == Some(groups) {
                continue;
            }
            let (tenant, namespace) = place;
            let Some(canonical) = self.names.canonical(namespace) else {
                if namespace != "us" {
                    self.wrongs.push(format!("the foreign namespace {namespace} of {tenant} was changed"));
                }
                continue;
            };
            for name in groups.keys().filter(|name| after.is_none_or(|after| !after.contains_key(*name))) {
                let anywhere = self.groups.iter().any(|((_, other), groups)| {
                    groups.contains_key(name) && self.names.canonical(other).as_ref() == Some(&canonical)
                });
                if !anywhere && self.promised.contains(&(canonical.clone(), name.clone())) {
                    self.wrongs.push(format!("{tenant}/{namespace}/{name} went missing"));
                }
            }
        }
    }
}
