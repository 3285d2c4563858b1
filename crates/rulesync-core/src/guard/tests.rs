//! Deletes that pass the delete guard, those that it holds, and for how long.

use super::*;

struct Bench {
    guard: Guard,
    now: Instant,
    owned: usize,
}

impl Bench {
    fn new(owned: usize) -> Self {
        Self { guard: Guard::default(), now: Instant::now(), owned }
    }

    fn want(&mut self, names: std::ops::Range<usize>, groups: usize) {
        for n in names {
            assert!(!self.guard.passes(&name(n), request(groups), self.now));
        }
    }

    fn judge_after(&mut self, wait: Duration) -> usize {
        self.now += wait;
        self.guard.judge(&DeleteGuard::default(), || self.owned, |_| None, self.now).len()
    }

    fn delete(&mut self, n: usize, groups: usize) {
        self.guard.carried_out(&name(n), groups, self.now);
        self.owned -= groups;
    }
}

fn request(groups: usize) -> DeleteRequest {
    DeleteRequest { groups, explained: false, orphan: false, wait: None }
}

fn name(n: usize) -> RulerNamespace {
    format!("us.ns.o{n}").into()
}

#[tokio::test(start_paused = true)]
async fn delete_guard_holds_more_than_half_and_never_a_single_object() {
    let mut bench = Bench::new(30);
    bench.want(0..1, 20);
    assert_eq!(bench.judge_after(Duration::from_millis(900)), 0, "deletes wait for others");
    assert_eq!(bench.judge_after(Duration::from_millis(100)), 1, "one object, however big");
    assert!(bench.guard.passes(&name(0), request(20), bench.now));

    let mut bench = Bench::new(30);
    bench.want(0..5, 3);
    assert_eq!(bench.judge_after(SETTLE_TIME), 5, "half is allowed");
    let mut bench = Bench::new(30);
    bench.want(0..6, 3);
    assert_eq!(bench.judge_after(SETTLE_TIME), 0);
    assert_eq!(bench.guard.held().count(), 6);
    assert_eq!(bench.guard.release().len(), 6);
    assert!(bench.guard.passes(&name(5), request(3), bench.now));

    let mut bench = Bench::new(9);
    bench.want(0..9, 1);
    assert_eq!(bench.judge_after(SETTLE_TIME), 9, "few are nothing to worry about");
}

#[tokio::test(start_paused = true)]
async fn deletes_add_up_within_the_window() {
    let mut bench = Bench::new(40);
    bench.want(0..15, 1);
    assert_eq!(bench.judge_after(SETTLE_TIME), 15);
    (0..15).for_each(|n| bench.delete(n, 1));
    bench.want(20..30, 1);
    assert_eq!(bench.judge_after(SETTLE_TIME), 0, "25 of 40");
    assert_eq!(bench.judge_after(DeleteGuard::default().window), 10, "10 of 25");
}

#[tokio::test(start_paused = true)]
async fn stream_of_deletes_is_judged_as_one() {
    let mut bench = Bench::new(200);
    for n in 0..150 {
        bench.want(n..n + 1, 1);
        assert_eq!(bench.judge_after(Duration::from_millis(100)), 0);
    }
    assert_eq!(bench.judge_after(SETTLE_TIME), 0);
    assert_eq!(bench.guard.held().count(), 150);
    (0..100).for_each(|n| bench.guard.forget(&name(n), bench.now));
    assert_eq!(bench.judge_after(SETTLE_TIME), 50, "most came back");
}

#[tokio::test(start_paused = true)]
async fn deleted_namespace_explains_deletes_and_a_suspect_source_does_not() {
    let mut bench = Bench::new(20);
    bench.want(0..20, 1);
    assert_eq!(bench.judge_after(SETTLE_TIME), 0);
    bench.guard.explain(|namespace| namespace.ends_with('1'), bench.now);
    assert_eq!(bench.judge_after(SETTLE_TIME), 2);
    let mut bench = Bench::new(100);
    bench.want(0..2, 1);
    bench.now += SETTLE_TIME;
    let judged = bench.guard.judge(&DeleteGuard::default(), || 100, |_| Some(HeldReason::Source), bench.now);
    assert!(judged.is_empty());
    assert!(bench.guard.held().all(|(_, _, reason)| reason == HeldReason::Source));
}

#[tokio::test(start_paused = true)]
async fn configuration_deletes_wait_a_window_and_pass_whatever_their_share() {
    let policy = DeleteGuard::default();
    let mut bench = Bench::new(20);
    let until = bench.now + policy.window;
    let wait = |then_pass| Some(Wait { until, reason: HeldReason::Configuration, then_pass });
    for n in 0..18 {
        let request = DeleteRequest { wait: wait(n < 17), ..request(1) };
        assert!(!bench.guard.passes(&name(n), request, bench.now));
    }
    assert_eq!(bench.judge_after(SETTLE_TIME), 0);
    assert_eq!(bench.guard.total_held(), Some((18, HeldReason::Configuration)));
    assert_eq!(bench.guard.due(&policy), Some(until));
    assert_eq!(bench.judge_after(policy.window), 18, "one that does not pass by itself is one object");

    let mut bench = Bench::new(20);
    bench.guard.passes(&name(0), DeleteRequest { wait: wait(true), ..request(1) }, bench.now);
    bench.judge_after(SETTLE_TIME);
    assert_eq!(bench.guard.release(), [name(0)], "released by an operator");
}

