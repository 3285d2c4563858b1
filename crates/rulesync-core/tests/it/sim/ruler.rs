//! The ruler of a history: it normalises, limits, fails and loses answers as it is told, and watches itself: a group
//! that must be there and goes missing, or a foreign one that is touched, is noted the moment it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{
    CLAIM_GROUP, Group, Keeps, KeptLimit, Listing, Normalization, OwnerClaim, PromDuration, Ruler,
    RulerError, TenantId,
};
use tokio::time::Instant;

/// Groups by namespace and name.
pub(crate) type Groups = BTreeMap<String, BTreeMap<String, Group>>;

/// What is wrong with the ruler.
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
}

/// How the ruler changes what it stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    Faithful,
    /// Trims and adds blanks to expressions, which mean nothing.
    Blanks,
    /// Drops a field that we believe it keeps.
    DropsLimit,
    /// Prints expressions in its own way.
    Reprints,
}

/// A ruler in memory with one tenant. Clones are the same ruler.
#[derive(Debug, Clone)]
pub(crate) struct SimRuler(Arc<Mutex<World>>);

#[derive(Debug)]
struct World {
    habit: Habit,
    fault: Option<Fault>,
    groups: Groups,
    /// Groups that must be there from their first arrival on, until somebody declares otherwise.
    promised: BTreeSet<(String, String)>,
    /// The process that leads; none while nobody may begin a write.
    leader: Option<u32>,
    /// Since when another cluster claims the tenant.
    claimed: Option<Instant>,
    writes: usize,
    failed: usize,
    wrongs: Vec<String>,
}

/// The expression no ruler takes.
pub(crate) const BAD: &str = "bad(";

/// By then everybody has read the ruler again, and what was under way has ended.
const LOOKS: Duration = Duration::from_secs(8 * 60);

/// The owner of everything we may touch, with the dot behind it.
pub(crate) const OURS: &str = "us.";

impl SimRuler {
    pub(crate) fn new(habit: Habit, foreign: Groups) -> Self {
        Self(Arc::new(Mutex::new(World {
            habit,
            fault: None,
            groups: foreign,
            promised: BTreeSet::new(),
            leader: Some(0),
            claimed: None,
            writes: 0,
            failed: 0,
            wrongs: Vec::new(),
        })))
    }

    /// The same ruler, as another process sees it.
    pub(crate) fn for_writer(&self, writer: u32) -> SimConnection {
        SimConnection { ruler: self.clone(), writer }
    }

    /// Another process leads from this instant on, or nobody may begin anything.
    pub(crate) fn lead(&self, leader: Option<u32>) {
        self.0.lock().unwrap().leader = leader;
    }

    /// Another cluster claims the tenant, or no longer.
    pub(crate) fn claim(&self, foreign: bool) {
        let mut world = self.0.lock().unwrap();
        world.claimed = foreign.then(Instant::now);
    }

    pub(crate) fn suffer(&self, fault: Option<Fault>) {
        let mut world = self.0.lock().unwrap();
        world.fault = fault;
        // Who cannot read cannot know of a claim.
        world.claimed = world.claimed.map(|_| Instant::now());
    }

    pub(crate) fn groups(&self) -> Groups {
        self.0.lock().unwrap().groups.clone()
    }

    /// A hand edit: it may do what it likes with ours, so nothing is promised about these for now.
    pub(crate) fn edit(&self, edit: impl FnOnce(&mut Groups)) {
        let mut world = self.0.lock().unwrap();
        world.promised.clear();
        edit(&mut world.groups);
    }

    /// From now on these groups, once there, must not go missing; others may.
    pub(crate) fn promise(&self, groups: BTreeSet<(String, String)>) {
        self.0.lock().unwrap().promised = groups;
    }

    /// Writes and deletes that were carried out or answered, and requests that failed, since the last call.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let mut world = self.0.lock().unwrap();
        (std::mem::take(&mut world.writes), std::mem::take(&mut world.failed))
    }

    /// What should never have happened.
    pub(crate) fn wrongs(&self) -> Vec<String> {
        self.0.lock().unwrap().wrongs.clone()
    }

    /// What the ruler makes of a group.
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

/// One process's way to the ruler.
#[derive(Debug, Clone)]
pub(crate) struct SimConnection {
    ruler: SimRuler,
    writer: u32,
}

fn unavailable(message: &str) -> RulerError {
    RulerError::Unavailable { message: message.to_owned(), retry_after: None }
}

