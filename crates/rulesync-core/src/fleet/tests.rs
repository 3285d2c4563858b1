//! Tests of the decisions about fleets.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::claim::{CLAIM_GROUP, OwnerClaim};
use crate::model::capabilities::StoredFields;
use crate::model::group::{Group, Rule};
use crate::model::language::QueryLanguage::{LogQl, PromQl};
use crate::model::tenant::DestinationId;
use crate::naming::Owner;
use crate::observed::UnreadableGroup;
use crate::stored_groups::StoredGroups;

fn owner(name: &str) -> Owner {
    name.parse().unwrap()
}

fn destination(tenant: &str) -> DestinationId {
    DestinationId { ruler: "mimir".into(), tenant: Some(tenant.parse().unwrap()) }
}

fn record(record: &str, expr: &str, labels: &[(&str, &str)]) -> Rule {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Rule { record: record.into(), expr: expr.into(), labels, ..Rule::default() }
}

fn group(name: &str, rules: Vec<Rule>) -> Group {
    Group { name: name.into(), rules, ..Group::default() }
}

fn claim(cluster: &str, installation: Option<&str>) -> OwnerClaim {
    OwnerClaim { cluster: cluster.into(), installation: installation.map(Into::into) }
}

fn stored<'a>(groups: impl IntoIterator<Item = (&'a str, Group)>) -> StoredGroups {
    let mut stored = StoredGroups::default();
    groups.into_iter().for_each(|(namespace, group)| stored.add(namespace, &group));
    stored
}

fn unreadable((namespace, group): (&str, &str)) -> UnreadableGroup {
    UnreadableGroup { namespace: namespace.into(), group: group.into(), reason: "why".to_owned() }
}

fn survey(tenant: &str, stored: &StoredGroups) -> TenantSurvey {
    TenantSurvey::of(destination(tenant), stored, &[], PromQl)
}

fn shown(problems: &[FleetProblem]) -> String {
    problems.iter().map(|problem| format!("{}: {problem}\n", problem.kind())).collect()
}

