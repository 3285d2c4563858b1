//! The events of a history, and their consequences for what may be expected of the engine.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use rulesync_core::engine::{CLAIM_GROUP, LeaderTerm, OwnerClaim};
use rulesync_core::ruler::QueryLanguage;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::cluster::{Cluster, Declared, Name, group, keys, namespace};
use super::history::{Event, History};
use super::is_bad;
use super::names::Names;
use super::process::{Process, Shared, SimInventory};
use super::ruler::{Fault, Groups, Key, Place, SimRuler, TENANTS, Tenant};

/// The expression that another tool writes again and again.
pub(super) const INSISTED: &str = "insisted";

/// A history that is being played.
pub(super) struct Sim<'a> {
    pub(super) history: &'a History,
    pub(super) shared: Shared,
    pub(super) processes: [Process; 2],
    leader: usize,
    /// The number of the next process.
    pub(super) next: u32,
    pub(super) foreign: Groups,
    /// Every valid version that a group has had: one that is refused now stays in one of them.
    pub(super) forms: HashMap<Key, BTreeSet<String>>,
    /// Groups that were not wanted for a while, or whose move may have been forgotten: a late delete may still affect
    /// them.
    unpromised: BTreeSet<Key>,
    /// The number of groups that events have changed.
    pub(super) touched: usize,
    /// The number of objects that were created.
    created: u32,
    /// True if a process may not know any more which objects it has seen.
    pub(super) forgot: bool,
    insists: Option<JoinHandle<()>>,
}

