//! Refused tenants: an object that requests a tenant that it may not have stays where it was, as far as that is still
//! allowed, and its rules must satisfy what its route enforces.

use super::*;
use crate::intake::Transform;
use crate::model::kind::DIALECT_ANNOTATION;
use crate::model::labels::Labels;
use crate::route::Route;

/// A route by which objects go to the tenant of their label, if it begins with `own`.
fn own() -> Route {
    Route {
        allow: vec![Permission { values: vec!["own*".into()], ..Permission::default() }],
        ..to_the_labelled()
    }
}

fn labelled(label: &str) -> Route {
    let value = Value::Constant(label.to_owned());
    Route {
        external_labels: vec![ExternalLabel { name: "cluster".into(), value, add_if_absent: false }],
        ..own()
    }
}

fn of(tenant: &str, expr: &str) -> RuleObject {
    object("o", expr, &[("tenant", tenant)])
}

fn protection(bench: &Bench, tenant: &str) -> Option<HeldReason> {
    bench.index.protects(&id("k", "o"), &destination(tenant)).map(|protection| protection.because)
}

#[test]
fn refused_tenant_leaves_the_object_as_it_is() {
    let mut bench = index(&[own()]).with(&[of("own", "1")]);
    let refused = bench.upsert(of("onw", "2"));
    assert_eq!(effects(&refused), ["protection of o may have changed"], "no other command is sent");
    assert!(refused.findings[0].2.message.contains("its rules stay in central/own as they are there"));
    assert!(bench.index.uses(&destination("own")));
    assert_eq!(bench.index.protected().collect::<Vec<_>>(), [&id("k", "o")]);
    assert_eq!(protection(&bench, "own"), Some(HeldReason::TenantRefused));
    assert_eq!(protection(&bench, "own-2"), Some(HeldReason::TenantRefused), "it may have been there");
    assert_eq!(protection(&bench, "onw"), None, "it cannot have been there");
    assert_eq!(
        effects(&bench.upsert(of("own-2", "3"))),
        [
            "protection of o may have changed",
            "central/own-2 gets us.ns.o (1 groups)",
            "central/own-2 reports when it has written us.ns.o",
            "central/own drops us.ns.o later"
        ]
    );
    assert_eq!(protection(&bench, "own"), None);
}

#[test]
fn refused_tenant_is_replaced_by_the_previous_one() {
    let mut bench = index(&[own()]).with(&[of("own", "1"), of("onw", "2")]);
    let back = effects(&bench.upsert(of("own", "2")));
    assert_eq!(back, ["protection of o may have changed", "central/own gets us.ns.o (1 groups)"]);
}

#[test]
fn refused_tenant_without_permission_for_the_last_place_removes_the_object() {
    let mut bench = index(&[own()]).with(&[of("own", "1"), of("onw", "1")]);
    let elsewhere = Route {
        allow: vec![Permission { values: vec!["other".into()], ..Permission::default() }],
        ..to_the_labelled()
    };
    let commands = bench.reroute(table(&[elsewhere]), &[]);
    assert_eq!(effects(&commands), ["protection of o may have changed", "central/own drops us.ns.o"]);
    let Command::Remove { because, .. } = commands.commands[0].1 else { panic!("one drop") };
    assert_eq!(because, RemovalReason::Forbidden);
    assert_eq!(protection(&bench, "own"), None);
    // Without any route, the object is removed because of the configuration.
    let mut bench = index(&[own()]).with(&[of("own", "1")]);
    let commands = bench.reroute(table(&[]), &[]);
    let Command::Remove { because, .. } = commands.commands[0].1 else { panic!("one drop") };
    assert_eq!(because, RemovalReason::Reconfigured);
}

#[test]
fn refused_tenant_leaves_only_rules_that_satisfy_the_route() {
    let mut bench = index(&[labelled("a")]).with(&[of("own", "1"), of("onw", "1")]);
    let enforced = |bench: &Bench| -> Arc<Transform> {
        bench.index.protects(&id("k", "o"), &destination("own")).unwrap().enforced.unwrap()
    };
    let before = enforced(&bench);
    assert!(before.sets_anything());
    let other = effects(&bench.reroute(table(&[labelled("b")]), &[]));
    assert_eq!(other, ["protection of o may have changed", "central/own drops us.ns.o"]);
    assert_ne!(enforced(&bench), before);
    let same = effects(&bench.reroute(table(&[labelled("b")]), &[]));
    assert_eq!(same, ["protection of o may have changed"]);
    assert_eq!(
        effects(&bench.upsert(of("own", "1"))),
        ["protection of o may have changed", "central/own gets us.ns.o (1 groups)"]
    );
}

#[test]
fn object_without_a_distinct_name_goes_nowhere() {
    let odd = RuleObject {
        id: ObjectId::new(&"k".into(), &kind::PROMETHEUS_RULE.into(), "ns", "a b"),
        ..of("own", "1")
    };
    let mut bench = index(&[own()]);
    let refused = bench.upsert(odd.clone());
    assert_eq!(effects(&refused), NOTHING);
    assert_eq!(
        refused.findings.iter().map(|(_, _, finding)| finding.code.name()).collect::<Vec<_>>(),
        ["name"]
    );
    // The name of an object that goes nowhere anyway is not checked.
    let mut bench = index(&[own()]);
    assert!(bench.upsert(RuleObject { labels: Labels::default(), ..odd }).findings.is_empty());
}

#[test]
fn counts_of_a_source_include_objects_with_groups_in_a_ruler() {
    let mut bench = index(&[own()]);
    let count = |bench: &Bench| bench.index.in_rulers("k");
    bench.upsert(of("own", "1"));
    bench.upsert(object("p", "1", &[]));
    let empty = RuleObject::new(id("k", "q"), Vec::new());
    bench.upsert(RuleObject { labels: [("tenant", "own")].into_iter().collect(), ..empty });
    assert_eq!((count(&bench), bench.index.in_rulers("another")), (1, 0));
    let is_in = |bench: &Bench, name: &str| bench.index.is_in_ruler(&id("k", name));
    assert_eq!(["o", "p", "q", "r"].map(|name| is_in(&bench, name)), [true, false, false, false]);
    bench.upsert(object("o", "1", &[]));
    assert_eq!((count(&bench), is_in(&bench, "o")), (0, false));
}

#[test]
fn refused_tenant_of_one_route_does_not_affect_the_others() {
    let mut bench = index(&[own(), to("all")]).with(&[of("own", "1")]);
    let refused = effects(&bench.upsert(of("onw", "2")));
    assert_eq!(refused, ["protection of o may have changed", "central/all gets us.ns.o (1 groups)"]);
    assert!(bench.index.uses(&destination("own")));
    // Where another route leads it anyway, it does not stay as it was.
    let mut bench = index(&[own(), to("own")]).with(&[of("own", "1")]);
    let refused = effects(&bench.upsert(of("onw", "2")));
    assert_eq!(refused, ["protection of o may have changed", "central/own gets us.ns.o (1 groups)"]);
}

#[test]
fn object_in_another_language_goes_nowhere() {
    let found = |language: &str| {
        let annotations = [(DIALECT_ANNOTATION.to_owned(), language.to_owned())].into();
        let mut bench = index(&[to("t")]);
        let effects = bench.upsert(RuleObject { annotations, ..of("own", "1") });
        (effects.commands.len(), effects.findings.iter().map(|(_, _, f)| f.code.name()).collect::<Vec<_>>())
    };
    assert_eq!(found(" PromQL "), (1, vec![]));
    assert_eq!(found("logql"), (0, vec!["dialect"]));
}