#[test]
fn survey_counts_what_each_owner_has_without_its_claim() {
    let one = || vec![record("a", "b", &[])];
    let stored = stored([
        ("eu", claim("c1", Some("m/r")).group(&owner("eu"), PromQl)),
        ("eu", group("by-hand", one())),
        ("eu.mon.node", group("a", one())),
        ("eu.mon.node", group("b", [one(), one()].concat())),
        ("eu.mon.logs_loggingrule", group("a", one())),
        ("us.mon.node", group("a", one())),
        // Of the same name as a claim, and none.
        ("us", group(CLAIM_GROUP, one())),
        ("infra/nodes", group("a", one())),
        ("alloy/mon/node/8a5a2f4e-0000-0000-0000-000000000000", group("a", one())),
        ("Eu.mon.node", group("a", one())),
    ]);
    let unreadable = [("eu.mon.node", "c/d"), ("ap.mon.x", "g"), ("infra/nodes", "g")].map(unreadable);
    let survey = TenantSurvey::of(destination("prod"), &stored, &unreadable, PromQl);
    let counts: Vec<String> = survey
        .owners
        .iter()
        .map(|(owner, OwnerSurvey { claim, counts })| {
            let RuleCounts { namespaces, groups, rules } = counts;
            let claim = claim.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{owner}: {namespaces} {groups} {rules} {claim}")
        })
        .collect();
    assert_eq!(
        counts,
        ["ap: 1 1 0 ", "eu: 2 4 4 cluster c1, installation m/r", "us: 1 1 1 "],
        "the claim is not counted, and what cannot be read is"
    );
    let others = &survey.others;
    assert_eq!((others.namespaces, others.groups, others.rules), (5, 6, 5));
    insta::assert_snapshot!(shown(&problems(&[survey], None)), @r"
    unclaimed: ap has rules and no claim in mimir/prod
    unclaimed: us has rules and no claim in mimir/prod
    duplicate_recording: mimir/prod: a may be recorded by 2 owners at once: eu.mon.logs_loggingrule / a, rule 0; eu.mon.node / a, rule 0; eu.mon.node / b, rule 0; eu.mon.node / b, rule 1; us.mon.node / a, rule 0
    unreadable: mimir/prod: eu.mon.node/c/d cannot be read: why
    unreadable: mimir/prod: ap.mon.x/g cannot be read: why
    unreadable: mimir/prod: infra/nodes/g cannot be read: why
    ");
}

#[test]
fn owners_are_unknown_only_if_known_ones_are_given() {
    let rules = || group("a", vec![record("a", "b", &[])]);
    let tenants: Vec<TenantSurvey> = ["f", "e", "d", "c", "b", "a"]
        .map(|tenant| {
            let of_us = [("us", claim("c1", None).group(&owner("us"), PromQl)), ("us.a.b", rules())];
            survey(
                tenant,
                &stored(of_us.into_iter().chain([("eu.a.b", rules())]).take(if tenant == "a" {
                    3
                } else {
                    2
                })),
            )
        })
        .into();
    let known = BTreeSet::from([owner("eu"), owner("gone")]);
    insta::assert_snapshot!(shown(&problems(&tenants, Some(&known))), @r"
    unknown_owner: us is not a known owner, and has rules or a claim in mimir/a, mimir/b, mimir/c, mimir/d, mimir/e, and 1 more
    unclaimed: eu has rules and no claim in mimir/a
    duplicate_recording: mimir/a: a may be recorded by 2 owners at once: eu.a.b / a, rule 0; us.a.b / a, rule 0
    ");
    assert!(!shown(&problems(&tenants, None)).contains("unknown"));
}

#[test]
fn claims_differ_between_tenants_unless_one_is_of_an_old_version() {
    let of = |tenant: &str, claim: OwnerClaim| {
        survey(tenant, &stored([("eu", claim.group(&owner("eu"), PromQl))]))
    };
    let differ = |one: OwnerClaim, other: OwnerClaim| shown(&problems(&[of("a", one), of("b", other)], None));
    assert_eq!(differ(claim("c1", Some("m/r")), claim("c1", Some("m/r"))), "");
    assert_eq!(differ(claim("c1", Some("m/r")), claim("c1", None)), "");
    insta::assert_snapshot!(differ(claim("c1", Some("m/r")), claim("c2", Some("m/r"))), @"claims_differ: eu is claimed by different installations: cluster c1, installation m/r (in mimir/a); cluster c2, installation m/r (in mimir/b)");
    insta::assert_snapshot!(differ(claim("c1", Some("m/r")), claim("c1", Some("m/s"))), @"claims_differ: eu is claimed by different installations: cluster c1, installation m/r (in mimir/a); cluster c1, installation m/s (in mimir/b)");
}

/// Returns the owners and places of duplicates.
fn duplicates<'a>(groups: impl IntoIterator<Item = (&'a str, Group)>) -> String {
    shown(&problems(&[survey("prod", &stored(groups))], None))
        .lines()
        .filter(|line| line.starts_with("dup"))
        .collect()
}

