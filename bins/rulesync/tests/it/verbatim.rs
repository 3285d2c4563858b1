//! mimirtool's own files, with its namespaces as they are.

use rulesync_testkit::{Kind, RulerServer};

use crate::world::World;

/// Rule files as mimirtool's users have them.
fn files(world: &World) {
    world.write("rules/node.yaml", "groups:\n- name: node\n  rules:\n  - alert: Down\n    expr: |\n      up\n        == 0\n    for: 5m\n");
    let several = "namespace: shop/api\ngroups:\n- name: errors\n  interval: 30s\n  rules: [{record: 'a:b', expr: up}]\n---\n\
                   namespace: größe\ngroups:\n- name: 'x y'\n  rules: [{alert: A, expr: 'up == 1', labels: {a: 'yes'}}]\n";
    world.write("rules/more.yml", several);
}

const FLAGS: [&str; 2] = ["--naming", "verbatim"];

async fn sync(world: &World, args: &[&str]) -> crate::world::Run {
    world.run(&[&["sync"][..], args, &FLAGS].concat()).await
}

#[tokio::test]
async fn mimirtools_files_are_printed_and_synced_again_without_a_change() {
    let world = World::new().await;
    files(&world);
    let synced = sync(&world, &["rules"]).await.ok();
    assert_eq!(
        synced,
        "+ mimir/prod: größe / x y\n+ mimir/prod: node / node\n+ mimir/prod: shop/api / errors\nSync: 3 added, 0 changed, 0 deleted\n"
    );
    world.put("theirs", "name: g\nrules: [{record: 'their:own', expr: up}]");
    let (rules, writes) = (world.ruler.rules("prod"), world.writes());
    world.run(&["print", "größe", "node", "shop/api", "--output-dir", "printed"]).await.ok();
    assert_eq!(sync(&world, &["printed"]).await.ok(), "Sync: 0 added, 0 changed, 0 deleted\n");
    assert_eq!((world.ruler.rules("prod"), world.writes()), (rules, writes));
    std::fs::remove_file(world.path("printed/shop%2Fapi.yaml")).unwrap();
    let synced = sync(&world, &["printed"]).await.ok();
    assert_eq!(synced, "- mimir/prod: shop/api / errors\nSync: 0 added, 0 changed, 1 deleted\n");
    assert!(world.ruler.rules("prod").contains_key("theirs"));
}

#[tokio::test]
async fn what_mimirtool_has_written_is_taken_over_without_a_write() {
    let world = World::new().await;
    files(&world);
    world.run(&["load", "rules/node.yaml", "rules/more.yml"]).await.ok();
    let before = world.writes();
    let refused = sync(&world, &["rules"]).await;
    assert_eq!((refused.code(), world.writes()), (1, before), "{}", refused.all());
    let taken = sync(&world, &["rules", "--adopt", "*"]).await.ok();
    assert_eq!((taken.as_str(), world.writes()), ("Sync: 0 added, 0 changed, 0 deleted\n", before));
    let plan = world.run(&[&["plan", "rules", "--detailed-exitcode"][..], &FLAGS].concat()).await;
    assert_eq!(plan.code(), 0, "{}", plan.all());
    let adopt = world.run(&[&["adopt", "rules", "--adopt", "*"][..], &FLAGS].concat()).await;
    assert_eq!(adopt.code(), 64, "{}", adopt.all());
}

#[tokio::test]
async fn stored_plan_of_mimirtools_files_is_carried_out() {
    let world = World::new().await;
    files(&world);
    world.run(&[&["plan", "rules", "--out", "plan.json"][..], &FLAGS].concat()).await.ok();
    assert!(!world.path(".rulesync").exists(), "a plan stores nothing");
    let synced = sync(&world, &["rules", "plan.json"]).await.ok();
    assert!(synced.ends_with("Sync: 3 added, 0 changed, 0 deleted\n"), "{synced}");
}

#[tokio::test]
async fn piped_files_are_recorded_where_the_command_is_run() {
    let world = World::new().await;
    let mut command = world.command(&["sync", "-", "--owner", "us", "--naming", "verbatim"]);
    command.write_stdin("namespace: piped\ngroups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    world.finish(command).await.ok();
    assert!(world.read(".rulesync/ledger.json").contains("piped"));
}

#[tokio::test]
async fn groups_that_read_other_tenants_are_loaded_and_synced_as_check_says() {
    let world = World::with(
        RulerServer::builder(Kind::Mimir).with(|ruler| ruler.federation()).start().await.unwrap(),
    );
    world.write(
        "team.yaml",
        "namespace: team\ngroups: [{name: g, source_tenants: [a, b], rules: [{alert: A, expr: up == 0}]}]",
    );
    world.run(&["check", "team.yaml"]).await.ok();
    let loaded = world.run(&["load", "team.yaml"]).await.ok();
    assert!(loaded.ends_with("Load: 1 added, 0 changed, 0 unchanged\n"), "{loaded}");
    let synced = world.run(&["sync", "team.yaml", "--naming", "verbatim", "--tenant", "dev"]).await.ok();
    assert_eq!(synced, "+ mimir/dev: team / g\nSync: 1 added, 0 changed, 0 deleted\n");
    assert_eq!(world.ruler.rules("dev"), world.ruler.rules("prod"));
    let printed = world.run(&["get", "team", "g"]).await.ok();
    assert!(printed.contains("source_tenants:"), "{printed}");
}
