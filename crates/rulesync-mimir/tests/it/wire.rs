//! The requests on the wire, and the handling of unexpected responses.

use rulesync_core::ruler::RulerErrorKind;
use std::time::Duration;

use rulesync_core::naming::NamespaceClass;
use rulesync_core::ruler::StoredFields;
use rulesync_core::testing::Observed;
use rulesync_core::{EncodedGroup, Group, Listing, Rule, Ruler, RulerError};
use rulesync_mimir::{ClientConfig, Connection, mimir_profile, mimir_ruler};
use rulesync_testkit::{Fault, Kind, RulerServer};

use crate::conformance::{ruler, tenants};

fn group(name: &str) -> Group {
    let rule = Rule { record: "a:b".into(), expr: "up".into(), ..Rule::default() };
    Group { name: name.into(), rules: vec![rule], ..Group::default() }
}

async fn list(
    ruler: &impl Ruler,
    owned: impl Fn(&str) -> bool + Send + Sync,
) -> Result<Observed, RulerError> {
    let nothing = Observed::default();
    let classify =
        |namespace: &str| if owned(namespace) { NamespaceClass::Managed } else { NamespaceClass::Foreign };
    let mut listing = Listing::new(StoredFields::ALL, &classify, &nothing);
    ruler.list(tenants().one.as_ref(), &mut listing).await?;
    assert!(listing.unreadable_groups().is_empty());
    Ok(listing.into_observed())
}

#[tokio::test]
async fn requests_have_expected_form() {
    let server = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let ruler = ruler(&server);
    let tenant = tenants().one;
    ruler.write_group(tenant.as_ref(), "a/b", &EncodedGroup::of(&group("100%")).unwrap()).await.unwrap();
    ruler.delete_group(tenant.as_ref(), "a/b", "100%").await.unwrap();
    list(&ruler, |_| true).await.unwrap();
    ruler.evaluation(tenant.as_ref(), &["a/b", "c"], &mut |_| {}).await.unwrap();
    let requests = server.journal().requests();
    let lines: Vec<String> = requests.iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    assert_eq!(
        lines,
        [
            "POST /prometheus/config/v1/rules/a%2Fb",
            "DELETE /prometheus/config/v1/rules/a%2Fb/100%25",
            "GET /prometheus/config/v1/rules",
            "GET /prometheus/api/v1/rules"
        ]
    );
    assert_eq!(
        requests[3].query.as_deref(),
        Some("exclude_alerts=true&group_limit=1000&file%5B%5D=a%2Fb&file%5B%5D=c")
    );
    for request in &requests {
        assert_eq!(request.header("user-agent"), Some(concat!("rulesync/", env!("CARGO_PKG_VERSION"))));
        assert_eq!(request.header("x-scope-orgid"), Some("one"));
        assert_eq!(request.header("content-encoding"), None);
        assert_eq!(request.header("accept-encoding"), Some("gzip"));
    }
    assert_eq!(requests[0].header("content-type"), Some("application/yaml"));
}

#[tokio::test]
async fn delete_rejects_names_that_urls_change() {
    let server = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let ruler = ruler(&server);
    for name in ["", ".", "..", "a\nb"] {
        assert!(
            ruler
                .delete_group(None, "ns", name)
                .await
                .is_err_and(|error| error.kind() == RulerErrorKind::Rejected),
            "{name:?}"
        );
    }
    assert!(server.journal().is_empty());
}

#[tokio::test]
async fn list_rejects_broken_responses() {
    let server = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    for name in ["a", "b", "c"] {
        server.put("one", &format!("us.ns.{name}"), "name: g\nrules: [{record: 'a:b', expr: up}]\n").unwrap();
    }
    let ruler = ruler(&server);
    for (fault, class) in [
        (Fault::wrong_document(), "misconfigured"),
        (Fault::redirect("/elsewhere"), "misconfigured"),
        (Fault::status(404, "404 page not found\n"), "misconfigured"),
        (Fault::status(503, "down"), "unavailable"),
        (Fault::reset(), "unavailable"),
        (Fault::too_many_requests(Some(Duration::from_secs(7))), "unavailable"),
    ] {
        let name = format!("{fault:?}");
        let id = server.faults().inject(fault);
        let error = list(&ruler, |_| true).await.unwrap_err();
        assert_eq!(error.kind().as_str(), class, "{name}: {error}");
        assert!(server.faults().remove(id));
    }
    // A response truncated at any position is an error, never a shorter list.
    for bytes in (0..400).step_by(7) {
        let id = server.faults().inject(Fault::truncate(bytes));
        match list(&ruler, |_| true).await {
            Ok(observed) => assert_eq!(observed.groups(), 3, "cut at {bytes}"),
            Err(error) => {
                assert!(
                    matches!(error.kind().as_str(), "unreadable" | "unavailable"),
                    "cut at {bytes}: {error}"
                )
            }
        }
        assert!(server.faults().remove(id));
    }
    assert_eq!(list(&ruler, |_| true).await.unwrap().groups(), 3);
}

