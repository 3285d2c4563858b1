//! The engine with this ruler: the number of reloads for a whole installation.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::engine::{
    NamedRuler, NamedSource, OnInvalid, Outcome, Policy, Reporter, Setup as Parts, Summary,
};
use rulesync_core::model::DeclaredGroup;
use rulesync_core::naming::NamespacePolicy;
use rulesync_core::{Engine, ObjectId, Route, RuleObject, Scope, Sink, Source, SourceEvent};
use rulesync_prometheus::Variant;

use crate::fake::Fake;
use crate::real::Real;
use crate::setup::{Setup, files, ruler_with_timeout};

/// Objects by name, each with its groups.
type Objects = BTreeMap<String, Vec<DeclaredGroup>>;

/// A source that reports these objects once.
#[derive(Debug)]
struct Declared(Objects);

#[async_trait]
impl Source for Declared {
    async fn run(&self, sink: Sink) {
        for (name, groups) in &self.0 {
            let id = ObjectId::new(sink.source(), &"PrometheusRule".into(), "ns", name);
            // The receiver may have been dropped.
            let _ = sink.send(SourceEvent::Upsert(RuleObject::new(id, groups.clone()))).await;
        }
        let _ = sink.send(SourceEvent::SnapshotComplete(Scope::Everything)).await;
    }
}

/// Collects rejections.
#[derive(Debug, Clone, Default)]
struct Rejections(Arc<Mutex<Vec<String>>>);

impl Reporter for Rejections {
    fn report(&self, outcome: &Outcome) {
        if let Outcome::Refused { finding, .. } = outcome {
            self.0.lock().unwrap().push(finding.to_string());
        }
    }
}

/// Runs one sync. Returns its summary and the sorted rejections.
async fn run(
    objects: &Objects,
    directory: &Path,
    address: &str,
    on_invalid: OnInvalid,
) -> (Summary, Vec<String>) {
    // Only the number of requests matters, not the speed of the machine.
    let ruler =
        Arc::new(ruler_with_timeout(directory, address, Variant::Prometheus, Duration::from_secs(900)));
    let rejections = Rejections::default();
    let parts = Parts {
        namespace_policy: NamespacePolicy::of("us".parse().unwrap()),
        sources: vec![NamedSource { name: "these".into(), source: Arc::new(Declared(objects.clone())) }],
        rulers: vec![NamedRuler { max_in_flight: 10_000, ..NamedRuler::new("central", ruler) }],
        routes: vec![Route::all("all", "central", None)],
        policy: Policy { on_invalid, ..Policy::default() },
    };
    let engine =
        Engine::builder(parts.namespace_policy.owner.clone()).setup(parts).reporter(rejections.clone());
    let summary = engine.build().unwrap().sync_once(std::future::pending()).await.unwrap();
    let mut reported = std::mem::take(&mut *rejections.0.lock().unwrap());
    reported.sort();
    (summary, reported)
}

fn groups(json: serde_json::Value) -> Vec<DeclaredGroup> {
    serde_json::from_value(json).unwrap()
}

/// `count` objects with one group of five rules each. The first `unnoticed` have the rule `odd`, which only the server
/// rejects; the next `noticed` have a rule that local checks find too.
fn objects(count: usize, unnoticed: usize, noticed: usize, odd: &str) -> Objects {
    let rule = |expr: String| serde_json::json!({"record": "a:b", "expr": expr});
    let object = |n: usize| {
        // Distributed over the batch.
        let number = n * 37 % count;
        let mut rules: Vec<_> = (0..5).map(|r| rule(format!("vector({r})"))).collect();
        if n < unnoticed {
            rules[n % 5] = serde_json::from_str(odd).unwrap();
        } else if n < unnoticed + noticed {
            rules[n % 5] = rule("sum(BROKEN".to_owned());
        }
        (
            format!("o{number:04}"),
            groups(serde_json::json!([{"name": "g", "interval": "1h", "rules": rules}])),
        )
    };
    (0..count).map(object).collect()
}

/// The groups of a case in `tests/data/cases`, which is an object or a rule file.
fn case(name: &str) -> Vec<DeclaredGroup> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/cases").join(name);
    let file: serde_json::Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let spec = file.get("spec").unwrap_or(&file);
    groups(spec["groups"].clone())
}

/// An object of forty groups.
fn forty_groups() -> Objects {
    BTreeMap::from([("forty".to_owned(), case("files/05-one-object-forty-groups.yaml"))])
}

/// The maximum number of reloads. `batch` is a number of rules, five per object, because the search is for rules.
fn max_reloads(batch: usize, noticed: usize, unnoticed: usize) -> usize {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let each = (unnoticed as f64 * (2.0 + (batch as f64).log2())) as usize;
    1 + noticed + each
}

const ODD: &str = r#"{"record": "a:b", "expr": "BROKEN"}"#;

fn reloads(fake: &Fake) -> usize {
    std::mem::take(&mut fake.behaviour().reloads)
}

#[tokio::test]
async fn sync_of_object_with_forty_groups_needs_one_reload() {
    let setup = Setup::new(Variant::Prometheus).await;
    let (summary, _) =
        run(&forty_groups(), setup.directory.path(), &setup.server.address, OnInvalid::Group).await;
    assert!(summary.succeeded());
    assert_eq!((reloads(&setup.server), setup.files().len(), setup.server.loaded().len()), (1, 1, 40));
}

