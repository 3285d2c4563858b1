//! The times of connections, in virtual time.

use std::time::Duration;

use super::*;

const LIMITS: Limits = Limits {
    connections: 1,
    handshake: Duration::from_secs(20),
    idle: Duration::from_secs(100),
    head: Duration::from_secs(10),
    stall: Duration::from_secs(5),
    answer: Duration::from_secs(60),
};

async fn seconds_until_over(activity: &Activity) -> u64 {
    let start = Instant::now();
    activity.time_over(LIMITS).await;
    start.elapsed().as_secs()
}

/// As [`seconds_until_over`], while something happens once in this many seconds.
async fn seconds_while(activity: &Activity, period: u64, happens: impl Fn()) -> u64 {
    let happening = async {
        loop {
            happens();
            tokio::time::sleep(Duration::from_secs(period)).await;
        }
    };
    tokio::select! {
        seconds = seconds_until_over(activity) => seconds,
        () = happening => unreachable!(),
    }
}

#[tokio::test(start_paused = true)]
async fn activity_gives_each_phase_its_time() {
    let activity = Activity::new(true);
    assert_eq!(seconds_until_over(&activity).await, 20);
    activity.shook_hands(false);
    assert_eq!(seconds_until_over(&activity).await, 100);
    let activity = Activity::new(false);
    activity.received();
    assert_eq!(seconds_until_over(&activity).await, 10);
    let answering = activity.begin();
    assert_eq!(seconds_until_over(&activity).await, 60);
    let answering = (answering, activity.begin());
    drop(answering.0);
    answering.1.part_ready();
    assert_eq!(seconds_until_over(&activity).await, 5);
    answering.1.part_gone();
    drop(answering.1);
    assert_eq!(seconds_until_over(&activity).await, 5);
    activity.flushed();
    assert_eq!(seconds_until_over(&activity).await, 100);
}

#[tokio::test(start_paused = true)]
async fn activity_gives_slow_clients_no_more_time() {
    let activity = Activity::new(true);
    assert_eq!(seconds_while(&activity, 1, || activity.received()).await, 20, "handshake");
    let activity = Activity::new(false);
    assert_eq!(seconds_while(&activity, 1, || activity.received()).await, 10, "head");
    let activity = Activity::new(false);
    let answering = activity.begin();
    answering.part_ready();
    assert_eq!(seconds_while(&activity, 4, || activity.sent()).await, 60, "answer");
    answering.part_gone();
    drop(answering);
    assert_eq!(seconds_while(&activity, 4, || activity.sent()).await, 60, "end of an answer");
}

#[tokio::test(start_paused = true)]
async fn activity_of_http2_has_no_heads_and_judges_the_oldest_request() {
    let activity = Activity::new(true);
    activity.shook_hands(true);
    assert_eq!(seconds_while(&activity, 1, || activity.received()).await, 100);
    let old = activity.begin();
    tokio::time::advance(Duration::from_secs(50)).await;
    let new = activity.begin();
    assert_eq!(seconds_until_over(&activity).await, 10);
    drop(old);
    activity.flushed();
    assert_eq!(seconds_until_over(&activity).await, 50, "the other one is still answered");
    drop(new);
}

#[tokio::test(start_paused = true)]
async fn activity_does_not_count_a_wait_of_the_page_as_one_for_the_client() {
    let activity = Activity::new(false);
    let answering = activity.begin();
    answering.part_ready();
    tokio::time::advance(Duration::from_secs(3)).await;
    answering.part_gone();
    // The page makes its next part, which takes a while.
    tokio::time::advance(Duration::from_secs(20)).await;
    answering.part_ready();
    assert_eq!(seconds_until_over(&activity).await, 5);
}

#[tokio::test(start_paused = true)]
async fn activity_gives_a_stream_all_the_time_while_its_client_takes_it() {
    let activity = Activity::new(false);
    let mut stream = activity.begin();
    stream.becomes_stream();
    assert!(activity.is_answering() && activity.is_streaming_only());
    tokio::select! {
        _ = seconds_until_over(&activity) => panic!("a stream has no time"),
        () = tokio::time::sleep(Duration::from_secs(10_000)) => {}
    }
    stream.part_ready();
    assert_eq!(seconds_until_over(&activity).await, 5, "its client takes nothing");
    // Over HTTP/2 there may be other requests, with the usual times.
    stream.part_gone();
    let page = activity.begin();
    assert!(!activity.is_streaming_only());
    assert_eq!(seconds_until_over(&activity).await, 60);
    drop(page);
    drop(stream);
    assert_eq!(seconds_until_over(&activity).await, 5);
    activity.flushed();
    assert!(!activity.is_answering());
}

#[tokio::test(start_paused = true)]
async fn worth_is_least_for_the_connection_that_has_waited_longest() {
    let second = || tokio::time::advance(Duration::from_secs(1));
    let answering = Activity::new(false);
    let _request = answering.begin();
    second().await;
    let old = Activity::new(false);
    old.received();
    second().await;
    let new = Activity::new(true);
    let worth = |activity: &Activity| activity.state().worth();
    assert!(worth(&old) < worth(&new) && worth(&new) < worth(&answering));
}

#[tokio::test(start_paused = true)]
async fn flush_ends_an_answer_and_nothing_else() {
    let activity = Activity::new(false);
    activity.received();
    activity.flushed();
    assert!(matches!(activity.state().phase, Phase::Head { .. }) && !activity.is_answering());
    let answering = activity.begin();
    activity.flushed();
    assert!(activity.is_answering());
    drop(answering);
    assert!(activity.is_answering());
    activity.flushed();
    assert!(!activity.is_answering());
}
