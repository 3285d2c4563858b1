//! The engine with this ruler: how many reloads a whole installation costs, counted.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rulesync_core::{
    DeclaredGroup, Engine, NamedRuler, NamedSource, NamespacePolicy, ObjectId, OnInvalid, Outcome, Policy,
    Reporter, Route, RuleObject, Setup as Parts, Sink, Source, SourceEvent, Summary,
};
use rulesync_prometheus::Variant;
use tokio_util::sync::CancellationToken;

use crate::fake::Fake;
use crate::real::Real;
use crate::setup::{Setup, files, impatient_ruler};

/// Objects by name, each with its groups.
type Objects = BTreeMap<String, Vec<DeclaredGroup>>;

/// Says that these objects are there, and nothing else.
#[derive(Debug)]
struct Declared(Objects);

#[async_trait]
impl Source for Declared {
    async fn run(&self, sink: Sink, _: CancellationToken) {
        for (name, groups) in &self.0 {
            let id = ObjectId::new(sink.source(), &"PrometheusRule".into(), "ns", name);
            // Whoever does not listen any more has ended.
            let _ = sink.send(SourceEvent::Upsert(RuleObject::new(id, groups.clone()))).await;
        }
        let _ = sink.send(SourceEvent::SnapshotComplete).await;
    }
}

/// Keeps what was refused.
#[derive(Debug, Clone, Default)]
struct Refusals(Arc<Mutex<Vec<String>>>);

impl Reporter for Refusals {
    fn report(&self, outcome: &Outcome) {
        if let Outcome::Refused { finding, .. } = outcome {
            self.0.lock().unwrap().push(finding.to_string());
        }
    }
}

/// One process that brings the server in order, from its beginning to its end; what it refused is sorted.
async fn run(
    objects: &Objects,
    directory: &Path,
    address: &str,
    on_invalid: OnInvalid,
) -> (Summary, Vec<String>) {
    // However slow the machine is, only what is asked counts.
    let ruler = Arc::new(impatient_ruler(directory, address, Variant::Prometheus, Duration::from_secs(900)));
    let refusals = Refusals::default();
    let parts = Parts {
        namespace_policy: NamespacePolicy::of("us".parse().unwrap()),
        sources: vec![NamedSource { name: "these".into(), source: Arc::new(Declared(objects.clone())) }],
        rulers: vec![NamedRuler { max_in_flight: 10_000, ..NamedRuler::new("central", ruler) }],
        routes: vec![Route::all("all", "central", None)],
        policy: Policy { on_invalid, ..Policy::default() },
    };
    let engine =
        Engine::builder(parts.namespace_policy.owner.clone()).setup(parts).reporter(refusals.clone());
    let summary = engine.build().unwrap().sync_once(CancellationToken::new()).await.unwrap();
    let mut told = std::mem::take(&mut *refusals.0.lock().unwrap());
    told.sort();
    (summary, told)
}

fn groups(json: serde_json::Value) -> Vec<DeclaredGroup> {
    serde_json::from_value(json).unwrap()
}

