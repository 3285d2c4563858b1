use super::*;
use crate::desired::Desired;
use crate::desired::tests::{group, object};
use crate::overlay::Overlay;
use crate::ruler::EvaluatedRule;

const PERIOD: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_secs(300);

struct World {
    health: EvaluationHealth,
    desired: Desired,
    observed: Observed,
    namespace: RulerNamespace,
}

impl World {
    fn new() -> Self {
        let namespace: RulerNamespace = "us.ns.o".into();
        let (mut desired, mut observed) = (Desired::default(), Observed::default());
        for name in ["a", "b"] {
            observed.set(&namespace, name, Some(group(name, "1").fingerprint));
        }
        desired.upsert(&namespace, object("o", None, vec![group("a", "1"), group("b", "1")]));
        Self { health: EvaluationHealth::new(Instant::now(), PERIOD), desired, observed, namespace }
    }

    /// Answers; returns what is to be reported.
    fn answer(&mut self, groups: &[(&str, RuleHealth)]) -> HealthChanges {
        HealthChanges { changed: Changed::Nothing, ..self.answer_with_changed(groups) }
    }

    fn answer_with_changed(&mut self, groups: &[(&str, RuleHealth)]) -> HealthChanges {
        let mut answer = LoadedGroups::default();
        for (name, health) in groups {
            let rule = EvaluatedRule { name: "r".into(), health: health.clone() };
            let namespace = self.namespace.to_string();
            answer.take(EvaluatedGroup { namespace, name: (*name).into(), rules: vec![rule] });
        }
        let times = (Instant::now(), INTERVAL, PERIOD);
        let offered = Offered { desired: &self.desired, overlay: &Overlay::default() };
        self.health.answered((Evaluation::Read, &answer), offered, &self.observed, times)
    }

