//! `export` and `adopt`: rules of others become objects, and objects' own.

use rulesync_testkit::Kind;

use crate::world::World;

const NODE: &str = "name: node\ninterval: 30s\nrules: [{alert: Down, expr: up == 0, for: 5m}]";

#[tokio::test]
async fn exported_objects_are_adopted_without_a_rule_being_rewritten() {
    let world = World::new().await;
    world.put("Infra/nodes", NODE);
    world.put("Infra/nodes", "name: unequal\nrules: [{record: 'a:b', expr: up}]");
    world.put("by-hand", "name: theirs\nrules: [{record: 'their:own', expr: up}]");
    let files = world.run(&["export", "Infra/nodes", "-n", "monitoring", "--output-dir", "rules"]).await.ok();
    let file = files.trim();
    assert!(file.starts_with("rules/monitoring.infra-nodes-") && file.ends_with(".yaml"), "{files}");
    let exported = world.read(file);
    assert!(
        exported.starts_with("# Infra/nodes\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n")
    );
    world.write(file, &exported.replace("expr: up\n", "expr: up + 1\n"));
    world.write("rules/more.yaml", "groups: [{name: more, rules: [{alert: More, expr: up}]}]");
    let unasked = world.run(&["adopt", "rules", "--adopt", "Infra/*"]).await;
    assert_eq!((unasked.code(), world.writes()), (64, (0, 0)), "{}", unasked.all());
    assert!(unasked.stdout().contains("- Infra/nodes / node of PrometheusRule monitoring/infra-nodes-"));
    let adopted = world.run(&["adopt", "rules", "--adopt", "Infra/*", "--yes"]).await.ok();
    assert!(adopted.ends_with("Adopt: 2 added, 0 changed, 1 deleted\n"), "{adopted}");
    let rules = world.ruler.rules("prod");
    let own = rules.keys().find(|name| name.starts_with("us.monitoring.infra-nodes-")).unwrap();
    assert_eq!(rules[own].keys().collect::<Vec<_>>(), ["node", "unequal"]);
    assert_eq!(rules["Infra/nodes"].keys().collect::<Vec<_>>(), ["unequal"], "it has no equal");
    assert_eq!(rules.len(), 3, "nothing else is written: {rules:?}");
    assert_eq!(world.run(&["adopt", "rules", "--adopt", "Infra/*"]).await.ok(), "Nothing to adopt\n");
}

#[tokio::test]
async fn export_prints_objects_and_rule_files() {
    let world = World::new().await;
    world.put("us.shop.api", NODE);
    world.put("infra", NODE);
    insta::assert_snapshot!("export", world.run(&["export"]).await.ok());
    insta::assert_snapshot!(
        "export_rule_files",
        world.run(&["export", "infra", "-o", "rule-files"]).await.ok()
    );
    let loki = World::of(Kind::Loki).await;
    loki.put("logs", "name: g\nrules: [{alert: A, expr: 'sum(rate({a=\"b\"}[1m])) > 0'}]");
    let exported = loki.run(&["export", "--ruler", "loki"]).await.ok();
    assert!(exported.contains("kind: LoggingRule\n"), "{exported}");
}

#[tokio::test]
async fn selector_takes_objects_by_their_labels() {
    let world = World::new().await;
    for team in ["shop", "infra"] {
        let manifest = format!(
            "{{apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, metadata: {{name: {team}, namespace: ns, labels: \
             {{team: {team}}}}}, spec: {{groups: [{{name: g, rules: [{{alert: A, expr: up}}]}}]}}}}"
        );
        world.write(&format!("rules/{team}.yaml"), &manifest);
    }
    let synced = world.run(&["sync", "rules", "--selector", "team in (shop, web)"]).await.ok();
    assert_eq!(synced, "+ mimir/prod: us.ns.shop / g\nSync: 1 added, 0 changed, 0 deleted\n");
}

#[tokio::test]
async fn export_writes_into_its_directory_only() {
    let world = World::new().await;
    world.put("infra", "name: g\nrules: [{record: 'a:b', expr: up}]");
    for namespace in ["../up", "a/b", "", "Up", "-a"] {
        let flag = format!("--namespace={namespace}");
        let refused = world.run(&["export", &flag, "--output-dir", "out/deep"]).await;
        assert_eq!(refused.code(), 64, "{}", refused.all());
        assert!(!world.path("out").exists());
    }
}
