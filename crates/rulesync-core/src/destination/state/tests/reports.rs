//! Reports of a destination: its state, what its findings name, and until when deletes are held.

use std::sync::Mutex;

use super::*;
use crate::clock::seconds_since_1970;
use crate::finding::Code;
use crate::outcome::Reporter;
use crate::status::{DestinationState, HeldDeletes, ObjectState};

const WINDOW: Duration = Duration::from_secs(5 * 60);

fn state(bench: &Bench) -> DestinationState {
    bench.state.report().destination.state
}

fn object_state(bench: &Bench) -> ObjectState {
    bench.state.report().objects[0].1.state
}

/// Collects the outcomes about held deletes.
#[derive(Debug, Clone, Default)]
struct Held(Arc<Mutex<Vec<String>>>);

impl Reporter for Held {
    fn report(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Held { groups, reason, until, .. } => {
                let until = until.map(|until| until.as_secs());
                self.0.lock().unwrap().push(format!("{groups} {reason:?} {until:?}"));
            }
            Outcome::NoneHeld { .. } => self.0.lock().unwrap().push("none".to_owned()),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn state_of_a_destination_follows_its_work() {
    let mut bench = destination().declared("o", &[("g", "1")]);
    assert_eq!((state(&bench), object_state(&bench)), (DestinationState::Starting, ObjectState::Pending));
    bench.list(&[]);
    assert_eq!((state(&bench), object_state(&bench)), (DestinationState::Syncing, ObjectState::Pending));
    bench.failing.insert("g");
    bench.work();
    assert_eq!((state(&bench), object_state(&bench)), (DestinationState::Failing, ObjectState::Pending));
    bench.failing.clear();
    bench.work_for(10 * MINUTE).await;
    bench.work();
    assert_eq!((state(&bench), object_state(&bench)), (DestinationState::InSync, ObjectState::Synced));
    bench.allow(false, false);
    assert_eq!(state(&bench), DestinationState::Starting, "a source has yet to show its objects");
    bench.allow(true, true);
    bench.state.begin_list(false);
    bench.state.list_failed(RulerError::unavailable("503").with_retry_after(MINUTE));
    let report = bench.state.report().destination;
    assert_eq!(report.state, DestinationState::Failing);
    let wait = report.retry_at.map(|at| at.saturating_sub(seconds_since_1970()));
    assert!(wait.is_some_and(|wait| (55..=65).contains(&wait)), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn findings_of_the_ruler_name_the_group() {
    let mut bench = destination().declared("o", &[("g", "1"), ("h", "1")]);
    let (g, h) = (("us.ns.o", "g", "1"), ("us.ns.o", "h", "1"));
    bench.list(&[]);
    for _ in 0..3 {
        bench.work();
        bench.list(&[("us.ns.o", "g", "2"), h]);
        tokio::time::advance(10 * MINUTE).await;
    }
    let report = bench.state.report();
    let findings = &report.objects[0].1.findings;
    let [contested] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((contested.code.name(), contested.location.group.as_deref()), ("contested", Some("g")));
    assert_eq!((report.destination.state, report.destination.contested), (DestinationState::Contested, 1));
    bench.work();
    bench.list(&[g, h]);
    assert_eq!(bench.state.report().objects[0].1.findings, []);
}

#[tokio::test(start_paused = true)]
async fn object_whose_namespace_is_taken_has_its_own_numbers_and_findings() {
    let mut bench = destination().listed(&[]).declared("o", &[("g", "1"), ("bad", "1")]);
    bench.refused.insert("bad");
    bench.work();
    bench.declare_in("o", "younger", &[("g", "2"), ("h", "2"), ("i", "2")]);
    bench.work();
    let report = bench.state.report();
    let [(_, first), (younger, second)] = &*report.objects else { panic!("{report:?}") };
    assert_eq!((first.groups, first.refused_groups, younger.name()), (1, 1, "younger"));
    assert_eq!((second.groups, second.rules, second.refused_groups), (0, 0, 3));
    let codes: Vec<Code> = second.findings.iter().map(|finding| finding.code).collect();
    assert_eq!((second.state, codes), (ObjectState::Refused, vec![Code::NamespaceTaken]));
}

#[tokio::test(start_paused = true)]
async fn held_deletes_are_reported_once_with_the_time_at_which_they_are_made() {
    let held = Held::default();
    let reporters: Reporters = Reporters::new([Arc::new(held.clone()) as _]);
    let there: Vec<String> = (0..20).map(|n| namespace(&format!("o{n}")).to_string()).collect();
    let there: Vec<There<'_>> = there.iter().map(|namespace| (&**namespace, "g", "1")).collect();
    let mut bench = destination_with(|shared| shared.reporters = reporters).listed(&there);
    let reports = |bench: &mut Bench| {
        (0..2).for_each(|_| bench.state.publish_metrics());
        std::mem::take(&mut *held.0.lock().unwrap())
    };
    assert_eq!(bench.work_for(MINUTE).await, NOTHING);
    assert_eq!(reports(&mut bench), ["20 Share None"], "until released");
    let holds = bench.state.report().destination.holds;
    assert_eq!((holds[0].groups, holds[0].namespaces, holds[0].until), (20, 20, None));

    let until = Instant::now() + WINDOW;
    bench.state.retire(Retirement::NoRoute { until });
    bench.work_after_settling().await;
    assert_eq!(reports(&mut bench), [format!("20 Route Some({})", WINDOW.as_secs() - 1)]);
    let holds = bench.state.report().destination.holds;
    let wait = holds[0].until.map(|at| at.saturating_sub(seconds_since_1970()));
    assert!(wait.is_some_and(|wait| (290..=300).contains(&wait)), "{wait:?}");
    assert_eq!(bench.state.release(), 20);
    bench.work();
    assert_eq!(reports(&mut bench), ["none"]);
    assert_eq!(bench.state.report().destination.holds, []);
}

#[tokio::test(start_paused = true)]
async fn report_plans_only_what_may_be_protected() {
    let names: Vec<String> = (0..1_000).map(|n| format!("o{n}")).collect();
    let mut bench = destination();
    names.iter().for_each(|name| bench.declare(name, &[("g", "1"), ("h", "1")]));
    let there: Vec<String> = names.iter().map(|name| namespace(name).to_string()).collect();
    let there: Vec<There<'_>> =
        there.iter().flat_map(|name| ["g", "h"].map(|group| (&**name, group, "1"))).collect();
    bench.list(&there);
    assert_eq!(bench.work(), NOTHING);
    let planned = |bench: &Bench| bench.state.may_be_protected().len();
    assert_eq!((planned(&bench), bench.state.report().destination.holds), (0, vec![]));

    // Two objects move away, and one of them is declared here still, without a group that is there.
    bench.drop("o1");
    bench.declare("o2", &[("g", "1")]);
    for name in ["o1", "o2"] {
        bench.state.protect(&namespace(name), &id(name), Some(HeldReason::Moving.into()));
    }
    let moving = |holds: &[HeldDeletes]| {
        let [held] = holds else { panic!("{holds:?}") };
        (held.reason, held.groups, held.namespaces, held.example.clone())
    };
    assert_eq!(planned(&bench), 2);
    assert_eq!(
        moving(&bench.state.report().destination.holds),
        (HeldReason::Moving, 3, 2, "us.ns.o1".to_owned())
    );

    // What no object accounts for, while something may hide one.
    bench.allow(true, false);
    bench.list(&[there, vec![("us.ns.orphan", "g", "1")]].concat());
    assert_eq!(planned(&bench), 3);
    bench.allow(true, true);
    bench.missing_kinds(&[PROMETHEUS_RULE]);
    assert_eq!(planned(&bench), 3);
}

#[tokio::test(start_paused = true)]
async fn report_has_the_protected_deletes_of_the_plan() {
    let there =
        [("us.ns.o", "g", "1"), ("us.ns.o", "old", "1"), ("us.ns.orphan", "g", "1"), ("us.ns.p", "g", "1")];
    let mut bench = destination().listed(&there).declared("o", &[("g", "1")]).declared("p", &[("g", "1")]);
    let check = |bench: &Bench, expected: &[(HeldReason, usize)]| {
        let planned = bench.state.planned();
        let protects = |change: &&Change| change.held.is_some_and(|held| !held.is_releasable());
        let planned: Vec<&Change> = planned.iter().filter(protects).collect();
        let found = bench.state.protected_deletes();
        assert_eq!(found.iter().collect::<Vec<_>>(), planned);
        let holds = bench.state.report().destination.holds;
        let holds: Vec<_> = holds.iter().map(|held| (held.reason, held.groups)).collect();
        assert_eq!(holds, expected);
    };
    bench.allow(false, false);
    check(&bench, &[(HeldReason::Snapshot, 2)]);
    bench.allow(true, false);
    bench.work_after_settling().await;
    bench.list(&there);
    check(&bench, &[(HeldReason::Unreadable, 1)]);
    bench.state.protect(&namespace("o"), &id("o"), Some(HeldReason::TenantRefused.into()));
    check(&bench, &[(HeldReason::Unreadable, 1), (HeldReason::TenantRefused, 1)]);
    bench.missing_kinds(&[PROMETHEUS_RULE]);
    bench.allow(true, true);
    check(&bench, &[(HeldReason::Kind, 1), (HeldReason::TenantRefused, 1)]);
    bench.missing_kinds(&[]);
    check(&bench, &[(HeldReason::TenantRefused, 1)]);
    bench.state.take_over();
    check(&bench, &[(HeldReason::Takeover, 2)]);
}

#[tokio::test(start_paused = true)]
async fn younger_object_is_told_the_source_of_the_older_one_if_it_differs() {
    let message = |source: &str| {
        let (older, younger) = (id("o"), ObjectId::new(&source.into(), &PROMETHEUS_RULE.into(), "ns", "p"));
        super::super::report::namespace_taken("us.ns.o", &younger, &older).message
    };
    assert!(message("another").ends_with("; this one is of another"), "{}", message("another"));
    assert!(!message("s").contains("this one is of"), "{}", message("s"));
}
