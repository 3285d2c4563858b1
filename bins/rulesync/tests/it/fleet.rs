//! Whose rules the tenants of rulers have.

use rulesync_testkit::{Fault, Kind};

use crate::world::{Run, World};

/// A ruler with the rules of three clusters in two tenants, and what is wrong with them.
pub(crate) async fn fleet(kind: Kind) -> World {
    let world = World::of(kind).await;
    let put = |tenant: &str, namespace: &str, group: &str| world.ruler.put(tenant, namespace, group).unwrap();
    let sum = "name: sums\nrules: [{record: 'job:up:sum', expr: sum by (job) (up)}]";
    let down = "name: down\nrules: [{alert: Down, expr: up == 0}, {alert: Gone, expr: absent(up)}]";
    for (tenant, owner, cluster) in [("prod", "eu-1", "c1"), ("prod", "eu-2", "c2"), ("dev", "eu-1", "c3")] {
        world.claim(tenant, owner, cluster, "monitoring/rulesync");
        put(tenant, &format!("{owner}.monitoring.node"), sum);
        put(tenant, &format!("{owner}.monitoring.node"), down);
        put(tenant, &format!("{owner}.shop.api"), down);
    }
    put("dev", "ap-1.shop.api", down);
    put("dev", "infra/nodes", down);
    world
}

/// Runs the binary without a tenant of its own.
pub(crate) async fn run(world: &World, args: &[&str]) -> Run {
    let mut command = world.command(args);
    command.env_remove("RULESYNC_TENANT_ID");
    world.finish(command).await
}

