//! A source of your own, and the proof that it is one: rules that a program keeps in memory, such as those of its users.
//!
//! `cargo run -p rulesync-conformance --example custom_source` runs the conformance suite on it.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use rulesync_conformance::sources::{self, World};
use rulesync_core::model::DeclaredGroup;
use rulesync_core::{ObjectId, RuleObject, Scope, Sink, Source, SourceEvent};
use tokio::sync::watch;

type Objects = BTreeMap<String, Vec<DeclaredGroup>>;

/// Sends the objects whenever they change.
#[derive(Debug)]
struct InMemory(watch::Receiver<Objects>);

#[async_trait]
impl Source for InMemory {
    async fn run(&self, sink: Sink) {
        let mut objects = self.0.clone();
        loop {
            let mut events = vec![SourceEvent::SnapshotStarted(Scope::Everything)];
            for (name, groups) in &*objects.borrow_and_update() {
                let id = ObjectId::new(sink.source(), &"RuleFile".into(), "memory", name);
                events.push(SourceEvent::Upsert(RuleObject::new(id, groups.clone())));
            }
            // The engine finds what has changed and what is gone.
            events.push(SourceEvent::SnapshotComplete(Scope::Everything));
            for event in events {
                // An error means that the engine has stopped.
                let Ok(()) = sink.send(event).await else { return };
            }
            let Ok(()) = objects.changed().await else { return };
        }
    }
}

struct Memory(watch::Sender<Objects>);

#[async_trait]
impl World for Memory {
    async fn source(&self) -> Arc<dyn Source> {
        Arc::new(InMemory(self.0.subscribe()))
    }

    async fn declare(&mut self, name: &str, groups: &[DeclaredGroup]) {
        self.0.send_modify(|objects| drop(objects.insert(name.to_owned(), groups.to_vec())));
    }

    async fn remove(&mut self, name: &str) {
        self.0.send_modify(|objects| drop(objects.remove(name)));
    }
}

#[tokio::main]
async fn main() {
    sources::all(&mut Memory(watch::Sender::default())).await;
}
