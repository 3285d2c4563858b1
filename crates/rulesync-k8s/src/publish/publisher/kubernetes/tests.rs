//! What a cluster gets, and what its answers mean, on the wire.

use rulesync_testkit::{Access, Fault, KubeServer};
use serde_json::Value;

use super::*;
use crate::KubernetesConfig;
use crate::connect::connect;
use crate::publish::events::{Notice, NoticeReason, Subject, event};
use crate::publish::samples::{refused, status};
use crate::publish::{report, rule_status};

const STATUSES: &str = "rulestatuses.rulesync.dev";
const RULES: &str = "prometheusrules.monitoring.coreos.com";

fn owner(name: &str) -> Owner {
    name.parse().unwrap()
}

async fn server() -> KubeServer {
    let server = KubeServer::start().await.unwrap();
    for crd in [crate::rule_status_crd(), crate::logging_rule_crd()] {
        server.apply(serde_json::to_value(crd).unwrap()).unwrap();
    }
    server.create_namespace("team-a", []).unwrap();
    server
}

async fn cluster(kubeconfig: String, owner: &Owner) -> Cluster {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), kubeconfig).unwrap();
    let kubeconfig = Some(file.path().to_owned());
    let client = connect(&KubernetesConfig { kubeconfig, ..KubernetesConfig::default() }).await.unwrap();
    Cluster::new(client, owner)
}

fn rule_status(owner: &Owner) -> Write {
    let (object, _) = rule_status::render(&refused(), owner).unwrap().at(None, 1_000);
    Write::RuleStatus(Box::new(object))
}

fn rule(name: &str) -> Value {
    json!({
        "apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": "team-a"},
        "spec": {"groups": [{"name": "g", "rules": [{"record": "a:b", "expr": "up"}]}]},
    })
}

/// Returns the write of an annotation to the object that the server has.
fn annotation(server: &KubeServer, name: &str, state: Option<Reason>) -> Write {
    let kind = crate::resource::Kind::of("PrometheusRule").unwrap();
    let stored = server.get(RULES, "team-a", name);
    let uid = stored.map_or("gone".into(), |stored| stored["metadata"]["uid"].clone());
    let (namespace, name, uid) = ("team-a".to_owned(), name.to_owned(), uid.as_str().unwrap().to_owned());
    Write::Annotation { kind, namespace, name, uid, state }
}

fn of(result: Result<(), Failure>) -> FailureKind {
    result.unwrap_err().kind
}

#[tokio::test]
async fn cluster_shows_in_its_lists_what_was_written() {
    let (server, us, them) = (server().await, owner("us"), owner("them"));
    let (ours, theirs) = (cluster(server.kubeconfig(), &us).await, cluster(server.kubeconfig(), &them).await);
    ours.write(&rule_status(&us)).await.unwrap();
    theirs.write(&rule_status(&them)).await.unwrap();
    let stored = server.get(STATUSES, "team-a", "node.us").unwrap();
    assert_eq!(stored["metadata"]["managedFields"][0]["manager"], "rulesync-us");
    assert_eq!(stored["status"]["conditions"][0]["type"], "Accepted");
    let page = ours.list(Collection::RuleStatuses, None, None).await.unwrap();
    assert_eq!(page.items.len(), 1, "those of its owner");
    let written = page.items[0].written.unwrap();
    let draft = rule_status::render(&refused(), &us).unwrap();
    assert_eq!(draft.digest(), written.digest);
    assert_eq!((written.state, page.next), (Some(Reason::GroupsRefused), None));
    let elsewhere = ours.list(Collection::RuleStatuses, Some("other"), None).await.unwrap();
    assert!(elsewhere.items.is_empty());
    let delete = Write::Delete {
        output: Output::RuleStatus,
        namespace: "team-a".to_owned(),
        name: "node.us".to_owned(),
    };
    ours.write(&delete).await.unwrap();
    assert_eq!(of(ours.write(&delete).await), FailureKind::Gone);
    assert_eq!(server.count(STATUSES), 1);
}

