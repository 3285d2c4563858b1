//! `plan`: what is shown, in every form, and the exit codes.

use crate::world::World;

const RULES: &str = "\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: api, namespace: shop}
spec:
  groups:
    - name: errors
      interval: 1m
      rules:
        - alert: HighErrorRate
          expr: |
            sum(rate(http_requests_total{code=~\"5..\"}[5m]))
              / sum(rate(http_requests_total[5m])) > 0.05
          for: 10m
          labels: {severity: page}
    - name: latency
      rules:
        - record: job:latency:p99
          expr: histogram_quantile(0.99, sum by (job, le) (rate(latency_bucket[5m])))
    - name: same
      rules: [{alert: Same, expr: up == 0}]
    - name: broken
      rules: [{alert: Broken, expr: sum(up}]
";

/// A ruler that has one group as it is declared, one in another form, one that is not declared, and one of others.
pub(crate) async fn changed() -> World {
    let world = World::new().await;
    world.write("rules/api.yaml", RULES);
    let errors = "name: errors\ninterval: 1m\nrules:\n- alert: HighErrorRate\n  expr: |\n    sum(rate(http_requests_total{code=~\"5..\"}[5m]))\n      / sum(rate(http_requests_total[5m])) > 0.1\n  for: 10m\n  labels: {severity: page}\n";
    world.put("us.shop.api", errors);
    world.put("us.shop.api", "name: same\nrules: [{alert: Same, expr: up == 0}]");
    world.put("us.shop.gone", "name: old\nrules: [{record: old:one, expr: up}]");
    world.put("by-hand", "name: theirs\nrules: [{record: their:own, expr: up}]");
    world
}

#[tokio::test]
async fn plan_shows_each_difference_and_the_numbers() {
    let world = changed().await;
    insta::assert_snapshot!(world.run(&["plan", "rules"]).await.all());
    assert_eq!(world.writes(), (0, 0));
}

#[tokio::test]
async fn plan_is_shown_as_json_yaml_and_markdown() {
    let world = changed().await;
    let json = world.run(&["plan", "rules", "-o", "json"]).await.stdout();
    let from_json: serde_json::Value = serde_json::from_str(&json).unwrap();
    // The address, and with it the configuration, differs from run to run.
    let digest = from_json["configuration"].as_str().unwrap();
    insta::assert_snapshot!("plan_json", json.replace(digest, "DIGEST"));
    let yaml = world.run(&["plan", "rules", "-o", "yaml"]).await.stdout();
    let from_yaml: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(from_yaml, from_json);
    insta::assert_snapshot!("plan_markdown", world.run(&["plan", "rules", "-o", "markdown"]).await.stdout());
}

#[tokio::test]
async fn plan_tells_by_its_exit_code_whether_there_are_changes() {
    let world = World::new().await;
    world.write("rules/a.yaml", "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    let plan = async |args: &[&str]| world.run(&[&["plan", "rules"], args].concat()).await.code();
    assert_eq!((plan(&[]).await, plan(&["--detailed-exitcode"]).await), (0, 2));
    world.run(&["sync", "rules"]).await.ok();
    assert_eq!((plan(&[]).await, plan(&["--detailed-exitcode"]).await), (0, 0));
    world.write("rules/b.yaml", "groups: [{name: g, rules: [{alert: A, expr: sum(up}]}]");
    assert_eq!((plan(&[]).await, plan(&["--detailed-exitcode"]).await), (1, 1));
    world.ruler.stop().await;
    assert_eq!(plan(&["--timeout", "1s"]).await, 1);
}

#[tokio::test]
async fn plan_shows_what_is_held_and_what_a_release_would_delete() {
    let world = World::new().await;
    world.write("rules/a.yaml", "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    for n in 0..12 {
        let namespace = if n < 6 { "us.shop.one" } else { "us.shop.two" };
        world.put(namespace, &format!("name: g{n}\nrules: [{{record: a:b, expr: up}}]"));
    }
    let last = |run: crate::world::Run| run.stdout().lines().last().unwrap().to_owned();
    let held = last(world.run(&["plan", "rules"]).await);
    assert_eq!(held, "Plan: 1 to add, 0 to change, 0 to delete, 12 held");
    let released = last(world.run(&["plan", "rules", "--release-deletes"]).await);
    assert_eq!(released, "Plan: 1 to add, 0 to change, 12 to delete");
}

#[tokio::test]
async fn plan_reads_a_configuration_and_standard_input() {
    let world = World::new().await;
    let config = format!(
        "owner: us\nsources: [{{type: files, path: rules}}]\nrulers: [{{name: central, type: mimir, address: '{}'}}]\n\
         routes: [{{name: all, ruler: central, tenant: prod}}]\nclaim: off\n",
        world.ruler.url()
    );
    world.write("rulesync.yaml", &config);
    world.write("rules/a.yaml", "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    let command = |args: &[&str]| {
        let mut command = crate::cli::rulesync();
        command.current_dir(world.path("")).args(args);
        command
    };
    let planned = world.finish(command(&["plan", "--config", "rulesync.yaml"])).await.ok();
    assert!(planned.starts_with("central/prod\n  + us._file.a.yaml / g of RuleFile"), "{planned}");
    let mut piped = world.command(&["plan", "--owner", "us", "-"]);
    piped.write_stdin("namespace: piped\ngroups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    let planned = world.finish(piped).await.ok();
    assert!(planned.starts_with("mimir/prod\n  + us._file.piped / g of RuleFile"), "{planned}");
}
