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
        tokio::spawn(async move { write(&ruler, &namespace, group).await })
    };
    writes.into_iter().map(put).collect()
}

async fn write(ruler: &PrometheusRuler, namespace: &str, group: Group) -> Result<(), RulerError> {
    ruler.write_group(None, namespace, &EncodedGroup::of(&group).unwrap()).await
}

/// A Prometheus with a rule of somebody else, and one of ours that records 7 as `ours`.
struct Evaluating {
    server: Real,
    ruler: Arc<PrometheusRuler>,
}

const THEIRS: &str = "groups:\n- name: theirs\n  rules:\n  - record: theirs\n    expr: vector(5)\n";

impl Evaluating {
    async fn start() -> Self {
        let server = Real::prometheus().await;
        std::fs::write(server.rules().join("theirs.yaml"), THEIRS).unwrap();
        let ruler = Arc::new(ruler(&server.rules(), &server.address, Variant::Prometheus));
        let it = Self { server, ruler };
        write(&it.ruler, "us.team/a", record("g", "ours", "vector(7)")).await.unwrap();
        it.until(7.0).await;
        it
    }

    /// Waits until `ours` has this value.
    async fn until(&self, wanted: f64) {
        let is = || async { self.server.value("ours").await.filter(|value| (*value - wanted).abs() < 0.1) };
        eventually("the value", is).await;
    }
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn prometheus_loads_a_rule_when_it_is_written_and_evaluates_it_and_its_changes() {
    let it = Evaluating::start().await;
    write(&it.ruler, "us.b", record("g", "more", "vector(1)")).await.unwrap();
    assert!(health(&it.ruler, "us.b").await.is_some(), "loaded when the write returns");
    let healthy =
        || async { health(&it.ruler, "us.b").await.filter(|health| *health == RuleHealth::Healthy) };
    eventually("the rule is healthy", healthy).await;
    write(&it.ruler, "us.team/a", record("g", "ours", "vector(1)")).await.unwrap();
    it.until(1.0).await;
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn prometheus_rejects_a_broken_group_among_valid_ones_and_keeps_its_stored_version() {
    let it = Evaluating::start().await;
    let mut writes: Vec<(String, Group)> =
        (0..10).map(|n| (format!("us.{n}"), record("g", &format!("good:{n}"), "vector(1)"))).collect();
    writes.push(("us.team/a".to_owned(), record("g", "ours", "sum(")));
    writes.push(("us.team/a".to_owned(), record("beside", "beside", "vector(3)")));
    for (index, put) in put_all(&it.ruler, writes).into_iter().enumerate() {
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
    let metrics = it.server.metrics().await;
    assert!(metrics.contains("\nprometheus_config_last_reload_successful 1\n"), "left with a good reload");
    eventually("the good ones", || async { it.server.value("good:9").await }).await;
    eventually("the one beside the broken one", || async { it.server.value("beside").await }).await;
    let ours = evaluated_again(&it.server, "ours").await;
    assert!((ours - 7.0).abs() < 0.1, "the last good version stays loaded");
    let theirs = evaluated_again(&it.server, "theirs").await;
    assert!((theirs - 5.0).abs() < 0.1, "the foreign group stays loaded");
    let file = files(&it.server.rules()).remove("us.team%2Fa.yaml").unwrap();
    assert!(file.contains("vector(7)") && !file.contains("sum("), "{file}");
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn prometheus_reports_a_rule_that_fails_in_its_own_words() {
    let it = Evaluating::start().await;
    let two = "(label_replace(vector(1), \"a\", \"1\", \"\", \"\") or label_replace(vector(1), \"a\", \"2\", \"\", \"\"))";
    write(&it.ruler, "us.failing", record("g", "failing", &format!("{two} + on() {two}"))).await.unwrap();
    let words = eventually("the rule fails", || async {
        match health(&it.ruler, "us.failing").await? {
            RuleHealth::Failing(words) => Some(words),
            _ => None,
        }
    });
    assert!(words.await.contains("found duplicate series"));
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn prometheus_ends_the_series_of_deleted_rules_and_goes_on_with_foreign_ones() {
    let it = Evaluating::start().await;
    write(&it.ruler, "us.team/a", record("beside", "beside", "vector(3)")).await.unwrap();
    it.ruler.delete_group(None, "us.team/a", "g").await.unwrap();
    let observed = list(&it.ruler).await;
    assert_eq!(observed.namespace("us.team/a").map(|(name, _)| name).collect::<Vec<_>>(), ["beside"]);
    for (namespace, groups) in observed.namespaces() {
        it.ruler.delete_namespace(None, namespace, &groups).await.unwrap();
    }
    assert_eq!(health(&it.ruler, "us.team/a").await, None);
    eventually("the series ends", || async { it.server.value("ours").await.is_none().then_some(()) }).await;
    let left = files(&it.server.rules());
    assert_eq!(left.keys().collect::<Vec<_>>(), ["theirs.yaml"]);
    assert_eq!(left["theirs.yaml"], THEIRS);
    assert!(evaluated_again(&it.server, "theirs").await > 4.0);
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn prometheus_with_broken_foreign_file_is_misconfigured() {
    let server = Real::prometheus().await;
    let ruler = ruler(&server.rules(), &server.address, Variant::Prometheus);
    std::fs::write(server.rules().join("theirs.yaml"), "groups: 7\n").unwrap();
    let error = write(&ruler, "us.a", record("g", "ours", "vector(1)")).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "misconfigured");
    std::fs::remove_file(server.rules().join("theirs.yaml")).unwrap();
    write(&ruler, "us.a", record("g", "ours", "vector(1)")).await.unwrap();
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
    write(&ruler, "us.team/a", full).await.unwrap();
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
    let error = write(&ruler, "us.b", record("g", "more", "sum(")).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "rejected");
    assert!(server.metrics().await.contains("reload_successful 1"), "left with a good reload");
    ruler.delete_namespace(None, "us.b", &["g"]).await.unwrap();
    assert_eq!(health(&ruler, "us.b").await, None);
    assert_eq!(files(&server.rules()).into_keys().collect::<Vec<_>>(), ["us.d.yaml", "us.team%2Fa.yaml"]);
}
