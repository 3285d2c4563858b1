//! What is peculiar to Loki and dangerous.

use rulesync_core::{Group, Rule, Ruler, RulerError, TenantId};
use rulesync_testkit::{Kind, RulerServer};

use crate::conformance::ruler;

fn tenant() -> TenantId {
    "t".parse().unwrap()
}

fn group(name: &str, expr: &str) -> Group {
    let rule = Rule { alert: "A".to_owned(), expr: expr.to_owned(), ..Rule::default() };
    Group { name: name.to_owned(), rules: vec![rule], ..Group::default() }
}

const EXPR: &str = "rate({a=\"b\"}[5m]) > 0";

#[tokio::test]
async fn deleting_a_namespace_with_a_slash_does_not_delete_a_group_of_another() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let (loki, tenant) = (ruler(&server), tenant());
    loki.put_group(Some(&tenant), "a", &group("b", EXPR)).await.unwrap();
    // It is not there, and its path, encoded once, would be that of group b.
    loki.delete_namespace(Some(&tenant), "a/b", &[]).await.unwrap();
    assert_eq!(server.rules("t").len(), 1);
    for name in ["100%", "a%2Fb", "a/b", "a b", "x?y#z"] {
        loki.put_group(Some(&tenant), name, &group(name, EXPR)).await.unwrap();
        assert!(server.rules("t").contains_key(name), "{name}");
        loki.delete_group(Some(&tenant), name, name).await.unwrap();
        assert!(!server.rules("t").contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn refusals_come_in_lokis_words_and_a_missing_tenant_is_no_outage() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let loki = ruler(&server);
    let refused = loki.put_group(Some(&tenant()), "ns", &group("g", "sum by (")).await.unwrap_err();
    let RulerError::Rejected { message, .. } = &refused else { panic!("{refused}") };
    assert!(message.contains("could not parse expression for alert 'A' in group 'g'"), "{message}");
    assert!(matches!(loki.put_group(None, "ns", &group("g", EXPR)).await, Err(RulerError::Denied { .. })));
}
