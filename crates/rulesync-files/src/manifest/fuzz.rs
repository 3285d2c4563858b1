//! Properties that hold for every damaged manifest: no panic, bounded size, no effect on neighbouring documents, and an
//! exact round trip.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rulesync_core::model::{DeclaredGroup, DeclaredRule};
use rulesync_testkit::mutate::{bombs, damaged};

use super::*;

const RULE: &str = "apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: node
  namespace: mon
  labels: {tenant: prod, team: \"a b\"}
spec:
  groups:
    - name: g
      interval: 1m
      limit: 5
      rules:
        - alert: A
          expr: |
            up == 0
              # why
            or vector(1)
          for: 5m
          labels: &labels {severity: page}
          annotations:
            summary: 'it''s {{ $value }}'
        - record: a:b
          expr: sum(up)
          labels: *labels
";

const LIST: &str = "apiVersion: v1
kind: List
items:
- apiVersion: monitoring.coreos.com/v1
  kind: PrometheusRule
  metadata: {name: a}
  spec: {groups: [{name: g, rules: [{record: r, expr: 1}]}]}
- kind: Service
- apiVersion: monitoring.coreos.com/v1
  kind: PrometheusRule
  metadata: {name: b, namespace: x}
  spec:
    groups:
    - name: h
";

const FILE: &str = "# plain
groups:
- name: g
  labels: {a: ~}
  source_tenants: [x, y]
  rules:
  - {alert: A, expr: 1 > 0, keep_firing_for: 1h}
";

const JSON: &str = "{\n\t\"apiVersion\": \"monitoring.coreos.com/v1\", \"kind\": \"PrometheusRule\",\n\t\"metadata\": {\"name\": \"j\"},\n\t\
                    \"spec\": {\"groups\": [{\"name\": \"g\", \"rules\": [{\"record\": \"r\", \"expr\": \"a\\/b \\u00e9\"}]}]}\n}\n";

/// More than any of these documents can contain, and far less than the memory of a machine.
const MAX_BYTES: usize = 24 << 20;

fn contents(bytes: &[u8]) -> Contents {
    read(bytes, Path::new("team/a.yaml"), &Identities::new(&"files".into()))
}

/// The total size of the strings that were read from a document, in bytes.
fn weight(contents: &Contents) -> usize {
    let objects = contents.objects.iter().map(|ParsedObject { object, .. }| {
        let groups = serde_json::to_string(&object.groups).unwrap().len();
        let labels: usize = object.labels.iter().map(|(key, value)| key.len() + value.len()).sum();
        let annotations: usize = object.annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
        groups + labels + annotations
    });
    let broken = contents.broken.iter().map(|broken| broken.finding.to_string().len());
    objects.chain(broken).sum()
}

fn document() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![RULE, LIST, FILE, JSON])
}

fn damage() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..24)
}

/// Any string of characters that YAML allows unescaped, as JSON writers do not escape them.
fn text() -> impl Strategy<Value = String> {
    let is_allowed =
        |c: char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}') || "\t\r\n\u{85}".contains(c);
    let text = prop_oneof![
        any::<String>(),
        "[-:#?&*!|>%@`'\"{}\\[\\], a-z~=<\t\r\n\u{7f}\u{85}\u{2028}\u{feff}é😀0-9.]{0,24}",
        "(yes|no|null|~|0x1F|012|1e3|2024-01-01|=|<<|\\.nan|-\\.inf|1_0|0o7|)",
    ];
    text.prop_map(move |text| text.chars().filter(|c| is_allowed(*c)).collect())
}

fn groups() -> impl Strategy<Value = Vec<DeclaredGroup>> {
    let texts = || prop::collection::btree_map(text(), text(), 0..3);
    let rule = (prop::option::of(text()), prop::option::of(text()), text(), texts(), texts()).prop_map(
        |(alert, for_duration, expr, labels, annotations)| DeclaredRule {
            alert,
            for_duration,
            expr,
            labels,
            annotations,
            ..DeclaredRule::default()
        },
    );
    let rules = prop::option::of(prop::collection::vec(rule, 0..3));
    let group = (text(), prop::option::of(any::<i64>()), rules, prop::option::of(any::<bool>())).prop_map(
        |(name, limit, rules, align_evaluation_time_on_interval)| DeclaredGroup {
            name,
            limit,
            rules,
            align_evaluation_time_on_interval,
            ..DeclaredGroup::default()
        },
    );
    prop::collection::vec(group, 0..3)
}