impl<'a> Sim<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        let names = Names { first: history.first, renamed: false };
        let theirs = || BTreeMap::from([("g0".to_owned(), group("g0", "theirs"))]);
        let foreign: Groups = names.foreign().into_iter().map(|name| (("t", name), theirs())).collect();
        let ruler = SimRuler::new(history.habit, names, foreign.clone());
        let shared = Shared { cluster: Cluster::new(), ruler, inventory: SimInventory::default(), names };
        let processes = [0, 1].map(|number| Process::start(&shared, history, number));
        processes[0].lead();
        Self {
            history,
            shared,
            processes,
            leader: 0,
            next: 2,
            foreign,
            forms: HashMap::new(),
            unpromised: BTreeSet::new(),
            touched: 0,
            created: 0,
            forgot: false,
            insists: None,
        }
    }

    pub(super) fn leader(&self) -> &Process {
        &self.processes[self.leader]
    }

    pub(super) async fn play(&mut self, event: &Event) {
        let before = self.shared.cluster.should_be();
        self.forgot |= matches!(
            event,
            Event::Crash
                | Event::Rename
                | Event::Kind(_)
                | Event::Hide(_)
                | Event::Relist
                | Event::Reload
                | Event::Lag(_)
                | Event::HandOver
                | Event::CutOff
        );
        match event {
            Event::Wait(millis) => tokio::time::sleep(Duration::from_millis(*millis)).await,
            Event::Apply(number, groups) => {
                let groups = groups.iter().map(|(group, expr)| (format!("g{group}"), expr.clone())).collect();
                self.change(*number, |declared| declared.groups = groups, true);
            }
            Event::Delete(number) => self.shared.cluster.set(&name(*number), None),
            Event::DeleteAll(namespace) => {
                for number in 0..6 {
                    if name(number).0 == *namespace && self.shared.cluster.object(&name(number)).is_some() {
                        self.shared.cluster.set(&name(number), None);
                    }
                }
            }
            Event::Select(number, tenant) => self.select(*number, *tenant),
            Event::Malform(number, on) => self.change(*number, |declared| declared.malformed = *on, false),
            Event::Obscure(number, on) => self.change(*number, |declared| declared.obscured = *on, false),
            Event::Label(namespace, on) => self.shared.cluster.label(namespace, *on),
            Event::Kind(on) => {
                // Objects that disappear with their kind were deleted, and come back as new ones.
                self.forget_moves();
                self.shared.cluster.install(*on);
            }
            Event::Hide(on) => self.shared.cluster.hide(*on),
            Event::Relist => self.shared.cluster.gap(),
            Event::Lag(seconds) => {
                let until = Instant::now() + Duration::from_secs(*seconds);
                self.touched += keys(&before).len();
                self.shared.cluster.silence(self.processes[1 - self.leader].number, until);
            }
            Event::Suffer(fault, tenant) => self.suffer(*fault, *tenant),
            Event::Crash => self.crash(),
            Event::HandOver => self.hand_over(),
            Event::CutOff => {
                // The leader has begun its last write, and has some seconds to finish it.
                let finish_by = Instant::now() + Duration::from_secs(5);
                self.leader().lead.renew(LeaderTerm { start_before: Instant::now(), finish_by });
                self.shared.ruler.lead(None);
                tokio::time::sleep_until(finish_by).await;
                self.hand_over();
            }
            Event::Reload => {
                self.processes[self.leader].reload(&self.shared).await;
            }
            Event::Edit(how) => self.edit(*how),
            Event::Insist(how) => self.insist(*how),
            Event::Foreign(number) => self.write_foreign(*number),
            Event::Claim(tenant, on) => self.claim(tenant, *on),
            Event::Rename => self.rename(),
        }
        self.promise(&before);
    }

    /// Promises the groups that must not go missing from now on: those that were declared all the time, unless the
    /// leader may not know of their move.
    fn promise(&mut self, before: &BTreeMap<Place, BTreeMap<String, String>>) {
        // A list may show an object selected in an earlier version.
        for (name, declared) in &self.shared.cluster.declared() {
            for (group, expr) in declared.groups.iter().filter(|(_, expr)| !is_bad(expr)) {
                self.forms.entry((namespace(name), group.clone())).or_default().insert(expr.clone());
            }
        }
        let should = self.shared.cluster.should_be();
        let (earlier, later) = (keys(before), keys(&should));
        self.unpromised.extend(earlier.difference(&later).cloned());
        let placed = |should: &BTreeMap<Place, BTreeMap<String, String>>| -> BTreeSet<(Place, String)> {
            let groups = should
                .iter()
                .flat_map(|(place, groups)| groups.keys().map(move |group| (place.clone(), group.clone())));
            groups.collect()
        };
        self.touched += placed(before).symmetric_difference(&placed(&should)).count();
        // A refused group does not delay the move of its object, and is left behind.
        let there = self.shared.ruler.own_groups();
        for (place, groups) in &should {
            let is = |group: &str| there.get(place).is_some_and(|groups| groups.contains_key(group));
            let refused = groups.iter().filter(|(group, expr)| is_bad(expr) && !is(group));
            self.unpromised.extend(refused.map(|(group, _)| (place.1.clone(), group.clone())));
        }
        self.shared.ruler.promise(later.difference(&self.unpromised).cloned().collect());
    }

    /// Changes an object as its author would; with `create` it is created if it is missing.
    fn change(&mut self, number: u8, change: impl FnOnce(&mut Declared), create: bool) {
        let name = name(number);
        let there = self.shared.cluster.object(&name);
        if there.is_none() && !create {
            return;
        }
        // An object without a tenant goes to the first one.
        let tenant = Some(self.history.tenants[usize::from(number) % self.history.tenants.len()]);
        let mut declared = there.unwrap_or_else(|| {
            self.created += 1;
            let created = self.created;
            Declared { tenant, malformed: false, obscured: false, created, groups: BTreeMap::new() }
        });
        change(&mut declared);
        self.touched += declared.groups.len();
        self.shared.cluster.set(&name, Some(declared));
    }

    fn select(&mut self, number: u8, tenant: Option<Tenant>) {
        let Some(declared) = self.shared.cluster.object(&name(number)) else { return };
        // To a process that has not seen the object in its old place, the rules there are orphans.
        let unknown = !self.has_been_seen(&name(number), declared.tenant);
        // A leader that trusts the ruler deletes the rules of an object that it believes moved.
        let swallowed = tenant.is_some_and(|tenant| self.shared.ruler.swallows(tenant));
        if declared.tenant != tenant && (unknown || swallowed) {
            let namespace = namespace(&name(number));
            self.unpromised.extend(declared.groups.keys().map(|group| (namespace.clone(), group.clone())));
        }
        self.change(number, |declared| declared.tenant = tenant, false);
    }

    fn suffer(&mut self, fault: Option<Fault>, tenant: Option<Tenant>) {
        if fault == Some(Fault::Swallow) {
            // A leader that trusts the ruler deletes the rules of objects that it believes moved.
            self.unpromised.extend(keys(&self.shared.cluster.should_be()));
        }
        match tenant {
            Some(tenant) => self.shared.ruler.suffer(fault, &[tenant]),
            None => self.shared.ruler.suffer(fault, &TENANTS),
        }
    }

    /// Kills the leading process and starts another in its place.
    fn crash(&mut self) {
        self.leader().kill();
        self.forget_moves();
        let number = self.next;
        self.next += 1;
        self.processes[self.leader] = Process::start(&self.shared, self.history, number);
        self.shared.ruler.lead(Some(number));
        self.leader().lead();
    }

    /// Ends both processes and starts two with a configuration by which the owner's names follow the first ones.
    fn rename(&mut self) {
        if std::mem::replace(&mut self.shared.names.renamed, true) {
            return;
        }
        self.touched += 3 * keys(&self.shared.cluster.should_be()).len();
        self.forget_moves();
        for process in &mut self.processes {
            process.kill();
            *process = Process::start(&self.shared, self.history, self.next);
            self.next += 1;
        }
        self.shared.ruler.lead(Some(self.leader().number));
        self.leader().lead();
    }

    /// Forgets moves: a move exists as long as the process that has seen it, so groups that are not yet where they
    /// should be, or are not known to be there, are not safe any more.
    fn forget_moves(&mut self) {
        let there = self.shared.ruler.own_groups();
        for (name, Declared { tenant, groups, .. }) in &self.shared.cluster.declared() {
            let Some(tenant) = *tenant else { continue };
            let namespace = namespace(name);
            let place = there.get(&(tenant, namespace.clone()));
            let seen = self.has_been_seen(name, Some(tenant));
            let is = |group: &str| seen && place.is_some_and(|groups| groups.contains_key(group));
            let missing = groups.keys().filter(|group| !is(group));
            self.unpromised.extend(missing.map(|group| (namespace.clone(), group.clone())));
        }
    }

    /// Returns whether every process has seen an object selected for a tenant, and nothing else since.
    fn has_been_seen(&self, name: &Name, tenant: Option<Tenant>) -> bool {
        self.processes.iter().all(|process| self.shared.cluster.has_seen(process.number, name, tenant))
    }

    fn hand_over(&mut self) {
        self.leader().lead.step_down();
        self.leader = 1 - self.leader;
        let number = self.leader().number;
        self.shared.ruler.lead(Some(number));
        self.leader().lead();
    }

    fn edit(&mut self, how: u8) {
        self.touched += 4;
        let should = keys(&self.shared.cluster.should_be());
        let names = self.shared.names;
        self.shared.ruler.edit(|groups| {
            let Some(place) = own(groups, names, how) else { return };
            match how % 3 {
                0 => drop(groups.remove(&place)),
                // A tenant that no object requests any more is not listed.
                2 if self.history.claims => {}
                1 => {
                    if let Some(group) = groups.get_mut(&place).and_then(|groups| groups.values_mut().next())
                    {
                        group.rules[0].expr = "edited".to_owned();
                    }
                }
                _ => {
                    let stray = BTreeMap::from([("g0".to_owned(), group("g0", "stray"))]);
                    if let Some(name) = names.stray() {
                        groups.entry((place.0, name)).or_insert(stray);
                    }
                }
            }
        });
        // Groups that another tool has deleted may come and go.
        self.unpromised.extend(should);
    }

    fn insist(&mut self, how: Option<u8>) {
        if let Some(insists) = self.insists.take() {
            insists.abort();
        }
        let Some(how) = how else { return };
        let mut groups = self.shared.ruler.groups();
        let Some(place) = own(&mut groups, self.shared.names, how) else { return };
        self.touched += 100;
        let ruler = self.shared.ruler.clone();
        self.insists = Some(tokio::spawn(async move {
            loop {
                ruler.edit(|groups| {
                    let group = groups.get_mut(&place).and_then(|groups| groups.values_mut().next());
                    group.into_iter().for_each(|group| group.rules[0].expr = INSISTED.to_owned());
                });
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }));
    }

    fn write_foreign(&mut self, number: u8) {
        let namespace = ["us-2.a.o0", "us2.b.o1", "user", "other"][usize::from(number)].to_owned();
        let tenant = self.history.tenants[usize::from(number) % self.history.tenants.len()];
        let foreign = BTreeMap::from([("g0".to_owned(), group("g0", &format!("theirs {}", self.touched)))]);
        self.foreign.insert((tenant, namespace.clone()), foreign.clone());
        self.shared.ruler.edit(|groups| drop(groups.insert((tenant, namespace), foreign)));
        self.touched += 1;
    }

    fn claim(&mut self, tenant: Tenant, on: bool) {
        self.touched += 1;
        self.shared.ruler.claim(tenant, on);
        let cluster = if on { "other-cluster" } else { "this-cluster" };
        let claim = OwnerClaim { cluster: cluster.into(), installation: None };
        let claimed = claim.group(&"us".parse().unwrap(), QueryLanguage::PromQl);
        let claimed = BTreeMap::from([(CLAIM_GROUP.to_owned(), claimed)]);
        self.shared.ruler.edit(|groups| drop(groups.insert((tenant, "us".to_owned()), claimed)));
    }

    /// Ends all faults.
    pub(super) fn recover(&mut self) {
        self.shared.ruler.suffer(None, &TENANTS);
        self.insist(None);
        self.shared.cluster.hide(false);
        self.shared.cluster.install(true);
        for (name, declared) in self.shared.cluster.declared() {
            if declared.malformed || declared.obscured {
                let readable = Declared { malformed: false, obscured: false, ..declared };
                self.shared.cluster.set(&name, Some(readable));
            }
        }
        for tenant in self.shared.ruler.claimed() {
            self.claim(tenant, false);
        }
    }
}

/// Returns one of the own places.
fn own(groups: &mut Groups, names: Names, which: u8) -> Option<Place> {
    let own: Vec<&Place> = groups.keys().filter(|(_, name)| names.canonical(name).is_some()).collect();
    own.get(usize::from(which) % own.len().max(1)).map(|place| (*place).clone())
}

/// Objects are spread over two Kubernetes namespaces.
fn name(number: u8) -> Name {
    (if number.is_multiple_of(2) { "a" } else { "b" }.to_owned(), format!("o{number}"))
}

#[test]
fn names_of_objects_are_names_of_namespaces() {
    assert_eq!(namespace(&name(3)), "us.b.o3");
}
