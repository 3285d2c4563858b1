//! A target that takes the place of another begins when the last request of that one has ended.

use std::sync::Arc;
use std::time::Duration;

use rulesync_core::NamedRuler;

use crate::world::{MemoryRuler, World, object};

#[tokio::test(start_paused = true)]
async fn a_replaced_ruler_is_not_touched_before_its_predecessors_requests_have_ended() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.teller.upsert(object("o", &[("g", "1")]));
    world.teller.complete();
    world.settle().await;
    ruler.requests();
    // A write that hangs until it is given up, and everything after it is answered.
    ruler.hang(true);
    world.teller.upsert(object("o", &[("g", "2")]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    ruler.hang(false);
    assert_eq!(ruler.requests(), ["POST prod us.ns.o/g"]);
    let mut setup = world.setup.clone();
    setup.rulers = vec![NamedRuler::new("central", Arc::new(ruler.clone()))];
    world.handle.reconfigure(setup).await.unwrap();
    world.teller.upsert(object("o", &[("g", "3")]));
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(ruler.requests(), Vec::<String>::new(), "the old request may still arrive");
    world.settle().await;
    assert_eq!(ruler.requests(), ["GET prod", "POST prod us.ns.o/g"]);
    assert_eq!(ruler.groups("prod")["us.ns.o"]["g"].rules[0].expr, "3");
    assert_eq!(ruler.most_at_once(), 1);
    world.stop().await;
}
