//! `sync`: what it writes and prints, and stored plans.

use crate::plan::changed;
use crate::world::World;

#[tokio::test]
async fn sync_prints_what_it_has_changed_and_fails_if_something_is_refused() {
    let world = changed().await;
    let synced = world.run(&["sync", "rules"]).await;
    insta::assert_snapshot!(synced.all());
    assert_eq!(synced.code(), 1);
    assert!(world.ruler.rules("prod").contains_key("by-hand"));
    world.write("rules/api.yaml", &world.read("rules/api.yaml").replace("sum(up", "sum(up)"));
    let synced = world.run(&["apply", "rules"]).await.ok();
    assert_eq!(synced, "+ mimir/prod: us.shop.api / broken\nSync: 1 added, 0 changed, 0 deleted\n");
    let nothing = world.run(&["sync", "rules"]).await.ok();
    assert_eq!(nothing, "Sync: 0 added, 0 changed, 0 deleted\n");
}

#[tokio::test]
async fn stored_plan_is_carried_out_as_it_is() {
    let world = changed().await;
    world.write("rules/api.yaml", &world.read("rules/api.yaml").replace("sum(up", "sum(up)"));
    world.run(&["plan", "rules", "--out", "plan.json"]).await.ok();
    let synced = world.run(&["sync", "rules", "plan.json"]).await.ok();
    assert!(synced.ends_with("Sync: 2 added, 1 changed, 1 deleted\n"), "{synced}");
    let again = world.run(&["sync", "rules", "plan.json"]).await;
    insta::assert_snapshot!(again.all());
}

#[tokio::test]
async fn stored_plan_is_refused_if_what_it_was_made_from_has_changed() {
    let world = World::new().await;
    world.write("rules/a.yaml", "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    world.put("us.shop.gone", "name: old\nrules: [{record: old:one, expr: up}]");
    world.run(&["plan", "rules", "--out", "plan.json"]).await.ok();
    let refused = async |args: &[&str]| {
        let run = world.run(&[&["sync", "rules", "plan.json"], args].concat()).await;
        assert_eq!((run.code(), run.stdout().as_str(), world.writes()), (1, "", (0, 0)), "{}", run.all());
        run.stderr().lines().next().unwrap().to_owned()
    };
    let declared = world.read("rules/a.yaml");
    world.write("rules/a.yaml", &declared.replace("up == 0", "up == 1"));
    assert_eq!(refused(&[]).await, "error: mimir/prod: the declared rules have changed");
    world.write("rules/a.yaml", &declared);
    world.put("us.shop.gone", "name: old\nrules: [{record: old:one, expr: up + 1}]");
    assert_eq!(refused(&[]).await, "error: mimir/prod: the rules in the ruler have changed");
    world.put("us.shop.gone", "name: old\nrules: [{record: old:one, expr: up}]");
    assert_eq!(
        refused(&["--tenant", "dev"]).await,
        "error: the configuration has changed: give the flags that the plan was made with"
    );
    let plan = world.read("plan.json");
    world.write("plan.json", &plan.replace("\"version\": 1", "\"version\": 9"));
    let newer = world.run(&["sync", "rules", "plan.json"]).await;
    assert_eq!(newer.code(), 64);
    assert_eq!(newer.stderr(), "error: plan.json: is a plan of version 9; this rulesync reads version 1\n");
}

#[tokio::test]
async fn stored_plan_is_recognized_by_its_content_and_nothing_else_is_written() {
    let world = World::new().await;
    world.write("rules/a.yaml", "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    world.run(&["plan", "rules", "--out", "tfplan"]).await.ok();
    let plan = world.read("tfplan");
    for (name, end) in
        [("cut.json", plan.len() / 2), ("cut", plan.len() - 2), ("start", 12), ("empty.json", 0)]
    {
        world.write(name, &plan[..end]);
    }
    world.write("rules/b.yaml", "groups: [{name: g, rules: [{alert: B, expr: up == 0}]}]");
    for (args, code, says) in [
        (&["tfplan"][..], 1, "error: mimir/prod: the declared rules have changed\n"),
        (&["--plan", "tfplan"], 1, "error: mimir/prod: the declared rules have changed\n"),
        (&["cut.json"], 64, "error: cut.json: is no plan: EOF while parsing"),
        (&["cut"], 64, "error: cut: is no plan: EOF while parsing"),
        (&["start"], 64, "error: start: is no plan: EOF while parsing"),
        (&["empty.json"], 64, "error: empty.json: is no plan: EOF while parsing"),
        (&["nosuch.json"], 1, "error: nosuch.json: cannot be read: No such file"),
        (&["--plan", "nosuch"], 1, "error: nosuch: cannot be read: No such file"),
        (&["--plan", "rules/a.yaml"], 64, "error: rules/a.yaml: is no plan: "),
        (&["--plan", "tfplan", "tfplan"], 64, "error: give one plan\n"),
        (&["nosuch"], 1, "error: nosuch: cannot be read: No such file"),
    ] {
        let run = world.run(&[&["sync", "rules"], args].concat()).await;
        assert_eq!((run.code(), run.stdout().as_str(), world.writes()), (code, "", (0, 0)), "{}", run.all());
        assert!(run.stderr().starts_with(says), "{args:?}: {}", run.stderr());
    }
    let mut piped = world.command(&["sync", "-", "--owner", "us"]);
    piped.write_stdin(plan);
    let piped = world.finish(piped).await;
    assert_eq!((piped.code(), world.writes()), (64, (0, 0)), "{}", piped.all());
    assert!(piped.stderr().starts_with("error: standard input is a plan"), "{}", piped.all());
    std::fs::remove_file(world.path("rules/b.yaml")).unwrap();
    let synced = world.run(&["sync", "rules", "--plan", "tfplan"]).await.ok();
    assert!(synced.ends_with("Sync: 1 added, 0 changed, 0 deleted\n"), "{synced}");
}

#[tokio::test]
async fn stored_plan_of_a_configuration_is_carried_out() {
    let world = World::new().await;
    let config = format!(
        "owner: us\nsources: [{{type: files, path: rules}}]\nrulers: [{{name: central, type: mimir, address: '{}'}}]\n\
         routes: [{{name: all, ruler: central, tenant: prod}}]\nclaim: off\n",
        world.ruler.url()
    );
    world.write("rulesync.yaml", &config);
    world.write("rules/a.yaml", "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    let run = async |args: &[&str]| {
        let mut command = crate::cli::rulesync();
        command.current_dir(world.path("")).args(args).args(["--config", "rulesync.yaml"]);
        world.finish(command).await.ok()
    };
    run(&["plan", "--out", "plan.json"]).await;
    let synced = run(&["sync", "plan.json"]).await;
    assert_eq!(synced, "+ central/prod: us._file.a.yaml / g\nSync: 1 added, 0 changed, 0 deleted\n");
}

#[tokio::test]
async fn ruler_that_is_down_is_reported() {
    let world = World::new().await;
    world.write("rules/a.yaml", "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    world.ruler.stop().await;
    for verb in ["sync", "plan"] {
        let run = world.run(&[verb, "rules", "--timeout", "1s"]).await;
        assert_eq!(run.code(), 1);
        assert!(run.stderr().contains("error: Ruler unreachable (ruler=mimir tenant=prod"), "{}", run.all());
    }
}
