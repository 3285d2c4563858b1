//! mimirtool's verbs on one ruler and tenant.

use rulesync_testkit::Kind;

use crate::world::World;

/// Names that mean something in URLs, in paths or in YAML.
const HOSTILE: [&str; 9] =
    ["infra", "a/b", "a%2Fb", "größe", "x y", "a?b#c", "Infra", "- yes: no", "us.shop.api"];

const GROUP: &str = "
name: 'a/b %2F'
interval: 1m
rules:
- alert: A
  expr: |-
    up  ==  0
      and on () vector(1)
  for: 5m
  labels: {severity: page}
  annotations: {summary: \"{{ $labels.job }}: \\\"down\\\"\\n\"}
- record: 'job:up:sum'
  expr: sum by (job)   (up)
";

/// A ruler with a group in each hostile namespace.
async fn hostile(kind: Kind) -> World {
    let world = World::of(kind).await;
    let group = match kind {
        Kind::Loki => GROUP
            .replace("up  ==  0", "sum(rate({a=\"b\"}[1m]))  ==  0")
            .replace("  (up)", "(rate({a=\"b\"}[1m]))"),
        _ => GROUP.to_owned(),
    };
    for namespace in HOSTILE {
        world.put(namespace, &group);
    }
    world
}

#[tokio::test]
async fn verbs_show_what_the_ruler_has() {
    let world = World::new().await;
    world.put(
        "infra",
        "name: node\nrules: [{alert: Down, expr: up == 0, for: 5m}, {alert: Up, expr: up == 1}]",
    );
    world.put("shop/api", "name: errors\ninterval: 30s\nrules: [{record: 'a:b', expr: up}]");
    insta::assert_snapshot!("list", world.run(&["list"]).await.ok());
    let json = world.run(&["list", "-o", "json"]).await.ok();
    let entries: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(entries[1], serde_json::json!({"namespace": "shop/api", "group": "errors", "rules": 1}));
    insta::assert_snapshot!("get", world.run(&["get", "shop/api", "errors"]).await.ok());
    insta::assert_snapshot!("print", world.run(&["print"]).await.ok());
    assert_eq!(world.run(&["print", "infra"]).await.ok().matches("namespace:").count(), 1);
    let missing = world.run(&["get", "infra", "nothing"]).await;
    assert_eq!(
        (missing.code(), missing.stderr().as_str()),
        (1, "error: mimir/prod has no group infra / nothing\n")
    );
    world.put("shop/api", "name: \"h\\u202e\\x9b\"\nrules: [{record: 'a:b', expr: up}]");
    let hidden = world.run(&["list", "-o", "json"]).await.ok();
    assert!(hidden.contains("\"h\\u202e\\u009b\""), "{hidden}");
}

#[tokio::test]
async fn printed_files_are_loaded_again_as_the_same_groups_whatever_the_names() {
    for kind in [Kind::Mimir, Kind::Cortex, Kind::Loki] {
        let world = hostile(kind).await;
        let (name, flag) = match kind {
            Kind::Loki => ("loki", "--ruler=loki"),
            Kind::Cortex => ("cortex", "--ruler=cortex"),
            _ => ("mimir", "--ruler=mimir"),
        };
        let printed = world.run(&["print", flag, "--output-dir", "out"]).await.ok();
        let files: Vec<&str> = printed.lines().collect();
        assert_eq!(files.len(), HOSTILE.len(), "{printed}");
        assert!(files.iter().all(|file| file.starts_with("out/") && !file[4..].contains('/')), "{printed}");
        let load = [&["load", flag, "--tenant", "dev"][..], &files].concat();
        let loaded = world.run(&load).await.ok();
        assert!(loaded.ends_with("Load: 9 added, 0 changed, 0 unchanged\n"), "{name}: {loaded}");
        assert_eq!(world.ruler.rules("dev"), world.ruler.rules("prod"), "{name}");
        let again = world.run(&load).await.ok();
        assert_eq!(again, "Load: 0 added, 0 changed, 9 unchanged\n");
        for namespace in HOSTILE {
            world.run(&["get", flag, "--", namespace, "a/b %2F"]).await.ok();
            world.run(&["delete", flag, "--yes", "--", namespace, "a/b %2F"]).await.ok();
        }
        assert!(world.ruler.rules("prod").is_empty(), "{name}");
    }
}

#[tokio::test]
async fn printed_files_stay_in_their_directory_whatever_links_are_in_it() {
    let world = World::new().await;
    for namespace in ["infra", "..", "../up"] {
        world.put(namespace, "name: g\nrules: [{record: 'a:b', expr: up}]");
    }
    world.write("elsewhere", "mine");
    std::fs::create_dir(world.path("out")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("out/infra.yaml")).unwrap();
    let printed = world.run(&["print", "--output-dir", "out"]).await.ok();
    assert_eq!(printed, "out/%2E..yaml\nout/%2E.%2Fup.yaml\nout/infra.yaml\n");
    assert_eq!(world.read("elsewhere"), "mine");
    assert!(world.read("out/infra.yaml").starts_with("namespace: infra\n"));
}

#[tokio::test]
async fn load_writes_what_differs_and_nothing_if_something_is_wrong() {
    let world = World::new().await;
    world.put("infra", "name: node\nrules: [{alert: Down, expr: up == 0}]");
    world.put("infra", "name: kept\nrules: [{alert: Kept, expr: up == 0}]");
    let group = |expr: &str| format!("groups: [{{name: node, rules: [{{alert: Down, expr: '{expr}'}}]}}]\n");
    world.write("infra.yaml", &group("up == 1"));
    world.write("more.yaml", &format!("namespace: more\n{}", group("up")));
    insta::assert_snapshot!("load", world.run(&["load", "infra.yaml", "more.yaml"]).await.ok());
    assert_eq!(world.ruler.rules("prod")["infra"].len(), 2, "nothing is deleted");
    world.write(
        "bad.yaml",
        "namespace: more\ngroups:\n- name: g\n  rules: [{alert: A, expr: up, for: soon}]\n",
    );
    let before = world.writes();
    insta::assert_snapshot!("load_errors", world.run(&["load", "bad.yaml", "more.yaml"]).await.all());
    assert_eq!(world.writes(), before);
    world.write("refused.yaml", &group("sum(up"));
    let refused = world.run(&["load", "refused.yaml"]).await;
    assert_eq!(refused.code(), 1);
    assert!(
        refused.stderr().contains("error: mimir/prod: cannot write refused / node:"),
        "{}",
        refused.all()
    );
}

#[tokio::test]
async fn load_leaves_out_claims() {
    let world = World::new().await;
    world.write("a.yaml", "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    world.run(&["sync", "a.yaml", "--installation", "one"]).await.ok();
    let printed = world.run(&["print"]).await.ok();
    assert_eq!(printed.matches("namespace:").count(), 1, "{printed}");
    let claim = world.run(&["get", "us", "rulesync", "-o", "json"]).await.ok();
    let printed = format!("{printed}---\nnamespace: us\ngroups: [{claim}]\n");
    let mut load = world.command(&["load", "--tenant", "dev", "-"]);
    load.write_stdin(printed);
    let loaded = world.finish(load).await;
    assert_eq!(loaded.ok(), "+ mimir/dev: us._file.a.yaml / g\nLoad: 1 added, 0 changed, 0 unchanged\n");
    assert!(loaded.stderr().contains("<stdin>: us / rulesync is a claim of rulesync, and is left out"));
    assert!(!world.ruler.rules("dev").contains_key("us"));
    world.run(&["sync", "a.yaml", "--installation", "two", "--tenant", "dev"]).await.ok();
}

#[tokio::test]
async fn load_reads_directories_and_standard_input() {
    let world = World::new().await;
    let rules = "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]\n";
    world.write("rules/a.yaml", rules);
    world.write("rules/deep/b.yml", rules);
    let loaded = world.run(&["load", "rules"]).await.ok();
    assert!(loaded.ends_with("Load: 2 added, 0 changed, 0 unchanged\n"), "{loaded}");
    let piped = async |args: &[&str], text: String| {
        let mut command = world.command(&[&["load", "-"], args].concat());
        command.write_stdin(text);
        world.finish(command).await
    };
    piped(&[], format!("namespace: piped\n{rules}")).await.ok();
    assert!(world.ruler.rules("prod").contains_key("piped"));
    for (args, text, code, says) in [
        (&[][..], rules, 1, "error: <stdin>: which namespace?"),
        (&["--key-file", "-"], rules, 64, "error: standard input can be one thing only"),
    ] {
        let refused = piped(args, text.to_owned()).await;
        assert_eq!(refused.code(), code, "{}", refused.all());
        assert!(refused.stderr().starts_with(says), "{}", refused.all());
    }
    let missing = world.run(&["load", "nosuch.yaml"]).await;
    assert_eq!(missing.code(), 1, "{}", missing.all());
}

#[tokio::test]
async fn verbs_finish_their_writes_if_nobody_reads_what_they_print() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        world.write(&format!("{name}.yaml"), "groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]");
    }
    let closed = async |args: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("rulesync"));
        command.env_clear().current_dir(world.path("")).args(args).stdout(writer);
        command.env("RULESYNC_ADDRESS", world.ruler.url()).env("RULESYNC_TENANT_ID", "prod");
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    };
    closed(&["load", "a.yaml", "b.yaml", "c.yaml"]).await;
    assert_eq!(world.ruler.rules("prod").len(), 3);
    closed(&["print", "--output-dir", "out"]).await;
    assert!(["a", "b", "c"].iter().all(|name| world.path(&format!("out/{name}.yaml")).is_file()));
}

