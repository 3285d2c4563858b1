//! The rules of a cluster that is gone are deleted, and nothing else.

use std::collections::BTreeMap;

use rulesync_testkit::{Fault, Kind};

use crate::fleet::{fleet, run};
use crate::world::World;

const PURGE: [&str; 5] = ["purge", "--owner", "eu-1", "--all-tenants", "--yes"];

/// Everything that a ruler has: tenant, namespace and group.
fn everything(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for tenant in world.ruler.tenants() {
        for (namespace, groups) in world.ruler.rules(&tenant) {
            all.extend(groups.into_keys().map(|group| format!("{tenant} {namespace} {group}")));
        }
    }
    all
}

fn of_others(all: &[String]) -> Vec<String> {
    let own = |line: &&String| !line.contains(" eu-1.") && !line.contains(" eu-1 ");
    all.iter().filter(own).cloned().collect()
}

fn deletes(world: &World) -> Vec<String> {
    let requests = world.ruler.journal().requests();
    let deletes = requests.iter().filter(|request| request.method == "DELETE");
    deletes.map(|request| format!("{} {}", request.tenant().unwrap_or_default(), request.path)).collect()
}

#[tokio::test]
async fn purge_deletes_the_rules_of_exactly_one_owner_and_its_claims_last() {
    let world = fleet(Kind::Mimir).await;
    // Names that only look alike, and a group beside the claim.
    for namespace in ["eu-1", "eu-10.a.b", "eu.1.a", "eu-1/a.b", "eu-1.A.b"] {
        world.put(namespace, "name: g\nrules: [{record: r, expr: up}]");
    }
    let before = everything(&world);
    let plan = run(&world, &["purge", "--owner", "eu-1", "--all-tenants", "--dry-run"]).await.ok();
    insta::assert_snapshot!(plan, @r"
    - mimir/dev: 2 namespaces, 3 groups, 5 rules, claimed by cluster c3, installation monitoring/rulesync
    - mimir/prod: 2 namespaces, 3 groups, 5 rules, claimed by cluster c1, installation monitoring/rulesync
    Purge eu-1: 4 namespaces, 6 groups, 10 rules in 2 tenants
    A daemon that still runs for eu-1 writes its rules again: nothing here shows whether one does.
    Rules in namespaces without an owner in their name (named as declared, or as by Grafana Alloy) are not deleted.
    ");
    assert_eq!(everything(&world), before, "a dry run deletes nothing");
    let done = run(&world, &PURGE).await.ok();
    insta::assert_snapshot!(done.strip_prefix(&plan).expect("the plan first"), @r"
    - mimir/dev: deleted 2 namespaces, 3 groups, 5 rules and the claim
    - mimir/prod: deleted 2 namespaces, 3 groups, 5 rules and the claim
    ");
    let stays = before.iter().filter(|line| {
        let namespace = line.split(' ').nth(1).unwrap();
        !matches!(namespace, "eu-1.monitoring.node" | "eu-1.shop.api") && !line.ends_with(" eu-1 rulesync")
    });
    assert_eq!(everything(&world), stays.cloned().collect::<Vec<_>>());
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for delete in deletes(&world) {
        let (tenant, path) = delete.split_once(' ').unwrap();
        last.insert(tenant.to_owned(), path.to_owned());
    }
    assert_eq!(last.len(), 2);
    assert!(last.values().all(|path| path.ends_with("/rules/eu-1/rulesync")), "{last:?}");
    let again = run(&world, &PURGE).await.ok();
    assert_eq!(again, "eu-1 has nothing in 2 tenants\n");
}

#[tokio::test]
async fn purge_of_one_cluster_spares_another_with_the_same_owner() {
    let world = fleet(Kind::Mimir).await;
    let before = everything(&world);
    let done = run(&world, &[&PURGE[..], &["--cluster", "c3"]].concat()).await.ok();
    insta::assert_snapshot!(done, @r"
    - mimir/dev: 2 namespaces, 3 groups, 5 rules, claimed by cluster c3, installation monitoring/rulesync
      mimir/prod: stays, claimed by cluster c1, installation monitoring/rulesync
    Purge eu-1: 2 namespaces, 3 groups, 5 rules in 1 tenant
    A daemon that still runs for eu-1 writes its rules again: nothing here shows whether one does.
    Rules in namespaces without an owner in their name (named as declared, or as by Grafana Alloy) are not deleted.
    - mimir/dev: deleted 2 namespaces, 3 groups, 5 rules and the claim
    ");
    let after = everything(&world);
    assert_eq!(of_others(&after), of_others(&before));
    assert!(after.iter().any(|line| line.starts_with("prod eu-1.")), "{after:?}");
    assert!(!after.iter().any(|line| line.starts_with("dev eu-1")), "{after:?}");
}

#[tokio::test]
async fn purge_leaves_a_tenant_that_has_changed_since_it_was_shown() {
    let world = fleet(Kind::Mimir).await;
    let before = everything(&world);
    // The plan shows less than there is when it comes to the deletes.
    let shown =
        "eu-1.shop.api:\n    - name: down\n      rules:\n        - alert: Down\n          expr: up == 0\n";
    let yaml = Fault::status(200, shown).with_header("content-type", "application/yaml");
    world.ruler.faults().inject(yaml.on_tenant("prod").times(1));
    let done = run(&world, &PURGE).await;
    assert_eq!(done.code(), 1);
    insta::assert_snapshot!(done.stderr(), @"error: mimir/prod: left as it is, because what eu-1 has there has changed since it was shown: a daemon may still write it");
    let after = everything(&world);
    let of_prod =
        |all: &[String]| all.iter().filter(|line| line.starts_with("prod ")).cloned().collect::<Vec<_>>();
    assert_eq!(of_prod(&after), of_prod(&before));
    assert_ne!(after, before, "the other tenant is purged");
}

#[tokio::test]
async fn purge_that_fails_in_part_goes_on_and_leaves_the_claim() {
    let world = fleet(Kind::Mimir).await;
    let fault = world.ruler.faults().inject(
        Fault::status(403, "namespace is protected, no modification allowed\n")
            .on_tenant("prod")
            .when(|method, _| method == "DELETE")
            .on_path("monitoring"),
    );
    let done = run(&world, &PURGE).await;
    assert_eq!(done.code(), 1);
    insta::assert_snapshot!(done.stderr(), @"error: mimir/prod: cannot delete eu-1.monitoring.node: the namespace is protected: namespace is protected, no modification allowed");
    let left: Vec<String> = everything(&world).into_iter().filter(|line| line.contains(" eu-1")).collect();
    assert_eq!(
        left,
        ["prod eu-1 rulesync", "prod eu-1.monitoring.node down", "prod eu-1.monitoring.node sums"],
        "what is left is still found by its claim"
    );
    world.ruler.faults().remove(fault);
    run(&world, &PURGE).await.ok();
    assert!(!everything(&world).iter().any(|line| line.contains(" eu-1")));
}

#[tokio::test]
async fn purge_tells_of_tenants_that_it_cannot_read() {
    let world = fleet(Kind::Mimir).await;
    world.ruler.faults().inject(Fault::status(403, "not yours\n").on_tenant("dev"));
    let done = run(&world, &PURGE).await;
    assert_eq!(
        (done.code(), done.stderr().as_str()),
        (1, "error: mimir/dev: cannot read the rules: access denied: not yours\n")
    );
    assert!(!everything(&world).iter().any(|line| line.starts_with("prod eu-1")));
}

#[tokio::test]
async fn purge_asks_and_deletes_nothing_where_there_is_nobody_to_ask() {
    let world = fleet(Kind::Mimir).await;
    let refused = run(&world, &PURGE[..4]).await;
    assert_eq!(refused.code(), 64);
    assert!(refused.stderr().contains("give --yes"), "{}", refused.all());
    assert!(deletes(&world).is_empty());
    let refused = run(&world, &["purge", "--all-tenants", "--yes"]).await;
    assert_eq!(refused.code(), 64, "an owner must be named");
}