#[tokio::test(start_paused = true)]
async fn changed_wait_is_judged_again_unless_it_has_passed() {
    let (mut bench, policy) = (Bench::new(20), DeleteGuard::default());
    let wait = |until| Some(Wait { until, reason: HeldReason::Configuration, then_pass: false });
    let (soon, later) = (bench.now + policy.window, bench.now + 2 * policy.window);
    let wants = |bench: &mut Bench, wait| {
        let (now, request) = (bench.now, DeleteRequest { wait, ..request(1) });
        bench.guard.passes(&name(0), request, now)
    };
    assert!(!wants(&mut bench, wait(soon)));
    assert_eq!(bench.judge_after(SETTLE_TIME), 0);
    assert_eq!(bench.guard.next_wait(), Some(soon));
    assert!(!bench.guard.is_undecided());
    assert!(!wants(&mut bench, wait(soon)));
    assert!(!bench.guard.is_undecided(), "nothing has changed");
    assert!(!wants(&mut bench, wait(later)));
    assert!(bench.guard.is_undecided());
    assert_eq!(bench.judge_after(policy.window), 0);
    assert_eq!(bench.guard.next_wait(), Some(later));
    assert!(!wants(&mut bench, None));
    assert_eq!(bench.judge_after(SETTLE_TIME), 1);
    assert!(wants(&mut bench, wait(later)), "allowed deletes stay allowed");
}

#[tokio::test(start_paused = true)]
async fn waiting_deletes_count_for_the_share_only_afterwards_and_only_if_guarded() {
    let policy = DeleteGuard::default();
    let mut bench = Bench::new(20);
    let until = bench.now + policy.window;
    for n in 0..12 {
        let wait = Some(Wait { until, reason: HeldReason::Configuration, then_pass: n < 6 });
        bench.guard.passes(&name(n), DeleteRequest { wait, ..request(1) }, bench.now);
    }
    // Waiting deletes are no part of an accident that happens meanwhile.
    bench.want(12..16, 1);
    assert_eq!(bench.judge_after(SETTLE_TIME), 4);
    assert_eq!(bench.judge_after(policy.window), 12, "six of twenty, and six past it");
    let mut bench = Bench::new(20);
    for n in 0..12 {
        let wait = Some(Wait { until: bench.now, reason: HeldReason::Configuration, then_pass: n < 1 });
        bench.guard.passes(&name(n), DeleteRequest { wait, ..request(1) }, bench.now);
    }
    assert_eq!(bench.judge_after(SETTLE_TIME), 1, "eleven of twenty");
    assert_eq!(bench.guard.total_held(), Some((11, HeldReason::Share)));
}

#[tokio::test(start_paused = true)]
async fn carried_out_deletes_are_no_longer_wanted() {
    let mut bench = Bench::new(20);
    bench.want(0..1, 3);
    assert_eq!(bench.judge_after(SETTLE_TIME), 1);
    bench.delete(0, 1);
    assert!(bench.guard.passes(&name(0), request(2), bench.now), "the rest of it");
    bench.delete(0, 2);
    assert!(!bench.guard.passes(&name(0), request(1), bench.now), "something new");
}

#[test]
fn only_deletes_held_by_the_guard_can_be_released() {
    use HeldReason::*;
    for held in [Share, Configuration, Route, Vanished, SourceEmpty, Source] {
        assert!(held.is_releasable(), "{held:?}");
        assert!(held.to_string().starts_with("held: "));
    }
    for protected in [Takeover, Snapshot, Unreadable, Kind, TenantRefused, Moving] {
        assert!(!protected.is_releasable(), "{protected:?}");
        assert!(protected.to_string().starts_with("protected: "));
    }
}

#[tokio::test(start_paused = true)]
async fn allowed_deletes_stay_allowed_until_they_are_carried_out() {
    let mut bench = Bench::new(100);
    bench.want(0..1, 1);
    assert_eq!(bench.judge_after(SETTLE_TIME), 1);
    // Other deletes are judged, and by then the source is suspect.
    bench.want(1..2, 1);
    bench.now += SETTLE_TIME;
    let suspect = |_: &str| Some(HeldReason::Source);
    assert!(bench.guard.judge(&DeleteGuard::default(), || 100, suspect, bench.now).is_empty());
    assert!(bench.guard.passes(&name(0), request(1), bench.now));
    assert!(!bench.guard.passes(&name(1), request(1), bench.now));
}

#[tokio::test(start_paused = true)]
async fn waiting_deletes_count_for_the_share_from_their_time_on() {
    let share = |after: Duration| {
        let mut bench = Bench::new(20);
        let until = bench.now + 2 * SETTLE_TIME;
        for n in 0..7 {
            let wait = Some(Wait { until, reason: HeldReason::Configuration, then_pass: false });
            bench.guard.passes(&name(n), DeleteRequest { wait, ..request(1) }, bench.now);
        }
        bench.want(7..11, 1);
        bench.judge_after(after)
    };
    assert_eq!(share(SETTLE_TIME), 4, "four of twenty, besides what waits");
    assert_eq!(share(2 * SETTLE_TIME), 0, "eleven of twenty");
}

#[tokio::test(start_paused = true)]
async fn share_is_judged_again_when_earlier_deletes_are_forgotten() {
    let policy = DeleteGuard::default();
    let mut bench = Bench::new(40);
    bench.want(0..15, 1);
    assert_eq!(bench.judge_after(SETTLE_TIME), 15);
    let deleted = bench.now;
    (0..15).for_each(|n| bench.delete(n, 1));
    assert_eq!(bench.guard.due(&policy), None);
    bench.want(20..30, 1);
    assert_eq!(bench.guard.due(&policy), Some(bench.now + SETTLE_TIME));
    assert_eq!(bench.judge_after(SETTLE_TIME), 0);
    assert_eq!(bench.guard.due(&policy), Some(deleted + policy.window));
}
