//! Explanations of a running engine: why an object is where it is, or is not.
//!
//! The answers are recorded in `tests/data/explanations`, where other tests read them; `UPDATE_EXPLANATIONS=1` writes them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::NamedRuler;
use rulesync_core::explain::{DestinationFilter, Explained, Ownership, RouteVerdict, StoredState};
use rulesync_core::finding::Code;
use rulesync_core::model::{Labels, ObjectVersion};
use rulesync_core::naming::NamespaceClass;
use rulesync_core::route::{
    ExternalLabel, MatchOp, Mode, Permission, QueryMatcher, Tenancy, TenantPattern, Value, ValueSource,
};
use rulesync_core::ruler::{EvaluatedGroup, EvaluatedRule, Evaluation, RuleHealth};
use rulesync_core::status::{EvaluationState, ObjectState, Status};
use rulesync_core::{
    Capabilities, EncodedGroup, Listing, ObjectId, Route, RuleObject, Ruler, RulerError, SourceEvent,
    TenantId,
};

use crate::world::{MemoryRuler, World, object, selector};

/// A ruler that loads all that it stores but what is of the object `idle`, and whose rules of the object `failing` fail.
#[derive(Debug, Clone, Default)]
struct Evaluating(MemoryRuler);

#[async_trait]
impl Ruler for Evaluating {
    async fn list(&self, tenant: Option<&TenantId>, listing: &mut Listing<'_>) -> Result<(), RulerError> {
        self.0.list(tenant, listing).await
    }

    async fn write_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &EncodedGroup<'_>,
    ) -> Result<(), RulerError> {
        self.0.write_group(tenant, namespace, group).await
    }

    async fn delete_group(
        &self,
        tenant: Option<&TenantId>,
        namespace: &str,
        group: &str,
    ) -> Result<(), RulerError> {
        self.0.delete_group(tenant, namespace, group).await
    }

    async fn evaluation(
        &self,
        tenant: Option<&TenantId>,
        _: &[&str],
        found: &mut (dyn FnMut(EvaluatedGroup) + Send),
    ) -> Result<Evaluation, RulerError> {
        let groups = self.0.groups(tenant.unwrap().as_str());
        for (namespace, groups) in groups.into_iter().filter(|(namespace, _)| !namespace.ends_with(".idle")) {
            for group in groups.into_values() {
                let health = match namespace.ends_with(".failing") {
                    true => RuleHealth::Failing("many-to-many matching not allowed".to_owned()),
                    false => RuleHealth::Healthy,
                };
                let rule = |rule: &rulesync_core::Rule| EvaluatedRule {
                    name: rule.name().to_owned(),
                    health: health.clone(),
                };
                let rules = group.rules.iter().map(rule).collect();
                found(EvaluatedGroup { namespace: namespace.clone(), name: group.name, rules });
            }
        }
        Ok(Evaluation::Read)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_load_delay(Duration::from_secs(20))
    }
}

