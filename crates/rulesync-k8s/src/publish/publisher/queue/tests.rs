use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// An object in a Kubernetes namespace of its own.
fn object(number: usize) -> ObjectId {
    object_in(&format!("ns{number}"), number)
}

fn object_in(namespace: &str, number: usize) -> ObjectId {
    ObjectId::new(&"k".into(), &"PrometheusRule".into(), namespace, &format!("o{number}"))
}

fn after(now: Instant, seconds: u64) -> Instant {
    now + Duration::from_secs(seconds)
}

#[test]
fn queue_takes_problems_first_and_otherwise_the_oldest() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.add(&object(1), Urgency::Ordinary, now);
    queue.add(&object(2), Urgency::Ordinary, now);
    queue.add(&object(3), Urgency::Problem, now);
    queue.add(&object(4), Urgency::Problem, after(now, 1));
    queue.add(&object(1), Urgency::Ordinary, now);
    assert_eq!(queue.take(now, 2), [object(3), object(1)]);
    assert_eq!(queue.take(now, 9), [object(2)]);
    assert_eq!(queue.next(now), Some(after(now, 1)));
    assert_eq!(queue.take(after(now, 1), 9), [object(4)]);
    assert_eq!((queue.next(now), queue.len()), (None, 4), "all are under way");
}

#[test]
fn queue_takes_names_of_a_kubernetes_namespace_in_which_one_has_failed_after_all_others() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    let closed: Vec<ObjectId> = (1..=3).map(|number| object_in("closed", number)).collect();
    closed.iter().for_each(|object| queue.add(object, Urgency::Problem, now));
    queue.add(&object_in("open", 4), Urgency::Ordinary, now);
    assert_eq!(queue.take(now, 1), closed[..1]);
    queue.fail(&closed[0], now, None);
    assert_eq!(queue.take(now, 2), [object_in("open", 4), closed[1].clone()]);
    assert_eq!(queue.take(after(now, 60), 9), [closed[2].clone(), closed[0].clone()]);
    queue.finish(&closed[0]);
    queue.add(&object_in("open", 5), Urgency::Ordinary, now);
    queue.add(&object_in("closed", 6), Urgency::Problem, now);
    assert_eq!(queue.take(now, 1), [object_in("closed", 6)], "what failed has succeeded");
}

#[test]
fn queue_keeps_what_changes_while_it_is_under_way() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.add(&object(1), Urgency::Ordinary, now);
    queue.take(now, 1);
    queue.add(&object(1), Urgency::Problem, now);
    assert_eq!(queue.take(now, 1), [], "one at a time");
    queue.finish(&object(1));
    assert_eq!(queue.take(now, 1), [object(1)]);
    queue.finish(&object(1));
    assert_eq!(queue.len(), 0);
}

#[test]
fn queue_puts_off_what_is_deferred_until_it_changes() {
    let (mut queue, now) = (Queue::default(), Instant::now());
    queue.add(&object(1), Urgency::Ordinary, now);
    queue.take(now, 1);
    queue.defer(&object(1), Urgency::Ordinary, after(now, 300));
    assert_eq!(queue.next(now), Some(after(now, 300)));
    queue.add(&object(1), Urgency::Problem, after(now, 1));
    assert_eq!(queue.next(now), Some(after(now, 1)));
}

#[test]
fn queue_waits_longer_after_each_failure_whatever_changes_meanwhile() {
    let (mut queue, mut now) = (Queue::default(), Instant::now());
    queue.add(&object(1), Urgency::Problem, now);
    let mut waits = Vec::new();
    for _ in 0..12 {
        assert_eq!(queue.take(now, 1), [object(1)]);
        queue.fail(&object(1), now, None);
        queue.add(&object(1), Urgency::Problem, now);
        let next = queue.next(now).unwrap();
        waits.push(next - now);
        now = next;
    }
    assert!(waits[0] >= Duration::from_millis(200) && waits[0] <= Duration::from_secs(2), "{waits:?}");
    assert!(waits[11] >= Duration::from_secs(30) && waits[11] <= Duration::from_secs(300), "{waits:?}");
    queue.take(now, 1);
    queue.fail(&object(1), now, Some(after(now, 600)));
    assert_eq!(queue.next(now), Some(after(now, 600)), "as long as the server has asked for");
    queue.take(after(now, 600), 1);
    queue.finish(&object(1));
    queue.add(&object(1), Urgency::Problem, now);
    assert_eq!(queue.next(now), Some(now), "the failures are over");
}

