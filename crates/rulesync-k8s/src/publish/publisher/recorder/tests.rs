use proptest::prelude::*;

use super::*;

type Events = Recorder<u64, u64, u64>;

fn after(now: Instant, seconds: u64) -> Instant {
    now + Duration::from_secs(seconds)
}

/// Takes all Events that wait; returns them with the times at which they were taken.
fn all(recorder: &mut Events, mut now: Instant) -> Vec<(Instant, u64)> {
    let mut taken = Vec::new();
    while let Some(next) = recorder.next(now) {
        now = next;
        taken.extend(recorder.take(now).map(|(_, event)| (now, event)));
    }
    taken
}

#[test]
fn recorder_makes_each_event_once() {
    let (mut recorder, now) = (Events::new(), Instant::now());
    assert_eq!(recorder.offer(7, 1, now, || 70), Offer::Waits);
    assert_eq!(recorder.offer(7, 1, now, || 71), Offer::Known);
    assert_eq!(all(&mut recorder, now), [(now, 70)]);
    assert_eq!(recorder.offer(7, 1, after(now, 3599), || 72), Offer::Known);
    recorder.forget(&7);
    assert_eq!(recorder.offer(7, 1, now, || 73), Offer::Waits, "it could not be made");
    assert_eq!(recorder.clear(), 1);
    assert_eq!(recorder.offer(7, 1, now, || 74), Offer::Waits);
}

#[test]
fn recorder_makes_an_event_again_that_the_server_has_forgotten() {
    let (mut recorder, now) = (Events::new(), Instant::now());
    assert_eq!(recorder.offer(7, 1, now, || 70), Offer::Waits);
    assert_eq!(all(&mut recorder, now), [(now, 70)]);
    let later = after(now, 3600);
    assert_eq!(recorder.offer(7, 1, later, || 71), Offer::Waits);
    assert_eq!(recorder.offer(7, 1, later, || 72), Offer::Known);
    assert_eq!(all(&mut recorder, later), [(later, 71)]);
}

#[test]
fn recorder_limits_each_object_by_itself() {
    let (mut recorder, now) = (Events::new(), Instant::now());
    for event in 0..25 {
        assert_eq!(recorder.offer(event, 1, now, || event), Offer::Waits);
    }
    assert_eq!(recorder.offer(25, 1, now, || 25), Offer::Limited);
    assert_eq!(recorder.offer(26, 2, now, || 26), Offer::Waits, "another object has its own limit");
    let later = after(now, 300);
    assert_eq!(recorder.offer(25, 1, later, || 25), Offer::Waits);
    assert_eq!(recorder.offer(27, 1, later, || 27), Offer::Limited);
    let taken = all(&mut recorder, later);
    assert_eq!(taken.len(), 27);
    assert_eq!(taken.last().unwrap().0, later + Duration::from_millis(2600), "ten a second");
}

#[test]
fn recorder_drops_what_has_no_room() {
    let (mut recorder, now) = (Events::new(), Instant::now());
    for event in 0..1_000 {
        assert_eq!(recorder.offer(event, event, now, || event), Offer::Waits);
    }
    assert_eq!(recorder.offer(1_000, 1_000, now, || 1_000), Offer::Dropped);
    assert_eq!(recorder.take(now), Some((0, 0)));
    assert_eq!(recorder.take(now), None, "ten a second");
    recorder.put_back(0, 0);
    assert_eq!(recorder.take(after(now, 1)), Some((0, 0)));
    assert_eq!(recorder.offer(1_000, 1_000, now, || 1_000), Offer::Waits, "what was dropped is not known");
}

#[test]
fn recorder_remembers_a_bounded_number() {
    let (mut recorder, now) = (Events::new(), Instant::now());
    for event in 0..40_000 {
        recorder.offer(event, event, now, || event);
        recorder.waiting.clear();
    }
    assert!(recorder.known.names.len() <= MAX_REMEMBERED && recorder.known.order.len() <= MAX_REMEMBERED);
    assert!(recorder.objects.len() <= MAX_OBJECTS);
    assert_eq!(recorder.offer(39_999, 39_999, now, || 0), Offer::Known);
    assert_eq!(recorder.offer(0, 0, now, || 0), Offer::Waits, "the API server knows it");
}

proptest! {
    #[test]
    fn recorder_never_exceeds_its_limits_in_any_window(
        offers in prop::collection::vec((0_u64..3, 0_u64..60), 1..150),
    ) {
        let (mut recorder, start) = (Events::new(), Instant::now());
        let (mut now, mut made, mut taken) = (start, Vec::new(), Vec::new());
        for (name, (object, wait)) in offers.into_iter().enumerate() {
            // What waits is made meanwhile.
            let until = after(now, wait);
            while let Some(next) = recorder.next(now).filter(|next| *next <= until) {
                now = next;
                taken.extend(recorder.take(now).map(|_| now));
            }
            now = until;
            if recorder.offer(name as u64, object, now, || object) == Offer::Waits {
                made.push((now, object));
            }
        }
        let number_taken = taken.len() + recorder.waiting.len();
        prop_assert_eq!(number_taken, made.len(), "nothing is lost");
        for (index, from) in taken.iter().enumerate() {
            if let Some(to) = taken.get(index + 10) {
                prop_assert!(*to - *from >= Duration::from_secs(1));
            }
        }
        for object in 0..3 {
            let times: Vec<Instant> = made.iter().filter(|(_, of)| *of == object).map(|(at, _)| *at).collect();
            for (first, from) in times.iter().enumerate() {
                for (last, to) in times.iter().enumerate().skip(first) {
                    let allowed = 25 + (*to - *from).as_secs() / 300;
                    prop_assert!((last - first + 1) as u64 <= allowed);
                }
            }
        }
    }
}
