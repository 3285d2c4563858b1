//! Where declared objects come from: the [`Source`] trait and what a source tells the engine.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::finding::Finding;
use crate::model::labels::Labels;
use crate::model::object::{ObjectId, RuleObject};

/// What a source has to say.
#[derive(Debug)]
pub enum SourceEvent {
    /// The object is there, new or changed. Saying it again unchanged costs nothing.
    Upsert(RuleObject),
    /// The object is there but cannot be read; what was last known of it stays.
    Malformed {
        /// Which object.
        id: ObjectId,
        /// What is wrong with it.
        finding: Finding,
        /// Whether it may stand for objects of other names, as a file does that was never parsed. While there is
        /// such a thing, nothing is taken for an orphan.
        hides: bool,
    },
    /// The object is gone.
    Delete(ObjectId),
    /// The object is gone, and others have its rules now: its author gave it another name. What rulers have of it goes
    /// when these, which were said before, are written.
    Renamed {
        /// Which object is gone.
        id: ObjectId,
        /// The objects that have its rules.
        to: Vec<ObjectId>,
    },
    /// A Kubernetes namespace has these labels and annotations. Only from sources that answer
    /// [`Source::delivers_namespaces`] with true.
    Namespace {
        /// The Kubernetes namespace.
        name: String,
        /// All its labels.
        labels: Labels,
        /// Its annotations; those that only others use may be left out.
        annotations: Labels,
    },
    /// A Kubernetes namespace is gone.
    NamespaceGone {
        /// The Kubernetes namespace.
        name: String,
    },
    /// Everything that exists has been said at least once. Nothing is deleted from a ruler before that.
    SnapshotComplete,
    /// The source cannot see its objects at the moment; what was known stays.
    Unavailable {
        /// Why, and what is being waited for.
        reason: String,
    },
    /// The kind of its objects is no more, or is going: what it says was deleted just before is not to be believed,
    /// because a deleted CRD takes all its objects with it. Implies [`SourceEvent::Unavailable`].
    KindGone {
        /// What was seen, and what is being waited for.
        reason: String,
    },
    /// A kind of objects that not every cluster has is installed, or is not. Said before the snapshot is complete. What
    /// was written for objects of a kind that is not installed stays: a deleted CRD looks like one that never was.
    Kind {
        /// The kind, such as `LoggingRule`.
        kind: Arc<str>,
        /// Whether it is installed.
        installed: bool,
    },
    /// The source sees its objects again.
    Available,
    /// What tells this cluster, or whatever else declares the objects, from all others; none if that cannot be
    /// known. Only from sources that answer [`Source::identifies`] with true, before their snapshot is complete.
    Identity(Option<String>),
}

/// Takes what a source says, in order. Waiting in [`Sink::send`] is the back-pressure that keeps memory small.
#[derive(Debug, Clone)]
pub struct Sink {
    source: Arc<str>,
    run: u32,
    events: mpsc::Sender<Said>,
}

/// One event with who said it and when.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) source: Arc<str>,
    /// Which run of the source, if it was restarted under the same name.
    pub(crate) run: u32,
    pub(crate) at: Instant,
    pub(crate) event: SourceEvent,
}

/// The engine no longer listens: the source should return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine no longer listens")]
pub struct Closed;

impl Sink {
    pub(crate) fn new(source: Arc<str>, run: u32, events: mpsc::Sender<Said>) -> Self {
        Self { source, run, events }
    }

    /// A sink and the events that come out of it, for testing a source on its own.
    pub fn channel(source: &str) -> (Self, SinkEvents) {
        let (events, receiver) = mpsc::channel(16);
        (Self::new(source.into(), 0, events), SinkEvents(receiver))
    }

    /// The name the engine knows the source by: the first argument of [`ObjectId::new`].
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// Says something; waits while the engine is busy.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the engine has stopped or dropped this source.
    pub async fn send(&self, event: SourceEvent) -> Result<(), Closed> {
        let said = Said { source: Arc::clone(&self.source), run: self.run, at: Instant::now(), event };
        self.events.send(said).await.map_err(|_| Closed)
    }
}

/// The other end of [`Sink::channel`].
#[derive(Debug)]
pub struct SinkEvents(mpsc::Receiver<Said>);

impl SinkEvents {
    /// The next event; none when every sink is gone.
    pub async fn next(&mut self) -> Option<SourceEvent> {
        Some(self.0.recv().await?.event)
    }
}

