//! Objects that vanish by accident: when their deletes are held, and for how long.

use super::*;

fn id(n: usize) -> ObjectId {
    ObjectId::new(&"s".into(), &"K".into(), if n < 10 { "a" } else { "b" }, &format!("o{n}"))
}

struct Bench {
    vanishing: Vanishing,
    left: usize,
    healthy: bool,
    poll_interval: Duration,
    now: Instant,
}

impl Bench {
    fn of(objects: usize) -> Self {
        Self {
            vanishing: Vanishing::default(),
            left: objects,
            healthy: true,
            poll_interval: Duration::from_secs(30),
            now: Instant::now(),
        }
    }

    fn vanish(&mut self, numbers: std::ops::Range<usize>) -> &mut Self {
        self.left -= numbers.len();
        numbers.for_each(|n| self.vanishing.vanished(&id(n), self.now));
        self
    }

    fn come_back(&mut self, numbers: std::ops::Range<usize>) -> &mut Self {
        self.left += numbers.len();
        numbers.for_each(|n| self.vanishing.exists(&id(n)));
        self
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now += Duration::from_secs(seconds);
        self
    }

    fn held(&mut self) -> Option<HeldReason> {
        let remaining =
            Remaining { objects: self.left, healthy: self.healthy, poll_interval: self.poll_interval };
        self.vanishing.judge(&DeleteGuard::default(), |_| remaining, self.now);
        self.vanishing.held().next().map(|(_, reason)| reason)
    }
}

#[tokio::test(start_paused = true)]
async fn vanishing_of_most_objects_is_held_and_of_a_single_one_never_is() {
    assert_eq!(Bench::of(1).vanish(0..1).held(), None, "the only one");
    assert_eq!(Bench::of(10).vanish(0..5).held(), None, "half");
    assert_eq!(Bench::of(9).vanish(0..5).held(), Some(HeldReason::Vanished));
    assert_eq!(Bench::of(9).vanish(0..9).held(), Some(HeldReason::SourceEmpty));
    assert_eq!(Bench::of(2).vanish(0..2).held(), Some(HeldReason::SourceEmpty));
    let mut one_by_one = Bench::of(9);
    for n in 0..9 {
        assert_eq!(one_by_one.after(2).vanish(n..n + 1).held(), None, "each for itself");
    }
}

#[tokio::test(start_paused = true)]
async fn hold_lasts_a_window_and_without_objects_until_some_return() {
    let mut most = Bench::of(9);
    assert_eq!(most.vanish(0..6).after(299).held(), Some(HeldReason::Vanished));
    let mut most = Bench::of(9);
    most.vanish(0..6).held();
    assert_eq!(most.after(299).held(), Some(HeldReason::Vanished));
    most.healthy = false;
    assert_eq!(most.after(1).held(), Some(HeldReason::Vanished), "the source cannot see its objects");
    most.healthy = true;
    assert_eq!(most.held(), None);
    let mut all = Bench::of(9);
    all.vanish(0..9).held();
    assert_eq!(all.after(10_000).held(), Some(HeldReason::SourceEmpty));
    assert_eq!(all.come_back(0..4).held(), None, "the window is long over");
    let mut all = Bench::of(9);
    all.vanish(0..9).held();
    assert_eq!(all.come_back(0..4).held(), Some(HeldReason::Vanished));
    assert_eq!(all.come_back(4..5).held(), None, "most exist again");
}

#[tokio::test(start_paused = true)]
async fn deleted_kubernetes_namespace_explains_vanished_objects() {
    let mut bench = Bench::of(12);
    assert_eq!(bench.vanish(0..11).held(), Some(HeldReason::Vanished));
    bench.vanishing.explain("a");
    assert_eq!(bench.held(), None);
}