#[derive(Debug, Clone)]
enum Step {
    Add { object: usize, urgent: bool, wait: u64 },
    Take { limit: usize },
    Finish,
    Fail,
    Wait { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..6, any::<bool>(), 0_u64..20)
            .prop_map(|(object, urgent, wait)| Step::Add { object, urgent, wait }),
        2 => (1_usize..4).prop_map(|limit| Step::Take { limit }),
        1 => Just(Step::Finish),
        1 => Just(Step::Fail),
        1 => (0_u64..30).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

proptest! {
    #[test]
    fn queue_loses_no_name_and_has_each_once(steps in prop::collection::vec(step(), 1..80)) {
        let (mut queue, mut now) = (Queue::default(), Instant::now());
        // Each name that has changed since it was last taken, with its urgency and the earliest time it was due.
        let mut changed: BTreeMap<ObjectId, (Urgency, Instant)> = BTreeMap::new();
        let mut failing = BTreeSet::new();
        let mut under_way = BTreeSet::new();
        for step in steps {
            match step {
                Step::Add { object: number, urgent, wait } => {
                    let urgency = if urgent { Urgency::Problem } else { Urgency::Ordinary };
                    let (object, due) = (object(number), after(now, wait));
                    queue.add(&object, urgency, due);
                    let wish = match changed.get(&object) {
                        Some(before) if failing.contains(&object) => *before,
                        Some((_, before)) => (urgency, due.min(*before)),
                        None => (urgency, due),
                    };
                    changed.insert(object, wish);
                }
                Step::Take { limit } => {
                    let taken = queue.take(now, limit);
                    let is_ready = |(object, (_, due)): (&ObjectId, &(Urgency, Instant))| {
                        *due <= now && !under_way.contains(object) && !failing.contains(object)
                    };
                    let mut last = Urgency::Problem;
                    for object in &taken {
                        prop_assert!(!under_way.contains(object), "one at a time");
                        let (urgency, due) = changed.remove(object).expect("it was added");
                        prop_assert!(due <= now && urgency >= last);
                        last = urgency;
                    }
                    for (object, (urgency, _)) in changed.iter().filter(|about| is_ready(*about)) {
                        prop_assert!(taken.len() == limit && *urgency >= last, "{object}");
                    }
                    for object in &taken {
                        failing.remove(object);
                        under_way.insert(object.clone());
                    }
                }
                Step::Finish => {
                    if let Some(object) = under_way.pop_first() {
                        queue.finish(&object);
                        failing.remove(&object);
                    }
                }
                Step::Fail => {
                    if let Some(object) = under_way.pop_first() {
                        queue.fail(&object, now, None);
                        let due = changed.get(&object).map_or(now, |(_, due)| now.min(*due));
                        changed.insert(object.clone(), (Urgency::Failed, due));
                        // It waits for longer than it was said to.
                        failing.insert(object);
                    }
                }
                Step::Wait { seconds } => now = after(now, seconds),
            }
        }
        for object in &under_way {
            queue.finish(object);
        }
        let taken: Vec<ObjectId> = queue.take(after(now, 3600), 99);
        prop_assert_eq!(taken.iter().cloned().collect::<BTreeSet<_>>().len(), taken.len());
        let wanted: BTreeSet<ObjectId> = changed.into_keys().collect();
        prop_assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), wanted);
    }
}
