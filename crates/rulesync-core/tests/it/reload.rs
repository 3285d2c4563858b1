//! Reloads: a new setup is applied without disturbing the parts that stay the same.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{NamedRuler, NamedSource, RunError, SetupError};
use rulesync_core::model::PROMETHEUS_RULE;
use rulesync_core::naming::NamespacePolicy;
use rulesync_core::{Engine, ObjectId, RuleObject, Scope, Sink, Source, SourceEvent};

use crate::world::{MemoryRuler, World, object, route, scripted_source, unavailable};

#[tokio::test(start_paused = true)]
async fn reload_writes_by_a_new_route_and_cleans_up_a_removed_one() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.requests();
    let mut everything = route("all");
    everything.rule_selector = rulesync_core::route::Selector::default();
    let mut setup = world.setup.clone();
    setup.routes.push(everything.clone());
    world.handle.reconfigure(setup.clone()).await.unwrap();
    world.settle().await;
    assert_eq!(ruler.requests(), ["GET all", "POST all us.ns.o/a"]);
    setup.routes = vec![everything];
    world.handle.reconfigure(setup.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(4 * 60)).await;
    assert_eq!(ruler.groups("prod").len(), 1, "a mistake can be fixed for a window of the guard");
    world.until(|_| ruler.groups("prod").is_empty()).await;
    let (gets, posts, deletes) = ruler.counts();
    assert_eq!((posts, deletes), (0, 1));
    assert!(gets <= 4, "two destinations are listed now and then: {gets}");
    world.until(|status| status.destinations.len() == 1).await;
    assert_eq!(world.status().await.destinations.len(), 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_a_changed_ruler_lists_it_again_and_no_other() {
    let (ruler, other) = (MemoryRuler::default(), MemoryRuler::default());
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.requests();
    let mut setup = world.setup.clone();
    world.handle.reconfigure(setup.clone()).await.unwrap();
    world.settle().await;
    assert_eq!(ruler.requests(), Vec::<String>::new(), "the same setup again costs nothing");
    setup.rulers =
        vec![NamedRuler { max_in_flight: 2, ..NamedRuler::new("central", Arc::new(other.clone())) }];
    world.handle.reconfigure(setup).await.unwrap();
    world.settle().await;
    assert_eq!(ruler.requests(), Vec::<String>::new());
    assert_eq!(other.requests(), ["GET prod", "POST prod us.ns.o/a"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_the_invalid_rule_policy_applies_to_unchanged_objects() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let mut it = object("o", &[]);
    let rules = r#"[{"record": "r", "expr": "1"}, {"alert": "A", "expr": "1", "for": "soon"}]"#;
    it.groups = serde_json::from_str(&format!(r#"[{{"name": "a", "rules": {rules}}}]"#)).unwrap();
    world.source.upsert(it.clone());
    world.source.complete();
    world.settle().await;
    assert!(ruler.groups("prod").is_empty());
    let mut setup = world.setup.clone();
    setup.policy.on_invalid = rulesync_core::engine::OnInvalid::Rule;
    world.handle.reconfigure(setup.clone()).await.unwrap();
    // The source is asked for everything again.
    world.source.upsert(it.clone());
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules.len(), 1);
    setup.policy.on_invalid = rulesync_core::engine::OnInvalid::Group;
    world.handle.reconfigure(setup).await.unwrap();
    world.source.upsert(it);
    world.source.complete();
    let status = world.settle().await;
    assert_eq!(status.objects[0].state, rulesync_core::status::ObjectState::Refused);
    assert!(ruler.groups("prod").contains_key("us.ns.o"), "the stored version of a refused group stays");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_a_source_deletes_only_objects_that_the_new_one_does_not_declare() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("stays", &[("a", "1")]));
    world.source.upsert(object("goes", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.requests();
    let (source, control) = scripted_source();
    let mut setup = world.setup.clone();
    setup.sources = vec![NamedSource { name: "script".into(), source: Arc::new(source) }];
    world.handle.reconfigure(setup).await.unwrap();
    control.upsert(object("stays", &[("a", "1")]));
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(
        ruler.requests(),
        Vec::<String>::new(),
        "nothing is deleted before the new source has shown all"
    );
    control.complete();
    world.settle().await;
    assert_eq!(ruler.requests(), ["DELETE prod us.ns.goes"]);
    world.stop().await;
}

/// A source that lists one Kubernetes namespace, in which it has an object.
#[derive(Debug)]
struct OneNamespace(&'static str);

#[async_trait]
impl Source for OneNamespace {
    async fn run(&self, sink: Sink) {
        let Self(namespace) = self;
        let id = ObjectId::new(sink.source(), &PROMETHEUS_RULE.into(), namespace, "o");
        let object = RuleObject { id, ..object("o", &[("a", "1")]) };
        let scope = Scope::kind_in(PROMETHEUS_RULE, namespace);
        let _ = sink.send(SourceEvent::Upsert(object)).await;
        let _ = sink.send(SourceEvent::SnapshotComplete(scope)).await;
        std::future::pending::<()>().await;
    }

    fn scopes(&self) -> Vec<Scope> {
        vec![Scope::kind_in(PROMETHEUS_RULE, self.0)]
    }
}

#[tokio::test(start_paused = true)]
async fn reload_of_a_source_removes_objects_outside_of_the_scopes_of_the_new_one() {
    let ruler = MemoryRuler::default();
    let source =
        |namespace| vec![NamedSource { name: "script".into(), source: Arc::new(OneNamespace(namespace)) }];
    let world = World::with(&ruler, |setup| setup.sources = source("before"), |engine| engine);
    world.settle().await;
    assert!(ruler.groups("prod").contains_key("us.before.o"));
    let mut setup = world.setup.clone();
    setup.sources = source("after");
    world.handle.reconfigure(setup).await.unwrap();
    world.until(|_| !ruler.groups("prod").contains_key("us.before.o")).await;
    assert!(ruler.groups("prod").contains_key("us.after.o"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_an_invalid_setup_changes_nothing() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let mut setup = world.setup.clone();
    setup.routes[0].ruler = "elsewhere".into();
    assert!(matches!(world.handle.reconfigure(setup).await, Err(SetupError::UnknownRuler { .. })));
    let mut setup = world.setup.clone();
    setup.namespace_policy = NamespacePolicy::of("them".parse().unwrap());
    assert!(matches!(world.handle.reconfigure(setup).await, Err(SetupError::OwnerChanged { .. })));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_shot_runs_end() {
    let ruler = MemoryRuler::default();
    let engine = |ruler: &MemoryRuler| {
        let (source, control) = scripted_source();
        control.upsert(object("o", &[("a", "1"), ("bad", "broken(")]));
        control.complete();
        let engine = Engine::builder("us".parse().unwrap())
            .source("script", source)
            .ruler("central", ruler.clone())
            .route(route("prod"));
        (engine.build().unwrap(), control)
    };
    ruler.refuse("broken(");
    let (planner, _control) = engine(&ruler);
    let dry_run = planner.plan(std::future::pending()).await.unwrap();
    assert_eq!(dry_run.plans[0].changes.len(), 2);
    assert!(!dry_run.is_clean());
    insta::assert_snapshot!(dry_run.plans[0], @r#"
    central/prod: 2 changes
      + us.ns.o / a (1 rules) of PrometheusRule ns/o
      ! PrometheusRule ns/o: group "bad", rule 0 "r", spec.groups[1].rules[0].expr, 1:8: unclosed left parenthesis
    "#);
    assert_eq!(ruler.requests(), ["GET prod"]);

    let (once, _control) = engine(&ruler);
    let summary = once.sync_once(std::future::pending()).await.unwrap();
    assert_eq!(summary.applied, 1);
    assert!(!summary.succeeded());
    assert_eq!(summary.status.destinations[0].refused, 1);

    ruler.fail(Some(unavailable()));
    let (down, _control) = engine(&ruler);
    assert!(!down.sync_once(std::future::pending()).await.unwrap().succeeded());
    let (planner, _control) = engine(&ruler);
    let error = planner.plan(std::future::pending()).await.unwrap_err();
    assert!(matches!(error, RunError::DestinationUnavailable { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn reload_of_invalid_routes_is_refused() {
    use rulesync_core::Route;
    use rulesync_core::route::{ExternalLabel, Mode, QueryMatcher, Tenancy, Value, ValueSource};
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let constant = |text: &str| Value::Constant(text.to_owned());
    let label = |name: &str| ExternalLabel { name: name.into(), value: constant("x"), add_if_absent: false };
    let matcher = |name: &str, value: &str| QueryMatcher {
        label: name.into(),
        value: constant(value),
        mode: Mode::Override,
    };
    let plain = || Route::all("other", "central", Some("prod".parse().unwrap()));
    let requested =
        Tenancy::Requested { from: ValueSource::NamespaceName, pattern: "{value}".parse().unwrap() };
    for (route, says) in [
        (Route { external_labels: vec![label("a")], ..plain() }, "transform rules differently"),
        (Route { external_labels: vec![label("a-b")], ..plain() }, "letters, digits and underscores"),
        (Route { external_labels: vec![label("a"), label("a")], ..plain() }, "says twice"),
        (Route { query_matchers: vec![matcher("__name__", "x")], ..plain() }, "cannot be enforced"),
        (Route { query_matchers: vec![matcher("a", "")], ..plain() }, "value is empty"),
        (Route { tenant: requested, ..plain() }, "allows none"),
    ] {
        let mut setup = world.setup.clone();
        setup.routes.push(route);
        let refused = world.handle.reconfigure(setup).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
    world.source.upsert(object("o", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.groups("prod").len(), 1);
    world.stop().await;
}

/// An engine for one run over an empty source, and a ruler that has nine own objects.
fn emptied(ruler: &MemoryRuler, release: bool) -> (Engine, crate::world::SourceControl) {
    let (source, control) = scripted_source();
    control.complete();
    let engine = Engine::builder("us".parse().unwrap())
        .source("script", source)
        .ruler("central", ruler.clone())
        .route(route("prod"))
        .release_deletes(release);
    (engine.build().unwrap(), control)
}

#[tokio::test(start_paused = true)]
async fn one_shot_run_holds_deletes_unless_they_are_released() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    (0..9).for_each(|n| world.source.upsert(object(&format!("o{n}"), &[("g", "1")])));
    world.source.complete();
    world.settle().await;
    world.stop().await;
    let (once, _control) = emptied(&ruler, false);
    let summary = once.sync_once(std::future::pending()).await.unwrap();
    assert!(!summary.succeeded() && summary.applied == 0);
    assert_eq!(summary.status.destinations[0].holds[0].reason, rulesync_core::plan::HeldReason::SourceEmpty);
    let (once, _control) = emptied(&ruler, true);
    let summary = once.sync_once(std::future::pending()).await.unwrap();
    assert!(summary.succeeded(), "{:?}", summary.status.destinations);
    assert!(ruler.groups("prod").is_empty());
}

#[tokio::test(start_paused = true)]
async fn reload_does_not_wait_for_a_long_retry_after() {
    let year = rulesync_core::RulerError::unavailable("too many requests")
        .with_retry_after(Duration::from_secs(365 * 24 * 60 * 60));
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    ruler.fail(Some(year.clone()));
    world.source.upsert(object("o", &[("a", "2")]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let destination = world.status().await.destinations.remove(0);
    assert!(destination.retry_at.is_some(), "{destination:?}");
    ruler.fail(None);
    ruler.requests();
    tokio::time::sleep(Duration::from_secs(6 * 60)).await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules[0].expr, "2", "five minutes at most");
    ruler.fail(Some(year.clone()));
    world.source.upsert(object("o", &[("a", "3")]));
    tokio::time::sleep(Duration::from_secs(1)).await;
    ruler.fail(None);
    world.handle.reconfigure(world.setup.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules[0].expr, "3");
    world.stop().await;
    // A one-shot run gives up, and reports the changes that were not made.
    ruler.fail(Some(year));
    let (once, _control) = emptied(&ruler, false);
    let before = tokio::time::Instant::now();
    let summary = once.sync_once(std::future::pending()).await.unwrap();
    assert!(!summary.succeeded());
    assert!(before.elapsed() <= Duration::from_secs(16 * 60), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn status_request_delays_nothing() {
    let (hanging, other) = (MemoryRuler::default(), MemoryRuler::default());
    let world = World::start(&hanging);
    world.source.upsert(object("o", &[("a", "1")]));
    world.source.complete();
    world.settle().await;
    hanging.hang(true);
    world.source.upsert(object("o", &[("a", "2")]));
    tokio::time::sleep(Duration::from_millis(10)).await;
    // The new destination waits for requests of its predecessor.
    let mut setup = world.setup.clone();
    setup.rulers = vec![NamedRuler::new("central", Arc::new(other.clone()))];
    world.handle.reconfigure(setup).await.unwrap();
    let asking = world.handle.clone();
    let status = tokio::spawn(async move { asking.status().await });
    tokio::task::yield_now().await;
    let sources = tokio::time::timeout(Duration::from_millis(10), world.handle.sources()).await;
    assert!(sources.is_ok_and(|sources| sources.is_some()), "the loop goes on");
    let status = status.await.unwrap().unwrap();
    assert!(status.destinations[0].error.as_ref().unwrap().contains("has not answered"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn findings_of_one_object_are_reported_as_a_few_and_a_count() {
    #[derive(Debug, Clone, Default)]
    struct Counting(Arc<std::sync::Mutex<(usize, usize)>>);
    impl rulesync_core::engine::Reporter for Counting {
        fn report(&self, outcome: &rulesync_core::engine::Outcome) {
            let mut counts = self.0.lock().unwrap();
            match outcome {
                rulesync_core::engine::Outcome::Found { .. } => counts.0 += 1,
                rulesync_core::engine::Outcome::MoreFound { more, .. } => counts.1 += more,
                _ => {}
            }
        }
    }
    let (ruler, counting) = (MemoryRuler::default(), Counting::default());
    let reported = counting.clone();
    let world = World::with(&ruler, |_| {}, |engine| engine.reporter(reported));
    let names: Vec<String> = (0..5000).map(|n| format!("g{n}")).collect();
    let groups: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    world.source.upsert(object("o", &groups));
    world.source.complete();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (found, more) = *counting.0.lock().unwrap();
    assert!(found <= 10 && found + more >= 5000, "{found} reported and {more} counted");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_the_owner_or_the_naming_is_refused() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let alloy = || {
        rulesync_core::naming::Naming::Alloy(rulesync_core::naming::AlloyNaming::new("alloy", "/").unwrap())
    };
    let mut named_otherwise = world.setup.clone();
    named_otherwise.namespace_policy.naming = alloy();
    let mut owned_otherwise = world.setup.clone();
    owned_otherwise.namespace_policy.owner = "them".parse().unwrap();
    for setup in [named_otherwise, owned_otherwise] {
        let refused = world.handle.reconfigure(setup).await;
        assert!(matches!(refused, Err(SetupError::OwnerChanged { .. })), "{refused:?}");
    }
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_changes_legacy_names_and_whether_claims_are_written() {
    let ruler = MemoryRuler::default();
    let old = World::with(
        &ruler,
        |setup| setup.namespace_policy = NamespacePolicy::of("old".parse().unwrap()),
        |engine| engine,
    );
    old.source.upsert(object("o", &[("g", "1")]));
    old.source.complete();
    old.settle().await;
    old.stop().await;
    let world = World::start(&ruler);
    world.source.upsert(object("o", &[("g", "1")]));
    world.source.complete();
    world.settle().await;
    assert_eq!(ruler.groups("prod").keys().collect::<Vec<_>>(), ["old.ns.o", "us.ns.o"]);
    let mut setup = world.setup.clone();
    setup.namespace_policy.legacy = vec![rulesync_core::naming::Naming::Owner("old".parse().unwrap())];
    world.handle.reconfigure(setup.clone()).await.unwrap();
    world.until(|_| !ruler.groups("prod").contains_key("old.ns.o")).await;
    // The claim of another installation stops writes only if claims are respected.
    let foreign = rulesync_core::engine::OwnerClaim { cluster: "theirs".into(), installation: None };
    let group = foreign.group(&"us".parse().unwrap(), rulesync_core::ruler::QueryLanguage::PromQl);
    ruler.edit("prod", |groups| {
        groups.insert("us".to_owned(), [(rulesync_core::engine::CLAIM_GROUP.to_owned(), group)].into());
    });
    setup.policy.claim = !setup.policy.claim;
    world.handle.reconfigure(setup.clone()).await.unwrap();
    world.settle().await;
    world.source.upsert(object("o", &[("g", "2")]));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let written = ruler.groups("prod")["us.ns.o"]["g"].rules[0].expr == "2";
    assert_eq!(written, !setup.policy.claim);
    world.stop().await;
}
