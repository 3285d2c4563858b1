//! Reloads: a new setup is applied without disturbing the parts that stay the same.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{CLAIM_GROUP, NamedRuler, NamedSource, OnInvalid, OwnerClaim, Setup, SetupError};
use rulesync_core::model::PROMETHEUS_RULE;
use rulesync_core::naming::{AlloyNaming, NamespacePolicy, Naming};
use rulesync_core::route::{
    ExternalLabel, MatchOp, Mode, QueryMatcher, Selector, Tenancy, Value, ValueSource,
};
use rulesync_core::ruler::QueryLanguage;
use rulesync_core::status::ObjectState;
use rulesync_core::{ObjectId, Route, RuleObject, RulerError, Scope, Sink, Source, SourceEvent};

use crate::world::{MemoryRuler, World, object, route, scripted_source};

/// An engine with one object, which has been written; its requests are forgotten.
async fn synced(ruler: &MemoryRuler) -> World {
    let world = World::start(ruler);
    world.declare([object("o", &[("a", "1")])]).await;
    ruler.requests();
    world
}

/// A route of all objects to a tenant of its own.
fn everything() -> Route {
    Route { rule_selector: Selector::default(), ..route("all") }
}

#[tokio::test(start_paused = true)]
async fn reload_with_a_new_route_writes_by_it() {
    let ruler = MemoryRuler::default();
    let mut world = synced(&ruler).await;
    world.reload(|setup| setup.routes.push(everything())).await;
    world.settle().await;
    assert_eq!(ruler.requests(), ["GET all", "POST all us.ns.o/a"]);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_without_a_route_cleans_up_after_a_window() {
    let ruler = MemoryRuler::default();
    let mut world = World::with_routes(&ruler, vec![route("prod"), everything()]);
    world.declare([object("o", &[("a", "1")])]).await;
    ruler.requests();
    world.reload(|setup| drop(setup.routes.remove(0))).await;
    tokio::time::sleep(Duration::from_secs(4 * 60)).await;
    assert_eq!(ruler.groups("prod").len(), 1, "a mistake can be fixed for a window of the guard");
    world.until(|_| ruler.groups("prod").is_empty()).await;
    let (gets, posts, deletes) = ruler.counts();
    assert_eq!((posts, deletes), (0, 1));
    assert!(gets <= 4, "two destinations are listed now and then: {gets}");
    world.until(|status| status.destinations.len() == 1).await;
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_the_same_setup_costs_nothing() {
    let ruler = MemoryRuler::default();
    let mut world = synced(&ruler).await;
    world.reload(|_| {}).await;
    world.settle().await;
    assert_eq!(ruler.requests(), Vec::<String>::new());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_a_changed_ruler_lists_it_again_and_no_other() {
    let (ruler, other) = (MemoryRuler::default(), MemoryRuler::default());
    let mut world = synced(&ruler).await;
    let changed = NamedRuler { max_in_flight: 2, ..NamedRuler::new("central", Arc::new(other.clone())) };
    world.reload(|setup| setup.rulers = vec![changed]).await;
    world.settle().await;
    assert_eq!(ruler.requests(), Vec::<String>::new());
    assert_eq!(other.requests(), ["GET prod", "POST prod us.ns.o/a"]);
    world.stop().await;
}

/// An object with a valid rule and one that is not.
fn half_valid() -> RuleObject {
    let rules = r#"[{"record": "r", "expr": "1"}, {"alert": "A", "expr": "1", "for": "soon"}]"#;
    let groups = serde_json::from_str(&format!(r#"[{{"name": "a", "rules": {rules}}}]"#)).unwrap();
    RuleObject { groups, ..object("o", &[]) }
}

#[tokio::test(start_paused = true)]
async fn reload_that_admits_valid_rules_of_invalid_groups_writes_those_of_unchanged_objects() {
    let ruler = MemoryRuler::default();
    let mut world = World::start(&ruler);
    world.declare([half_valid()]).await;
    assert!(ruler.groups("prod").is_empty());
    world.reload(|setup| setup.policy.on_invalid = OnInvalid::Rule).await;
    // The source is asked for everything again.
    world.declare([half_valid()]).await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules.len(), 1);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_that_refuses_invalid_groups_as_a_whole_keeps_the_stored_version() {
    let ruler = MemoryRuler::default();
    let mut world = World::with(&ruler, |setup| setup.policy.on_invalid = OnInvalid::Rule, |engine| engine);
    world.declare([half_valid()]).await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules.len(), 1);
    world.reload(|setup| setup.policy.on_invalid = OnInvalid::Group).await;
    let status = world.declare([half_valid()]).await;
    assert_eq!(status.objects[0].state, ObjectState::Refused);
    assert!(ruler.groups("prod").contains_key("us.ns.o"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_a_source_deletes_only_objects_that_the_new_one_does_not_declare() {
    let ruler = MemoryRuler::default();
    let mut world = World::start(&ruler);
    world.declare(["stays", "goes"].map(|name| object(name, &[("a", "1")]))).await;
    ruler.requests();
    let (source, control) = scripted_source();
    let source = NamedSource { name: "script".into(), source: Arc::new(source) };
    world.reload(|setup| setup.sources = vec![source]).await;
    control.upsert(object("stays", &[("a", "1")]));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let none = Vec::<String>::new();
    assert_eq!(ruler.requests(), none, "nothing is deleted before the new source has shown all");
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
    let mut world = World::with(&ruler, |setup| setup.sources = source("before"), |engine| engine);
    world.settle().await;
    assert!(ruler.groups("prod").contains_key("us.before.o"));
    world.reload(|setup| setup.sources = source("after")).await;
    world.until(|_| !ruler.groups("prod").contains_key("us.before.o")).await;
    assert!(ruler.groups("prod").contains_key("us.after.o"));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_a_route_to_an_unknown_ruler_is_refused() {
    let world = World::start(&MemoryRuler::default());
    let mut setup = world.setup.clone();
    setup.routes[0].ruler = "elsewhere".into();
    assert!(matches!(world.handle.reconfigure(setup).await, Err(SetupError::UnknownRuler { .. })));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_a_route_for_an_unknown_source_is_refused() {
    let world = World::start(&MemoryRuler::default());
    let mut setup = world.setup.clone();
    setup.routes[0].sources = vec![setup.sources[0].name.clone(), "elsewhere".into()];
    assert!(matches!(world.handle.reconfigure(setup).await, Err(SetupError::UnknownSource { .. })));
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_the_owner_or_the_naming_is_refused() {
    let world = World::start(&MemoryRuler::default());
    let mut named_otherwise = world.setup.clone();
    named_otherwise.namespace_policy.naming = Naming::Alloy(AlloyNaming::new("alloy", "/").unwrap());
    let mut owned_otherwise = world.setup.clone();
    owned_otherwise.namespace_policy.owner = "them".parse().unwrap();
    let mut both = world.setup.clone();
    both.namespace_policy = NamespacePolicy::of("them".parse().unwrap());
    for setup in [named_otherwise, owned_otherwise, both] {
        let refused = world.handle.reconfigure(setup).await;
        assert!(matches!(refused, Err(SetupError::OwnerChanged { .. })), "{refused:?}");
    }
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_invalid_routes_is_refused_and_changes_nothing() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    let constant = |text: &str| Value::Constant(text.to_owned());
    let label = |name: &str| ExternalLabel { name: name.into(), value: constant("x"), add_if_absent: false };
    let matcher = |name: &str, value: &str| QueryMatcher {
        label: name.into(),
        op: MatchOp::Equal,
        value: constant(value),
        mode: Mode::Override,
    };
    let with = |op, mode| QueryMatcher { op, mode, ..matcher("a", "(") };
    let plain = || Route::all("other", "central", Some("prod".parse().unwrap()));
    let with_matchers = |query_matchers: Vec<QueryMatcher>| Route { query_matchers, ..plain() };
    let requested =
        Tenancy::Requested { from: ValueSource::NamespaceName, pattern: "{value}".parse().unwrap() };
    for (route, says) in [
        (Route { external_labels: vec![label("a")], ..plain() }, "transform rules differently"),
        (Route { external_labels: vec![label("a-b")], ..plain() }, "letters, digits and underscores"),
        (Route { external_labels: vec![label("a"), label("a")], ..plain() }, "says twice"),
        (Route { query_matchers: vec![matcher("__name__", "x")], ..plain() }, "cannot be enforced"),
        (Route { query_matchers: vec![matcher("a", "")], ..plain() }, "value is empty"),
        (with_matchers(vec![with(MatchOp::Regex, Mode::Override)]), "missing closing )"),
        (with_matchers(vec![matcher("a", "x"), matcher("a", "x")]), "two matchers on `a` are the same"),
        (with_matchers(vec![matcher("a", "x"), matcher("a", "y")]), "no series has two values of one label"),
        (
            with_matchers(vec![matcher("a", "x"), with(MatchOp::NotEqual, Mode::Require)]),
            "have different modes",
        ),
        (Route { tenant: requested, ..plain() }, "allows none"),
    ] {
        let mut setup = world.setup.clone();
        setup.routes.push(route);
        let refused = world.handle.reconfigure(setup).await.unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
    world.declare([object("o", &[("a", "1")])]).await;
    assert_eq!(ruler.groups("prod").len(), 1, "the former routes are in force");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_does_not_wait_for_a_long_retry_after() {
    let ruler = MemoryRuler::default();
    let mut world = synced(&ruler).await;
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    ruler.fail(Some(RulerError::unavailable("too many requests").with_retry_after(year)));
    world.source.upsert(object("o", &[("a", "2")]));
    world.until(|status| status.destinations[0].retry_at.is_some()).await;
    ruler.fail(None);
    world.reload(|_| {}).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(ruler.groups("prod")["us.ns.o"]["a"].rules[0].expr, "2");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn reload_of_a_legacy_name_removes_the_rules_under_it() {
    let ruler = MemoryRuler::default();
    let policy = NamespacePolicy::of("old".parse().unwrap());
    let old = World::with(&ruler, |setup| setup.namespace_policy = policy, |engine| engine);
    old.declare([object("o", &[("g", "1")])]).await;
    old.stop().await;
    let mut world = World::start(&ruler);
    world.declare([object("o", &[("g", "1")])]).await;
    assert_eq!(ruler.groups("prod").keys().collect::<Vec<_>>(), ["old.ns.o", "us.ns.o"]);
    let legacy = vec![Naming::Owner("old".parse().unwrap())];
    world.reload(|setup| setup.namespace_policy.legacy = legacy).await;
    world.until(|_| !ruler.groups("prod").contains_key("old.ns.o")).await;
    assert!(ruler.groups("prod").contains_key("us.ns.o"));
    world.stop().await;
}

/// Reloads an engine so that claims are respected or not, has another installation claim the tenant, and returns whether
/// a change is written.
async fn writes_beside_a_claim_of_others(respects_claims: bool) -> bool {
    let ruler = MemoryRuler::default();
    let before = |setup: &mut Setup| setup.policy.claim = !respects_claims;
    let mut world = World::with(&ruler, before, |engine| engine.identity("ours"));
    world.declare([object("o", &[("g", "1")])]).await;
    let foreign = OwnerClaim { cluster: "theirs".into(), installation: None };
    let group = foreign.group(&"us".parse().unwrap(), QueryLanguage::PromQl);
    ruler.edit("prod", |groups| {
        groups.insert("us".to_owned(), [(CLAIM_GROUP.to_owned(), group)].into());
    });
    world.reload(|setup| setup.policy.claim = respects_claims).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.source.upsert(object("o", &[("g", "2")]));
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.stop().await;
    ruler.groups("prod")["us.ns.o"]["g"].rules[0].expr == "2"
}

#[tokio::test(start_paused = true)]
async fn reload_that_switches_claims_on_stops_writes_beside_that_of_others() {
    assert!(!writes_beside_a_claim_of_others(true).await);
}

#[tokio::test(start_paused = true)]
async fn reload_that_switches_claims_off_ignores_that_of_others() {
    assert!(writes_beside_a_claim_of_others(false).await);
}