#[test]
fn manifest_bounds_expansion_of_bombs() {
    for (name, bomb) in bombs() {
        let in_annotations = format!(
            "{bomb}metadata: {{name: a}}\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n"
        );
        let indented: String = bomb.lines().map(|line| format!("    {line}\n")).collect();
        let under = format!(
            "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: a\n  annotations:\n{indented}"
        );
        for text in [bomb, in_annotations, under] {
            let contents = contents(text.as_bytes());
            assert!(weight(&contents) <= MAX_BYTES, "{name}: {} bytes of {}", weight(&contents), text.len());
        }
    }
}

/// Aliases as values of annotations. The many anchors keep the share of aliases as low as in legitimate files.
#[test]
fn manifest_rejects_long_text_repeated_by_aliases() {
    let long = "x".repeat(200_000);
    let values: String =
        (0..1_000).map(|number| format!("    a{number}: *long\n    b{number}: &b{number} x\n")).collect();
    let rule = format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: a\n  annotations:\n    a: &long {long}\n{values}"
    );
    let contents = contents(rule.as_bytes());
    assert!(weight(&contents) <= MAX_BYTES, "{} bytes of {}", weight(&contents), rule.len());
    assert_eq!((contents.objects.len(), contents.broken.len()), (0, 1));
}

#[test]
fn manifest_allows_labels_shared_by_many_rules() {
    let rules = "  - {record: a, expr: up, labels: *shared}\n  - {record: b, expr: up, labels: {<<: *shared, c: d}}\n";
    let file = format!(
        "groups:\n- name: g\n  labels: &shared {{team: a, severity: page}}\n  rules:\n{}",
        rules.repeat(5_000)
    );
    let contents = contents(file.as_bytes());
    assert_eq!(contents.broken, []);
    let rules = contents.objects[0].object.groups[0].rules.as_deref().unwrap();
    let labels = &rules.last().unwrap().labels;
    assert_eq!((rules.len(), labels.len(), labels["team"].as_str()), (10_000, 3, "a"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn manifest_locates_damage(document in document(), damage in damage()) {
        let bytes = damaged(document.as_bytes(), &damage);
        let contents = contents(&bytes);
        prop_assert!(weight(&contents) <= MAX_BYTES);
        let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
        for ParsedObject { position, .. } in &contents.objects {
            prop_assert!((1..=lines).contains(&position.line) && position.column > 0, "{}", position);
        }
        for BrokenDocument { finding, .. } in &contents.broken {
            let position = finding.location.position.unwrap();
            prop_assert!((1..=lines + 1).contains(&position.line) && position.column > 0, "{}", finding);
            prop_assert!(!finding.message.contains('\n'), "{}", finding);
        }
    }

    #[test]
    fn manifest_reads_documents_around_damaged_one(document in document(), damage in damage()) {
        // A file that is not UTF-8 is rejected as a whole.
        let bytes = String::from_utf8_lossy(&damaged(document.as_bytes(), &damage)).into_owned().into_bytes();
        let good = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: neighbour}\nspec: {groups: []}\n";
        let after = contents(&[&bytes, b"\n...\n---\n".as_slice(), good.as_bytes()].concat());
        let before = contents(&[good.as_bytes(), b"...\n".as_slice(), &bytes].concat());
        for contents in [after, before] {
            let is_present = contents.objects.iter().any(|read| read.object.id.name() == "neighbour");
            prop_assert!(is_present, "{:?}", contents.broken);
        }
    }

    #[test]
    fn manifest_round_trips_groups_and_annotations(groups in groups(), labels in prop::collection::btree_map("[a-z]{1,3}", text(), 0..3)) {
        let manifest = BTreeMap::from([
            ("apiVersion", serde_json::json!("monitoring.coreos.com/v1")),
            ("kind", serde_json::json!("PrometheusRule")),
            ("metadata", serde_json::json!({"name": "o", "annotations": labels})),
            ("spec", serde_json::json!({"groups": groups})),
        ]);
        for text in [serde_json::to_string_pretty(&manifest).unwrap(), serde_saphyr::to_string(&manifest).unwrap()] {
            let contents = contents(text.as_bytes());
            prop_assert_eq!(&contents.broken, &[], "{}", text);
            prop_assert_eq!(&contents.objects[0].object.groups, &groups, "{}", text);
            prop_assert_eq!(&contents.objects[0].object.annotations, &labels, "{}", text);
        }
    }
}
