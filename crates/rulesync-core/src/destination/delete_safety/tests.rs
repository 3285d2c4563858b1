//! Deletes that may be made now, and the reasons against others: one table for each kind of reason.

use std::collections::BTreeSet;

use super::*;
use crate::desired::tests::{group, object};
use crate::model::kind::PROMETHEUS_RULE;
use crate::plan::Action;

const WINDOW: Duration = Duration::from_secs(5 * 60);
const SECOND: Duration = Duration::from_secs(1);

/// A destination where everything may be deleted, with the state it is judged by.
struct Bench {
    safety: DeleteSafety,
    desired: Desired,
    now: Instant,
}

fn namespace(name: &str) -> RulerNamespace {
    format!("us.ns.{name}").into()
}

fn delete_for(name: &str, reason: Reason) -> Change {
    let action = Action::DeleteNamespace(vec!["g".into()]);
    Change { namespace: namespace(name), object: None, action, reason, held: None }
}

/// Changes the facts that all destinations share. Returns whether this may allow further deletes.
fn change(safety: &mut DeleteSafety, now: Instant, change: impl FnOnce(&mut Environment)) -> bool {
    let mut environment = Environment::clone(&safety.environment);
    change(&mut environment);
    let classifier = NamespaceClassifier::of("us".parse().unwrap());
    safety.set_environment(Arc::new(environment), &Desired::default(), &classifier, now)
}

fn allow(safety: &mut DeleteSafety, deletes: Deletes) -> bool {
    change(safety, Instant::now(), |environment| environment.deletes = deletes)
}

fn bench() -> Bench {
    let mut safety = DeleteSafety::new(false);
    safety.declarations_sent();
    allow(&mut safety, Deletes { takeover: false, known: true, orphans: true });
    Bench { safety, desired: Desired::default(), now: Instant::now() }
}

impl Bench {
    fn declared(mut self, name: &str) -> Self {
        self.desired.upsert(&namespace(name), object(name, None, vec![group("g", "1")]));
        self
    }

    fn removed(mut self, name: &str, because: RemovalReason) -> Self {
        self.desired.remove(&namespace(name), &object(name, None, vec![]).id, because);
        self
    }

    /// Marks a source as suspect. Objects here come from a source called `s`.
    fn suspects(mut self, source: &str) -> Self {
        change(&mut self.safety, self.now, |environment| {
            environment.suspects.insert(source.into());
        });
        self
    }

    fn vanished(mut self, source: &str) -> Self {
        change(&mut self.safety, self.now, |environment| {
            environment.vanished.insert(source.into(), HeldReason::Vanished);
        });
        self
    }

    fn with<T>(mut self, change: impl FnOnce(&mut DeleteSafety, Instant) -> T) -> Self {
        change(&mut self.safety, self.now);
        self
    }

    fn reason_for(&self, change: &Change, after: Duration) -> Option<HeldReason> {
        let classifier = NamespaceClassifier::of("us".parse().unwrap());
        self.safety.reason(change, &self.desired, &classifier, self.now + after)
    }

    /// Returns why an object's namespace is not deleted now.
    fn reason(&self, name: &str) -> Option<HeldReason> {
        self.reason_for(&delete_for(name, Reason::NotDeclared), Duration::ZERO)
    }

    fn reason_after(&self, name: &str, after: Duration) -> Option<HeldReason> {
        self.reason_for(&delete_for(name, Reason::NotDeclared), after)
    }

    /// Returns how many of these changes are carried out after this time.
    fn carried_out(&mut self, changes: &[Change], after: Duration) -> usize {
        let (classifier, now) = (NamespaceClassifier::of("us".parse().unwrap()), self.now + after);
        let Self { safety, desired, .. } = self;
        let mut changes = changes.to_vec();
        let namespace = changes[0].namespace.clone();
        safety.hold_back(&namespace, &mut changes, desired, &classifier, now);
        changes.len()
    }

    fn judge(&mut self, after: Duration) -> usize {
        self.safety.judge(|| 100, &self.desired, self.now + after).len()
    }
}

