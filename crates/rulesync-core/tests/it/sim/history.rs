//! Histories: what may happen, made of a seed, and short to print.

use super::ruler::{BAD, Fault, Habit};

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Time passes, in milliseconds.
    Wait(u64),
    /// Object number so and so is made or changed: its groups with their expressions.
    Apply(u8, Vec<(u8, String)>),
    Delete(u8),
    /// Every object of a Kubernetes namespace is deleted.
    DeleteAll(&'static str),
    /// Its label selects it, or no longer.
    Select(u8, bool),
    /// It cannot be read, or can again.
    Malform(u8, bool),
    /// The label of its Kubernetes namespace selects it, or no longer.
    Label(&'static str, bool),
    /// The API server is away, or back.
    Hide(bool),
    /// Whoever watches must list again.
    Relist,
    /// Something is wrong with the ruler, or nothing any more.
    Suffer(Option<Fault>),
    /// The leading process dies and starts anew.
    Crash,
    /// The other process leads at once, because the lease was given back.
    HandOver,
    /// The leader cannot renew its lease: it begins no more writes, and a while later the other leads.
    CutOff,
    /// Somebody edits a group of ours, removes one, or adds one.
    Edit(u8),
    /// Somebody writes a group that is none of our business.
    Foreign(u8),
    /// Another cluster claims the tenant for our owner, or no longer.
    Claim(bool),
}

/// A history.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) seed: u64,
    pub(crate) habit: Habit,
    /// Whether nobody but us writes, and so nothing is read again but after failures: our own bookkeeping must do.
    pub(crate) alone: bool,
    pub(crate) events: Vec<Event>,
}

impl History {
    /// The history of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let habits = [Habit::Faithful, Habit::Faithful, Habit::Blanks, Habit::DropsLimit, Habit::Reprints];
        let habit = habits[random.usize(..habits.len())];
        let alone = habit != Habit::DropsLimit && habit != Habit::Reprints && random.bool();
        let length = random.usize(8..40);
        let others = |event: &Event| matches!(event, Event::Edit(_) | Event::Foreign(_) | Event::Claim(_));
        let events =
            (0..length).map(|_| event(&mut random)).filter(|event| !alone || !others(event)).collect();
        Self { seed, habit, alone, events }
    }
}

fn event(random: &mut fastrand::Rng) -> Event {
    let object = random.u8(..6);
    let namespace = ["a", "b"][random.usize(..2)];
    match random.u8(..100) {
        0..22 => {
            let most = [50, 2_000, 40_000, 900_000][random.usize(..4)];
            Event::Wait(random.u64(1..most))
        }
        22..50 => {
            let groups = (0..3).filter(|_| random.u8(..4) > 0).collect::<Vec<u8>>();
            let expr = |random: &mut fastrand::Rng| match random.u8(..8) {
                0 => BAD.to_owned(),
                // Refused before it is offered.
                1 => String::new(),
                n => format!("a+{n}"),
            };
            Event::Apply(object, groups.into_iter().map(|group| (group, expr(random))).collect())
        }
        50..58 => Event::Delete(object),
        58..60 => Event::DeleteAll(namespace),
        60..65 => Event::Select(object, random.bool()),
        65..69 => Event::Malform(object, random.bool()),
        69..72 => Event::Label(namespace, random.bool()),
        72..76 => Event::Hide(random.bool()),
        76..79 => Event::Relist,
        79..87 => {
            let faults =
                [Fault::Down, Fault::Hang, Fault::Busy, Fault::Deaf, Fault::Garbled, Fault::OneGroup];
            Event::Suffer(random.bool().then(|| faults[random.usize(..faults.len())]))
        }
        87..90 => Event::Crash,
        90..92 => Event::HandOver,
        92 => Event::CutOff,
        93..96 => Event::Edit(random.u8(..)),
        96..98 => Event::Foreign(random.u8(..4)),
        _ => Event::Claim(random.bool()),
    }
}