#[tokio::test(start_paused = true)]
async fn objects_that_vanish_within_a_second_belong_together_for_half_a_minute() {
    let vanish_after = |millis: u64| {
        let mut bench = Bench::of(4);
        bench.vanish(0..2);
        bench.now += Duration::from_millis(millis);
        bench.vanish(2..3).held()
    };
    assert_eq!(vanish_after(1_000), Some(HeldReason::Vanished));
    assert_eq!(vanish_after(1_001), None, "one for itself");
    let stream = |seconds: usize| {
        let mut bench = Bench::of(seconds + 2);
        for n in 0..=seconds {
            bench.vanish(n..n + 1).after(1);
        }
        bench.vanishing.0["s"].gone.len()
    };
    assert_eq!(stream(30), 31);
    assert_eq!(stream(31), 1, "it has gone on for too long to be one event");
    // While something is held, whatever vanishes afterwards belongs to it.
    let mut held = Bench::of(12);
    held.vanish(0..9).held();
    held.after(60).vanish(9..10);
    assert_eq!(held.vanishing.0["s"].gone.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn hold_is_judged_again_at_its_end_and_forgotten_with_its_source() {
    let policy = DeleteGuard::default();
    let mut bench = Bench::of(9);
    assert!(bench.vanishing.is_empty());
    assert_eq!(bench.vanishing.due(bench.now), None);
    let began = bench.now;
    bench.vanish(0..6);
    assert!(!bench.vanishing.is_empty());
    assert_eq!(bench.vanishing.due(bench.now), None, "nothing is held yet");
    bench.held();
    assert_eq!(bench.vanishing.due(bench.now), Some(began + policy.window));
    assert_eq!(bench.vanishing.due(began + policy.window), None, "it is over");
    bench.vanishing.forget("another");
    assert_eq!(bench.vanishing.held().count(), 1);
    bench.vanishing.forget("s");
    assert!(bench.vanishing.is_empty());
    bench.vanish(6..7);
    bench.vanishing.forget("s");
    assert!(bench.vanishing.is_empty(), "nothing was held");
}

#[tokio::test(start_paused = true)]
async fn hold_is_reported_once() {
    let policy = DeleteGuard::default();
    let mut bench = Bench::of(9);
    bench.vanish(0..6);
    let mut judge = |objects, now| {
        bench.vanishing.judge(
            &policy,
            |_| Remaining { objects, healthy: true, poll_interval: Duration::ZERO },
            now,
        )
    };
    let now = bench.now;
    assert_eq!(judge(3, now), [("s".into(), Some(HeldReason::Vanished))]);
    assert_eq!(judge(3, now), []);
    assert_eq!(judge(0, now), [("s".into(), Some(HeldReason::SourceEmpty))]);
    assert_eq!(judge(6, now), [("s".into(), None)]);
    assert_eq!(judge(6, now + SETTLE_TIME), []);
    assert!(!bench.vanishing.is_empty(), "objects that vanish within a second belong to them");
    bench.vanishing.judge(
        &policy,
        |_| Remaining { objects: 6, healthy: true, poll_interval: Duration::ZERO },
        now + 2 * SETTLE_TIME,
    );
    assert!(bench.vanishing.is_empty());
}

/// Judges a number of orphans. Returns why they are held, if they are.
fn judged(
    orphans: &mut Orphans,
    policy: &DeleteGuard,
    count: usize,
    sources: &[Remaining],
    now: Instant,
) -> Option<HeldReason> {
    orphans.judge(policy, count, sources, now);
    orphans.held()
}

#[tokio::test(start_paused = true)]
async fn orphans_are_held_for_a_window_or_while_nothing_else_exists() {
    let policy = DeleteGuard::default();
    let began = Instant::now();
    let of = |objects, healthy| Remaining { objects, healthy, poll_interval: Duration::ZERO };
    let mut orphans = Orphans::default();
    assert_eq!(judged(&mut orphans, &policy, 1, &[of(0, true)], began), None, "a single one is no accident");
    assert_eq!(judged(&mut orphans, &policy, 3, &[of(3, true)], began), None, "half is none");
    assert_eq!((orphans.held(), orphans.due(began)), (None, None));
    // Their source is unknown.
    let sources = [of(2, true), of(9, true)];
    assert_eq!(judged(&mut orphans, &policy, 3, &sources, began), Some(HeldReason::Vanished));
    assert_eq!(
        judged(&mut orphans, &policy, 3, &sources, began),
        Some(HeldReason::Vanished),
        "nothing has changed"
    );
    let over = began + policy.window;
    assert_eq!(orphans.due(began), Some(over));
    assert_eq!(orphans.due(over), None);
    assert_eq!(
        judged(&mut orphans, &policy, 3, &[of(2, true), of(9, false)], over),
        Some(HeldReason::Vanished),
        "one cannot see"
    );
    assert_eq!(judged(&mut orphans, &policy, 3, &sources, over), None);
    assert_eq!(judged(&mut orphans, &policy, 2, &[of(1, true)], over), None, "the rest goes too");
    // When they are gone, others are judged again.
    assert_eq!(judged(&mut orphans, &policy, 0, &sources, over), None);
    assert_eq!(judged(&mut orphans, &policy, 3, &sources, over), Some(HeldReason::Vanished));
    assert_eq!(judged(&mut orphans, &policy, 3, &[of(0, true)], over), Some(HeldReason::SourceEmpty));
    assert_eq!(
        judged(&mut orphans, &policy, 3, &[of(0, true)], over + 10 * policy.window),
        Some(HeldReason::SourceEmpty)
    );
    let off = DeleteGuard { max_share: 1.0, ..policy };
    assert_eq!(judged(&mut orphans, &off, 3, &[of(0, true)], over), None, "it is switched off");
}

#[tokio::test(start_paused = true)]
async fn source_that_polls_seldom_is_trusted_after_another_poll() {
    let mut bench = Bench::of(9);
    bench.poll_interval = Duration::from_secs(10 * 60);
    bench.vanish(0..6).held();
    let until = bench.now + Duration::from_secs(20 * 60);
    assert_eq!(bench.vanishing.due(bench.now), Some(until));
    assert_eq!(bench.after(20 * 60 - 1).held(), Some(HeldReason::Vanished));
    assert_eq!(bench.after(1).held(), None);
    // The same holds for orphans.
    let (began, policy, mut orphans) = (bench.now, DeleteGuard::default(), Orphans::default());
    let of = |poll_interval| Remaining { objects: 2, healthy: true, poll_interval };
    let sources = [of(Duration::ZERO), of(Duration::from_secs(10 * 60))];
    assert_eq!(judged(&mut orphans, &policy, 3, &sources, began), Some(HeldReason::Vanished));
    assert_eq!(orphans.due(began), Some(began + Duration::from_secs(20 * 60)));
    assert_eq!(judged(&mut orphans, &policy, 3, &sources, began + Duration::from_secs(20 * 60)), None);
}