/// Something that declares rule objects.
///
/// Errors never end a source: it says [`SourceEvent::Unavailable`] and tries again by itself.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Says what exists, then [`SourceEvent::SnapshotComplete`], then every change, until `shutdown`.
    ///
    /// Returning earlier means that nothing more will come. After a restart of the source inside one run (a new
    /// list), objects that have vanished in between must be said as [`SourceEvent::Delete`]; [`Known`] finds them.
    async fn run(&self, sink: Sink, shutdown: CancellationToken);

    /// Whether it says [`SourceEvent::Namespace`]. If not, a Kubernetes namespace is known by its name only.
    fn delivers_namespaces(&self) -> bool {
        false
    }

    /// Whether it says [`SourceEvent::Identity`].
    fn identifies(&self) -> bool {
        false
    }

    /// How long it waits between two looks at everything it has; zero if it is told of changes as they come. What
    /// vanished from it at once is believed only after another look.
    fn look_interval(&self) -> Duration {
        Duration::ZERO
    }
}

/// The objects a source has said, so that a new list tells which of them are gone.
#[derive(Debug, Default)]
pub struct Known {
    current: HashSet<ObjectId>,
    listed: Option<HashSet<ObjectId>>,
}

impl Known {
    /// A new list begins.
    pub fn begin(&mut self) {
        self.listed = Some(HashSet::with_capacity(self.current.len()));
    }

    /// The object exists.
    pub fn saw(&mut self, id: &ObjectId) {
        match &mut self.listed {
            Some(listed) => listed.insert(id.clone()),
            None => self.current.insert(id.clone()),
        };
    }

    /// The object is gone; false if it was not known.
    pub fn forget(&mut self, id: &ObjectId) -> bool {
        if let Some(listed) = &mut self.listed {
            listed.remove(id);
        }
        self.current.remove(id)
    }

    /// The list is complete: what was known and was not in it.
    pub fn finish(&mut self) -> Vec<ObjectId> {
        let Some(listed) = self.listed.take() else { return Vec::new() };
        let gone = self.current.difference(&listed).cloned().collect();
        self.current = listed;
        gone
    }

    /// Whether a list is under way and has shown nothing yet, although something was known before.
    pub fn lists_nothing_of_what_was(&self) -> bool {
        !self.current.is_empty() && self.listed.as_ref().is_some_and(HashSet::is_empty)
    }

    /// Whether a list is under way and has shown nothing yet.
    pub fn lists_nothing(&self) -> bool {
        self.listed.as_ref().is_some_and(HashSet::is_empty)
    }

    /// How many objects are known.
    pub fn len(&self) -> usize {
        self.current.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ObjectId {
        ObjectId::new(&"s".into(), &"K".into(), "ns", name)
    }

    #[test]
    fn a_new_list_tells_what_is_gone() {
        let mut known = Known::default();
        known.begin();
        known.saw(&id("a"));
        known.saw(&id("b"));
        assert!(known.finish().is_empty());
        known.saw(&id("c"));
        assert!(known.forget(&id("a")));
        assert!(!known.forget(&id("a")));
        known.begin();
        known.saw(&id("c"));
        assert_eq!(known.finish(), [id("b")]);
        assert_eq!(known.len(), 1);
    }
    #[test]
    fn a_list_that_has_shown_nothing_yet_is_told_from_one_that_has() {
        let mut known = Known::default();
        let state =
            |known: &Known| (known.lists_nothing(), known.lists_nothing_of_what_was(), known.is_empty());
        assert_eq!(state(&known), (false, false, true), "no list is under way");
        known.begin();
        assert_eq!(state(&known), (true, false, true), "nothing was there before");
        known.saw(&id("a"));
        known.saw(&id("b"));
        assert!(!known.lists_nothing());
        known.finish();
        assert_eq!((state(&known), known.len()), ((false, false, false), 2));
        known.begin();
        assert_eq!(state(&known), (true, true, false));
        known.saw(&id("a"));
        assert_eq!(state(&known), (false, false, false));
    }

    /// A source that says one thing, and has nothing but what it must.
    #[derive(Debug)]
    struct Least;

    #[async_trait]
    impl Source for Least {
        async fn run(&self, sink: Sink, _: CancellationToken) {
            let _ = sink.send(SourceEvent::SnapshotComplete).await;
        }
    }

    #[tokio::test]
    async fn what_a_source_need_not_say_is_assumed_of_none() {
        let (sink, mut events) = Sink::channel("s");
        Least.run(sink, CancellationToken::new()).await;
        assert!(matches!(events.next().await, Some(SourceEvent::SnapshotComplete)));
        assert!(events.next().await.is_none(), "nobody can say anything any more");
        assert_eq!((Least.delivers_namespaces(), Least.identifies()), (false, false));
        assert_eq!(Least.look_interval(), Duration::ZERO);
    }
}
