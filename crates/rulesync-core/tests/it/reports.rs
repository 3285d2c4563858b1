//! What is told of the engine while it works: the status when it is asked for, and outcomes to reporters.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rulesync_core::engine::{NamedRuler, Outcome, Reporter};

use crate::world::{MemoryRuler, World, object};

#[tokio::test(start_paused = true)]
async fn status_request_delays_nothing() {
    let (hanging, other) = (MemoryRuler::default(), MemoryRuler::default());
    let mut world = World::start(&hanging);
    world.declare([object("o", &[("a", "1")])]).await;
    hanging.hang(true);
    world.source.upsert(object("o", &[("a", "2")]));
    tokio::time::sleep(Duration::from_millis(10)).await;
    // The new destination waits for requests of its predecessor.
    let named = NamedRuler::new("central", Arc::new(other.clone()));
    world.reload(|setup| setup.rulers = vec![named]).await;
    let asking = world.handle.clone();
    let status = tokio::spawn(async move { asking.status().await });
    tokio::task::yield_now().await;
    let sources = tokio::time::timeout(Duration::from_millis(10), world.handle.sources()).await;
    assert!(sources.is_ok_and(|sources| sources.is_some()), "the loop goes on");
    let status = status.await.unwrap().unwrap();
    assert!(status.destinations[0].error.as_ref().unwrap().contains("has not answered"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn findings_of_one_object_are_reported_as_a_few_and_a_count() {
    #[derive(Debug, Clone, Default)]
    struct Counting(Arc<Mutex<(usize, usize)>>);
    impl Reporter for Counting {
        fn report(&self, outcome: &Outcome) {
            let mut counts = self.0.lock().unwrap();
            match outcome {
                Outcome::Found { .. } => counts.0 += 1,
                Outcome::MoreFound { more, .. } => counts.1 += more,
                _ => {}
            }
        }
    }
    let (ruler, counting) = (MemoryRuler::default(), Counting::default());
    let reported = counting.clone();
    let world = World::with(&ruler, |_| {}, |engine| engine.reporter(reported));
    let names: Vec<String> = (0..5000).map(|n| format!("g{n}")).collect();
    let groups: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    world.source.upsert(object("o", &groups));
    world.source.complete();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (found, more) = *counting.0.lock().unwrap();
    assert!(found <= 10 && found + more >= 5000, "{found} reported and {more} counted");
    world.stop().await;
}
