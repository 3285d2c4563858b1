//! The log, metrics, status and health of the daemon.

use crate::fixture::{Directory, mimir};

#[tokio::test]
async fn invalid_group_among_a_thousand_is_in_log_metric_and_status() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    for object in 0..100 {
        let groups: String = (0..10)
            .map(|group| {
                let expr = if (object, group) == (42, 7) { "sum(up" } else { "up == 0" };
                format!("    - {{name: g{group}, rules: [{{record: 'r:x', expr: up}}, {{alert: A{group}, expr: '{expr}'}}]}}\n")
            })
            .collect();
        let manifest = format!(
            "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: o{object}, namespace: ns}}\nspec:\n  groups:\n{groups}"
        );
        directory.write(&format!("rules/o{object}.yaml"), &manifest);
    }
    directory.remove("rules/o.yaml");
    // The former version of the group stays.
    ruler.put("prod", "us.ns.o42", "name: g7\nrules: [{record: 'old:one', expr: up}]\n").unwrap();
    let daemon = directory.start(&[]);
    let line = daemon
        .logs(&[
            "Rule group rejected by ruler",
            "PrometheusRule ns/o42",
            "group=g7",
            "rule=1",
            "rule_name=A7",
        ])
        .await;
    assert!(
        line.contains("line=13 column=78 code=refused") && line.contains("unclosed left parenthesis"),
        "{line}"
    );
    let status = daemon.in_order(100).await;

    let groups: usize = ruler.rules("prod").values().map(|namespace| namespace.len()).sum();
    assert_eq!(groups, 1000);
    let kept = serde_json::to_value(&ruler.rules("prod")["us.ns.o42"]["g7"]).unwrap();
    assert_eq!(kept["rules"][0]["record"], "old:one");

    let refused: Vec<_> =
        status["objects"].as_array().unwrap().iter().filter(|o| o["state"] != "synced").collect();
    let [refused] = refused.as_slice() else { panic!("{refused:#?}") };
    assert_eq!((&refused["name"], &refused["state"]), (&"o42".into(), &"refused".into()));
    let findings = refused["destinations"][0]["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["code"] == "refused").unwrap();
    assert_eq!(finding["location"]["group"], "g7");
    assert_eq!((&finding["location"]["rule"], &finding["location"]["rule_name"]), (&1.into(), &"A7".into()));
    // The seventh character of the expression, by its position in the file.
    assert_eq!(finding["location"]["file"], "rules/o42.yaml");
    assert_eq!(finding["location"]["position"], serde_json::json!({"line": 13, "column": 78}));

    let (_, metrics) = daemon.get("/metrics").await.unwrap();
    for expected in [
        r#"rulesync_groups{ruler="central",tenant="prod",state="refused"} 1"#,
        r#"rulesync_groups{ruler="central",tenant="prod",state="desired"} 1000"#,
        r#"rulesync_writes_total{ruler="central",tenant="prod",operation="put_group",result="rejected"} 1"#,
        r#"rulesync_writes_total{ruler="central",tenant="prod",operation="put_group",result="ok"} 999"#,
        r#"rulesync_source_ready{source="files"} 1"#,
    ] {
        assert!(metrics.lines().any(|line| line == expected), "{expected} in\n{metrics}");
    }
}

#[tokio::test]
async fn health_depends_on_the_process_and_readiness_on_the_sources() {
    let ruler = mimir().await;
    let directory = Directory::of(&ruler.url());
    let rules = directory.path("rules");
    let elsewhere = directory.path("elsewhere");
    std::fs::rename(&rules, &elsewhere).unwrap();
    let daemon = directory.start(&[]);
    daemon.logs(&["Source unavailable"]).await;
    for page in ["/-/healthy", "/healthz"] {
        assert_eq!(daemon.get(page).await.unwrap().0, 200);
    }
    for page in ["/-/ready", "/readyz"] {
        let (code, text) = daemon.get(page).await.unwrap();
        assert_eq!(code, 503);
        assert!(text.contains("files"), "{text}");
    }
    std::fs::rename(&elsewhere, &rules).unwrap();
    daemon.in_order(1).await;
    assert_eq!(daemon.get("/-/ready").await.unwrap().0, 200);
}
