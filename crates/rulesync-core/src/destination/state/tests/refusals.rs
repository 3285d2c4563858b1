//! Refusals name a rule by its author's number, and many of them are reported as the first few and a count.

use std::sync::Mutex;

use super::*;
use crate::desired::DesiredObject;
use crate::finding::{Code, Finding, Position};
use crate::model::left_out::LeftOut;
use crate::outcome::Reporter;
use crate::policy::OnInvalid;

#[derive(Debug, Default)]
struct Reported(Mutex<Vec<Outcome>>);

impl Reporter for Reported {
    fn report(&self, outcome: &Outcome) {
        self.0.lock().unwrap().push(outcome.clone());
    }
}

/// A destination with a reporter.
fn reporting(on_invalid: OnInvalid) -> (Bench, Arc<Reported>) {
    let reported = Arc::new(Reported::default());
    let reporter: Arc<dyn Reporter> = Arc::clone(&reported) as _;
    let mut bench = destination_with(|shared| shared.reporters = Reporters::new([reporter as _]));
    bench.environment(|environment| environment.policy.on_invalid = on_invalid);
    (bench.listed(&[]), reported)
}

/// Seven groups.
const SEVEN: [(&str, &str); 7] =
    [("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1"), ("f", "1"), ("g", "1")];

#[tokio::test(start_paused = true)]
async fn refusals_are_reported_as_the_first_few_and_a_count() {
    let of = |count: usize, fails: bool| {
        let (mut bench, reported) = reporting(OnInvalid::Group);
        let names = SEVEN.iter().map(|(name, _)| *name);
        if fails {
            bench.failing.extend(names)
        } else {
            bench.refused.extend(names)
        }
        bench.declare("o", &SEVEN[..count]);
        bench.work();
        let reported = reported.0.lock().unwrap();
        let one_by_one =
            reported.iter().filter(|o| matches!(o, Outcome::Refused { .. } | Outcome::Failed { .. }));
        let more: Vec<usize> = reported
            .iter()
            .filter_map(|outcome| match outcome {
                Outcome::MoreFound { object, destination, more } if !fails => {
                    assert_eq!((object, destination.as_ref()), (&id("o"), Some(&bench.state.id)));
                    Some(*more)
                }
                Outcome::MoreFailed { namespace, more, .. } if fails => {
                    assert_eq!(&**namespace, "us.ns.o");
                    Some(*more)
                }
                _ => None,
            })
            .collect();
        (one_by_one.count(), more)
    };
    for fails in [false, true] {
        assert_eq!(of(1, fails), (1, vec![]));
        assert_eq!(of(5, fails), (5, vec![]));
        assert_eq!(of(6, fails), (5, vec![1]));
        assert_eq!(of(7, fails), (5, vec![2]));
    }
}

/// An object whose group has the rules `r0` to `r2` of five, without the first and the fourth.
fn with_rules_left_out(finding_at: Option<usize>) -> DesiredObject {
    let rule = |n: usize| Rule { record: format!("r{n}"), expr: "1".into(), ..Rule::default() };
    let group = Group { name: "g".into(), rules: (0..3).map(rule).collect(), ..Group::default() };
    let desired = DesiredGroup::encode(&group, &StoredFields::ALL, LeftOut::default().and([0, 3])).unwrap();
    let finding = finding_at.map(|rule| {
        let mut finding = Finding::warning(Code::Promql, "odd");
        finding.location.group = Some("g".to_owned());
        finding.location.rule = Some(rule);
        finding.location.position = Some(Position { line: 1, column: 7 });
        finding
    });
    DesiredObject {
        id: id("o"),
        created: None,
        groups: [desired].into(),
        refused: Box::default(),
        enforced: Arc::default(),
        findings: finding.into_iter().collect(),
        advice: Box::default(),
        legacy_names: Box::default(),
        seen: Instant::now(),
    }
}