/// So many objects with one group of five rules each; of the first ones a rule is broken, in a way that nobody but the
/// server notices or that local checks find.
fn objects(count: usize, unnoticed: usize, noticed: usize, odd: &str) -> Objects {
    let rule = |expr: String| serde_json::json!({"record": "a:b", "expr": expr});
    let object = |n: usize| {
        // Spread over the batch.
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

/// The groups of an input of `tests/data/cases`, which is an object or a rule file.
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

/// What the server may be asked at most. The batch is counted in rules, of which each object has five, because each
/// that is at fault is searched for.
fn most(batch: usize, noticed: usize, unnoticed: usize) -> usize {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let each = (unnoticed as f64 * (2.0 + (batch as f64).log2())) as usize;
    1 + noticed + each
}

const ODD: &str = r#"{"record": "a:b", "expr": "BROKEN"}"#;

fn reloads(fake: &Fake) -> usize {
    std::mem::take(&mut fake.behaviour().reloads)
}

#[tokio::test]
async fn an_object_of_forty_groups_is_one_file_and_one_reload() {
    let setup = Setup::new(Variant::Prometheus).await;
    let (summary, _) =
        run(&forty_groups(), setup.directory.path(), &setup.server.address, OnInvalid::Group).await;
    assert!(summary.succeeded());
    assert_eq!((reloads(&setup.server), setup.files().len(), setup.server.loaded().len()), (1, 1, 40));
}

#[tokio::test]
async fn two_thousand_good_files_are_one_reload_and_none_after_a_restart() {
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
async fn bad_groups_among_many_cost_what_is_unexplained_and_nothing_after_a_restart() {
    let setup = Setup::new(Variant::Prometheus).await;
    let objects = objects(500, 5, 11, ODD);
    let first = run(&objects, setup.directory.path(), &setup.server.address, OnInvalid::Group).await;
    assert_eq!((setup.files().len(), first.1.len()), (484, 16));
    let (reloads_made, most) = (reloads(&setup.server), most(500 * 5, 11, 5));
    assert!(reloads_made <= most, "{reloads_made} reloads, at most {most}");
    assert!(setup.server.behaviour().last_good, "the server is left with a good reload");
    let explained = first.1.iter().filter(|told| told.contains("unclosed left parenthesis")).count();
    let found = first.1.iter().filter(|told| told.contains("the rule: record: a:b, expr: BROKEN")).count();
    assert_eq!((explained, found), (11, 5), "{:#?}", first.1);
    let again = run(&objects, setup.directory.path(), &setup.server.address, OnInvalid::Group).await;
    assert_eq!((reloads(&setup.server), again.1), (0, first.1));
}

#[tokio::test]
async fn only_the_rules_at_fault_are_left_out() {
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

/// A function that came after the Prometheus of the tests, and that local checks know.
const NEWER: &str = r#"{"record": "a:b", "expr": "histogram_avg(up)"}"#;

#[tokio::test]
#[cfg_attr(not(e2e_prometheus), ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY")]
async fn a_real_prometheus_reloads_once_for_what_is_good() {
    for (objects, files_there) in [(forty_groups(), 1), (objects(2000, 0, 0, NEWER), 2000)] {
        let server = Real::prometheus().await;
        for expected in [1, 0] {
            let before = server.reloads().await;
            let (summary, told) = run(&objects, &server.rules(), &server.address, OnInvalid::Group).await;
            assert!(summary.succeeded(), "{told:#?}");
            assert_eq!(server.reloads().await - before, expected);
        }
        assert_eq!(files(&server.rules()).len(), files_there);
        assert!(server.metrics().await.contains("\nprometheus_config_last_reload_successful 1\n"));
    }
}

#[tokio::test]
#[cfg_attr(not(e2e_prometheus), ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY")]
async fn a_real_prometheus_is_asked_little_for_what_is_bad() {
    let server = Real::prometheus().await;
    let objects = objects(300, 3, 6, NEWER);
    let (_, first) = run(&objects, &server.rules(), &server.address, OnInvalid::Group).await;
    assert_eq!((files(&server.rules()).len(), first.len()), (291, 9), "{first:#?}");
    let (made, most) = (server.reloads().await, most(300 * 5, 6, 3));
    assert!(made <= most, "{made} reloads, at most {most}");
    assert!(server.metrics().await.contains("\nprometheus_config_last_reload_successful 1\n"));
    for told in &first {
        assert!(
            told.contains("unclosed left parenthesis")
                || told.contains("the rule: record: a:b, expr: histogram_avg(up)"),
            "{told}"
        );
    }
    let (_, again) = run(&objects, &server.rules(), &server.address, OnInvalid::Group).await;
    assert_eq!((server.reloads().await, again), (made, first), "a restart asks nothing again");
}

/// The groups of the cases that Prometheus refuses without a reason, each of the name of its file.
fn no_reason() -> Objects {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/cases/no-reason");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let names = std::fs::read_dir(directory).unwrap().map(name);
    names.map(|name| (name.replace(".yaml", ""), case(&format!("no-reason/{name}")))).collect()
}

#[tokio::test]
#[cfg_attr(not(e2e_prometheus), ignore = "needs RULESYNC_E2E_PROMETHEUS_BINARY")]
async fn every_refusal_of_a_real_prometheus_has_a_rule_a_field_and_a_reason() {
    let server = Real::prometheus().await;
    let objects = no_reason();
    let (_, told) = run(&objects, &server.rules(), &server.address, OnInvalid::Group).await;
    assert_eq!((told.len(), files(&server.rules()).len()), (objects.len(), 0), "{told:#?}");
    insta::assert_snapshot!(told.join("\n"));
}
