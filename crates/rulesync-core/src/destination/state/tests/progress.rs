//! The progress of a destination: one-shot runs end when nothing is left to do, or when waiting longer is pointless.

use super::*;
use crate::model::left_out::LeftOut;

/// A destination in which a group fails whenever it is written.
fn failing() -> Bench {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[]);
    bench.failing.insert("g");
    bench
}

#[tokio::test(start_paused = true)]
async fn destination_is_stuck_after_three_failures_in_a_row_of_all_that_is_left() {
    let mut bench = failing();
    assert!(!bench.state.progress().stuck && !bench.state.is_settled(), "nothing was tried");
    for failures in 1..=3 {
        assert_eq!(bench.work(), ["PUT us.ns.o/g"]);
        let progress = bench.state.progress();
        assert_eq!((progress.failing, progress.stuck), (true, failures == 3), "{failures}");
        assert!(bench.state.is_settled(), "only a retry is left");
        tokio::time::advance(10 * MINUTE).await;
    }
    bench.declare("p", &[("h", "1")]);
    assert!(!bench.state.progress().stuck, "something is left that may succeed");
    assert_eq!(bench.work(), ["PUT us.ns.p/h", "PUT us.ns.o/g"]);
    bench.failing.clear();
    tokio::time::advance(10 * MINUTE).await;
    assert_eq!(bench.work(), ["PUT us.ns.o/g"]);
    let progress = bench.state.progress();
    assert_eq!((progress.failing, progress.stuck, progress.applied), (false, false, 2));
}

#[tokio::test(start_paused = true)]
async fn destination_that_cannot_be_listed_is_failing_and_settled_and_stuck_after_three_lists() {
    let mut bench = destination().declared("o", &[("g", "1")]);
    for failures in 1..=3 {
        assert!(!bench.state.progress().stuck, "{failures}");
        bench.state.begin_list(false);
        bench.state.list_failed(RulerError::unavailable("503"));
        let progress = bench.state.progress();
        assert!(progress.failing && !progress.listed && bench.state.is_settled(), "{failures}");
    }
    assert!(bench.state.progress().stuck);
    bench.list(&[]);
    let progress = bench.state.progress();
    assert!(progress.listed && !progress.failing && !progress.stuck);
}

#[tokio::test(start_paused = true)]
async fn destination_is_retired_when_orphans_may_be_deleted_and_neither_rules_nor_claim_are_left() {
    let retired = |bench: &Bench| bench.state.progress().retired;
    let mut bench = destination();
    bench.allow(true, false);
    bench.list(&[]);
    assert!(!retired(&bench), "it is in use");
    bench.state.retire(no_route());
    assert!(!retired(&bench), "something may be hidden");
    bench.allow(true, true);
    assert!(retired(&bench));
    bench.list(&[("us.ns.o", "g", "1")]);
    assert!(!retired(&bench), "its rules have to be deleted first");
    bench.work_after_settling().await;
    assert!(retired(&bench));
    bench.state.return_to_service();
    assert!(!retired(&bench));
}

#[tokio::test(start_paused = true)]
async fn status_counts_rules_without_those_that_the_ruler_refuses() {
    let mut bench = destination();
    bench.environment(|environment| environment.policy.on_invalid = crate::policy::OnInvalid::Rule);
    bench.declare("o", &[("g", "1"), ("h", "1")]);
    bench.list(&[]);
    assert_eq!(bench.state.report().destination.rules, 2);
    let group = Group {
        name: "g".into(),
        rules: ["a", "b", "c"]
            .map(|name| Rule { record: name.into(), expr: "1".into(), ..Rule::default() })
            .into(),
        ..Group::default()
    };
    let declared = DesiredGroup::encode(&group, &StoredFields::ALL, LeftOut::default()).unwrap();
    let object = crate::desired::tests::object("o", None, vec![declared.clone()]);
    let object = crate::desired::DesiredObject { id: id("o"), ..object };
    bench.state.upsert(&namespace("o"), object, true);
    let (namespace, changes) = bench.state.next_job().unwrap();
    let change = changes.into_iter().next().unwrap();
    let result = Err(RulerError::rejected("no".to_owned()).with_rule(1));
    let applied = vec![Applied { change, result, elapsed: Duration::ZERO }];
    bench.state.applied(Report { namespace, applied, unfinished: false });
    assert_eq!(bench.state.report().destination.rules, 2, "one of three is left out");
}

#[tokio::test(start_paused = true)]
async fn retry_of_failed_work_is_due_after_its_backoff() {
    let mut bench = failing();
    assert_eq!(bench.state.due(), None, "what was never tried is not waited for");
    bench.work();
    let cap = bench.state.policy().backoff.cap;
    let due = bench.state.due().expect("a retry");
    assert!(due > Instant::now() && due <= Instant::now() + cap);
    bench.state.restart();
    assert_eq!(bench.state.due(), None, "nothing is due before another list");
}

#[tokio::test(start_paused = true)]
async fn comparison_that_leads_to_no_request_is_counted_as_unchanged() {
    let mut bench = destination().declared("o", &[("g", "1")]).listed(&[]);
    let unchanged = |bench: &Bench| bench.state.gauges.unchanged.get();
    let before = unchanged(&bench);
    assert_eq!(bench.work(), ["PUT us.ns.o/g"]);
    assert_eq!(unchanged(&bench), before, "it was missing");
    bench.declare("o", &[("g", "1")]);
    assert!(bench.work().is_empty());
    assert_eq!(unchanged(&bench), before + 1, "it is declared as the ruler has it");
    let listed = unchanged(&bench);
    bench.list(&[("us.ns.o", "g", "1")]);
    assert!(bench.work().is_empty());
    assert!(unchanged(&bench) > listed, "the list shows it as it is declared");
}
