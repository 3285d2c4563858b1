//! The claim is written only right after a list that shows no other: of two clusters that claim a tenant, one writes
//! and the other stops.

use super::*;

/// A destination of a cluster `a` that writes claims, with one object to write.
fn claiming() -> Bench {
    let mut bench = destination_with(|shared| shared.claims = true).declared("o", &[("g", "1")]);
    bench.identify(cluster("a"));
    bench
}

const OWN: There<'_> = ("us", CLAIM_GROUP, "a");
const FOREIGN: There<'_> = ("us", CLAIM_GROUP, "b");

#[tokio::test(start_paused = true)]
async fn claim_decides_what_is_written() {
    for (there, requests, what) in [
        (&[][..], &["PUT us/rulesync", "PUT us.ns.o/g"][..], "nobody's"),
        (&[OWN], &["PUT us.ns.o/g"], "own"),
        (&[FOREIGN], &[], "foreign"),
    ] {
        let mut bench = claiming().listed(there);
        assert_eq!(bench.work(), requests, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn claim_waits_for_the_identity_of_the_cluster() {
    let mut bench = destination_with(|shared| shared.claims = true).declared("o", &[("g", "1")]).listed(&[]);
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
    bench.list(&[]);
    bench.identify(cluster("a"));
    assert_eq!(bench.work(), ["PUT us/rulesync", "PUT us.ns.o/g"]);
    // The claim in the last list counts.
    let mut bench =
        destination_with(|shared| shared.claims = true).declared("o", &[("g", "1")]).listed(&[FOREIGN]);
    bench.identify(cluster("a"));
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
    // An installation without a distinct identity makes no claim.
    let mut bench =
        destination_with(|shared| shared.claims = true).declared("o", &[("g", "1")]).listed(&[FOREIGN]);
    bench.identify(None);
    assert_eq!(bench.work(), ["PUT us.ns.o/g"]);
}

#[tokio::test(start_paused = true)]
async fn claim_needs_a_recent_list() {
    let mut bench = destination_with(|shared| shared.claims = true);
    bench.identify(cluster("a"));
    bench.list(&[]);
    tokio::time::advance(Duration::from_secs(11)).await;
    bench.declare("o", &[("g", "1")]);
    assert_eq!(bench.work(), NOTHING);
    assert_eq!(bench.state.view.next_list(), Some(Instant::now()), "it is listed again first");
    bench.list(&[]);
    assert_eq!(bench.work(), ["PUT us/rulesync", "PUT us.ns.o/g"]);
    // Another installation may have claimed the tenant meanwhile.
    let mut bench = destination_with(|shared| shared.claims = true);
    bench.identify(cluster("a"));
    bench.list(&[]);
    tokio::time::advance(Duration::from_secs(11)).await;
    bench.declare("o", &[("g", "1")]);
    bench.work();
    bench.list(&[FOREIGN]);
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn claim_is_read_back_soon_and_the_stored_one_counts() {
    let mut bench = claiming().listed(&[]);
    bench.work();
    let soon = bench.state.view.next_list().unwrap() - Instant::now();
    assert!(soon <= Duration::from_secs(10), "{soon:?}");
    bench.list(&[FOREIGN, ("us.ns.o", "g", "1")]);
    bench.declare("o", &[("g", "2")]);
    bench.drop("o");
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
    bench.list(&[("us.ns.o", "g", "1")]);
    assert_eq!(
        bench.work_after_settling().await,
        ["PUT us/rulesync", "DELETE us.ns.o"],
        "the foreign claim is deleted"
    );
}

#[tokio::test(start_paused = true)]
async fn claim_is_not_written_without_own_groups() {
    let mut bench = destination_with(|shared| shared.claims = true);
    bench.identify(cluster("a"));
    bench.list(&[("them.ns.o", "g", "1")]);
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn claim_is_deleted_last_from_a_retiring_destination() {
    let mut bench = claiming().listed(&[OWN, ("us.ns.o", "g", "1"), ("us.ns.p", "g", "1")]);
    bench.work_after_settling().await;
    bench.drop("o");
    bench.state.retire(no_route());
    let requests = bench.work_after_settling().await;
    assert_eq!(requests.last().map(String::as_str), Some("DELETE us/rulesync"), "{requests:?}");
    assert!(bench.state.progress().retired);
    // A foreign claim is not deleted, and no group under it is.
    let mut bench = claiming().listed(&[FOREIGN, ("us.ns.p", "g", "1")]);
    bench.drop("o");
    bench.state.retire(no_route());
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
    assert!(!bench.state.progress().retired);
}

#[tokio::test(start_paused = true)]
async fn claim_that_is_not_stored_is_read_twice_soon_and_then_at_resyncs() {
    let mut bench = claiming().listed(&[]);
    let group = ("us.ns.o", "g", "1");
    let mut lists = Vec::new();
    bench.work();
    for seen in [&[group][..], &[group], &[group, OWN], &[group]] {
        lists.push(bench.state.view.next_list().is_some());
        bench.list(seen);
        bench.work();
    }
    lists.push(bench.state.view.next_list().is_some());
    assert_eq!(lists, [true, true, false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn claim_conflict_and_its_end_are_reported_once() {
    #[derive(Debug, Default)]
    struct Recorder(std::sync::Mutex<Vec<&'static str>>);

    impl crate::outcome::Reporter for Recorder {
        fn report(&self, outcome: &Outcome) {
            self.0.lock().unwrap().push(match outcome {
                Outcome::Conflict { .. } => "conflict",
                Outcome::ConflictOver { .. } => "over",
                _ => return,
            });
        }
    }

    let recorder = Arc::new(Recorder::default());
    let mut bench = destination_with(|shared| {
        shared.claims = true;
        shared.reporters = Reporters::new([Arc::clone(&recorder) as _]);
    });
    bench.identify(cluster("a"));
    for there in [&[FOREIGN][..], &[FOREIGN], &[], &[], &[OWN]] {
        bench.list(there);
    }
    assert_eq!(*recorder.0.lock().unwrap(), ["conflict", "over"]);
}

impl Bench {
    /// Fails every request that is due now with this error; returns the requests.
    fn work_in_vain(&mut self, error: &RulerError) -> Vec<String> {
        let mut requests = Vec::new();
        self.state.judge_deletes();
        while let Some((namespace, changes)) = self.state.next_job() {
            let failed = |change: Change| {
                requests.push(request(&change));
                Applied { result: Err(error.clone()), change, elapsed: Duration::ZERO }
            };
            let applied = changes.into_iter().map(failed).collect();
            self.state.applied(Report { namespace, applied, unfinished: false });
        }
        requests
    }
}

#[tokio::test(start_paused = true)]
async fn claim_that_fails_delays_all_writes_and_a_refused_one_does_not() {
    let mut bench = claiming().listed(&[]);
    assert_eq!(bench.work_in_vain(&RulerError::unavailable("503")), ["PUT us/rulesync"]);
    assert_eq!(bench.work_in_vain(&RulerError::unavailable("503")), NOTHING, "it has yet to be written");
    bench.list(&[]);
    assert_eq!(bench.work_for(MINUTE).await, ["PUT us/rulesync", "PUT us.ns.o/g"]);
    let mut bench = claiming().listed(&[]);
    bench.failing.insert(CLAIM_GROUP);
    assert_eq!(bench.work(), ["PUT us/rulesync", "PUT us.ns.o/g"], "rulers that refuse it have no claims");
}

#[tokio::test(start_paused = true)]
async fn refused_requests_never_open_the_circuit_and_failed_ones_do() {
    use crate::destination::circuit_breaker::Circuit;
    let message = || "no".to_owned();
    for (error, circuit) in [
        (RulerError::protected(message()), Circuit::Closed),
        (RulerError::rejected(message()), Circuit::Closed),
        (RulerError::limit(message()), Circuit::Closed),
        (RulerError::unavailable("503"), Circuit::Open),
    ] {
        let names = ["a", "b", "c", "d"];
        let there: Vec<String> = names.iter().map(|name| namespace(name).to_string()).collect();
        let there: Vec<There<'_>> = there.iter().map(|namespace| (&**namespace, "g", "1")).collect();
        let mut bench = destination().listed(&there);
        names.iter().for_each(|name| bench.drop(name));
        let mut requests = bench.work_in_vain(&error);
        tokio::time::advance(Duration::from_secs(1)).await;
        requests.extend(bench.work_in_vain(&error));
        assert_eq!(requests.len(), names.len(), "{error}");
        assert_eq!(bench.state.availability.breaker.circuit(Instant::now()), circuit, "{error}");
        assert_eq!(bench.work(), NOTHING, "{error}");
        tokio::time::advance(10 * MINUTE).await;
        assert_eq!(bench.work().len(), names.len(), "every delete is made in the end: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn write_without_an_answer_is_repeated_when_its_author_reverts_it() {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[("us.ns.o", "g", "1")]);
    bench.declare("o", &[("g", "2")]);
    assert_eq!(bench.work_in_vain(&RulerError::unavailable("no answer")), ["PUT us.ns.o/g"]);
    bench.declare("o", &[("g", "1")]);
    assert_eq!(bench.work(), ["PUT us.ns.o/g"], "the ruler may have the other version");
}

#[tokio::test(start_paused = true)]
async fn retry_of_a_claim_is_due_while_the_last_list_is_recent_and_after_another_list_otherwise() {
    let mut bench = claiming().listed(&[]);
    bench.work_in_vain(&RulerError::unavailable("503"));
    let due = bench.state.due().expect("a retry of the claim");
    assert!(due > Instant::now());
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_eq!(bench.work(), NOTHING, "another installation may have claimed the tenant since");
    assert_eq!(bench.state.due(), None, "the list comes first");
    bench.list(&[FOREIGN]);
    assert_eq!(bench.state.due(), None, "nothing is due under a foreign claim");
    bench.list(&[]);
    assert_eq!(bench.work(), ["PUT us/rulesync", "PUT us.ns.o/g"]);
}
