//! Real manifests: those of the quickstart, and of the corpus.

use std::fs;

use insta::assert_snapshot;
use rulesync_core::SourceEvent;
use rulesync_testkit::needs;

use crate::fixture::{Fixture, directory};

/// All eight objects are read with every rule in the text, and without findings.
#[tokio::test(start_paused = true)]
#[ignore = "needs RULESYNC_SHARED, the directory of the corpus"]
async fn corpus_reads_kube_prometheus_completely() {
    let corpus = needs::corpus().join("kube-prometheus");
    let tree = directory(&[]);
    let mut rules = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        let begins = |line: &&str| {
            ["- alert: ", "- record: ", "- expr: "].iter().any(|key| line.trim_start().starts_with(key))
        };
        rules += text.lines().filter(begins).count();
        fs::write(tree.path().join(entry.file_name()), text).unwrap();
    }
    let mut fixture = Fixture::watch(tree, "");
    let mut read = 0;
    let mut objects = 0;
    for event in fixture.next_events().await {
        match event {
            SourceEvent::Upsert(object) => {
                objects += 1;
                assert_eq!(object.findings, []);
                assert_eq!(object.labels.get("prometheus"), Some("k8s"), "{}", object.id);
                for rule in object.groups.iter().flat_map(|group| group.rules.iter().flatten()) {
                    assert!(rule.alert.is_some() != rule.record.is_some() && !rule.expr.is_empty());
                    read += 1;
                }
            }
            SourceEvent::SnapshotComplete(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((objects, read), (8, rules));
    assert!(read > 100);
}

/// The files match the README: two tenants, a plain rule file, and a rule that only the ruler can reject.
#[tokio::test(start_paused = true)]
async fn corpus_reads_quickstart() {
    // Joining an absolute path replaces the directory.
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/quickstart/rules");
    let mut fixture = Fixture::watch(directory(&[]), rules);
    let mut objects: Vec<String> = Vec::new();
    for event in fixture.next_events().await {
        match event {
            SourceEvent::Upsert(object) => {
                objects.push(format!("{} {}", object.labels.get("tenant").unwrap_or("-"), object.id));
                assert!(!object.groups.is_empty() && object.findings.is_empty());
            }
            SourceEvent::SnapshotComplete(_) => {}
            other => panic!("{other:?}"),
        }
    }
    objects.sort();
    assert_snapshot!(objects.join("\n"), @r"
    - RuleFile _file/platform_2Fprometheus.rules.yaml
    prod PrometheusRule ingress/certificates
    prod PrometheusRule monitoring/node
    prod PrometheusRule monitoring/volumes
    prod PrometheusRule monitoring/workloads
    prod PrometheusRule shop/api-latency
    prod PrometheusRule shop/broken
    prod PrometheusRule shop/checkout-slo
    prod PrometheusRule shop/database
    prod PrometheusRule shop/order-queue
    stage PrometheusRule stage/nodes
    stage PrometheusRule stage/releases
    stage PrometheusRule stage/shop
    ");
}