/// A route of objects with a label `tenant`, in Kubernetes namespaces of production, to the tenants that `shop` may have.
fn metrics() -> Route {
    Route {
        tenant: Tenancy::Requested {
            from: ValueSource::Label("tenant".into()),
            pattern: TenantPattern::default(),
        },
        allow: vec![
            Permission {
                namespaces: vec!["billing".into()],
                values: vec!["*".into()],
                ..Permission::default()
            },
            Permission {
                namespaces: vec!["shop".into()],
                values: vec!["shop".into()],
                ..Permission::default()
            },
        ],
        rule_selector: selector(r#"{"match_expressions": [{"key": "tenant", "operator": "Exists"}]}"#),
        namespace_selector: selector(r#"{"match_labels": {"env": "prod"}}"#),
        external_labels: vec![ExternalLabel {
            name: "cluster".into(),
            value: Value::Constant("eu".into()),
            add_if_absent: false,
        }],
        query_matchers: vec![QueryMatcher {
            label: "cluster".into(),
            op: MatchOp::Equal,
            value: Value::Constant("eu".into()),
            mode: Mode::Override,
        }],
        ..Route::all("metrics", "mimir", None)
    }
}

fn declared(namespace: &str, name: &str, labels: &[(&str, &str)], expr: &str) -> RuleObject {
    RuleObject {
        id: ObjectId::new(&"script".into(), &"PrometheusRule".into(), namespace, name),
        labels: labels.iter().copied().collect::<Labels>(),
        ..object(name, &[(name, expr)])
    }
}

/// An engine with an object for each answer, evaluated long enough to tell all of them.
async fn shop() -> World {
    let ruler = Evaluating::default();
    ruler.0.refuse(r#"sum(bad{cluster="eu"})"#);
    let change = |setup: &mut rulesync_core::engine::Setup| {
        setup.rulers = vec![NamedRuler::new("mimir", Arc::new(ruler.clone()))];
        setup.routes = vec![
            Route {
                kinds: vec!["LoggingRule".into()],
                ..Route::all("logs", "mimir", Some("logs".parse().unwrap()))
            },
            metrics(),
        ];
    };
    let world = World::with(&ruler.0, change, |engine| engine);
    for (name, env) in [("shop", "prod"), ("test", "dev")] {
        let labels = || [("env", env)].into_iter().collect::<Labels>();
        world.source.send(SourceEvent::Namespace {
            name: name.into(),
            labels: labels(),
            annotations: Labels::default(),
        });
    }
    let of_shop = [("tenant", "shop")];
    let objects = [
        declared("shop", "checkout", &of_shop, "sum(orders)"),
        declared("shop", "unlabelled", &[], "sum(orders)"),
        declared("test", "checkout", &of_shop, "sum(orders)"),
        declared("shop", "pay", &[("tenant", "pay")], "sum(orders)"),
        declared("shop", "refused", &of_shop, "sum(bad)"),
        declared("shop", "failing", &of_shop, "sum(orders)"),
        declared("shop", "idle", &of_shop, "sum(orders)"),
    ];
    let old = (0..20).map(|number| declared("shop", &format!("old-{number}"), &of_shop, "sum(orders)"));
    objects.into_iter().chain(old).for_each(|object| world.source.upsert(object));
    world.source.complete();
    let is_known = |status: &Status| {
        let evaluation = |name: &str| {
            let object = status.objects.iter().find(|o| o.namespace == "shop" && o.name == name).unwrap();
            object.destinations.first().and_then(|here| here.evaluation)
        };
        evaluation("failing") == Some(EvaluationState::Failing)
            && evaluation("idle") == Some(EvaluationState::NotLoaded)
            && evaluation("checkout") == Some(EvaluationState::Healthy)
    };
    world.until(|status| status.ready() && is_known(status)).await;
    for number in 0..20 {
        let name = format!("old-{number}");
        world.source.send(SourceEvent::Delete(declared("shop", &name, &[], "").id));
    }
    world.until(|status| status.destinations.iter().any(|destination| destination.held == 20)).await;
    world
}

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/explanations").join(format!("{name}.json"))
}

/// Compares an answer with its recording, and reads it back.
fn recorded(name: &str, explained: &Explained) {
    let text = serde_json::to_string_pretty(explained).unwrap() + "\n";
    assert_eq!(serde_json::from_str::<Explained>(&text).unwrap(), *explained, "{name}");
    let path = recording(name);
    if std::env::var_os("UPDATE_EXPLANATIONS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(before == text, "{name}: UPDATE_EXPLANATIONS=1 writes it anew:\n{text}");
}

#[tokio::test(start_paused = true)]
async fn explain_tells_why_an_object_is_where_it_is() {
    let world = shop().await;
    let explained = async |object: &str| world.handle.explain(object.parse().unwrap()).await.unwrap();
    for (recording, object, state, verdict, evaluation) in [
        ("fine", "shop/checkout", ObjectState::Synced, RouteVerdict::Taken, Some(EvaluationState::Healthy)),
        (
            "not-selected-by-label",
            "shop/unlabelled",
            ObjectState::NotSelected,
            RouteVerdict::NotSelected,
            None,
        ),
        (
            "not-selected-by-namespace",
            "test/checkout",
            ObjectState::NotSelected,
            RouteVerdict::NotSelected,
            None,
        ),
        ("tenant-not-allowed", "shop/pay", ObjectState::Refused, RouteVerdict::TenantRefused, None),
        ("refused-by-the-ruler", "shop/refused", ObjectState::Refused, RouteVerdict::Taken, None),
        ("failing", "shop/failing", ObjectState::Synced, RouteVerdict::Taken, Some(EvaluationState::Failing)),
        (
            "not-loaded",
            "shop/idle",
            ObjectState::Synced,
            RouteVerdict::Taken,
            Some(EvaluationState::NotLoaded),
        ),
    ] {
        let answer = explained(object).await;
        recorded(recording, &answer);
        let [explanation] = answer.objects.as_slice() else { panic!("{answer:?}") };
        assert!(explanation.declared && explanation.state == Some(state), "{explanation:?}");
        assert_eq!(explanation.routes[1].verdict, verdict, "{explanation:?}");
        let here = explanation.destinations.first();
        assert_eq!(here.and_then(|here| here.evaluation), evaluation, "{explanation:?}");
    }

    let fine = explained("PrometheusRule/shop/checkout").await;
    let [here] = fine.objects[0].destinations.as_slice() else { panic!("{fine:?}") };
    let [group] = here.groups.as_slice() else { panic!("{here:?}") };
    assert_eq!(group.stored, Some(StoredState::Equal));
    assert_eq!(
        (&*group.group.rules[0].expr, &*group.group.rules[0].labels["cluster"]),
        (r#"sum(orders{cluster="eu"})"#, "eu")
    );
    let refused = explained("shop/refused").await;
    let here = &refused.objects[0].destinations[0];
    assert_eq!((here.groups[0].stored, here.findings[0].code), (Some(StoredState::Missing), Code::Refused));
    assert!(explained("LoggingRule/shop/checkout").await.objects.is_empty(), "there is none of this kind");
    assert!(explained("shop/nothing").await.objects.is_empty());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn explain_tells_what_is_left_of_a_deleted_object_and_what_holds_it() {
    let world = shop().await;
    let answer = world.handle.explain("shop/old-1".parse().unwrap()).await.unwrap();
    recorded("held", &answer);
    let [gone] = answer.objects.as_slice() else { panic!("{answer:?}") };
    assert!(!gone.declared && gone.routes.is_empty(), "{gone:?}");
    let [left] = gone.destinations.as_slice() else { panic!("{gone:?}") };
    assert_eq!(left.held[0].groups, ["old-1"]);
    assert!(left.held[0].reason.is_some_and(|reason| reason.is_releasable()), "{left:?}");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn explain_tells_whose_a_ruler_namespace_is() {
    let world = shop().await;
    let at = DestinationFilter { ruler: Some("mimir".into()), tenant: Some("shop".into()) };
    for (namespace, class, ownership, object, declared, groups) in [
        (
            "us.shop.checkout",
            NamespaceClass::Managed,
            Ownership::Own,
            Some("PrometheusRule shop/checkout"),
            true,
            Some(1),
        ),
        (
            "us.shop.old-1",
            NamespaceClass::Managed,
            Ownership::Own,
            Some("PrometheusRule shop/old-1"),
            false,
            Some(1),
        ),
        (
            "us.shop.never",
            NamespaceClass::Managed,
            Ownership::Own,
            Some("PrometheusRule shop/never"),
            false,
            Some(0),
        ),
        ("us", NamespaceClass::Claim, Ownership::Own, None, false, None),
        ("them.shop.checkout", NamespaceClass::Foreign, Ownership::Foreign, None, false, None),
    ] {
        let explained = world.handle.explain_namespace(namespace, at.clone()).await.unwrap();
        let [found] = explained.namespaces.as_slice() else { panic!("{explained:?}") };
        assert_eq!((found.class, found.ownership), (class, ownership), "{namespace}");
        assert_eq!(
            (found.object.as_deref(), found.declared, found.groups),
            (object, declared, groups),
            "{namespace}"
        );
        assert_eq!(found.held.is_some(), namespace == "us.shop.old-1", "{namespace}");
    }
    let answer = world.handle.explain_namespace("us.shop.old-1", at).await.unwrap();
    recorded("namespace", &answer);
    let everywhere =
        world.handle.explain_namespace("us.shop.checkout", DestinationFilter::default()).await.unwrap();
    assert_eq!(everywhere.namespaces.len(), world.status().await.destinations.len());
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn explain_tells_that_an_object_cannot_be_read() {
    let ruler = MemoryRuler::default();
    let world = World::start(&ruler);
    world.declare([object("o", &[("g", "1")])]).await;
    let broken = |id: ObjectId| {
        let finding = rulesync_core::Finding::error(Code::Spec, "groups is no list");
        world.source.send(SourceEvent::Malformed {
            id,
            version: ObjectVersion::default(),
            finding,
            hides: false,
        });
    };
    broken(crate::world::id("o"));
    broken(crate::world::id("p"));
    let is_malformed = |status: &Status| {
        status.objects.len() == 2
            && status.objects.iter().all(|object| object.state == ObjectState::Malformed)
    };
    world.until(is_malformed).await;
    let explained = async |object: &str| world.handle.explain(object.parse().unwrap()).await.unwrap();
    let known = explained("ns/o").await;
    let [known] = known.objects.as_slice() else { panic!("{known:?}") };
    assert_eq!(
        (known.routes[0].verdict, known.destinations.len()),
        (RouteVerdict::Taken, 1),
        "its last version counts"
    );
    let unknown = explained("ns/p").await;
    let [unknown] = unknown.objects.as_slice() else { panic!("{unknown:?}") };
    assert!(unknown.routes.is_empty() && unknown.destinations.is_empty(), "{unknown:?}");
    assert_eq!(unknown.findings[0].code, Code::Spec);
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn explain_tells_whose_a_name_is_that_proves_nothing_by_its_form() {
    let ruler = MemoryRuler::default();
    let uid = "1c2ab3f4-0a1b-4c2d-8e3f-0123456789ab";
    let naming = rulesync_core::naming::AlloyNaming::new("loki", "-").unwrap();
    let change = |setup: &mut rulesync_core::engine::Setup| {
        setup.rulers[0].naming = Some(rulesync_core::naming::Naming::Alloy(naming));
    };
    let world = World::with(&ruler, change, |engine| engine);
    world.declare([RuleObject { uid: Some(uid.to_owned()), ..object("o", &[("g", "1")]) }]).await;
    for (namespace, ownership, object) in [
        (format!("loki-ns-o-{uid}"), Ownership::Own, Some("PrometheusRule ns/o")),
        (format!("loki-ns-p-{uid}"), Ownership::Unproven, None),
        ("loki-ns-o".to_owned(), Ownership::Foreign, None),
    ] {
        let explained =
            world.handle.explain_namespace(&namespace, DestinationFilter::default()).await.unwrap();
        let [found] = explained.namespaces.as_slice() else { panic!("{explained:?}") };
        assert_eq!((found.ownership, found.object.as_deref()), (ownership, object), "{namespace}");
    }
    world.stop().await;
}
