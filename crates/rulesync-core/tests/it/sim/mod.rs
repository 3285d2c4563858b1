//! The simulation: random histories in virtual time, each judged against a plain model of what should have become of
//! it.
//!
//! `RULESYNC_SIM_SEED=123` runs one history, `RULESYNC_SIM_SEEDS=100000` as many, from `RULESYNC_SIM_FIRST` on. A
//! history that fails is printed as short as it can be made.

mod cluster;
mod history;
mod ruler;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rulesync_core::{
    CLAIM_GROUP, Engine, EngineHandle, Leadership, NamedRuler, NamedSource, OwnerClaim, Policy, PromQl,
    Reign, Route, Setup, Territory, Throne,
};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use cluster::{Cluster, Declared, Name, Watcher, group, keys, namespace};
use history::{Event, History};
use ruler::{BAD, Groups, Habit, SimRuler};

/// How many histories are run if nothing is said.
const SEEDS: u64 = 2_000;

#[test]
fn histories_end_as_they_should() {
    if let Some(seed) = number("RULESYNC_SIM_SEED") {
        return check(seed);
    }
    let first = number("RULESYNC_SIM_FIRST").unwrap_or(0);
    let seeds = first + number("RULESYNC_SIM_SEEDS").unwrap_or(SEEDS);
    let next = Arc::new(AtomicU64::new(first));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let next = Arc::clone(&next);
            std::thread::spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    check(seed);
                }
            })
        })
        .collect();
    for worker in workers {
        if let Err(panic) = worker.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs the history of a seed; if it ends wrong, finds a short one that does so too.
fn check(seed: u64) {
    let mut history = History::of(seed);
    let Err(mut wrong) = run(&history) else { return };
    let mut index = 0;
    while index < history.events.len() {
        let mut shorter = history.clone();
        shorter.events.remove(index);
        match run(&shorter) {
            Err(still) => (history, wrong) = (shorter, still),
            Ok(()) => index += 1,
        }
    }
    let events: Vec<String> = history.events.iter().map(|event| format!("  {event:?}")).collect();
    panic!("RULESYNC_SIM_SEED={seed}, a ruler that is {:?}:\n{}\n{wrong}", history.habit, events.join("\n"));
}

/// Runs a history to its end.
fn run(history: &History) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // The engine's own jitter comes from this thread's generator.
    fastrand::seed(history.seed);
    runtime.block_on(async {
        let mut sim = Sim::new(history);
        for event in &history.events {
            sim.happen(event).await;
        }
        sim.settle().await
    })
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A process: an engine that may be elected.
struct Process {
    handle: EngineHandle,
    throne: Throne,
    task: JoinHandle<()>,
}

impl Process {
    fn start(cluster: &Cluster, ruler: &SimRuler, number: u32, alone: bool) -> Self {
        let watcher = Arc::new(Watcher(cluster.clone()));
        let route = Route {
            rule_selector: serde_json::from_str(r#"{"match_labels":{"tenant":"t"}}"#).unwrap(),
            namespace_selector: serde_json::from_str(r#"{"match_labels":{"team":"t"}}"#).unwrap(),
            ..Route::all("all", "central", Some("t".parse().unwrap()))
        };
        let setup = Setup {
            territory: Territory::of("us".parse().unwrap()),
            sources: vec![NamedSource { name: "cluster".into(), source: watcher }],
            rulers: vec![NamedRuler::new("central", Arc::new(ruler.for_writer(number)))],
            routes: vec![route],
            // A refused group is offered again after a while, which is not what the quiet hour is about.
            policy: Policy {
                refusal_memory: DAY,
                resync_interval: if alone { DAY } else { Policy::default().resync_interval },
                ..Policy::default()
            },
        };
        let (throne, leadership) = Leadership::elected();
        let engine = Engine::builder(setup.territory.owner.clone())
            .setup(setup)
            .leadership(leadership)
            .identity("this-cluster")
            .build()
            .unwrap();
        let handle = engine.handle();
        let task = tokio::spawn(engine.run(CancellationToken::new()));
        Self { handle, throne, task }
    }

    fn lead(&self) {
        let far = Instant::now() + Duration::from_secs(1_000_000);
        self.throne.reign(Reign { start_before: far, finish_by: far });
    }
}

struct Sim<'a> {
    history: &'a History,
    cluster: Cluster,
    ruler: SimRuler,
    processes: [Process; 2],
    leader: usize,
    /// The number of the next process.
    next: u32,
    numbers: [u32; 2],
    foreign: Groups,
    /// Every good form a group ever had: one that is refused now keeps one of them.
    forms: HashMap<(String, String), BTreeSet<String>>,
    /// Groups that were not wanted for a while: a late delete may still hit them.
    unpromised: BTreeSet<(String, String)>,
    /// How many groups were touched by what happened.
    touched: usize,
}

impl<'a> Sim<'a> {
    fn new(history: &'a History) -> Self {
        let foreign: Groups = ["us-2.a.o0", "user", "usa.x.y"]
            .into_iter()
            .map(|name| (name.to_owned(), BTreeMap::from([("g0".to_owned(), group("g0", "theirs"))])))
            .collect();
        let (cluster, ruler) = (Cluster::new(), SimRuler::new(history.habit, foreign.clone()));
        let processes = [0, 1].map(|number| Process::start(&cluster, &ruler, number, history.alone));
        processes[0].lead();
        Self {
            history,
            cluster,
            ruler,
            processes,
            leader: 0,
            next: 2,
            numbers: [0, 1],
            foreign,
            forms: HashMap::new(),
            unpromised: BTreeSet::new(),
            touched: 0,
        }
    }

    async fn happen(&mut self, event: &Event) {
        let before = keys(&self.cluster.should_be());
        match event {
            Event::Wait(millis) => tokio::time::sleep(Duration::from_millis(*millis)).await,
            Event::Apply(number, groups) => {
                let groups = groups.iter().map(|(group, expr)| (format!("g{group}"), expr.clone())).collect();
                self.change(*number, |declared| declared.groups = groups, true);
            }
            Event::Delete(number) => self.cluster.set(&name(*number), None),
            Event::DeleteAll(namespace) => {
                for number in 0..6 {
                    if name(number).0 == *namespace && self.cluster.object(&name(number)).is_some() {
                        self.cluster.set(&name(number), None);
                    }
                }
            }
            Event::Select(number, on) => self.change(*number, |declared| declared.selected = *on, false),
            Event::Malform(number, on) => self.change(*number, |declared| declared.malformed = *on, false),
            Event::Label(namespace, on) => self.cluster.label(namespace, *on),
            Event::Hide(on) => self.cluster.hide(*on),
            Event::Relist => self.cluster.gap(),
            Event::Suffer(fault) => self.ruler.suffer(*fault),
            Event::Crash => self.crash(self.leader),
            Event::HandOver => self.hand_over(),
            Event::CutOff => {
                // It has begun its last write, and has some seconds to end it.
                let finish_by = Instant::now() + Duration::from_secs(5);
                self.processes[self.leader].throne.reign(Reign { start_before: Instant::now(), finish_by });
                self.ruler.lead(None);
                tokio::time::sleep_until(finish_by).await;
                self.hand_over();
            }
            Event::Edit(how) => self.edit(*how),
            Event::Foreign(number) => self.write_foreign(*number),
            Event::Claim(on) => self.claim(*on),
        }
        // A list may show an object selected in a form it has no longer.
        for (namespace, groups) in &self.cluster.declared() {
            for (group, expr) in groups.iter().filter(|(_, expr)| !is_bad(expr)) {
                self.forms.entry((namespace.clone(), group.clone())).or_default().insert(expr.clone());
            }
        }
        let after = keys(&self.cluster.should_be());
        self.unpromised.extend(before.difference(&after).cloned());
        self.touched += before.symmetric_difference(&after).count();
        self.ruler.promise(after.difference(&self.unpromised).cloned().collect());
    }

    /// Changes an object as its author would; `create` it if it is not there.
    fn change(&mut self, number: u8, change: impl FnOnce(&mut Declared), create: bool) {
        let name = name(number);
        let there = self.cluster.object(&name);
        if there.is_none() && !create {
            return;
        }
        let nothing = Declared { selected: true, malformed: false, groups: BTreeMap::new() };
        let mut declared = there.unwrap_or(nothing);
        change(&mut declared);
        self.touched += declared.groups.len();
        self.cluster.set(&name, Some(declared));
    }

    /// Kills a process at this very moment and starts another in its place.
    fn crash(&mut self, index: usize) {
        self.processes[index].task.abort();
        let number = self.next;
        self.next += 1;
        self.numbers[index] = number;
        self.processes[index] = Process::start(&self.cluster, &self.ruler, number, self.history.alone);
        if index == self.leader {
            self.ruler.lead(Some(number));
            self.processes[index].lead();
        }
    }

    fn hand_over(&mut self) {
        self.processes[self.leader].throne.abdicate();
        self.leader = 1 - self.leader;
        self.ruler.lead(Some(self.numbers[self.leader]));
        self.processes[self.leader].lead();
    }

    fn edit(&mut self, how: u8) {
        self.touched += 4;
        let should = keys(&self.cluster.should_be());
        self.ruler.edit(|groups| {
            let ours =
                groups.keys().filter(|name| name.starts_with(ruler::OURS)).cloned().collect::<Vec<_>>();
            let Some(namespace) = ours.get(usize::from(how) % ours.len().max(1)) else { return };
            match how % 3 {
                0 => drop(groups.remove(namespace)),
                1 => {
                    if let Some(group) =
                        groups.get_mut(namespace).and_then(|groups| groups.values_mut().next())
                    {
                        group.rules[0].expr = "edited".to_owned();
                    }
                }
                _ => {
                    let stray = BTreeMap::from([("g0".to_owned(), group("g0", "stray"))]);
                    groups.entry("us.a.stray".to_owned()).or_insert(stray);
                }
            }
        });
        // What a hand has taken away may come and go as it must.
        self.unpromised.extend(should);
    }

    fn write_foreign(&mut self, number: u8) {
        let namespace = ["us-2.a.o0", "us2.b.o1", "user", "other"][usize::from(number)].to_owned();
        let theirs = BTreeMap::from([("g0".to_owned(), group("g0", &format!("theirs {}", self.touched)))]);
        self.foreign.insert(namespace.clone(), theirs.clone());
        self.ruler.edit(|groups| drop(groups.insert(namespace, theirs)));
        self.touched += 1;
    }

    fn claim(&mut self, on: bool) {
        self.touched += 1;
        self.ruler.claim(on);
        let cluster = if on { "other-cluster" } else { "this-cluster" };
        let claim = OwnerClaim { cluster: cluster.into(), installation: None };
        let claimed = claim.group(&"us".parse().unwrap(), &PromQl);
        let claimed = BTreeMap::from([(CLAIM_GROUP.to_owned(), claimed)]);
        self.ruler.edit(|groups| drop(groups.insert("us".to_owned(), claimed)));
    }

    /// Everything is well again: some time later the ruler must hold exactly what it should, and nobody must have
    /// anything left to do.
    async fn settle(mut self) -> Result<(), String> {
        self.ruler.suffer(None);
        self.cluster.hide(false);
        for name in self.cluster.malformed() {
            let declared = self.cluster.object(&name);
            self.cluster.set(&name, declared.map(|declared| Declared { malformed: false, ..declared }));
        }
        self.claim(false);
        // Deletes that look like an accident wait for somebody's word; the wait before is for those that do not.
        tokio::time::sleep(Duration::from_secs(12 * 60)).await;
        for _ in 0..3 {
            self.processes[self.leader].handle.release_deletes("central/t").await;
            tokio::time::sleep(Duration::from_secs(6 * 60)).await;
        }
        self.judge()?;
        let (writes, failed) = self.ruler.counts();
        let restarts = usize::try_from(self.next).unwrap_or(usize::MAX);
        let bound = 4 * self.touched + 2 * failed + 4 * restarts + 40;
        if writes > bound {
            return Err(format!(
                "{writes} writes, of which {failed} failed, for {} groups touched",
                self.touched
            ));
        }
        tokio::time::sleep(Duration::from_secs(60 * 60)).await;
        let (writes, _) = self.ruler.counts();
        // What the ruler makes of groups by itself is tested again: one group of each kind of difference an hour.
        let tested_again = match self.history.habit {
            Habit::Faithful | Habit::Blanks => 0,
            Habit::DropsLimit | Habit::Reprints => 2,
        };
        if writes > tested_again {
            return Err(format!("{writes} writes in an hour in which nothing happened"));
        }
        self.judge()
    }

    fn judge(&self) -> Result<(), String> {
        if let Some(wrong) = self.ruler.wrongs().first() {
            return Err(wrong.clone());
        }
        let mut is = self.ruler.groups();
        is.remove("us");
        for (namespace, theirs) in &self.foreign {
            if is.remove(namespace).as_ref() != Some(theirs) {
                return Err(format!("the foreign namespace {namespace} is not as it was"));
            }
        }
        let mut should = self.cluster.should_be();
        for (namespace, groups) in &is {
            for (name, group) in groups {
                let expr = should.get_mut(namespace).and_then(|groups| groups.remove(name));
                let there = format!("{namespace}/{name}: {:?}", group.rules[0].expr);
                let forms = self.forms.get(&(namespace.clone(), name.clone()));
                match expr {
                    None => return Err(format!("{there} should not be there")),
                    Some(expr) if is_bad(&expr) => {
                        // A hand may have been there; then that is what stays.
                        let edited = group.rules[0].expr == "edited";
                        let mut earlier = forms.into_iter().flatten();
                        if !edited && !earlier.any(|expr| *group == self.stored(name, expr)) {
                            return Err(format!(
                                "{there} was never declared, and what is declared is refused"
                            ));
                        }
                    }
                    Some(expr) if *group != self.stored(name, &expr) => {
                        return Err(format!("{there} should be {expr:?}"));
                    }
                    Some(_) => {}
                }
            }
        }
        for (namespace, groups) in should {
            if let Some((name, expr)) = groups.iter().find(|(_, expr)| !is_bad(expr)) {
                return Err(format!("{namespace}/{name}: {expr:?} is missing"));
            }
        }
        Ok(())
    }

    fn stored(&self, name: &str, expr: &str) -> rulesync_core::Group {
        SimRuler::stored(self.history.habit, &group(name, expr))
    }
}

/// Whether it is refused, by us or by the ruler.
fn is_bad(expr: &str) -> bool {
    expr.is_empty() || expr.contains(BAD)
}

/// Objects are spread over two Kubernetes namespaces.
fn name(number: u8) -> Name {
    (if number.is_multiple_of(2) { "a" } else { "b" }.to_owned(), format!("o{number}"))
}

#[test]
fn names_of_objects_are_names_of_namespaces() {
    assert_eq!(namespace(&name(3)), "us.b.o3");
}