    fn codes(&self) -> Vec<&'static str> {
        let findings = self.health.findings(&self.namespace);
        findings.unwrap().into_iter().map(|finding| finding.code.name()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn group_not_loaded_after_three_load_delays_is_reported_once() {
    let mut world = World::new();
    let healthy = [("a", RuleHealth::Healthy), ("b", RuleHealth::Unknown)];
    assert_eq!(world.health.findings("us.ns.o"), None, "the ruler was not asked yet");
    assert_eq!(world.answer(&healthy[..1]), HealthChanges::default(), "the load delays are not over");
    tokio::time::advance(PERIOD * LOAD_DELAYS).await;
    let changes = world.answer(&healthy[..1]);
    assert_eq!(changes.not_loaded, Some(NotLoaded { groups: 1, example: Some("us.ns.o/b".into()) }));
    assert_eq!((world.health.not_loaded_groups(), world.codes()), (1, vec!["not-loaded"]));
    assert_eq!(world.answer(&healthy[..1]), HealthChanges::default());
    // A write restarts the load delay.
    world.health.wrote(&world.namespace.clone(), Instant::now(), PERIOD);
    assert_eq!(world.answer(&[]).not_loaded, Some(NotLoaded { groups: 0, example: None }));
    tokio::time::advance(PERIOD * LOAD_DELAYS).await;
    assert_eq!(world.answer(&[]).not_loaded.unwrap().groups, 2);
    assert_eq!(world.answer(&healthy).not_loaded, Some(NotLoaded { groups: 0, example: None }));
    assert_eq!(world.codes(), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn ruler_is_asked_three_load_delays_after_the_first_write_and_one_after_the_last() {
    let mut world = World::new();
    tokio::time::advance(INTERVAL * 10).await;
    world.answer(&[("a", RuleHealth::Healthy), ("b", RuleHealth::Healthy)]);
    let (now, namespace) = (Instant::now(), world.namespace.clone());
    assert!(world.health.due() > now + INTERVAL.mul_f64(0.8), "nothing was written");
    world.health.wrote(&namespace, now, PERIOD);
    assert_eq!(world.health.due(), now + PERIOD * LOAD_DELAYS);
    let last = now + PERIOD * 9;
    world.health.wrote(&namespace, last, PERIOD);
    assert_eq!(world.health.due(), last + PERIOD, "a first sync is not over yet");
}

#[tokio::test(start_paused = true)]
async fn ruler_is_asked_again_soon_while_what_was_written_may_not_be_loaded() {
    let mut world = World::new();
    let healthy = [("a", RuleHealth::Healthy), ("b", RuleHealth::Healthy)];
    world.health.wrote(&world.namespace.clone(), Instant::now(), PERIOD);
    world.answer(&healthy);
    assert!(world.health.due() <= Instant::now() + CONFIRM_INTERVAL.mul_f64(1.1));
    tokio::time::advance(PERIOD * LOAD_DELAYS).await;
    world.answer(&healthy);
    assert!(world.health.due() > Instant::now() + INTERVAL.mul_f64(0.8), "it is loaded by now");
}

#[tokio::test(start_paused = true)]
async fn findings_name_the_group_that_is_not_loaded() {
    let mut world = World::new();
    tokio::time::advance(PERIOD * LOAD_DELAYS).await;
    world.answer(&[("a", RuleHealth::Healthy)]);
    let findings = world.health.findings("us.ns.o").unwrap();
    assert_eq!(findings[0].location.group.as_deref(), Some("b"));
    assert_eq!(world.health.findings("us.ns.p"), Some(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn rule_fails_after_two_failing_answers() {
    let mut world = World::new();
    let failing = [("a", RuleHealth::Failing("many-to-many".into())), ("b", RuleHealth::Healthy)];
    assert_eq!(world.answer(&failing), HealthChanges::default(), "one failure is not reported");
    assert!(world.health.due() <= Instant::now() + CONFIRM_INTERVAL.mul_f64(1.1), "it is confirmed soon");
    let changes = world.answer(&failing);
    let [(namespace, finding)] = changes.failing.as_slice() else { panic!("{changes:?}") };
    assert_eq!(**namespace, *world.namespace);
    assert_eq!(finding.to_string(), r#"group "a", rule 0 "r": fails when it is evaluated: many-to-many"#);
    assert_eq!((world.health.failing_rules(), world.codes()), (1, vec!["evaluation"]));
    assert_eq!(world.answer(&failing), HealthChanges::default(), "reported once");
    assert!(world.health.due() > Instant::now() + INTERVAL.mul_f64(0.8));
    let well = [("a", RuleHealth::Healthy), ("b", RuleHealth::Healthy)];
    assert_eq!(world.answer(&well).recovered, 1);
    assert_eq!(world.health.failing_rules(), 0);
}

#[tokio::test(start_paused = true)]
async fn health_says_which_namespaces_have_changed() {
    let mut world = World::new();
    let here = Changed::Namespaces(HashSet::from([world.namespace.clone()]));
    let nowhere = Changed::Namespaces(HashSet::new());
    let healthy = [("a", RuleHealth::Healthy), ("b", RuleHealth::Healthy)];
    let failing = [("a", RuleHealth::Failing("no".into())), ("b", RuleHealth::Healthy)];
    for (answer, changed) in [
        (&healthy[..], Changed::Everything),
        (&healthy, nowhere),
        // The second answer confirms it.
        (&failing, here),
    ] {
        assert_eq!(world.answer_with_changed(answer).changed, changed);
    }
    for (answer, changes) in [(&failing, true), (&failing, false), (&healthy, true), (&healthy, false)] {
        let Changed::Namespaces(changed) = world.answer_with_changed(answer).changed else { panic!() };
        assert_eq!(changed.contains(&world.namespace), changes);
    }
}

#[tokio::test(start_paused = true)]
async fn groups_that_differ_from_their_declaration_are_not_reported_as_not_loaded() {
    let mut world = World::new();
    world.observed.set(&world.namespace, "b", None);
    tokio::time::advance(PERIOD * LOAD_DELAYS).await;
    assert_eq!(world.answer(&[("a", RuleHealth::Healthy)]), HealthChanges::default());
    let unsupported = (Evaluation::Unsupported, &LoadedGroups::default());
    let times = (Instant::now(), INTERVAL, PERIOD);
    assert_eq!(
        world.health.answered(
            unsupported,
            Offered { desired: &world.desired, overlay: &Overlay::default() },
            &world.observed,
            times
        ),
        HealthChanges { changed: Changed::Everything, ..HealthChanges::default() }
    );
    assert_eq!(world.health.findings("us.ns.o"), None);
    assert!(world.health.due() > Instant::now() + UNSUPPORTED_RETRY_INTERVAL.mul_f64(0.8));
}