#[tokio::test]
async fn sync_of_many_files_needs_one_reload_and_none_after_restart() {
    let setup = Setup::new(Variant::Prometheus).await;
    for expected in [1, 0] {
        let (summary, _) =
            run(&objects(1905, 0, 0, ODD), setup.directory.path(), &setup.server.address, OnInvalid::Group)
                .await;
        assert!(summary.succeeded());
        assert_eq!((reloads(&setup.server), setup.files().len()), (expected, 1905));
    }
}

#[tokio::test]
async fn sync_with_broken_groups_needs_few_reloads_and_none_after_restart() {
    let setup = Setup::new(Variant::Prometheus).await;
    let objects = objects(500, 5, 11, ODD);
    let first = run(&objects, setup.directory.path(), &setup.server.address, OnInvalid::Group).await;
    assert_eq!((setup.files().len(), first.1.len()), (484, 16));
    let (reloads_made, max) = (reloads(&setup.server), max_reloads(500 * 5, 11, 5));
    assert!(reloads_made <= max, "{reloads_made} reloads, at most {max}");
    assert!(setup.server.behaviour().last_good, "the server is left with a good reload");
    let explained =
        first.1.iter().filter(|rejection| rejection.contains("unclosed left parenthesis")).count();
    let found =
        first.1.iter().filter(|rejection| rejection.contains("the rule: record: a:b, expr: BROKEN")).count();
    assert_eq!((explained, found), (11, 5), "{:#?}", first.1);
    let again = run(&objects, setup.directory.path(), &setup.server.address, OnInvalid::Group).await;
    assert_eq!((reloads(&setup.server), again.1), (0, first.1));
}

#[tokio::test]
async fn sync_omits_only_broken_rules() {
    let setup = Setup::new(Variant::Prometheus).await;
    let objects = objects(20, 3, 4, ODD);
    let (_, refused) = run(&objects, setup.directory.path(), &setup.server.address, OnInvalid::Rule).await;
    assert_eq!((setup.files().len(), refused.len()), (20, 7), "{refused:#?}");
    let written: String = setup.files().into_values().collect();
    assert_eq!((written.matches("record:").count(), written.contains("BROKEN")), (20 * 5 - 7, false));
    reloads(&setup.server);
    let (_, again) = run(&objects, setup.directory.path(), &setup.server.address, OnInvalid::Rule).await;
    assert_eq!((reloads(&setup.server), again), (0, refused));
}

/// A function that is newer than the Prometheus of the tests, and that local checks know.
const NEWER: &str = r#"{"record": "a:b", "expr": "histogram_avg(up)"}"#;

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn sync_with_real_prometheus_needs_one_reload() {
    for (objects, files_there) in [(forty_groups(), 1), (objects(2000, 0, 0, NEWER), 2000)] {
        let server = Real::prometheus().await;
        for expected in [1, 0] {
            let before = server.reloads().await;
            let (summary, rejections) =
                run(&objects, &server.rules(), &server.address, OnInvalid::Group).await;
            assert!(summary.succeeded(), "{rejections:#?}");
            assert_eq!(server.reloads().await - before, expected);
        }
        assert_eq!(files(&server.rules()).len(), files_there);
        assert!(server.metrics().await.contains("\nprometheus_config_last_reload_successful 1\n"));
    }
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn sync_of_broken_groups_with_real_prometheus_needs_few_reloads() {
    let server = Real::prometheus().await;
    let objects = objects(300, 3, 6, NEWER);
    let (_, first) = run(&objects, &server.rules(), &server.address, OnInvalid::Group).await;
    assert_eq!((files(&server.rules()).len(), first.len()), (291, 9), "{first:#?}");
    let (made, max) = (server.reloads().await, max_reloads(300 * 5, 6, 3));
    assert!(made <= max, "{made} reloads, at most {max}");
    assert!(server.metrics().await.contains("\nprometheus_config_last_reload_successful 1\n"));
    for rejection in &first {
        assert!(
            rejection.contains("unclosed left parenthesis")
                || rejection.contains("the rule: record: a:b, expr: histogram_avg(up)"),
            "{rejection}"
        );
    }
    let (_, again) = run(&objects, &server.rules(), &server.address, OnInvalid::Group).await;
    assert_eq!((server.reloads().await, again), (made, first), "no reloads after a restart");
}

/// The groups of the cases that Prometheus rejects without a reason, by file name.
fn no_reason() -> Objects {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/cases/no-reason");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let names = std::fs::read_dir(directory).unwrap().map(name);
    names.map(|name| (name.replace(".yaml", ""), case(&format!("no-reason/{name}")))).collect()
}

#[tokio::test]
#[ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY"]
async fn rejections_by_real_prometheus_have_rule_field_and_reason() {
    let server = Real::prometheus().await;
    let objects = no_reason();
    let (_, rejections) = run(&objects, &server.rules(), &server.address, OnInvalid::Group).await;
    assert_eq!((rejections.len(), files(&server.rules()).len()), (objects.len(), 0), "{rejections:#?}");
    insta::assert_snapshot!(rejections.join("\n"));
}
