//! Written groups are listed unchanged, with any strings.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rulesync_core::model::Fingerprint;
use rulesync_core::naming::NamespaceClass;
use rulesync_core::ruler::{NameLimits, StoredFields};
use rulesync_core::testing::Observed;
use rulesync_core::{EncodedGroup, Group, Listing, Rule, Ruler};
use rulesync_testkit::{Kind, RulerServer};

use crate::conformance::{ruler, tenants};

fn name() -> impl Strategy<Value = String> {
    // Long names are written as complex keys, unusual ones in quotes.
    prop_oneof!["[a-z]{1,5}\\.[a-z]{1,5}", "[a-z]{120,180}", "[-:#?&*!|>%@`'\"{}, a-z~=]{1,12}", "\\PC{1,30}"]
        .prop_filter("held by rulers", |name| NameLimits::default().refuse(name).is_none())
}

/// A string that does not begin with a blank or a line break: those freeze a tenant, and the engine rejects them.
fn text() -> impl Strategy<Value = String> {
    let odd =
        "(yes|no|null|~|0x1F|012|1e3|2024-01-01|=|<<|: x|- x|\\[|\\{|\\| x|# x|%x|@x|`|!x|&x|\\*x|\"|'|\\?)";
    let lines = "[!-~é😀][ -~é😀\n]{0,60}";
    prop_oneof![Just(String::new()), odd.prop_map(|text: String| text), lines.prop_map(|text: String| text)]
}

fn groups() -> impl Strategy<Value = BTreeMap<(String, String), Group>> {
    let texts = || prop::collection::btree_map("[a-z_=]{0,3}[a-z]", text(), 0..3);
    let texts = move || texts().prop_filter("label names", |map| map.keys().all(|key| !key.contains('=')));
    let rule = ("[A-Z]\\PC{0,12}", texts(), texts()).prop_map(|(alert, labels, annotations)| {
        let annotations =
            annotations.into_iter().map(|(key, text)| (key, text.replace("{{", "(("))).collect();
        let labels = labels.into_iter().map(|(key, text)| (key, text.replace("{{", "(("))).collect();
        Rule {
            alert,
            expr: "up == 0\n  # why\n  or vector(1)".into(),
            labels,
            annotations,
            ..Rule::default()
        }
    });
    let group = (name(), prop::collection::vec(rule, 1..3));
    let group = group.prop_map(|(name, rules)| Group { name, rules, ..Group::default() });
    prop::collection::vec((name(), group), 1..6).prop_map(|all| {
        all.into_iter().map(|(namespace, group)| ((namespace, group.name.clone()), group)).collect()
    })
}

#[test]
fn put_groups_are_listed_unchanged() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) });
    let tested = runner.run(&groups(), |groups| {
        for kind in [Kind::Mimir, Kind::Cortex] {
            let listed = runtime.block_on(put_and_list(kind, &groups));
            let keeps = StoredFields::ALL;
            let expected: BTreeMap<_, _> = groups
                .iter()
                .map(|(key, group)| (key.clone(), Some(Fingerprint::of(group, &keeps))))
                .collect();
            prop_assert_eq!(listed, expected);
        }
        Ok(())
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
}

async fn put_and_list(
    kind: Kind,
    groups: &BTreeMap<(String, String), Group>,
) -> BTreeMap<(String, String), Option<Fingerprint>> {
    let server = RulerServer::builder(kind).start().await.unwrap();
    let (ruler, tenant) = (ruler(&server), tenants().one);
    for ((namespace, _), group) in groups {
        let put = ruler.write_group(tenant.as_ref(), namespace, &EncodedGroup::of(group).unwrap()).await;
        put.unwrap_or_else(|error| panic!("{namespace:?} {group:?}: {error}"));
    }
    let (nothing, everything) = (Observed::default(), |_: &str| NamespaceClass::Managed);
    let mut listing = Listing::new(StoredFields::ALL, &everything, &nothing);
    ruler.list(tenant.as_ref(), &mut listing).await.unwrap();
    assert!(listing.unreadable_groups().is_empty(), "{:?}", listing.unreadable_groups());
    let observed = listing.into_observed();
    let names: Vec<_> = observed.namespaces().map(|(name, _)| name.clone()).collect();
    let mut listed = BTreeMap::new();
    for namespace in names {
        for (group, fingerprint) in observed.namespace(&namespace) {
            listed.insert((namespace.to_string(), group.to_owned()), fingerprint);
        }
    }
    listed
}