#[tokio::test]
async fn put_reports_retry_after() {
    let server = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    server.faults().inject(Fault::too_many_requests(Some(Duration::from_secs(7))));
    let error = ruler(&server)
        .write_group(None, "us.ns.o", &EncodedGroup::of(&group("g")).unwrap())
        .await
        .unwrap_err();
    assert!(error.retry_after() == Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn list_ignores_unparsable_foreign_namespace() {
    let document = "? |-\n  odd\n  name\n: - broken: [\nthem:\n    - name: g\n      rules:\n        - alert: A\n          expr: |4-\n\n            x\n          - broken: [\nus.ns.o:\n    - name: ours\n      rules:\n        - record: a:b\n          expr: up\n";
    let server = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    server.faults().inject(Fault::status(200, document).with_header("content-type", "application/yaml"));
    let observed = list(&ruler(&server), |namespace| namespace.starts_with("us.")).await.unwrap();
    assert_eq!(observed.namespace("us.ns.o").count(), 1);
    assert_eq!(server.journal().len(), 1, "one request was enough");
}

#[tokio::test]
async fn list_reads_unparsable_owned_namespace_group_by_group() {
    let server = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    server.put("one", "us.ns.o", "name: good\nrules: [{record: 'a:b', expr: up}]\n").unwrap();
    server.put("one", "us.ns.o", "name: bad\nrules: [{record: 'a:b', expr: up}]\n").unwrap();
    let yaml =
        |text: &str| Fault::status(200, text.to_owned()).with_header("content-type", "application/yaml");
    let broken =
        "us.ns.o:\n    - name: bad\n      rules: [\n    - name: good\n      rules:\n        - record: a:b\n";
    server.faults().inject(yaml(broken).times(2));
    server.faults().inject(yaml("name: bad\nrules: [").on_path("/us.ns.o/bad"));
    let (nothing, everything) = (Observed::default(), |_: &str| NamespaceClass::Managed);
    let mut listing = Listing::new(StoredFields::ALL, &everything, &nothing);
    ruler(&server).list(tenants().one.as_ref(), &mut listing).await.unwrap();
    let [unreadable] = listing.unreadable_groups() else { panic!("{:?}", listing.unreadable_groups()) };
    assert_eq!(unreadable.to_string(), "us.ns.o/bad");
    let observed = listing.into_observed();
    let readable: Vec<(&str, bool)> =
        observed.namespace("us.ns.o").map(|(name, print)| (name, print.is_some())).collect();
    assert_eq!(readable, [("bad", false), ("good", true)]);
}

#[tokio::test]
async fn connections_are_reused_after_errors() {
    let server = RulerServer::builder(Kind::Mimir).start().await.unwrap();
    let ruler = ruler(&server);
    let tenant = tenants().one;
    for _ in 0..10 {
        let rejected = Group { rules: Vec::new(), ..group("g") };
        assert!(
            ruler
                .write_group(tenant.as_ref(), "us.ns.o", &EncodedGroup::of(&rejected).unwrap())
                .await
                .is_err()
        );
        ruler.write_group(tenant.as_ref(), "us.ns.o", &EncodedGroup::of(&group("g")).unwrap()).await.unwrap();
    }
    assert_eq!(server.journal().connections(), 1);
}

#[test]
fn mimir_ruler_rejects_invalid_prefix() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for prefix in ["/a b", "/a?b", "/a/../b", "/ä"] {
        let connection = Connection::new("http://mimir", &ClientConfig::default()).unwrap();
        let error = mimir_ruler(connection, prefix).unwrap_err();
        assert_eq!(error.key(), Some("prometheus_http_prefix"), "{prefix}: {error}");
    }
}

#[test]
fn mimir_profile_accepts_any_slashes_around_prefix() {
    for (prefix, path) in [
        ("/prometheus", "/prometheus/config/v1/rules"),
        ("a/b/", "/a/b/config/v1/rules"),
        ("/", "/config/v1/rules"),
        ("", "/config/v1/rules"),
    ] {
        assert_eq!(mimir_profile(prefix).rules_path, path);
    }
}
