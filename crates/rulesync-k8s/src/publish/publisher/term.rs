//! What a publisher does and knows while it may write: one loop, in which everything that takes time is a request under way,
//! so that nothing waits for anything else.

mod events;
mod objects;
mod shared;
mod surveys;
mod writes;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use k8s_openapi::api::events::v1::Event;
use rulesync_core::ObjectId;
use rulesync_core::status::{ObjectStatus, SourceStatus};
use tokio::time::Instant;

use super::metrics::QueueShare;
use super::obstacles::Obstacles;
use super::orphans::Orphans;
use super::parts::Parts;
use super::pressure::Pressure;
use super::published::{Effect, Key, Keys, Published};
use super::questions::has_shown_its_objects;
use super::queue::Queue;
use super::rate::{Level, Rate};
use super::recorder::Recorder;
use super::removals::Removals;
use super::settings::{ObjectSelection, PublishSettings};
use super::sharing::Sharing;
use super::sink::Failure;
use super::survey::Surveyed;
use super::write::Write;
use crate::publish::events::Notice;

/// How often the engine is asked for the status of objects. Each question is about several.
const QUESTIONS: Rate = Rate::new(Duration::from_millis(100), 3);

/// The state of a publisher that may write.
pub(super) struct Term {
    parts: Arc<Parts>,
    settings: PublishSettings,
    keys: Keys,
    published: Published,
    queue: Queue,
    recorder: Recorder<u64, u64, Record>,
    pressure: Pressure,
    obstacles: Obstacles,
    writes: Rate,
    writes_level: Level,
    questions_level: Level,
    /// What was decided and waits for its turn.
    jobs: VecDeque<Job>,
    /// What is deleted when there are no jobs.
    orphans: Orphans,
    under_way: FuturesUnordered<BoxFuture<'static, Done>>,
    writes_under_way: usize,
    events_under_way: usize,
    is_asking: bool,
    survey: SurveyState,
    /// The sources whose objects are published, in the order of the configuration.
    sources: Vec<String>,
    /// How objects relate to those of their name that other sources show.
    shared: HashMap<Key, Sharing>,
    /// Objects that another source has published, and does not show any more.
    taken_over: HashSet<ObjectId>,
    /// The time since which objects are on their way.
    on_their_way: HashMap<ObjectId, Instant>,
    /// The time at which the evaluation of objects was last published.
    evaluated: HashMap<ObjectId, Instant>,
    /// Objects that existed when the term began and were not looked at yet, if that matters.
    first: HashSet<ObjectId>,
    /// What authors are to be told besides what follows from the status.
    notices: HashMap<ObjectId, Vec<Notice>>,
    removals: Removals,
    /// The time until which no Events are made, because they cannot be.
    no_events_until: Option<Instant>,
    began: Instant,
    queue_length: QueueShare,
    reports: Reports,
}

/// An Event that waits, and how often it has failed.
struct Record {
    event: Box<Event>,
    failures: u32,
}

/// The writes of one object.
struct Job {
    /// The object; none for what is left of one that is not known.
    object: Option<ObjectId>,
    key: Key,
    writes: VecDeque<(Write, Effect)>,
    /// Set if the evaluation of the object is among them.
    evaluates: bool,
    /// The time before which it is not to be tried again, if something stood in the way.
    blocked_until: Option<Instant>,
}

/// An object that the engine was asked about.
struct Asked {
    object: ObjectId,
    /// Those of its name that other sources show.
    others: Vec<ObjectId>,
}

/// Something that was under way.
enum Done {
    Asked { asked: Vec<Asked>, statuses: Option<Vec<ObjectStatus>>, sources: Option<Vec<SourceStatus>> },
    Written { job: Job, write: Box<Write>, effect: Effect, result: Result<(), Failure> },
    Recorded { name: u64, record: Record, result: Result<(), Failure> },
    Surveyed(Surveyed),
}

/// When what was published is listed.
#[derive(Debug)]
struct SurveyState {
    /// The time of the next list.
    due: Instant,
    /// The time at which the last one began.
    last: Option<Instant>,
    is_under_way: bool,
    /// The number of lists in a row that have failed.
    failures: u32,
    /// Set once a list has succeeded in this term.
    has_been: bool,
    /// Set once what belongs to no object any more was deleted in this term.
    has_swept: bool,
    /// Set if all objects are to be looked at after the next list, and not just those of which it shows something new.
    concerns_all: bool,
}

/// What was logged in this term and is not logged again.
#[derive(Debug, Default)]
struct Reports {
    conflict: bool,
    refusal: bool,
    event: bool,
    leftover: bool,
    unreachable: bool,
}

impl SurveyState {
    fn due(due: Instant) -> Self {
        Self {
            due,
            last: None,
            is_under_way: false,
            failures: 0,
            has_been: false,
            has_swept: false,
            concerns_all: true,
        }
    }
}