impl SimConnection {
    /// The part of every request that may fail before anything happens.
    async fn arrive(&self, write: Option<(&str, Option<&str>)>) -> Result<Option<Fault>, RulerError> {
        // Begun is what counts: the answer may take its time.
        let fault = {
            let mut world = self.ruler.0.lock().unwrap();
            if let Some((namespace, _)) = write {
                if !namespace.starts_with(OURS) && namespace != "us" {
                    world.wrongs.push(format!("a request about the foreign namespace {namespace}"));
                }
                world.writes += 1;
                if world.leader.is_none() {
                    world.wrongs.push(format!("process {} began a write while nobody led", self.writer));
                }
            }
            world.fault
        };
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..20))).await;
        let fail = |error: RulerError| {
            self.ruler.0.lock().unwrap().failed += 1;
            Err(error)
        };
        match fault {
            Some(Fault::Down) => fail(unavailable("connection refused")),
            Some(Fault::Hang) => {
                tokio::time::sleep(Duration::from_secs(30)).await;
                fail(unavailable("no answer in time"))
            }
            Some(Fault::Busy) => fail(RulerError::Unavailable {
                message: "too many requests".to_owned(),
                retry_after: Some(Duration::from_secs(3)),
            }),
            Some(Fault::OneGroup) if write.is_some_and(|(_, group)| group == Some("g1")) => {
                fail(unavailable("internal error"))
            }
            fault => Ok(fault),
        }
    }

    /// The part after everything has happened.
    async fn leave(&self, fault: Option<Fault>) -> Result<(), RulerError> {
        if fault == Some(Fault::Deaf) {
            tokio::time::sleep(Duration::from_secs(30)).await;
            self.ruler.0.lock().unwrap().failed += 1;
            return Err(unavailable("the connection broke"));
        }
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Groups)) {
        let mut world = self.ruler.0.lock().unwrap();
        let before = world.groups.clone();
        change(&mut world.groups);
        let mut wrongs = Vec::new();
        if world.leader.is_some_and(|leader| leader != self.writer) {
            wrongs.push(format!("process {} wrote while {:?} led", self.writer, world.leader));
        }
        // Two that claim within seconds of each other: the later one's claim stands, and the earlier one gives way.
        let claim = world.groups.get("us").and_then(|groups| OwnerClaim::read(groups.get(CLAIM_GROUP)?));
        let foreign = claim.is_some_and(|claim| &*claim.cluster == "other-cluster");
        if foreign && world.fault.is_none() && world.claimed.is_some_and(|since| since.elapsed() > LOOKS) {
            wrongs.push("something was written under the claim of another cluster".to_owned());
        }
        for (namespace, groups) in &before {
            for name in groups.keys() {
                let there = world.groups.get(namespace).is_some_and(|groups| groups.contains_key(name));
                if !there && world.promised.contains(&(namespace.clone(), name.clone())) {
                    wrongs.push(format!("{namespace}/{name} went missing"));
                }
            }
            if !namespace.starts_with(OURS)
                && namespace != "us"
                && world.groups.get(namespace) != Some(groups)
            {
                wrongs.push(format!("the foreign namespace {namespace} was changed"));
            }
        }
        world.wrongs.extend(wrongs);
    }
}

#[async_trait]
impl Ruler for SimConnection {
    fn normalization(&self) -> Normalization {
        match self.ruler.0.lock().unwrap().habit {
            Habit::Faithful | Habit::Blanks => Normalization::Exact,
            Habit::DropsLimit | Habit::Reprints => {
                Normalization::Respells { oldest: Keeps { limit: KeptLimit::No, ..Keeps::ALL } }
            }
        }
    }

    async fn list(&self, _: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        let fault = self.arrive(None).await?;
        if fault == Some(Fault::Garbled) {
            return Err(RulerError::Unreadable { message: "it is cut off".to_owned() });
        }
        for (namespace, groups) in self.ruler.groups() {
            if listing.wants(&namespace) {
                groups.values().for_each(|group| listing.add(&namespace, group));
            }
        }
        self.leave(fault).await
    }

    async fn put_group(
        &self,
        _: Option<&TenantId>,
        namespace: &str,
        group: &Group,
    ) -> Result<(), RulerError> {
        let fault = self.arrive(Some((namespace, Some(&group.name)))).await?;
        if let Some(rule) = group.rules.iter().position(|rule| rule.expr.contains(BAD)) {
            return Err(RulerError::Rejected { message: "cannot parse".to_owned(), rule: Some(rule) });
        }
        let habit = self.ruler.0.lock().unwrap().habit;
        let stored = SimRuler::stored(habit, group);
        self.change(|groups| {
            groups.entry(namespace.to_owned()).or_default().insert(group.name.clone(), stored);
        });
        self.leave(fault).await
    }

    async fn delete_group(
        &self,
        _: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        let fault = self.arrive(Some((namespace, Some(group)))).await?;
        self.change(|groups| {
            if let Some(of_namespace) = groups.get_mut(namespace) {
                of_namespace.remove(group);
                if of_namespace.is_empty() {
                    groups.remove(namespace);
                }
            }
        });
        self.leave(fault).await
    }

    async fn delete_namespace(
        &self,
        _: Option<&TenantId>,
        namespace: &str,
        _: &[&str],
    ) -> Result<(), RulerError> {
        let fault = self.arrive(Some((namespace, None))).await?;
        self.change(|groups| drop(groups.remove(namespace)));
        self.leave(fault).await
    }
}
