//! Tests of the ruler with a real Prometheus and a real vmalert.

use std::sync::Arc;

use rulesync_conformance::rulers::{self, Tenants};
use rulesync_core::ruler::{EvaluatedGroup, RuleHealth};
use rulesync_core::{EncodedGroup, Group, Rule, Ruler, RulerError};
use rulesync_prometheus::{PrometheusRuler, Variant};

use crate::real::{Real, eventually};
use crate::setup::{files, list, ruler};

fn record(name: &str, series: &str, expr: &str) -> Group {
    let rule = Rule { record: series.to_owned(), expr: expr.to_owned(), ..Rule::default() };
    Group { name: name.to_owned(), rules: vec![rule], ..Group::default() }
}

async fn health(ruler: &PrometheusRuler, namespace: &str) -> Option<RuleHealth> {
    let mut found: Vec<EvaluatedGroup> = Vec::new();
    ruler.evaluation(None, &[namespace], &mut |group| found.push(group)).await.unwrap();
    found.retain(|group| group.namespace == namespace);
    Some(found.pop()?.rules.pop()?.health)
}

/// Waits for another evaluation of the series, and returns its value.
async fn evaluated_again(server: &Real, series: &str) -> f64 {
    let timestamp = format!("timestamp({series})");
    let before = server.value(&timestamp).await.unwrap();
    eventually("another evaluation", || async { server.value(&timestamp).await.filter(|now| *now > before) })
        .await;
    server.value(series).await.unwrap()
}