#[tokio::test]
async fn cluster_annotates_what_exists_and_creates_nothing() {
    let (server, us) = (server().await, owner("us"));
    let ours = cluster(server.kubeconfig(), &us).await;
    assert_eq!(of(ours.write(&annotation(&server, "node", Some(Reason::Failing))).await), FailureKind::Gone);
    assert_eq!(server.count(RULES), 0);
    server.apply(rule("node")).unwrap();
    let generation = |stored: &Value| stored["metadata"]["generation"].clone();
    let before = server.get(RULES, "team-a", "node").unwrap();
    ours.write(&annotation(&server, "node", Some(Reason::Failing))).await.unwrap();
    let after = server.get(RULES, "team-a", "node").unwrap();
    assert_eq!(after["metadata"]["annotations"][STATE_LABEL], "failing");
    assert_eq!(generation(&before), generation(&after));
    let kind = crate::resource::Kind::of("PrometheusRule").unwrap();
    let page = ours.list(Collection::Annotated(kind), None, None).await.unwrap();
    assert_eq!(page.items[0].annotation, Some(Annotation::Own(Reason::Failing)));
    ours.write(&annotation(&server, "node", None)).await.unwrap();
    let after = server.get(RULES, "team-a", "node").unwrap();
    assert_eq!(after["metadata"]["annotations"].get(STATE_LABEL), None);
    // Another object of its name.
    let before = annotation(&server, "node", Some(Reason::Failing));
    assert!(server.delete(RULES, "team-a", "node"));
    assert_eq!(of(ours.write(&before).await), FailureKind::Gone);
    assert_eq!(server.count(RULES), 0);
    server.apply(rule("node")).unwrap();
    assert_eq!(of(ours.write(&before).await), FailureKind::Gone);
    let page = ours.list(Collection::Annotated(kind), None, None).await.unwrap();
    assert_eq!(page.items[0].annotation, None);
}

#[tokio::test]
async fn annotation_of_another_owner_is_left_to_it() {
    let (server, us, them) = (server().await, owner("us"), owner("them"));
    server.apply(rule("node")).unwrap();
    let (ours, theirs) = (cluster(server.kubeconfig(), &us).await, cluster(server.kubeconfig(), &them).await);
    let kind = crate::resource::Kind::of("PrometheusRule").unwrap();
    let word = || {
        let stored = server.get(RULES, "team-a", "node").unwrap();
        stored["metadata"]["annotations"].get(STATE_LABEL).cloned()
    };
    let seen = async |by: &Cluster| {
        by.list(Collection::Annotated(kind), None, None).await.unwrap().items.remove(0).annotation
    };
    let (failing, malformed) = (Some(Reason::Failing), Some(Reason::Malformed));
    ours.write(&annotation(&server, "node", failing)).await.unwrap();
    assert_eq!(seen(&ours).await, Some(Annotation::Own(Reason::Failing)));
    assert_eq!(seen(&theirs).await, Some(Annotation::Foreign));
    assert_eq!(of(theirs.write(&annotation(&server, "node", malformed)).await), FailureKind::Conflict);
    theirs.write(&annotation(&server, "node", None)).await.unwrap();
    assert_eq!(word(), Some("failing".into()), "they had none to remove");
    // Both have the same word: neither can change it until one has given it up.
    theirs.write(&annotation(&server, "node", failing)).await.unwrap();
    assert_eq!(seen(&theirs).await, Some(Annotation::Own(Reason::Failing)));
    assert_eq!(of(ours.write(&annotation(&server, "node", malformed)).await), FailureKind::Conflict);
    theirs.write(&annotation(&server, "node", None)).await.unwrap();
    assert_eq!(word(), Some("failing".into()), "it is ours alone again");
    ours.write(&annotation(&server, "node", malformed)).await.unwrap();
    ours.write(&annotation(&server, "node", None)).await.unwrap();
    assert_eq!((word(), seen(&theirs).await), (None, None));
    theirs.write(&annotation(&server, "node", malformed)).await.unwrap();
    assert_eq!(word(), Some("malformed".into()));
}

#[tokio::test]
async fn annotation_of_an_author_is_left_to_them() {
    let (server, us) = (server().await, owner("us"));
    let mut by_hand = rule("node");
    by_hand["metadata"]["annotations"] = json!({STATE_LABEL: "fine"});
    server.apply(by_hand).unwrap();
    let ours = cluster(server.kubeconfig(), &us).await;
    let kind = crate::resource::Kind::of("PrometheusRule").unwrap();
    let page = ours.list(Collection::Annotated(kind), None, None).await.unwrap();
    assert_eq!(page.items[0].annotation, Some(Annotation::Foreign));
    let failing = annotation(&server, "node", Some(Reason::Failing));
    assert_eq!(of(ours.write(&failing).await), FailureKind::Conflict);
}

