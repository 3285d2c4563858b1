//! A target that an object leaves for another lets go of it only when the other has it.

use tokio_util::sync::CancellationToken;

use super::*;

/// A target that gets the object `o` with groups `g` and `h` from another, and the token that tells that one.
fn receiving() -> (Bench, CancellationToken) {
    let mut bench = target();
    let ready = CancellationToken::new();
    bench.declare("o", &[("g", "1"), ("h", "1")]);
    bench.state.hand_over(&namespace("o"), Some(Arc::new(ready.clone().drop_guard())));
    (bench, ready)
}

/// Whether the other may let go now.
fn let_go((bench, ready): &mut (Bench, CancellationToken)) -> bool {
    let said = bench.state.let_go();
    assert_eq!(said, ready.is_cancelled());
    said
}

#[tokio::test(start_paused = true)]
async fn every_group_must_be_there() {
    let mut moving = receiving();
    assert!(!let_go(&mut moving), "nobody knows what is here");
    moving.0.list(&[("us.ns.o", "g", "1")]);
    assert!(!let_go(&mut moving), "one is missing");
    moving.0.failing.insert("h");
    moving.0.work();
    assert!(!let_go(&mut moving), "it failed");
    moving.0.failing.clear();
    moving.0.work_for(MINUTE).await;
    assert!(let_go(&mut moving));
}

#[tokio::test(start_paused = true)]
async fn a_group_must_be_there_as_it_is_declared() {
    let mut moving = receiving();
    moving.0.list(&[("us.ns.o", "g", "1"), ("us.ns.o", "h", "2")]);
    assert!(!let_go(&mut moving));
    moving.0.work();
    assert!(let_go(&mut moving));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_holds_up_nothing_else_and_what_is_refused_altogether_stays() {
    let mut moving = receiving();
    moving.0.list(&[]);
    moving.0.refused.insert("h");
    moving.0.work();
    assert!(let_go(&mut moving), "g is here, and h will not be");
    let mut moving = receiving();
    moving.0.list(&[]);
    moving.0.refused.extend(["g", "h"]);
    moving.0.work();
    assert!(!let_go(&mut moving), "nothing of it is here");
}

#[tokio::test(start_paused = true)]
async fn who_no_longer_comes_lets_go() {
    let mut moving = receiving();
    moving.0.list(&[]);
    moving.0.failing.extend(["g", "h"]);
    moving.0.work();
    moving.0.drop("o");
    assert!(let_go(&mut moving), "nobody wants it here any more");
    // Without groups there is nothing to wait for.
    let mut moving = receiving();
    moving.0.list(&[]);
    moving.0.declare("o", &[]);
    assert!(let_go(&mut moving));
}