#[tokio::test(start_paused = true)]
async fn environment_allows_further_deletes_when_something_becomes_safe() {
    let of = |known, orphans| Deletes { takeover: false, known, orphans };
    for (before, after, more) in [
        (of(false, false), of(true, false), true),
        (of(true, false), of(true, true), true),
        (of(false, false), of(true, true), true),
        (of(true, true), of(true, true), false),
        (of(true, false), of(true, false), false),
        (of(true, true), of(true, false), false),
        (of(true, true), of(false, false), false),
        (of(false, false), of(false, false), false),
    ] {
        let mut safety = DeleteSafety::default();
        safety.declarations_sent();
        allow(&mut safety, before);
        assert_eq!(allow(&mut safety, after), more, "{before:?} {after:?}");
        assert_eq!(safety.deletes(), after);
    }
}

#[tokio::test(start_paused = true)]
async fn suspect_source_holds_deletes_of_its_objects_and_of_orphans() {
    use HeldReason::{Source, SourceEmpty, Vanished};
    let gone = || bench().removed("o", RemovalReason::Deleted);
    for (bench, reason) in [
        (bench(), None),
        (bench().suspects("any"), Some(Source)),
        (
            bench().with(|safety, now| {
                change(safety, now, |environment| environment.orphans = Some(SourceEmpty))
            }),
            Some(SourceEmpty),
        ),
        (bench().vanished("s"), None),
        (gone(), None),
        (gone().suspects("s"), Some(Source)),
        (gone().suspects("another"), None),
        (gone().vanished("s"), Some(Vanished)),
        (gone().vanished("another"), None),
        (
            gone()
                .vanished("s")
                .with(|safety, now| change(safety, now, |environment| environment.vanished.clear())),
            None,
        ),
        (
            gone()
                .suspects("s")
                .with(|safety, now| change(safety, now, |environment| environment.suspects.clear())),
            None,
        ),
        (
            gone().with(|safety, now| {
                change(safety, now, |environment| environment.orphans = Some(SourceEmpty))
            }),
            None,
        ),
        // A missing group of an existing object has not vanished with the source.
        (bench().declared("o").vanished("s"), None),
        (bench().declared("o").suspects("s"), Some(Source)),
        (bench().declared("o").suspects("another"), None),
    ] {
        assert_eq!(bench.reason("o"), reason, "{:?} {:?}", bench.safety, bench.desired.removed("us.ns.o"));
    }
}

#[tokio::test(start_paused = true)]
async fn requested_deletes_pass_whatever_the_state_of_sources() {
    for because in [RemovalReason::Deselected, RemovalReason::Moved] {
        assert_eq!(
            bench().removed("o", because).suspects("s").vanished("s").reason("o"),
            None,
            "{because:?}"
        );
    }
    for because in [RemovalReason::Deleted, RemovalReason::NamespaceChanged] {
        let reason = bench().removed("o", because).suspects("s").reason("o");
        assert_eq!(reason, Some(HeldReason::Source), "{because:?}");
    }
    let mut released = bench().suspects("s");
    released.safety.released = true;
    assert_eq!(released.reason("o"), None);
    // Changes that are no guarded deletes, or that are held already.
    let bench = bench().suspects("s");
    assert_eq!(bench.reason_for(&delete_for("o", Reason::Renamed), SECOND), None);
    let snapshot = Change { held: Some(HeldReason::Snapshot), ..delete_for("o", Reason::NotDeclared) };
    assert_eq!(bench.reason_for(&snapshot, SECOND), Some(HeldReason::Snapshot));
}

#[tokio::test(start_paused = true)]
async fn configuration_deletes_wait_for_the_window() {
    use HeldReason::{Configuration, Route, Source};
    let no_route = |safety: &mut DeleteSafety, now| {
        safety.retirement = Some(Retirement::NoRoute { until: now + WINDOW });
    };
    for (bench, before, then) in [
        (bench().removed("o", RemovalReason::Reconfigured), Some(Configuration), None),
        (bench().removed("o", RemovalReason::Reconfigured).suspects("s"), Some(Configuration), Some(Source)),
        // The configuration forbids the rules: deleted whatever the state of sources.
        (bench().removed("o", RemovalReason::Forbidden).suspects("s"), Some(Configuration), None),
        (bench().suspects("s").with(no_route), Some(Route), None),
    ] {
        for (after, reason) in [(WINDOW - SECOND, before), (WINDOW, then)] {
            assert_eq!(bench.reason_after("o", after), reason, "{after:?} {:?}", bench.safety);
        }
    }
    let mut off = bench().removed("o", RemovalReason::Forbidden);
    change(&mut off.safety, off.now, |environment| environment.policy.delete_guard.max_share = 1.0);
    assert_eq!(off.reason("o"), None, "the guard is switched off");
}