impl Term {
    pub(super) fn new(parts: Arc<Parts>) -> Self {
        let now = Instant::now();
        let settings = parts.settings.borrow().clone();
        let sources = parts.sources.borrow().clone();
        Self {
            keys: Keys::of(parts.owner.clone()),
            published: Published::default(),
            queue: Queue::default(),
            recorder: Recorder::new(),
            pressure: Pressure::default(),
            obstacles: Obstacles::default(),
            writes: Rate::per_second(settings.max_writes_per_second),
            writes_level: Level::default(),
            questions_level: Level::default(),
            jobs: VecDeque::new(),
            orphans: Orphans::default(),
            under_way: FuturesUnordered::new(),
            writes_under_way: 0,
            events_under_way: 0,
            is_asking: false,
            survey: SurveyState::due(now),
            sources,
            shared: HashMap::new(),
            taken_over: HashSet::new(),
            on_their_way: HashMap::new(),
            evaluated: HashMap::new(),
            first: HashSet::new(),
            notices: HashMap::new(),
            removals: parts.removals.subscribe(&parts.source),
            no_events_until: None,
            began: now,
            queue_length: parts.metrics.queue(),
            reports: Reports::default(),
            settings,
            parts,
        }
    }

    /// Publishes until it is dropped. Ends by itself if the engine has ended.
    pub(super) async fn run(mut self) {
        let (mut settings, mut sources) = (self.parts.settings.clone(), self.parts.sources.clone());
        let mut changes = self.parts.states.subscribe();
        if !has_shown_its_objects(&*self.parts.engine, &self.parts.source, &self.sources).await {
            return;
        }
        loop {
            let now = Instant::now();
            let may_write = self.parts.leadership.may_write();
            if may_write {
                self.begin(now);
            }
            // The objects of the other jobs are in the queue.
            let unknown = self.jobs.iter().filter(|job| job.object.is_none()).count();
            self.queue_length.set(self.queue.len() + unknown + self.orphans.len());
            let next = self.next(now).filter(|_| may_write);
            let wait = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(done) = self.under_way.next() => {
                    if !self.done(done, Instant::now()) {
                        return;
                    }
                }
                changed = changes.changed() => {
                    let now = Instant::now();
                    changed.iter().for_each(|object| self.consider(object, now));
                }
                () = self.removals.added(), if self.survey.has_been => self.take_removals(Instant::now()),
                Ok(()) = settings.changed() => {
                    let settings = settings.borrow_and_update().clone();
                    self.change_settings(settings, Instant::now());
                }
                Ok(()) = sources.changed() => {
                    let sources = sources.borrow_and_update().clone();
                    self.change_sources(sources, Instant::now());
                }
                // The term is about to end, or goes on.
                () = self.parts.leadership.leading(), if !may_write => {}
                () = wait => {}
            }
        }
    }

    /// Begins whatever may begin.
    fn begin(&mut self, now: Instant) {
        if self.survey.is_under_way {
            return;
        }
        if self.survey.due <= now {
            // What is under way would be missing from the list, or be there and not be known.
            if self.under_way.is_empty() && self.pressure.next(now) <= now {
                self.begin_survey();
            }
            return;
        }
        if !self.survey.has_been {
            return;
        }
        self.begin_events(now);
        self.begin_writes(now);
        self.begin_question(now);
    }

    /// Returns the time at which something may begin that may not begin now; none if that depends on what is under way.
    fn next(&self, now: Instant) -> Option<Instant> {
        if self.survey.is_under_way {
            return None;
        }
        if self.survey.due <= now {
            return self.under_way.is_empty().then(|| self.pressure.next(now));
        }
        if !self.survey.has_been {
            return Some(self.survey.due);
        }
        [Some(self.survey.due), self.next_event(now), self.next_write(now), self.next_question(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Handles what was under way. Returns false if the engine has ended.
    fn done(&mut self, done: Done, now: Instant) -> bool {
        match done {
            Done::Asked { statuses: None, .. } => return false,
            Done::Asked { asked, statuses: Some(statuses), sources } => {
                self.is_asking = false;
                self.answered(asked, statuses, sources.as_deref(), now);
            }
            Done::Written { job, write, effect, result } => {
                self.writes_under_way -= 1;
                self.written(job, &write, effect, result, now);
            }
            Done::Recorded { name, record, result } => {
                self.events_under_way -= 1;
                self.recorded(name, record, result, now);
            }
            Done::Surveyed(surveyed) => {
                self.survey.is_under_way = false;
                if surveyed.sources.is_none() {
                    return false;
                }
                self.surveyed(surveyed, now);
            }
        }
        true
    }

    fn change_settings(&mut self, settings: PublishSettings, now: Instant) {
        if settings == self.settings {
            return;
        }
        self.writes = Rate::per_second(settings.max_writes_per_second);
        let before = std::mem::replace(&mut self.settings, settings);
        if self.settings.events.is_none() {
            let dropped = self.recorder.clear();
            self.parts.metrics.events_of("dropped", dropped as u64);
            self.notices.clear();
        }
        match (before.objects, self.settings.objects) {
            (Some(ObjectSelection::All), Some(ObjectSelection::Problems)) => self.published.keep_problems(),
            (_, Some(ObjectSelection::Problems)) => {}
            _ => self.published.keep_all(),
        }
        if self.is_less(&before) {
            tracing::info!(source = %self.parts.source, "Less is published from now on; the rest is removed");
        }
        // What was not of interest before is listed now.
        self.survey.due = now;
        self.survey.concerns_all = true;
    }

    fn is_less(&self, before: &PublishSettings) -> bool {
        (before.objects.is_some() && self.settings.objects.is_none())
            || (before.objects == Some(ObjectSelection::All) && self.settings.objects != before.objects)
            || (before.annotations.is_some() && self.settings.annotations.is_none())
            || (before.reports && !self.settings.reports)
    }
}