#[tokio::test]
async fn deletes_need_a_terminal_or_a_yes() {
    let world = World::new().await;
    world.put("infra", "name: node\nrules: [{alert: Down, expr: up == 0}]");
    world.put("infra", "name: more\nrules: [{alert: Down, expr: up == 0}]");
    for verb in [&["delete", "infra", "node"][..], &["delete-namespace", "infra"]] {
        let refused = world.run(verb).await;
        assert_eq!(refused.code(), 64);
        assert!(
            refused.stderr().ends_with("There is no terminal to ask on: give --yes\n"),
            "{}",
            refused.all()
        );
    }
    assert_eq!(world.run(&["delete", "infra", "node", "-y"]).await.ok(), "- mimir/prod: infra / node\n");
    let deleted = world.run(&["delete-namespace", "infra", "-y"]).await.ok();
    assert_eq!(deleted, "- mimir/prod: infra (1 group)\n");
    let missing = world.run(&["delete", "infra", "node"]).await.ok();
    assert_eq!(missing, "mimir/prod has no group infra / node\n");
    let missing = world.run(&["delete-namespace", "infra"]).await.ok();
    assert_eq!(missing, "mimir/prod has no namespace infra\n");
    assert!(world.ruler.rules("prod").is_empty());
}

#[test]
fn flags_that_do_not_fit_are_named() {
    let refused = |args: &[&str], variables: &[(&str, &str)]| {
        let output = crate::cli::rulesync().args(args).envs(variables.iter().copied()).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let address = &["--address", "http://127.0.0.1:9"][..];
    for (args, variables, says) in [
        (&["list"][..], &[][..], "where? Give --address"),
        (&["list", "--address", "mimir"], &[], "--address: "),
        (&["list"], &[("MIMIR_ADDRESS", "mimir")], "MIMIR_ADDRESS: "),
        (&["list", "--config", "a.yaml", "--tenant", "t"], &[], "--config says where"),
        (
            &["list", "--config", "a.yaml", "--key-file", "k", "--tls-insecure-skip-verify"],
            &[],
            "--config says where and how: give it without --key-file, --tls-insecure-skip-verify",
        ),
        (&[&["list", "--destination", "a/b"][..], address].concat(), &[], "--destination chooses"),
        (&[&["list", "--tenant", "a/b"][..], address].concat(), &[], "--tenant: "),
        (&[&["plan", "rules"][..], address].concat(), &[], "whose rules?"),
        (&[&["plan", "rules", "--owner", "No No"][..], address].concat(), &[], "--owner: `No No`"),
        (&[&["plan", "--owner", "us"][..], address].concat(), &[], "which rules?"),
        (
            &[
                "plan",
                "tests",
                "--owner",
                "us",
                "--tls-ca-path",
                "none.pem",
                "--address",
                "https://127.0.0.1:9",
            ],
            &[],
            "--tls-ca-path: ",
        ),
    ] {
        let error = refused(args, variables);
        assert!(error.starts_with(&format!("error: {says}")) && error.lines().count() == 1, "{error}");
    }
}

#[tokio::test]
async fn destination_of_a_configuration_is_chosen_by_name() {
    let world = World::new().await;
    world.put("infra", "name: node\nrules: [{alert: Down, expr: up == 0}]");
    let config = |routes: &str| {
        let url = world.ruler.url();
        format!(
            "owner: us\nsources: [{{type: files, path: .}}]\nrulers: [{{name: central, type: mimir, address: '{url}'}}]\nroutes: [{routes}]\n"
        )
    };
    let list = async |args: &[&str]| {
        let mut command = crate::cli::rulesync();
        command.current_dir(world.path("")).args(["list", "--config", "c.yaml"]).args(args);
        world.finish(command).await
    };
    world.write("c.yaml", &config("{name: a, ruler: central, tenant: prod}"));
    assert!(list(&[]).await.ok().contains("infra"));
    world.write(
        "c.yaml",
        &config("{name: a, ruler: central, tenant: prod}, {name: b, ruler: central, tenant: dev}"),
    );
    let unclear = list(&[]).await;
    assert_eq!(unclear.stderr(), "error: which of `central/dev`, `central/prod`? Give --destination\n");
    assert!(list(&["--destination", "central/prod"]).await.ok().contains("infra"));
    for name in ["other/prod", "central", "central/zzz"] {
        let refused = list(&["--destination", name]).await;
        assert_eq!(refused.code(), 64, "{name}: {}", refused.all());
    }
    assert_eq!(world.ruler.journal().count_where(|_| true), 2, "nothing was asked without a tenant");
}
