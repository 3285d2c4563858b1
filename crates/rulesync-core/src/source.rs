//! The origin of declared objects: the [`Source`] trait, and the events that a source sends to the engine.

mod event;
mod scope;
mod sink;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

pub use event::SourceEvent;
pub use scope::Scope;
pub(crate) use sink::SourceMessage;
pub use sink::{Closed, Sink, SinkEvents};

/// Something that declares rule objects.
///
/// A source sends events as a Kubernetes watch does: a snapshot of what exists, then each change. A whole source:
///
/// ```
/// use async_trait::async_trait;
/// use rulesync_core::{ObjectId, RuleObject, Scope, Sink, Source, SourceEvent};
///
/// /// Declares one object, and never changes it.
/// #[derive(Debug)]
/// struct Fixed;
///
/// #[async_trait]
/// impl Source for Fixed {
///     async fn run(&self, sink: Sink) {
///         let id = ObjectId::new(sink.source(), &"RuleFile".into(), "shop", "api");
///         let object = RuleObject::new(id, Vec::new());
///         // An error means that the engine has stopped: nothing is left to do.
///         let _ = sink.send(SourceEvent::Upsert(object)).await;
///         let _ = sink.send(SourceEvent::SnapshotComplete(Scope::Everything)).await;
///     }
/// }
/// ```
///
/// Errors never end a source: it sends [`SourceEvent::Unavailable`] and tries again by itself.
#[async_trait]
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Sends what exists in each of its [`scopes`](Source::scopes), then [`SourceEvent::SnapshotComplete`] for it, then
    /// every change.
    ///
    /// The engine drops the future when it stops, or when the source is no longer configured. Returning earlier means
    /// that nothing more will be sent. A source that may have missed changes starts another snapshot with
    /// [`SourceEvent::SnapshotStarted`]: the engine finds the deleted objects.
    async fn run(&self, sink: Sink);

    /// Returns the parts that it lists, each on its own. Nothing is deleted from a ruler before each has been listed once.
    ///
    /// With [`Scope::Namespaces`] among them, Kubernetes namespaces are known with their labels and annotations;
    /// otherwise by their names only.
    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::Everything]
    }

    /// Returns whether it sends [`SourceEvent::Identity`].
    fn identifies(&self) -> bool {
        false
    }

    /// Returns the interval between two polls of everything it has; zero if it receives changes as they come. Objects
    /// that vanish from it together count as deleted only after another poll.
    fn poll_interval(&self) -> Duration {
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source with no more than the required method.
    #[derive(Debug)]
    struct Minimal;

    #[async_trait]
    impl Source for Minimal {
        async fn run(&self, sink: Sink) {
            let _ = sink.send(SourceEvent::SnapshotComplete(Scope::Everything)).await;
        }
    }

    #[tokio::test]
    async fn source_with_the_required_method_has_one_scope_and_nothing_else() {
        let (sink, mut events) = Sink::channel("s");
        Minimal.run(sink).await;
        assert!(matches!(events.next().await, Some(SourceEvent::SnapshotComplete(Scope::Everything))));
        assert!(events.next().await.is_none(), "every sink is gone");
        assert_eq!((Minimal.scopes(), Minimal.identifies()), (vec![Scope::Everything], false));
        assert_eq!(Minimal.poll_interval(), Duration::ZERO);
    }
}