/// The location that is reported for a refusal of the group's rule of this number, as it was offered: rule, its name,
/// and column.
fn reported_at(
    rule: Option<usize>,
    finding_at: Option<usize>,
) -> (Option<usize>, Option<String>, Option<usize>) {
    let (mut bench, _) = reporting(OnInvalid::Group);
    bench.state.upsert(&namespace("o"), with_rules_left_out(finding_at), true);
    let (_, changes) = bench.state.next_job().unwrap();
    let (subject, finding) = bench.state.refused(&changes[0], "no", rule).unwrap();
    assert_eq!(subject.group.as_deref(), Some("g"));
    assert_eq!(finding.location.group.as_deref(), Some("g"));
    assert!(bench.state.verdicts.refuses("us.ns.o", "g", with_rules_left_out(None).groups[0].fingerprint));
    let column = finding.location.position.map(|position| position.column);
    (finding.location.rule, finding.location.rule_name, column)
}

#[tokio::test(start_paused = true)]
async fn refusals_number_rules_as_their_author_does() {
    let named = |n: usize| Some(format!("r{n}"));
    assert_eq!(reported_at(Some(0), None), (Some(1), named(0), None));
    assert_eq!(reported_at(Some(2), None), (Some(4), named(2), None));
    assert_eq!(reported_at(None, None), (None, None, None));
    // The local parser knows the position, if its finding is about the same rule.
    assert_eq!(reported_at(Some(2), Some(4)), (Some(4), named(2), Some(7)));
    assert_eq!(reported_at(Some(2), Some(1)), (Some(4), named(2), None));
    assert_eq!(reported_at(None, Some(1)), (Some(1), None, Some(7)));
    // A finding about a rule that was not offered explains nothing.
    assert_eq!(reported_at(None, Some(3)), (None, None, None));
}

#[tokio::test(start_paused = true)]
async fn refused_rule_is_omitted_and_no_other() {
    let (mut bench, _) = reporting(OnInvalid::Rule);
    bench.state.upsert(&namespace("o"), with_rules_left_out(None), true);
    let mut omitted = Vec::new();
    for refused in [1, 0] {
        let (namespace, changes) = bench.state.next_job().unwrap();
        let (_, finding) = bench.state.refused(&changes[0], "no", Some(refused)).unwrap();
        omitted.push(finding.location.rule);
        bench.state.queue.finished(&namespace);
    }
    assert_eq!(omitted, [Some(2), Some(1)]);
    let (_, changes) = bench.state.next_job().unwrap();
    let Action::Put(group) = &changes[0].action else { panic!("one write") };
    let names: Vec<String> = group.body.decode().unwrap().rules.iter().map(|r| r.name().to_owned()).collect();
    assert_eq!(names, ["r2"]);
}

#[tokio::test(start_paused = true)]
async fn refusal_of_a_version_that_is_no_longer_declared_is_not_reported() {
    let (mut bench, _) = reporting(OnInvalid::Group);
    bench.declare("o", &[("g", "1")]);
    let (_, changes) = bench.state.next_job().unwrap();
    bench.declare("o", &[("g", "2")]);
    assert!(bench.state.refused(&changes[0], "no", None).is_none());
    bench.declare("o", &[("h", "1")]);
    assert!(bench.state.refused(&changes[0], "no", None).is_none());
}

#[tokio::test(start_paused = true)]
async fn refused_groups_are_offered_again_when_the_configuration_is_reloaded() {
    let mut bench = destination().declared("o", &[("g", "1")]).declared("p", &[("g", "1")]).listed(&[]);
    bench.refused.insert("g");
    assert_eq!(bench.work().len(), 2);
    assert_eq!(bench.work_for(10 * MINUTE).await, NOTHING);
    bench.refused.clear();
    bench.state.reconsider();
    assert_eq!(bench.work(), ["PUT us.ns.o/g", "PUT us.ns.p/g"]);
}