#[tokio::test(start_paused = true)]
async fn expelled_groups_wait_for_the_window_from_the_time_they_were_found() {
    let not_allowed = [delete_for("o", Reason::NotAllowed)];
    let mut bench = bench().declared("o").suspects("s");
    bench.safety.expel(&namespace("o"), bench.now);
    // Finding them again does not restart the wait.
    bench.safety.expel(&namespace("o"), bench.now + SECOND);
    let reason = |bench: &Bench, after| bench.reason_for(&not_allowed[0], after);
    assert_eq!(reason(&bench, WINDOW - SECOND), Some(HeldReason::Configuration));
    assert_eq!(reason(&bench, WINDOW), None, "whatever the source is like");
    assert_eq!(
        bench.reason_after("o", WINDOW),
        Some(HeldReason::Source),
        "other groups of the namespace are not affected"
    );
    assert_eq!(bench.carried_out(&not_allowed, Duration::ZERO), 0);
    assert_eq!((bench.judge(SECOND), bench.judge(WINDOW)), (0, 1));
    assert_eq!(bench.carried_out(&not_allowed, WINDOW), 1);
    bench.safety.forgive("us.ns.o");
    bench.safety.expel(&namespace("o"), bench.now + WINDOW);
    assert_eq!(reason(&bench, WINDOW), Some(HeldReason::Configuration), "something new");
}

#[tokio::test(start_paused = true)]
async fn delete_guard_never_holds_writes_or_unguarded_deletes() {
    let write = Change {
        action: Action::Put(group("g", "1")),
        reason: Reason::Missing,
        ..delete_for("o", Reason::NotDeclared)
    };
    let mut bench = bench().removed("o", RemovalReason::Deleted).suspects("s");
    assert_eq!(bench.carried_out(std::slice::from_ref(&write), Duration::ZERO), 1);
    assert_eq!(bench.carried_out(&[delete_for("o", Reason::Renamed)], Duration::ZERO), 1);
    let both = [write, delete_for("o", Reason::NotDeclared)];
    assert_eq!(bench.carried_out(&both, Duration::ZERO), 1);
    assert_eq!(bench.judge(SECOND), 0);
    assert_eq!(bench.safety.guard.total_held(), Some((1, HeldReason::Source)));
    change(&mut bench.safety, bench.now + SECOND, |environment| environment.suspects.clear());
    assert_eq!(bench.judge(3 * SECOND), 1);
    assert_eq!(bench.carried_out(&both, 3 * SECOND), 2);
}

#[tokio::test(start_paused = true)]
async fn missing_kinds_protect_orphans() {
    let missing = |kind: &str| -> Bench {
        let kinds = BTreeSet::from([kind.into()]);
        bench().with(|safety, now| change(safety, now, |environment| environment.missing_kinds = kinds))
    };
    let of_kind = || missing(PROMETHEUS_RULE);
    assert_eq!(of_kind().reason("o"), Some(HeldReason::Kind));
    assert_eq!(missing("GrafanaRule").reason("o"), None, "another kind");
    assert_eq!(of_kind().removed("o", RemovalReason::Deleted).reason("o"), None, "its deletion was seen");
    let retiring = |retirement| of_kind().with(|safety, _| safety.retirement = Some(retirement));
    assert_eq!(retiring(Retirement::Unused).reason("o"), Some(HeldReason::Kind), "a route may lead there");
    let until = Instant::now();
    assert_eq!(retiring(Retirement::NoRoute { until }).reason("o"), None);
    assert_eq!(of_kind().carried_out(&[delete_for("o", Reason::NotDeclared)], Duration::ZERO), 0);
    let mut held = of_kind();
    held.carried_out(&[delete_for("o", Reason::NotDeclared)], Duration::ZERO);
    assert_eq!(held.judge(SECOND), 0, "protected, not held");
}

#[tokio::test(start_paused = true)]
async fn deleted_kubernetes_namespace_explains_deletes() {
    let window = Duration::from_secs(300);
    let set = |safety: &mut DeleteSafety, now: Instant, gone: bool| {
        change(safety, now, |environment| environment.gone_namespaces.update("ns", gone, window, now));
    };
    let gone = || bench().suspects("s").with(|safety, now| set(safety, now, true));
    assert_eq!(gone().reason("o"), None);
    let back = gone().with(|safety, now| set(safety, now, false));
    assert_eq!(back.reason("o"), Some(HeldReason::Source));
}