fn put_all(
    ruler: &Arc<PrometheusRuler>,
    writes: Vec<(String, Group)>,
) -> Vec<tokio::task::JoinHandle<Result<(), RulerError>>> {
    let put = |(namespace, group): (String, Group)| {
        let ruler = Arc::clone(ruler);
        tokio::spawn(
            async move { ruler.write_group(None, &namespace, &EncodedGroup::of(&group).unwrap()).await },
        )
    };
    writes.into_iter().map(put).collect()
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn prometheus_applies_changes_and_deletes_rules_despite_broken_group() {
    let server = Real::prometheus().await;
    let ruler = Arc::new(ruler(&server.rules(), &server.address, Variant::Prometheus));
    let theirs = "groups:\n- name: theirs\n  rules:\n  - record: theirs\n    expr: vector(5)\n";
    std::fs::write(server.rules().join("theirs.yaml"), theirs).unwrap();

    // Applied: loaded when the write returns, evaluated a moment later.
    ruler
        .write_group(None, "us.team/a", &EncodedGroup::of(&record("g", "ours", "vector(1)")).unwrap())
        .await
        .unwrap();
    assert!(health(&ruler, "us.team/a").await.is_some());
    let is = |wanted: f64| {
        let server = &server;
        move || async move { server.value("ours").await.filter(|value| (*value - wanted).abs() < 0.1) }
    };
    eventually("the first value", is(1.0)).await;
    let healthy =
        || async { health(&ruler, "us.team/a").await.filter(|health| *health == RuleHealth::Healthy) };
    eventually("the rule is healthy", healthy).await;

    // Changed.
    ruler
        .write_group(None, "us.team/a", &EncodedGroup::of(&record("g", "ours", "vector(7)")).unwrap())
        .await
        .unwrap();
    eventually("the changed value", is(7.0)).await;

    // A broken group among valid ones, and one that fails when evaluated.
    let two = "(label_replace(vector(1), \"a\", \"1\", \"\", \"\") or label_replace(vector(1), \"a\", \"2\", \"\", \"\"))";
    let mut writes: Vec<(String, Group)> =
        (0..10).map(|n| (format!("us.{n}"), record("g", &format!("good:{n}"), "vector(1)"))).collect();
    writes.push(("us.team/a".to_owned(), record("g", "ours", "sum(")));
    writes.push(("us.team/a".to_owned(), record("beside", "beside", "vector(3)")));
    writes.push(("us.failing".to_owned(), record("g", "failing", &format!("{two} + on() {two}"))));
    for (index, put) in put_all(&ruler, writes).into_iter().enumerate() {
        let result = put.await.unwrap();
        if index == 10 {
            let error = result.unwrap_err();
            assert_eq!(error.kind().as_str(), "rejected");
            let message = "Prometheus rejects this rule without a reason, see its log; the rule: record: ours, expr: sum(";
            assert_eq!(error.message(), message);
        } else {
            assert_eq!(result, Ok(()), "{index}");
        }
    }
    let metrics = server.metrics().await;
    assert!(metrics.contains("\nprometheus_config_last_reload_successful 1\n"), "left with a good reload");
    eventually("the good ones", || async { server.value("good:9").await }).await;
    eventually("the one beside the broken one", || async { server.value("beside").await }).await;
    let words = eventually("the failing one fails", || async {
        match health(&ruler, "us.failing").await? {
            RuleHealth::Failing(words) => Some(words),
            _ => None,
        }
    });
    assert!(words.await.contains("found duplicate series"), "in the server's words");
    assert!((evaluated_again(&server, "ours").await - 7.0).abs() < 0.1, "the last good version stays loaded");
    assert!((evaluated_again(&server, "theirs").await - 5.0).abs() < 0.1, "the foreign group stays loaded");
    let file = files(&server.rules()).remove("us.team%2Fa.yaml").unwrap();
    assert!(file.contains("vector(7)") && !file.contains("sum("), "{file}");

    // Deleted.
    ruler.delete_group(None, "us.team/a", "g").await.unwrap();
    let observed = list(&ruler).await;
    assert_eq!(observed.namespace("us.team/a").map(|(name, _)| name).collect::<Vec<_>>(), ["beside"]);
    for (namespace, groups) in observed.namespaces() {
        ruler.delete_namespace(None, namespace, &groups).await.unwrap();
    }
    assert_eq!(health(&ruler, "us.team/a").await, None);
    eventually("the series ends", || async { server.value("ours").await.is_none().then_some(()) }).await;
    let left = files(&server.rules());
    assert_eq!(left.keys().collect::<Vec<_>>(), ["theirs.yaml"]);
    assert_eq!(left["theirs.yaml"], theirs);
    assert!(evaluated_again(&server, "theirs").await > 4.0);
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn prometheus_with_broken_foreign_file_is_misconfigured() {
    let server = Real::prometheus().await;
    let ruler = ruler(&server.rules(), &server.address, Variant::Prometheus);
    std::fs::write(server.rules().join("theirs.yaml"), "groups: 7\n").unwrap();
    let error = ruler
        .write_group(None, "us.a", &EncodedGroup::of(&record("g", "ours", "vector(1)")).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind().as_str(), "misconfigured");
    std::fs::remove_file(server.rules().join("theirs.yaml")).unwrap();
    ruler
        .write_group(None, "us.a", &EncodedGroup::of(&record("g", "ours", "vector(1)")).unwrap())
        .await
        .unwrap();
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn conformance_of_real_prometheus() {
    let server = Real::prometheus().await;
    let ruler = ruler(&server.rules(), &server.address, Variant::Prometheus);
    let none = Tenants { one: None, other: None };
    rulers::empty_tenant_lists_as_empty(&ruler, &none).await;
    rulers::written_groups_are_listed(&ruler, &none).await;
    rulers::identical_write_changes_nothing(&ruler, &none).await;
    rulers::write_replaces_group(&ruler, &none).await;
    // Not `kept_fields_read_back_equal`: group labels need Prometheus 3, `query_offset` 2.53; Debian has 2.42.
    rulers::special_names_and_strings_read_back(&ruler, &none).await;
    rulers::namespace_changes_are_written_separately(&ruler, &none).await;
    rulers::deleting_a_missing_group_succeeds(&ruler, &none).await;
    rulers::deleting_a_group_leaves_the_others(&ruler, &none).await;
    rulers::deleting_a_namespace_leaves_the_others(&ruler, &none).await;
    rulers::foreign_namespaces_are_not_listed(&ruler, &none).await;
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_VMALERT_BINARY"]
async fn vmalert_accepts_valid_and_rejects_broken_groups() {
    let server = Real::vmalert().await;
    let ruler = Arc::new(ruler(&server.rules(), &server.address, Variant::Vmalert));
    // A field that vmalert does not know is not written: vmalert would reject the file.
    let full = Group { query_offset: "5s".parse().unwrap(), limit: 3, ..record("g", "ours", "vector(1)") };
    ruler.write_group(None, "us.team/a", &EncodedGroup::of(&full).unwrap()).await.unwrap();
    let writes = [("us.b", "vector(2)"), ("us.c", "sum("), ("us.d", "vector(4)")]
        .map(|(namespace, expr)| (namespace.to_owned(), record("g", "more", expr)));
    let mut results = Vec::new();
    for put in put_all(&ruler, writes.into()) {
        results.push(put.await.unwrap().map_err(|error| error.kind().as_str()));
    }
    assert_eq!(results, [Ok(()), Err("rejected"), Ok(())]);
    for namespace in ["us.team/a", "us.b", "us.d"] {
        // The data source does not exist.
        let failing = || async {
            health(&ruler, namespace).await.filter(|health| matches!(health, RuleHealth::Failing(_)))
        };
        eventually("the rule is evaluated", failing).await;
    }
    assert_eq!(health(&ruler, "us.c").await, None);
    let error = ruler
        .write_group(None, "us.b", &EncodedGroup::of(&record("g", "more", "sum(")).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind().as_str(), "rejected");
    assert!(server.metrics().await.contains("reload_successful 1"), "left with a good reload");
    ruler.delete_namespace(None, "us.b", &["g"]).await.unwrap();
    assert_eq!(health(&ruler, "us.b").await, None);
    assert_eq!(files(&server.rules()).into_keys().collect::<Vec<_>>(), ["us.d.yaml", "us.team%2Fa.yaml"]);
}
