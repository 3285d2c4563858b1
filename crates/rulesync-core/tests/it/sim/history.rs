//! Histories: random events made of a seed, and short to print.

use super::names::First;
use super::ruler::{BAD, Fault, Habit, TENANTS, Tenant};

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Time passes, in milliseconds.
    Wait(u64),
    /// The object of this number is created or changed: its groups with their expressions.
    Apply(u8, Vec<(u8, String)>),
    Delete(u8),
    /// Every object of a Kubernetes namespace is deleted.
    DeleteAll(&'static str),
    /// The object's label selects it for a tenant, or for none.
    Select(u8, Option<Tenant>),
    /// The object becomes unreadable, or readable again.
    Malform(u8, bool),
    /// The object's file becomes unreadable, or readable again: a process that has never read it does not know its
    /// name.
    Obscure(u8, bool),
    /// The label of a Kubernetes namespace selects it, or no longer.
    Label(&'static str, bool),
    /// The kind of all objects is installed, or is removed together with them.
    Kind(bool),
    /// The API server is unavailable, or available again.
    Hide(bool),
    /// Every watch must list again.
    Relist,
    /// The watch of the standby is silent for this number of seconds.
    Lag(u64),
    /// The ruler has a fault, for one tenant or for all, or none any more.
    Suffer(Option<Fault>, Option<Tenant>),
    /// The leading process dies and starts again.
    Crash,
    /// The other process leads at once, because the lease was released.
    HandOver,
    /// The leader cannot renew its lease: it begins no more writes, and a while later the other process leads.
    CutOff,
    /// The leader's configuration is reloaded, with another connection to the same ruler.
    Reload,
    /// Somebody edits an own group, removes one, or adds one.
    Edit(u8),
    /// Somebody writes the same other version of an own group again and again, or no longer.
    Insist(Option<u8>),
    /// Somebody writes a foreign group.
    Foreign(u8),
    /// Another cluster claims a tenant for the same owner, or no longer.
    Claim(Tenant, bool),
    /// Both processes are started again with a configuration in which the owner's names follow the first ones.
    Rename,
}

/// A history.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) seed: u64,
    pub(crate) habit: Habit,
    /// True if only the engine writes, and nothing is read again except after failures: its bookkeeping must be right.
    pub(crate) alone: bool,
    /// The tenants that objects go to.
    pub(crate) tenants: &'static [Tenant],
    /// True if objects request their tenants, so that destinations come and go with them; otherwise each tenant has a
    /// route of its own.
    pub(crate) claims: bool,
    /// The naming of the rules at first.
    pub(crate) first: First,
    pub(crate) events: Vec<Event>,
}

impl History {
    /// Creates the history of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let habits = [Habit::Faithful, Habit::Faithful, Habit::Blanks, Habit::DropsLimit, Habit::Reprints];
        let habit = habits[random.usize(..habits.len())];
        let alone = habit != Habit::DropsLimit && habit != Habit::Reprints && random.bool();
        let tenants = &TENANTS[..random.usize(1..=TENANTS.len())];
        let claims = random.bool();
        let firsts = [First::Owner, First::Owner, First::Alloy("/"), First::Alloy("-"), First::Verbatim];
        let first = firsts[random.usize(..firsts.len())];
        let length = random.usize(8..40);
        let happens = |event: &Event| match event {
            Event::Edit(_) | Event::Foreign(_) | Event::Claim(..) => !alone,
            Event::Insist(_) | Event::Suffer(Some(Fault::Swallow), _) => !alone,
            Event::Rename => first != First::Owner,
            _ => true,
        };
        let mut events = Vec::new();
        while events.len() < length {
            events.extend(some(&mut random, tenants).into_iter().filter(happens));
        }
        Self { seed, habit, alone, tenants, claims, first, events }
    }
}

/// Returns the next event, or several that only make sense together.
fn some(random: &mut fastrand::Rng, tenants: &[Tenant]) -> Vec<Event> {
    let object = random.u8(..6);
    let namespace = ["a", "b"][random.usize(..2)];
    let tenant = tenants[random.usize(..tenants.len())];
    let one = match random.u8(..125) {
        0..22 => {
            let most = [50, 2_000, 40_000, 900_000][random.usize(..4)];
            Event::Wait(random.u64(1..most))
        }
        22..48 => apply(random, object),
        48..55 => Event::Delete(object),
        55..57 => Event::DeleteAll(namespace),
        57..60 => Event::Select(object, None),
        60..70 => Event::Select(object, Some(tenant)),
        70..74 => Event::Malform(object, random.bool()),
        74..79 => Event::Obscure(object, random.bool()),
        79..82 => Event::Label(namespace, random.bool()),
        82..85 => Event::Hide(random.bool()),
        85..88 => Event::Relist,
        88..97 => {
            let faults = [
                Fault::Down,
                Fault::Hang,
                Fault::Busy,
                Fault::Deaf,
                Fault::Garbled,
                Fault::OneGroup,
                Fault::Swallow,
            ];
            let fault = random.bool().then(|| faults[random.usize(..faults.len())]);
            Event::Suffer(fault, random.bool().then_some(tenant))
        }
        97..100 => Event::Crash,
        100..102 => Event::HandOver,
        102 => Event::CutOff,
        103..106 => Event::Reload,
        106..108 => {
            let lag = random.u64(5..70);
            let wait = random.u64(1..lag * 1_000);
            // A lag matters only before the process leads.
            return vec![Event::Lag(lag), apply(random, object), Event::Wait(wait), Event::HandOver];
        }
        108..111 => Event::Kind(random.bool()),
        111..114 => Event::Edit(random.u8(..)),
        114 => Event::Insist(random.bool().then(|| random.u8(..))),
        115..118 => Event::Foreign(random.u8(..4)),
        118..121 => {
            // The object moves where it cannot be written yet, and something happens to the process that moves it.
            let middle = [Event::Reload, Event::HandOver, Event::Relist, Event::CutOff];
            return vec![
                apply(random, object),
                Event::Wait(random.u64(1_000..20_000)),
                Event::Suffer(Some(Fault::Down), Some(tenant)),
                Event::Select(object, Some(tenant)),
                Event::Wait(random.u64(1..5_000)),
                middle[random.usize(..middle.len())].clone(),
                Event::Wait(random.u64(1..400_000)),
            ];
        }
        123..125 => Event::Rename,
        _ => Event::Claim(tenant, random.bool()),
    };
    vec![one]
}

fn apply(random: &mut fastrand::Rng, object: u8) -> Event {
    let groups = (0..3).filter(|_| random.u8(..4) > 0).collect::<Vec<u8>>();
    let expr = |random: &mut fastrand::Rng| match random.u8(..8) {
        0 => BAD.to_owned(),
        // Refused before it is offered.
        1 => String::new(),
        n => format!("a+{n}"),
    };
    Event::Apply(object, groups.into_iter().map(|group| (group, expr(random))).collect())
}
