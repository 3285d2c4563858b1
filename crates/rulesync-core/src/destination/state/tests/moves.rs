//! Handovers: a destination deletes the rules of an object that moves only when the next destination has them.

use super::*;
use crate::handover::{HandoverProgress, HandoverState};

/// A destination that receives the object `o` with groups `g` and `h` from another, and the progress that the other
/// sees.
fn receiving() -> (Bench, HandoverProgress) {
    let mut bench = destination();
    let progress = HandoverProgress::default();
    bench.declare("o", &[("g", "1"), ("h", "1")]);
    bench.state.hand_over(namespace("o"), progress.share());
    (bench, progress)
}

/// Returns whether the other destination may delete the object now.
fn let_go((bench, progress): &mut (Bench, HandoverProgress)) -> bool {
    let ended = bench.state.end_handovers();
    assert_eq!(ended, progress.state() != HandoverState::Waiting);
    progress.state() == HandoverState::Written
}

#[tokio::test(start_paused = true)]
async fn handover_needs_every_group() {
    let mut moving = receiving();
    assert!(!let_go(&mut moving), "nothing has been listed");
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
async fn handover_needs_groups_as_declared() {
    let mut moving = receiving();
    moving.0.list(&[("us.ns.o", "g", "1"), ("us.ns.o", "h", "2")]);
    assert!(!let_go(&mut moving));
    moving.0.work();
    assert!(let_go(&mut moving));
}

#[tokio::test(start_paused = true)]
async fn handover_ignores_refused_groups_unless_all_are_refused() {
    let mut moving = receiving();
    moving.0.list(&[]);
    moving.0.refused.insert("h");
    moving.0.work();
    assert!(let_go(&mut moving), "g is here, and h will not be");
    let mut moving = receiving();
    moving.0.list(&[]);
    moving.0.refused.extend(["g", "h"]);
    moving.0.work();
    assert!(!let_go(&mut moving), "no group is written");
}

#[tokio::test(start_paused = true)]
async fn handover_is_given_up_when_the_object_no_longer_comes() {
    for listed in [true, false] {
        let mut moving = receiving();
        if listed {
            moving.0.list(&[]);
            moving.0.failing.extend(["g", "h"]);
            moving.0.work();
        }
        moving.0.drop("o");
        assert!(!let_go(&mut moving), "no group is written");
        assert_eq!(moving.1.state(), HandoverState::GivenUp);
    }
    // Without groups there is nothing to wait for.
    let mut moving = receiving();
    moving.0.list(&[]);
    moving.0.declare("o", &[]);
    assert!(let_go(&mut moving));
}

#[tokio::test(start_paused = true)]
async fn handover_of_several_destinations_ends_for_all() {
    let (mut bench, one) = receiving();
    let other = HandoverProgress::default();
    bench.state.hand_over(namespace("o"), other.share());
    bench.list(&[]);
    bench.work();
    assert!(bench.state.end_handovers());
    assert_eq!([one.state(), other.state()], [HandoverState::Written; 2]);
}

#[tokio::test(start_paused = true)]
async fn handover_waits_while_rules_are_protected_without_being_declared() {
    let mut bench = destination().listed(&[("us.ns.o", "g", "1")]);
    let progress = HandoverProgress::default();
    bench.state.protect(&namespace("o"), &id("o"), Some(HeldReason::TenantRefused.into()));
    bench.state.hand_over(namespace("o"), progress.share());
    assert!(!bench.state.end_handovers());
    bench.state.protect(&namespace("o"), &id("o"), None);
    assert!(bench.state.end_handovers());
    assert_eq!(progress.state(), HandoverState::GivenUp);
}

#[tokio::test(start_paused = true)]
async fn handover_protects_all_groups_of_a_moving_object() {
    let mut bench = destination().declared("o", &[("g", "1")]);
    bench.state.protect(&namespace("o"), &id("o"), Some(HeldReason::Moving.into()));
    bench.list(&[("us.ns.o", "g", "1"), ("us.ns.o", "of the leader before", "1")]);
    assert_eq!(bench.work_after_settling().await, NOTHING);
    bench.state.remove(&namespace("o"), &id("o"), RemovalReason::Moved);
    assert_eq!(bench.work_after_settling().await, NOTHING);
    bench.state.protect(&namespace("o"), &id("o"), None);
    assert_eq!(bench.work_after_settling().await, ["DELETE us.ns.o"]);
}