#[tokio::test]
async fn cluster_writes_the_status_of_a_logging_rule_through_its_subresource() {
    let (server, us) = (server().await, owner("us"));
    let ours = cluster(server.kubeconfig(), &us).await;
    let logs = status(json!({"kind": "LoggingRule"}));
    let (contents, _) = logging_rule::render(&logs).unwrap().at(None, 1_000);
    let write = Write::LoggingRule {
        namespace: "team-a".to_owned(),
        name: "node".to_owned(),
        status: Box::new(contents),
    };
    assert_eq!(of(ours.write(&write).await), FailureKind::Gone);
    let spec = json!({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": "rate({a=\"b\"}[5m])"}]}]});
    let object = json!({
        "apiVersion": "rulesync.dev/v1alpha1", "kind": "LoggingRule",
        "metadata": {"name": "node", "namespace": "team-a"}, "spec": spec,
    });
    server.apply(object).unwrap();
    ours.write(&write).await.unwrap();
    let stored = server.get("loggingrules.rulesync.dev", "team-a", "node").unwrap();
    assert_eq!(stored["status"]["observedGeneration"], 4);
    assert_eq!(stored["spec"], spec);
    let page = ours.list(Collection::LoggingRules, None, None).await.unwrap();
    let draft = logging_rule::render(&logs).unwrap();
    assert_eq!(draft.digest(), page.items[0].written.unwrap().digest, "a restart costs no write");
    let nothing = Write::LoggingRule {
        namespace: "team-a".to_owned(),
        name: "node".to_owned(),
        status: Box::default(),
    };
    ours.write(&nothing).await.unwrap();
    let stored = server.get("loggingrules.rulesync.dev", "team-a", "node").unwrap();
    assert_eq!(stored["status"].get("conditions"), None);
    let page = ours.list(Collection::LoggingRules, None, None).await.unwrap();
    assert_eq!(page.items[0].written, None);
}

#[tokio::test]
async fn cluster_makes_an_event_once() {
    let (server, us) = (server().await, owner("us"));
    let ours = cluster(server.kubeconfig(), &us).await;
    let status = refused();
    let (notices, _) = crate::publish::events::notices(None, &status);
    let now = k8s_openapi::jiff::Timestamp::from_second(1_795_404_770).unwrap();
    let notice: &Notice = notices.first().unwrap();
    assert_eq!(notice.reason, NoticeReason::RulerRejected);
    let made = event(&Subject::of(&status).unwrap(), notice, &us, "pod", now);
    ours.record(&made).await.unwrap();
    assert_eq!(of(ours.record(&made).await), FailureKind::Exists);
    assert_eq!(server.count("events.events.k8s.io"), 1);
}

#[tokio::test]
async fn failure_tells_what_stands_in_the_way() {
    let (server, us) = (server().await, owner("us"));
    let ours = cluster(server.kubeconfig(), &us).await;
    let (report, _) = report::render(&refused(), &us).unwrap().at(None, 1_000);
    let failure = ours.write(&Write::Report(Box::new(report))).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Absent);
    assert_eq!(ours.list(Collection::Reports, None, None).await.unwrap_err().kind, FailureKind::Absent);
    server.faults().forbid("patch", "rulestatuses");
    let failure = ours.write(&rule_status(&us)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Denied);
    assert_eq!(failure.reason, "not allowed to patch rulestatuses.rulesync.dev (403): grant `patch`");
    server.faults().clear();
    server.faults().respond(429, 1);
    let failure = ours.write(&rule_status(&us)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Throttled);
    assert!(failure.retry_after.is_some_and(|wait| wait >= Duration::from_secs(1)), "{failure:?}");
    server.faults().inject(Fault::status(429, "Too many requests").with_header("retry-after", "5").times(1));
    let failure = ours.write(&rule_status(&us)).await.unwrap_err();
    assert_eq!((failure.kind, failure.retry_after), (FailureKind::Throttled, Some(Duration::from_secs(5))));
    server.faults().respond(500, 1);
    assert_eq!(of(ours.write(&rule_status(&us)).await), FailureKind::Failing);
    server.faults().respond(422, 1);
    assert_eq!(of(ours.write(&rule_status(&us)).await), FailureKind::Refused);
    assert!(server.delete_namespace("team-a"));
    assert_eq!(of(ours.write(&rule_status(&us)).await), FailureKind::Gone, "the Kubernetes namespace");
    server.stop().await;
    assert_eq!(of(ours.write(&rule_status(&us)).await), FailureKind::Unreachable);
}

#[tokio::test]
async fn namespace_that_terminates_takes_nothing_and_is_no_missing_permission() {
    let server = KubeServer::builder().without_namespace_controller().start().await.unwrap();
    server.apply(serde_json::to_value(crate::rule_status_crd()).unwrap()).unwrap();
    server.create_namespace("team-a", []).unwrap();
    server.apply(rule("node")).unwrap();
    server.delete_namespace("team-a");
    let us = owner("us");
    let ours = cluster(server.kubeconfig(), &us).await;
    assert_eq!(of(ours.write(&rule_status(&us)).await), FailureKind::Gone);
}

