//! A source that sends what the test has it send.

use async_trait::async_trait;
use rulesync_core::{RuleObject, Scope, Sink, Source, SourceEvent};
use tokio::sync::mpsc;

use super::id;

/// A source that sends the events of its channel. Each run continues where the previous one stopped.
#[derive(Debug)]
pub(crate) struct ScriptedSource {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<SourceEvent>>,
    namespaces: bool,
}

#[async_trait]
impl Source for ScriptedSource {
    async fn run(&self, sink: Sink) {
        let mut events = self.events.lock().await;
        while let Some(event) = events.recv().await {
            if sink.send(event).await.is_err() {
                return;
            }
        }
    }

    fn scopes(&self) -> Vec<Scope> {
        let namespaces = self.namespaces.then_some(Scope::Namespaces);
        namespaces.into_iter().chain([Scope::Everything]).collect()
    }
}

/// The sender of the events of a [`ScriptedSource`].
#[derive(Debug, Clone)]
pub(crate) struct SourceControl(mpsc::UnboundedSender<SourceEvent>);

impl SourceControl {
    pub(crate) fn send(&self, event: SourceEvent) {
        self.0.send(event).unwrap();
    }

    pub(crate) fn upsert(&self, object: RuleObject) {
        self.send(SourceEvent::Upsert(object));
    }

    pub(crate) fn delete(&self, name: &str) {
        self.send(SourceEvent::Delete(id(name)));
    }

    pub(crate) fn complete(&self) {
        self.send(SourceEvent::SnapshotComplete(Scope::Namespaces));
        self.send(SourceEvent::SnapshotComplete(Scope::Everything));
    }
}

pub(crate) fn scripted_source() -> (ScriptedSource, SourceControl) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (ScriptedSource { events: tokio::sync::Mutex::new(receiver), namespaces: true }, SourceControl(sender))
}
