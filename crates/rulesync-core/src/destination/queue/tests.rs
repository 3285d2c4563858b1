use std::time::Duration;

use super::*;

fn pop(queue: &mut Queue, now: Instant) -> Option<String> {
    queue.pop(now).map(|(namespace, _)| namespace.to_string())
}

#[tokio::test(start_paused = true)]
async fn queue_hands_out_each_namespace_once_and_again_if_pushed_meanwhile() {
    let now = Instant::now();
    let (a, b): (RulerNamespace, RulerNamespace) = ("a".into(), "b".into());
    let mut queue = Queue::default();
    queue.push(&a, Priority::Last, false);
    queue.push(&a, Priority::Last, false);
    queue.push(&b, Priority::Next, false);
    assert_eq!(pop(&mut queue, now).as_deref(), Some("b"));
    assert_eq!(pop(&mut queue, now).as_deref(), Some("a"));
    assert_eq!(pop(&mut queue, now), None);
    queue.push(&a, Priority::Last, false);
    assert_eq!(pop(&mut queue, now), None);
    queue.finished(&a);
    assert_eq!(pop(&mut queue, now).as_deref(), Some("a"));
    queue.finished(&a);
    queue.finished(&b);
    assert_eq!(queue.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn queue_delays_failed_namespaces_unless_they_are_pushed() {
    let now = Instant::now();
    let a: RulerNamespace = "a".into();
    let mut queue = Queue::default();
    queue.push(&a, Priority::Last, false);
    let retry = |n: u32| now + Duration::from_secs(u64::from(n));
    pop(&mut queue, now);
    queue.failed(&a, None, retry);
    assert_eq!((pop(&mut queue, now), queue.due()), (None, Some(retry(1))));
    assert_eq!(pop(&mut queue, retry(1)).as_deref(), Some("a"));
    assert_eq!((queue.delayed(), queue.failing()), (0, 1), "being tried again is not being well");
    queue.failed(&a, None, retry);
    assert_eq!(queue.due(), Some(retry(2)));
    queue.push(&a, Priority::Last, false);
    assert_eq!(pop(&mut queue, now).as_deref(), Some("a"));
    assert_eq!(queue.due(), None);
    queue.push(&a, Priority::Next, false);
    queue.failed(&a, None, retry);
    assert_eq!(pop(&mut queue, now).as_deref(), Some("a"), "a push does not wait for a retry");
    assert_eq!(queue.failing(), 0);
}

#[tokio::test(start_paused = true)]
async fn queue_takes_a_due_namespace_out_of_order() {
    let now = Instant::now();
    let (a, b): (RulerNamespace, RulerNamespace) = ("a".into(), "b".into());
    let mut queue = Queue::default();
    assert!(!queue.take(&a, now), "it is not there");
    queue.push(&a, Priority::Last, false);
    queue.push(&b, Priority::Last, false);
    assert!(queue.take(&b, now));
    assert!(!queue.take(&b, now), "it is being worked on");
    assert_eq!(queue.running().collect::<Vec<_>>(), [&b]);
    let later = now + Duration::from_secs(1);
    queue.failed(&b, None, |_| later);
    assert!(!queue.take(&b, now), "not before its time");
    assert!(queue.take(&b, later), "it is time");
    assert_eq!((queue.delayed(), queue.due()), (0, None));
    assert_eq!(pop(&mut queue, now).as_deref(), Some("a"));
    assert_eq!(pop(&mut queue, now), None, "nothing is left of its turn");
}

#[tokio::test(start_paused = true)]
async fn queue_reports_waiting_namespaces_and_their_delays() {
    let now = Instant::now();
    let in_seconds = |seconds| now + Duration::from_secs(seconds);
    let [a, b, c]: [RulerNamespace; 3] = ["a", "b", "c"].map(RulerNamespace::from);
    let mut queue = Queue::default();
    for namespace in [&a, &b, &c] {
        queue.push(namespace, Priority::Last, false);
        assert!(queue.is_waiting(namespace) && queue.contains(namespace));
    }
    assert!(!queue.contains("d") && !queue.is_waiting("d"));
    assert_eq!((queue.least_failures(), queue.due_of("a"), queue.len()), (0, None, 3));
    for (namespace, failures) in [(&a, 3), (&b, 2)] {
        for _ in 0..failures {
            assert!(queue.take(namespace, in_seconds(9)));
            assert!(!queue.is_waiting(namespace) && queue.contains(namespace), "it is being worked on");
            queue.failed(namespace, None, |failures| in_seconds(u64::from(failures)));
        }
        assert!(queue.is_waiting(namespace));
    }
    assert_eq!(queue.least_failures(), 2, "of those that failed");
    assert_eq!(
        (queue.due_of("a"), queue.due_of("b"), queue.due_of("c")),
        (Some(in_seconds(3)), Some(in_seconds(2)), None)
    );
    assert_eq!((queue.delayed(), queue.failing()), (2, 2));
    assert_eq!(queue.delayed_namespaces(), [b.clone(), a.clone()]);
    assert!(queue.take(&c, now));
    queue.push(&c, Priority::Last, false);
    assert!(queue.is_waiting(&c), "it comes again");
}

#[tokio::test(start_paused = true)]
async fn queue_forgets_drift_when_the_namespace_is_pushed_for_another_reason() {
    let now = Instant::now();
    let a: RulerNamespace = "a".into();
    for (pushes, drifted) in
        [(&[true][..], true), (&[true, true], true), (&[true, false], false), (&[false, true], false)]
    {
        let mut queue = Queue::default();
        pushes.iter().for_each(|drifted| queue.push(&a, Priority::Last, *drifted));
        assert_eq!(queue.pop(now), Some((a.clone(), drifted)), "{pushes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn queue_retries_namespaces_of_one_time_in_the_order_in_which_they_failed() {
    let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(1));
    let names = ["c", "a", "b"].map(RulerNamespace::from);
    let mut queue = Queue::default();
    for namespace in &names {
        queue.push(namespace, Priority::Last, false);
        queue.take(namespace, now);
        queue.failed(namespace, None, |_| later);
    }
    assert_eq!(queue.delayed(), 3, "each has an entry of its own");
    let order: Vec<String> = (0..3).filter_map(|_| pop(&mut queue, later)).collect();
    assert_eq!(order, ["c", "a", "b"]);
}

#[test]
fn queue_remembers_failed_groups_until_they_succeed_even_if_it_is_cleared() {
    let a: RulerNamespace = "a".into();
    let mut queue = Queue::default();
    queue.push(&a, Priority::Last, false);
    queue.group_failed(&a, "g");
    queue.clear();
    assert_eq!(queue.len(), 0);
    assert!(queue.has_group_failed(&a, "g") && !queue.has_group_failed(&a, "h"));
    queue.group_succeeded(&a, "h");
    assert!(queue.has_group_failed(&a, "g"));
    queue.group_succeeded(&a, "g");
    assert!(!queue.has_group_failed(&a, "g"));
}