#[test]
fn recording_rules_are_duplicates_by_name_and_labels_across_owners() {
    let sum = |labels: &[(&str, &str)]| record("job:up:sum", "sum by (job) (up)", labels);
    let labelled = |labels: &[(&str, &str)], rule: Rule| {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Group { labels, ..group("g", vec![rule]) }
    };
    let alert = Rule { alert: "job:up:sum".into(), expr: "up".into(), ..Rule::default() };
    insta::assert_snapshot!(duplicates([
        ("eu.m.n", group("g", vec![alert.clone(), sum(&[("a", "1")])])),
        ("eu.m.o", group("g", vec![sum(&[("a", "1")])])),
        ("us.m.n", labelled(&[("a", "1"), ("b", "2")], sum(&[("b", "")]))),
    ]), @r#"duplicate_recording: mimir/prod: job:up:sum{a="1"} may be recorded by 2 owners at once: eu.m.n / g, rule 1; eu.m.o / g, rule 0; us.m.n / g, rule 0"#);
    for (one, other) in [
        (group("g", vec![sum(&[("a", "1")])]), group("g", vec![sum(&[("a", "2")])])),
        (group("g", vec![sum(&[])]), labelled(&[("a", "2")], sum(&[]))),
        (group("g", vec![sum(&[])]), group("g", vec![alert])),
        (group("g", vec![sum(&[])]), group("g", vec![record("job:up:avg", "up", &[])])),
    ] {
        assert_eq!(duplicates([("eu.m.n", one), ("us.m.n", other)]), "");
    }
    let twice = || group("g", vec![sum(&[]), sum(&[])]);
    assert_eq!(duplicates([("eu.m.n", twice()), ("eu.m.o", twice())]), "", "one owner");
    assert_eq!(duplicates([("eu.m.n", twice()), ("infra", twice())]), "", "nobody that has a name");
}

#[test]
fn recording_rules_whose_expressions_keep_them_apart_are_no_duplicates() {
    let of = |cluster: &str, expr: &str, labels: &[(&str, &str)]| {
        group("g", vec![record("r", &expr.replace("CLUSTER", cluster), labels)])
    };
    for (expr, labels, apart) in [
        (r#"sum by (cluster, job) (up{cluster="CLUSTER"})"#, &[][..], true),
        // The label is aggregated away, or replaced.
        (r#"sum by (job) (up{cluster="CLUSTER"})"#, &[], false),
        (r#"up{cluster="CLUSTER"}"#, &[("cluster", "central")], false),
        (r#"up{cluster="CLUSTER"}"#, &[("cluster", "")], false),
        ("not promql {CLUSTER", &[], false),
    ] {
        let found = duplicates([("eu.m.n", of("eu", expr, labels)), ("us.m.n", of("us", expr, labels))]);
        assert_eq!(found.is_empty(), apart, "{expr}: {found}");
    }
    // Only those that collide are named.
    let by_cluster = r#"up{cluster="CLUSTER"}"#;
    let found = duplicates([
        ("eu.m.n", of("eu", by_cluster, &[])),
        ("us.m.n", of("us", by_cluster, &[])),
        ("ap.m.n", of("eu", by_cluster, &[])),
    ]);
    insta::assert_snapshot!(found, @"duplicate_recording: mimir/prod: r may be recorded by 2 owners at once: ap.m.n / g, rule 0; eu.m.n / g, rule 0");
    let logs = |expr: &str| {
        let logs = stored([("eu.m.n", of("eu", expr, &[])), ("us.m.n", of("us", expr, &[]))]);
        TenantSurvey::of(destination("prod"), &logs, &[], LogQl).duplicates.len()
    };
    assert_eq!(logs(r#"sum by (cluster) (rate({cluster="CLUSTER"}[5m]))"#), 0);
    assert_eq!(logs(r#"sum(rate({cluster="CLUSTER"}[5m]))"#), 1);
}

/// A tenant as a ruler has it.
type Tenant = BTreeMap<(String, String), Group>;

fn read(tenant: &Tenant, broken: &BTreeSet<(String, String)>) -> (StoredGroups, Vec<UnreadableGroup>) {
    let readable = tenant.iter().filter(|(key, _)| !broken.contains(*key));
    let stored = stored(readable.map(|((namespace, _), group)| (namespace.as_str(), group.clone())));
    let broken = tenant.keys().filter(|key| broken.contains(*key));
    (stored, broken.map(|(namespace, group)| unreadable((namespace, group))).collect())
}

fn tenants() -> impl Strategy<Value = (Tenant, BTreeSet<(String, String)>)> {
    let namespace = prop::sample::select(vec![
        "prod",
        "prod-eu",
        "pro",
        "prod.a.b",
        "prod.a.c_loggingrule",
        "prod._file.x_2Fy.yaml",
        "prod.A.b",
        "prod.a",
        "prod..b",
        "prod-eu.a.b",
        "pro.d.a.b",
        "prod/a.b",
        "xprod.a.b",
        "prod.a.b/c",
        "",
        "prod.a.b ",
    ]);
    let name = prop::sample::select(vec!["g", "a/b", CLAIM_GROUP]);
    let content = prop::sample::select(vec![None, Some("prod"), Some("prod-eu")]);
    let group = (namespace, name, content, prop::bool::weighted(0.2)).prop_map(
        |(namespace, name, claims, broken)| {
            let mut group = match claims {
                Some(claimant) => claim("c", Some("i")).group(&owner(claimant), PromQl),
                None => Group { rules: vec![record("a", "b", &[])], ..Group::default() },
            };
            name.clone_into(&mut group.name);
            (((namespace.to_owned(), name.to_owned()), group), broken)
        },
    );
    prop::collection::vec(group, 0..20).prop_map(|groups| {
        let broken = groups.iter().filter(|(_, broken)| *broken).map(|((key, _), _)| key.clone()).collect();
        (groups.into_iter().map(|(entry, _)| entry).collect(), broken)
    })
}

proptest! {
    #[test]
    fn deletes_remove_all_that_an_owner_has_and_nothing_else((tenant, broken) in tenants()) {
        let prod = owner("prod");
        let fields = StoredFields::ALL;
        let (groups, unreadable) = read(&tenant, &broken);
        let owned = OwnedRules::of(&prod, &groups, &unreadable, &fields);
        let mut after = tenant.clone();
        let mut was_claim = false;
        for delete in owned.deletes() {
            prop_assert!(!was_claim, "the claim is the last");
            match delete {
                OwnedDelete::Namespace { namespace, groups } => {
                    for group in groups {
                        prop_assert!(after.remove(&(namespace.to_string(), group.to_owned())).is_some());
                    }
                    prop_assert!(after.keys().all(|(other, _)| **namespace != **other), "the whole namespace");
                }
                OwnedDelete::Group { namespace, group } => {
                    was_claim = true;
                    prop_assert!(after.remove(&(namespace.to_owned(), group.to_owned())).is_some());
                }
            }
        }
        for (key, group) in &tenant {
            let (namespace, name) = key;
            let is_claim = namespace == "prod" && name == CLAIM_GROUP && OwnerClaim::read(group).is_some() && !broken.contains(key);
            prop_assert_eq!(after.contains_key(key), !prod.owns(namespace) && !is_claim, "{:?}", key);
        }
        let (groups, unreadable) = read(&after, &broken);
        prop_assert!(OwnedRules::of(&prod, &groups, &unreadable, &fields).is_empty());
        // It agrees with what a fleet shows of the owner.
        let (groups, unreadable) = read(&tenant, &broken);
        let survey = TenantSurvey::of(destination("t"), &groups, &unreadable, PromQl);
        let shown = survey.owners.get(&prod).cloned().unwrap_or_default();
        prop_assert_eq!(owned.counts(), shown.counts);
        prop_assert_eq!(owned.claim(), shown.claim.as_ref());
    }
}

#[test]
fn owned_rules_differ_if_anything_of_the_owner_changes() {
    let rule = |expr: &str| group("g", vec![record("a", expr, &[])]);
    let of =
        |groups: Vec<(&str, Group)>| OwnedRules::of(&owner("eu"), &stored(groups), &[], &StoredFields::ALL);
    let before = of(vec![("eu.a.b", rule("x")), ("us.a.b", rule("x"))]);
    assert_eq!(before, of(vec![("eu.a.b", rule(" x")), ("us.a.b", rule("y"))]), "of others, nothing matters");
    for changed in [
        vec![("eu.a.b", rule("y"))],
        vec![],
        vec![("eu.a.b", rule("x")), ("eu.a.c", rule("x"))],
        vec![("eu.a.b", rule("x")), ("eu", claim("c", None).group(&owner("eu"), PromQl))],
    ] {
        assert_ne!(before, of(changed));
    }
}