#[tokio::test]
async fn fleet_shows_the_owners_of_all_tenants_and_what_looks_wrong() {
    let world = fleet(Kind::Mimir).await;
    let shown = run(&world, &["fleet", "--all-tenants", "--known-owners", "eu-1,eu-2"]).await.all();
    insta::assert_snapshot!(shown, @r"
    exit code 1
    DESTINATION  OWNER     CLUSTER  INSTALLATION         NAMESPACES  GROUPS  RULES
    mimir/dev    ap-1      -        -                             1       1      2
    mimir/dev    eu-1      c3       monitoring/rulesync           2       3      5
    mimir/dev    (others)  -        -                             1       1      2
    mimir/prod   eu-1      c1       monitoring/rulesync           2       3      5
    mimir/prod   eu-2      c2       monitoring/rulesync           2       3      5

    4 problems
    ! ap-1 is not a known owner, and has rules or a claim in mimir/dev
    ! ap-1 has rules and no claim in mimir/dev
    ! eu-1 is claimed by different installations: cluster c3, installation monitoring/rulesync (in mimir/dev); cluster c1, installation monitoring/rulesync (in mimir/prod)
    ! mimir/prod: job:up:sum may be recorded by 2 owners at once: eu-1.monitoring.node / sums, rule 0; eu-2.monitoring.node / sums, rule 0
    ");
    // Each tenant is read once.
    assert_eq!(world.ruler.journal().count_where(|request| request.tenant().is_some()), 2);
}

#[tokio::test]
async fn fleet_finds_the_same_in_a_cortex() {
    let (mimir, cortex) = (fleet(Kind::Mimir).await, fleet(Kind::Cortex).await);
    let shown = run(&cortex, &["fleet", "--ruler", "cortex", "--all-tenants", "-o", "json"]).await.stdout();
    let expected = run(&mimir, &["fleet", "--all-tenants", "-o", "json"]).await.stdout();
    assert_eq!(shown.replace("cortex/", "mimir/"), expected);
}

#[tokio::test]
async fn fleet_is_told_to_programs_whole() {
    let world = fleet(Kind::Mimir).await;
    let shown = run(&world, &["fleet", "--tenant", "prod", "--tenant", "dev", "-o", "json"]).await;
    assert_eq!(shown.code(), 1);
    let json: serde_json::Value = serde_json::from_str(&shown.stdout()).unwrap();
    insta::assert_json_snapshot!(json);
    let yaml = run(&world, &["fleet", "--tenant", "prod", "--tenant", "dev", "-o", "yaml"]).await.stdout();
    let yaml: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
    assert_eq!(yaml, json);
}

#[tokio::test]
async fn fleet_without_anything_wrong_succeeds() {
    let world = World::new().await;
    world.claim("prod", "eu-1", "c1", "monitoring/rulesync");
    world.put("eu-1.a.b", "name: g\nrules: [{record: r, expr: up}]");
    let shown = world.run(&["fleet"]).await.ok();
    insta::assert_snapshot!(shown, @r"
    DESTINATION  OWNER  CLUSTER  INSTALLATION         NAMESPACES  GROUPS  RULES
    mimir/prod   eu-1   c1       monitoring/rulesync           1       1      1
    ");
    world.write("owners", "eu-1 # the only one\n");
    world.run(&["fleet", "--known-owners-file", "owners"]).await.ok();
    world.write("owners", "eu-2\n");
    assert_eq!(world.run(&["fleet", "--known-owners-file", "owners"]).await.code(), 1);
}

#[tokio::test]
async fn fleet_shows_the_other_tenants_if_one_cannot_be_read() {
    let world = fleet(Kind::Mimir).await;
    world.ruler.faults().inject(Fault::status(403, "not yours\n").on_tenant("prod"));
    let shown = run(&world, &["fleet", "--all-tenants"]).await;
    assert_eq!((shown.code(), shown.stderr().as_str()), (1, ""));
    let shown = shown.stdout();
    assert!(shown.contains("mimir/dev"), "{shown}");
    assert!(shown.contains("! mimir/prod: cannot read the rules: access denied: not yours\n"), "{shown}");
}

#[tokio::test]
async fn fleet_says_what_was_asked_where_a_gateway_hides_the_list_of_tenants() {
    let world = fleet(Kind::Mimir).await;
    world.ruler.faults().inject(Fault::status(404, "").on_path("/ruler/"));
    let shown = run(&world, &["fleet", "--all-tenants"]).await.all();
    insta::assert_snapshot!(shown, @r"
    exit code 1
    --- standard error
    error: mimir: cannot list its tenants, which --tenant names instead: not a ruler's configuration API: `GET /ruler/tenants` and `GET /ruler/rule_groups`: not found (404): the address is not that of the server itself, or a gateway does not pass the admin API on
    ");
}

#[tokio::test]
async fn fleet_of_a_configuration_has_the_tenants_of_its_routes_or_all() {
    let world = fleet(Kind::Mimir).await;
    let loki = World::of(Kind::Loki).await;
    loki.put("eu-1.a.b_loggingrule", "name: g\nrules: [{alert: A, expr: 'rate({a=\"b\"}[5m]) > 0'}]");
    let config = format!(
        "owner: us\ninventory: {{type: off}}\nclaim: off\nsources: [{{type: files, path: .}}]\nrulers:\n\
         - {{name: central, type: mimir, address: '{}'}}\n- {{name: logs, type: loki, address: '{}'}}\nroutes:\n\
         - {{name: a, ruler: central, tenant: prod}}\n- {{name: b, ruler: logs, tenant: prod}}\n",
        world.ruler.url(),
        loki.ruler.url()
    );
    world.write("config.yaml", &config);
    let destinations = async |flags: &[&str]| {
        let mut command = crate::cli::rulesync();
        command
            .current_dir(world.path(""))
            .args(["fleet", "--config", "config.yaml", "-o", "json"])
            .args(flags);
        let shown = world.finish(command).await;
        let json: serde_json::Value = serde_json::from_str(&shown.stdout()).unwrap();
        let tenants = json["tenants"].as_array().unwrap();
        tenants.iter().map(|tenant| tenant["destination"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(destinations(&[]).await, ["central/prod", "logs/prod"]);
    assert_eq!(destinations(&["--all-tenants"]).await, ["central/dev", "central/prod", "logs/prod"]);
    assert_eq!(destinations(&["--tenant", "dev"]).await, ["central/dev", "logs/dev"]);
}

#[tokio::test]
async fn fleet_refuses_flags_that_do_not_fit() {
    let world = World::new().await;
    for (args, says) in [
        (&["--all-tenants", "--tenant", "a"][..], "cannot be used with"),
        (&["--ruler", "loki", "--all-tenants"], "loki has no list of its tenants: name them with --tenant"),
        (&["--tenant", "a b"], "has the character"),
        (&["--known-owners", "EU"], "cannot be an owner"),
        (&["--config", "a.yaml", "--address", "http://x"], "give it without --address"),
    ] {
        let refused = run(&world, &[&["fleet"], args].concat()).await;
        assert_eq!(refused.code(), 64, "{}", refused.all());
        assert!(refused.stderr().contains(says), "{}", refused.all());
    }
    assert!(world.ruler.journal().is_empty());
}

#[tokio::test]
async fn fleet_escapes_what_others_wrote() {
    let world = World::new().await;
    let group = r#"name: "g\e[2J\n"
rules: [{record: "r", expr: up, labels: {l: "\e[31m"}}]"#;
    for owner in ["a", "b"] {
        world.put(&format!("{owner}.x.y"), group);
    }
    world.claim("prod", "a", r#""\e[2J""#, r#""x\ny""#);
    for format in ["text", "json", "yaml"] {
        let shown = world.run(&["fleet", "-o", format]).await.stdout();
        assert!(shown.contains("31m") && shown.contains("2J"), "{shown:?}");
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
}
