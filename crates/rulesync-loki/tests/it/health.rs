//! The evaluation state reported by Loki.

use std::time::Duration;

use rulesync_core::ruler::{EvaluatedGroup, Evaluation, RuleHealth};
use rulesync_core::{EncodedGroup, Group, Rule, Ruler, TenantId};
use rulesync_testkit::{Kind, RulerBuilder, RulerServer};

use crate::conformance::ruler;

async fn loaded(server: &RulerServer, tenant: &TenantId, namespaces: &[&str]) -> Vec<EvaluatedGroup> {
    let mut found = Vec::new();
    let answer = ruler(server).evaluation(Some(tenant), namespaces, &mut |group| found.push(group)).await;
    assert_eq!(answer, Ok(Evaluation::Read));
    found
}

#[tokio::test]
async fn evaluation_shows_failing_rule_and_frozen_tenant() {
    let tenant: TenantId = "t".parse().unwrap();
    let server = RulerServer::builder(Kind::Loki).with(RulerBuilder::evaluates).start().await.unwrap();
    let loki = ruler(&server);
    let rule = Rule { alert: "A".to_owned(), expr: "rate({a=\"b\"}[5m]) > 0".to_owned(), ..Rule::default() };
    let group = |name: &str| Group { name: name.to_owned(), rules: vec![rule.clone()], ..Group::default() };
    for namespace in ["ours", "theirs"] {
        loki.write_group(Some(&tenant), namespace, &EncodedGroup::of(&group("g")).unwrap()).await.unwrap();
    }
    server.set_rule_error("t", "ours", "g", 0, Some("too many series"));
    let found = loaded(&server, &tenant, &["ours"]).await;
    assert_eq!(found.len(), 1, "only the requested namespace: {found:?}");
    assert_eq!(found[0].rules[0].health, RuleHealth::Failing("too many series".to_owned()));
    // Many namespaces need one request.
    let many = ["ours", "a", "b", "c", "d", "e"];
    server.journal().clear();
    assert_eq!(loaded(&server, &tenant, &many).await.len(), 1);
    assert_eq!(server.journal().len(), 1);
    // The group `.` freezes the tenant: later writes are stored and never loaded.
    server.put("t", ".", "name: f\nrules: [{alert: A, expr: 'vector(1) > 0'}]").unwrap();
    loki.write_group(Some(&tenant), "ours", &EncodedGroup::of(&group("late")).unwrap()).await.unwrap();
    assert_eq!(loaded(&server, &tenant, &["ours"]).await.len(), 1, "late is not loaded");
    assert_eq!(loki.capabilities().load_delay, Duration::from_secs(60));
}