#[tokio::test]
async fn field_of_another_manager_is_a_conflict() {
    let (server, us) = (server().await, owner("us"));
    let ours = cluster(server.kubeconfig(), &us).await;
    ours.write(&rule_status(&us)).await.unwrap();
    let others = Cluster { field_manager: "somebody".to_owned(), ..cluster(server.kubeconfig(), &us).await };
    let mut other = rule_status(&us);
    if let Write::RuleStatus(status) = &mut other {
        status.metadata.labels.as_mut().unwrap().insert(STATE_LABEL.to_owned(), "odd".to_owned());
    }
    assert_eq!(of(others.write(&other).await), FailureKind::Conflict, "nobody forces");
}

#[tokio::test]
async fn permission_that_is_missing_is_named() {
    let access = Access::only([("patch", "rulestatuses")]);
    let server = KubeServer::builder().token("t", "rulesync", access).start().await.unwrap();
    server.apply(serde_json::to_value(crate::rule_status_crd()).unwrap()).unwrap();
    server.apply(rule("node")).unwrap();
    let us = owner("us");
    let ours = cluster(server.kubeconfig_with_token("t"), &us).await;
    for (write, missing) in [
        (rule_status(&us), "grant `create`"),
        (annotation(&server, "node", Some(Reason::Failing)), "grant `patch`"),
    ] {
        let failure = ours.write(&write).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Denied);
        assert!(failure.reason.contains(missing), "{}", failure.reason);
    }
}

#[tokio::test]
async fn permissions_of_the_deployment_suffice() {
    let access = Access::only([
        ("list", "rulestatuses"),
        ("create", "rulestatuses"),
        ("patch", "rulestatuses"),
        ("delete", "rulestatuses"),
        ("create", "events"),
        ("list", "prometheusrules"),
        ("patch", "prometheusrules"),
    ]);
    let server = KubeServer::builder().token("t", "rulesync", access).start().await.unwrap();
    server.apply(serde_json::to_value(crate::rule_status_crd()).unwrap()).unwrap();
    server.apply(rule("node")).unwrap();
    let us = owner("us");
    let ours = cluster(server.kubeconfig_with_token("t"), &us).await;
    ours.write(&rule_status(&us)).await.unwrap();
    ours.write(&annotation(&server, "node", Some(Reason::Failing))).await.unwrap();
    let kind = crate::resource::Kind::of("PrometheusRule").unwrap();
    for collection in [Collection::RuleStatuses, Collection::Annotated(kind)] {
        assert_eq!(ours.list(collection, None, None).await.unwrap().items.len(), 1);
    }
    let delete = Write::Delete {
        output: Output::RuleStatus,
        namespace: "team-a".to_owned(),
        name: "node.us".to_owned(),
    };
    ours.write(&delete).await.unwrap();
    let status = refused();
    let (notices, _) = crate::publish::events::notices(None, &status);
    let subject = Subject::of(&status).unwrap();
    let now = k8s_openapi::jiff::Timestamp::from_second(1_795_404_770).unwrap();
    ours.record(&event(&subject, &notices[0], &us, "pod", now)).await.unwrap();
}

/// Returns the answer of an API server.
fn answer(code: u16, reason: &str, message: &str, causes: Value) -> (StatusCode, Status) {
    let status = json!({"reason": reason, "message": message, "details": {"name": "o", "causes": causes}});
    (StatusCode::from_u16(code).unwrap(), serde_json::from_value(status).unwrap())
}

#[test]
fn failure_of_one_object_is_no_missing_permission() {
    let conflict = json!([{"reason": "FieldManagerConflict", "message": "conflict with \"helm\""}]);
    let uid =
        json!([{"reason": "FieldValueInvalid", "message": "field is immutable", "field": "metadata.uid"}]);
    for (code, reason, message, causes, expected) in [
        (403, "Forbidden", "User \"x\" cannot patch resource", json!([]), FailureKind::Denied),
        (403, "Forbidden", "admission webhook \"w\" denied the request: no", json!([]), FailureKind::Refused),
        (403, "Forbidden", "exceeded quota: q, requested: 1", json!([]), FailureKind::Refused),
        (422, "Invalid", "ValidatingAdmissionPolicy 'p' denied request: no", json!([]), FailureKind::Refused),
        (409, "Conflict", "Apply failed with 1 conflict", conflict, FailureKind::Conflict),
        (409, "Conflict", "the object has been modified", json!([]), FailureKind::Failing),
        (422, "Invalid", "metadata.uid: field is immutable", uid, FailureKind::Gone),
        (409, "Conflict", "uid mismatch: the provided object specified uid 1", json!([]), FailureKind::Gone),
        (409, "AlreadyExists", "it exists", json!([]), FailureKind::Exists),
    ] {
        let (code, status) = answer(code, reason, message, causes);
        assert_eq!(kind_of(code, &status), expected, "{message}");
    }
}
