//! The requests on the wire, and Loki's pitfalls.

use rulesync_core::naming::NamespaceClass;
use rulesync_core::ruler::RulerErrorKind;
use rulesync_core::testing::Observed;
use rulesync_core::{EncodedGroup, Group, Listing, Rule, Ruler, RulerError};
use rulesync_testkit::{Fault, Kind, RulerServer};

use crate::conformance::{ruler, tenants};

fn group(name: &str) -> Group {
    let expr = r#"count_over_time({job="a"}[5m]) > 0"#.to_owned();
    let rule = Rule { alert: "A".into(), expr, ..Rule::default() };
    Group { name: name.into(), rules: vec![rule], ..Group::default() }
}

async fn list(ruler: &impl Ruler) -> Result<Observed, RulerError> {
    let (nothing, everything) = (Observed::default(), |_: &str| NamespaceClass::Managed);
    let mut listing = Listing::new(ruler.capabilities().fields, &everything, &nothing);
    ruler.list(tenants().one.as_ref(), &mut listing).await?;
    Ok(listing.into_observed())
}

#[tokio::test]
async fn requests_have_expected_form() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let ruler = ruler(&server);
    let tenant = tenants().one;
    ruler.write_group(tenant.as_ref(), "a/b", &EncodedGroup::of(&group("100%")).unwrap()).await.unwrap();
    ruler.evaluation(tenant.as_ref(), &["a/b", "é"], &mut |_| {}).await.unwrap();
    ruler.delete_group(tenant.as_ref(), "a/b", "100%").await.unwrap();
    ruler.delete_namespace(tenant.as_ref(), "a b", &[]).await.unwrap();
    assert_eq!(list(&ruler).await.unwrap(), Observed::default(), "404, and no error");
    let requests = server.journal().requests();
    let line = |path: &str, query: &Option<String>| match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let lines: Vec<String> = requests
        .iter()
        .map(|r| format!("{} {} {}", r.status.unwrap_or(0), r.method, line(&r.path, &r.query)))
        .collect();
    assert_eq!(
        lines,
        [
            "202 POST /loki/api/v1/rules/a%252Fb",
            "200 GET /prometheus/api/v1/rules?exclude_alerts=true&group_limit=1000&file=a%2Fb&file=%C3%A9",
            "202 DELETE /loki/api/v1/rules/a%252Fb/100%2525",
            "404 DELETE /loki/api/v1/rules/a%2520b",
            "404 GET /loki/api/v1/rules",
        ]
    );
    for request in &requests {
        assert_eq!(request.header("x-scope-orgid"), Some("one"));
        assert_eq!(request.header("content-encoding"), None);
        // Loki would consume a form body, and lose the group.
        let body = if request.method == "POST" { Some("application/yaml") } else { None };
        assert_eq!(request.header("content-type"), body, "{}", request.path);
    }
    assert_eq!(
        requests[0].text(),
        r#"{"name":"100%","rules":[{"alert":"A","expr":"count_over_time({job=\"a\"}[5m]) > 0"}]}"#
    );
}

#[tokio::test]
async fn delete_namespace_with_slash_keeps_groups_of_others() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let ruler = ruler(&server);
    let tenant = tenants().one;
    for (namespace, name) in [("a", "b"), ("a/b", "g"), ("a%2Fb", "g"), ("100%", "g/1"), ("100%", "g%2F1")] {
        ruler
            .write_group(tenant.as_ref(), namespace, &EncodedGroup::of(&group(name)).unwrap())
            .await
            .unwrap();
    }
    let stored = || {
        let rules = server.rules("one");
        let names = |(namespace, groups): (&String, &std::collections::BTreeMap<String, _>)| {
            groups.keys().map(|name| format!("{namespace} {name}")).collect::<Vec<_>>()
        };
        rules.iter().flat_map(names).collect::<Vec<_>>()
    };
    assert_eq!(stored(), ["100% g%2F1", "100% g/1", "a b", "a%2Fb g", "a/b g"]);
    ruler.delete_namespace(tenant.as_ref(), "a/b", &["g"]).await.unwrap();
    assert_eq!(stored(), ["100% g%2F1", "100% g/1", "a b", "a%2Fb g"], "nothing else");
    ruler.delete_group(tenant.as_ref(), "100%", "g/1").await.unwrap();
    ruler.delete_group(tenant.as_ref(), "a", "b").await.unwrap();
    assert_eq!(stored(), ["100% g%2F1", "a%2Fb g"]);
}

#[tokio::test]
async fn name_limits_refuse_names_that_freeze_tenant() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let ruler = ruler(&server);
    for name in [".", "..", "../x", "/abs", &"é".repeat(90), &"n".repeat(190), "two\nlines", ""] {
        assert!(ruler.capabilities().name_limits.refuse(name).is_some(), "{name:?}");
    }
    assert_eq!(ruler.capabilities().name_limits.refuse(&"é".repeat(42)), None);
    for name in ["", ".", "..", "a\nb"] {
        let put = ruler.write_group(None, name, &EncodedGroup::of(&group("g")).unwrap()).await;
        assert!(put.is_err_and(|error| error.kind() == RulerErrorKind::Rejected), "{name:?}");
    }
    assert!(server.journal().is_empty());
    // Such a name freezes the tenant.
    server.put("one", &"é".repeat(90), "name: g\nrules: [{alert: A, expr: '1'}]").unwrap();
    assert!(server.frozen("one"));
}

#[tokio::test]
async fn put_error_identifies_rule_by_name() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let tenant = tenants().one;
    let rule = |alert: &str, expr: &str| Rule { alert: alert.into(), expr: expr.into(), ..Rule::default() };
    let rules = vec![rule("A", "vector(1)"), rule("B", "sum by ("), rule("C", "up == 0")];
    let broken = Group { name: "it's".into(), rules, ..Group::default() };
    let error = ruler(&server)
        .write_group(tenant.as_ref(), "ns", &EncodedGroup::of(&broken).unwrap())
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.rule()), (RulerErrorKind::Rejected, Some(1)));
    let message = error.message();
    assert!(
        message.starts_with("could not parse expression for alert 'B' in group 'it's': parse error"),
        "{message}"
    );
}

#[tokio::test]
async fn rejected_tenant_is_denied() {
    let server = RulerServer::builder(Kind::Loki).start().await.unwrap();
    let answer = r#"{"status":"error","data":null,"errorType":"server_error","error":"no org id"}"#;
    server.faults().inject(Fault::status(500, answer).times(2));
    let ruler = ruler(&server);
    assert_eq!(list(&ruler).await.unwrap_err().kind().as_str(), "denied");
    assert_eq!(
        ruler
            .write_group(None, "ns", &EncodedGroup::of(&group("g")).unwrap())
            .await
            .unwrap_err()
            .kind()
            .as_str(),
        "denied"
    );
}
