//! What texts declare.

use proptest::prelude::*;

use super::*;

fn contents(text: impl AsRef<[u8]>) -> Contents {
    read(text.as_ref(), Path::new("team/a.yaml"), &Identities::new(&"files".into()))
}

/// Objects with their number of groups, and findings with the object they stand at.
fn told(text: impl AsRef<[u8]>) -> String {
    let Contents { objects, broken } = contents(text);
    let objects = objects
        .iter()
        .map(|Read { object, position }| format!("{position} {} groups={}", object.id, object.groups.len()));
    let broken = broken.iter().map(|Broken { id, finding }| match id {
        Some(id) => format!("{id}: {} {finding}", finding.code),
        None => format!("? {} {finding}", finding.code),
    });
    objects.chain(broken).collect::<Vec<_>>().join("\n")
}

const RULE: &str = "apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: a.b, namespace: mon, labels: {tenant: prod, none: ~, n: 1.10, yes: yes}}
spec:
  groups:
    - {name: g, interval: '', rules: [{alert: A, expr: 1, for: '', labels: {a: ~, b: c}, annotations: ~}]}
";

#[test]
fn an_object_as_declared() {
    let contents = contents(RULE);
    assert_eq!(contents.broken, []);
    let [Read { object, position }] = contents.objects.as_slice() else { panic!("one object") };
    assert_eq!(object.id.to_string(), "PrometheusRule mon/a.b");
    assert_eq!(*position, Position { line: 1, column: 1 });
    let labels: Vec<_> = object.labels.iter().collect();
    assert_eq!(labels, [("n", "1.10"), ("none", ""), ("tenant", "prod"), ("yes", "yes")]);
    let rules = object.groups[0].rules.as_deref().unwrap();
    assert_eq!((rules[0].expr.as_str(), rules[0].hold.as_deref()), ("1", Some("")));
    assert_eq!((rules[0].labels["a"].as_str(), rules[0].labels["b"].as_str()), ("", "c"));
    assert!(rules[0].annotations.is_empty());
}

#[test]
fn annotations_without_the_copy_that_kubectl_keeps() {
    let object = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: a\n  annotations:\n    \
                  monitoring.grafana.com/source_tenants: x,y\n    kubectl.kubernetes.io/last-applied-configuration: '{}'\n";
    let read = contents(object);
    let annotations = &read.objects[0].object.annotations;
    assert_eq!(annotations.keys().collect::<Vec<_>>(), ["monitoring.grafana.com/source_tenants"]);
}

#[test]
fn documents_of_all_kinds() {
    let stream = format!(
        "# a comment\n---\n{RULE}---\nkind: Deployment\nspec: {{groups: 1}}\n--- [1, 2]\n--- text\n---\n\
         kind: [odd]\nmetadata: 7\n---\ngroups:\n- name: g\n  rules: []\n- name: h\n"
    );
    insta::assert_snapshot!(told(stream), @r"
    3:1 PrometheusRule mon/a.b groups=1
    18:1 RuleFile _file/team_2Fa.yaml groups=2
    ");
}

#[test]
fn lists_and_typed_lists() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- kind: Service\n  spec: {groups: x}\n- apiVersion: monitoring.coreos.com/v1\n  \
                kind: PrometheusRule\n  metadata: {name: a}\n  spec: {groups: [{name: g}]}\n- ~\n- [1]\n";
    insta::assert_snapshot!(told(list), @"6:3 PrometheusRule default/a groups=1");
    let typed = "items: [{metadata: {name: a, namespace: x}, spec: {}}, {metadata: {name: b}}]\nkind: PrometheusRuleList\n";
    insta::assert_snapshot!(told(typed), @r"
    1:9 PrometheusRule x/a groups=0
    1:56 PrometheusRule default/b groups=0
    ");
    for empty in ["items: ~", "items: []", "items: {}", "a: b"] {
        assert_eq!(told(format!("kind: List\n{empty}\n")), "", "{empty}");
    }
}

#[test]
fn json_is_yaml() {
    let json = "{\n\t\"apiVersion\": \"monitoring.coreos.com/v1\",\n\t\"kind\": \"PrometheusRule\",\n\t\"metadata\": \
                {\"name\": \"a\"},\n\t\"spec\": {\"groups\": [{\"name\": \"a\\/b\", \"rules\": [{\"record\": \"r\", \"expr\": \"1\"}]}]}\n}\n";
    let read = contents(json);
    assert_eq!(read.broken, []);
    assert_eq!(read.objects[0].object.groups[0].name, "a/b");
}

#[test]
fn a_broken_document_leaves_its_neighbours_alone() {
    let stream = format!(
        "{RULE}---\nkind: PrometheusRule\napiVersion: monitoring.coreos.com/v1\nmetadata: {{name: c}}\nspec:\n  groups: [\n    \
         - \"oops\n---\n{}",
        RULE.replace("a.b", "d")
    );
    insta::assert_snapshot!(told(stream));
}

#[test]
fn what_is_broken_is_placed_and_named_where_possible() {
    let cases = [
        "a: b: c",
        "a: 1\na: 2",
        "a: [",
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\nspec: {groups: {}}",
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\nspec:\n  groups:\n  - name: g\n    limit: many",
        "---\nkind: PrometheusRule\nmetadata: {name: a}",
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: {}",
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: A_b}",
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a, namespace: x.y}",
        "groups:\n- rules:\n  - expr: {}",
        "kind: List\nitems:\n- {apiVersion: monitoring.coreos.com/v1, kind: PrometheusRule, metadata: 5}",
        "a: *nowhere",
    ];
    let all: Vec<String> = cases.iter().map(told).collect();
    insta::assert_snapshot!(all.join("\n"));
    insta::assert_snapshot!(told(b"a: 1\nb: \xc3\xa4\xff"), @"? yaml team/a.yaml, 2:5: the file is not UTF-8 text");
}

#[test]
fn a_file_of_many_rules_is_within_the_budgets() {
    let mut text = String::from("groups:\n- name: g\n  rules:\n");
    for number in 0..30_000 {
        text += &format!("  - record: r{number}\n    expr: up\n    labels: {{a: b}}\n");
    }
    let read = contents(text);
    assert_eq!(read.broken, []);
    assert_eq!(read.objects[0].object.groups[0].rules.as_ref().map(Vec::len), Some(30_000));
}

#[test]
fn bombs_are_findings() {
    let deep = "[".repeat(20_000);
    let mut aliases = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let below = level - 1;
        aliases += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{below}"); 10].join(","));
    }
    for bomb in [deep, aliases] {
        let read = contents(bomb);
        assert_eq!((read.objects.len(), read.broken.len()), (0, 1));
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        contents(&text);
        contents(format!("{RULE}{text}"));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        contents(bytes);
    }

    #[test]
    fn damage_is_placed(at in 0..RULE.len(), text in "[-:{}\\[\\]\"'|>&*!%#?,\n a-c0-9]{0,6}", cut in 0usize..20) {
        let end = (at + cut).min(RULE.len());
        let damaged = format!("{}{text}{}", &RULE[..at], &RULE[end..]);
        let read = contents(&damaged);
        // Every finding says where in the text it is.
        let lines = damaged.lines().count();
        for Broken { finding, .. } in read.broken {
            let position = finding.place.position.unwrap();
            prop_assert!((1..=lines + 1).contains(&position.line), "{}", finding);
        }
    }
}

#[test]
fn misspelt_keys_are_told_and_hold_up_nothing() {
    let groups = "groups: [{name: g, intervall: 5m, rules: [{expr: up}, {alert: A, expr: up, fr: 5m, labels: {any: x}}]}]\nfoo: {a: 1}\n";
    let object = format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: a, finalizers: [x]}}\nstatus: {{}}\nspec:\n  {}",
        groups.replace("\nfoo", "\n  foo")
    );
    let findings = |text: &str| {
        let contents = contents(text);
        assert_eq!((contents.objects.len(), contents.broken), (1, vec![]), "{text}");
        let object = &contents.objects[0].object;
        assert!(object.findings.iter().all(|finding| !finding.is_error()));
        object.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(findings(groups), findings(&object));
    insta::assert_snapshot!(findings(groups), @r#"
    team/a.yaml, group "g": `intervall` is not a key of a group, and has no effect (is it misspelt?)
    team/a.yaml, group "g", rule 1 "A": `fr` is not a key of a rule, and has no effect (is it misspelt?)
    team/a.yaml: `foo` is not a key beside `groups`, and has no effect (is it misspelt?)
    "#);
    assert_eq!(findings(RULE), "");
}

#[test]
fn a_tenant_is_said_in_the_field_of_the_kind_and_nowhere_else() {
    let requested = |text: &str| {
        let contents = contents(text);
        assert_eq!((contents.objects.len(), contents.broken), (1, vec![]), "{text}");
        let object = &contents.objects[0].object;
        let said: Vec<String> = object.findings.iter().map(ToString::to_string).collect();
        (object.tenant.clone(), said)
    };
    let not = |field: &str| {
        format!("team/a.yaml: `{field}` is not a key beside `groups`, and has no effect (is it misspelt?)")
    };
    let groups = "groups: [{name: g, rules: [{alert: A, expr: up}]}]\ntenant: a\ntenantID: b\n";
    assert_eq!(requested(groups), (None, vec![not("tenant"), not("tenantID")]));
    for (kind, group, tenant, strays) in [
        ("PrometheusRule", "monitoring.coreos.com/v1", None, vec![not("tenant"), not("tenantID")]),
        ("LoggingRule", "rulesync.dev/v1alpha1", Some("a"), vec![not("tenantID")]),
        ("AlertingRule", "loki.grafana.com/v1", Some("b"), vec![not("tenant")]),
        ("RecordingRule", "loki.grafana.com/v1", Some("b"), vec![not("tenant")]),
    ] {
        let spec = groups.trim_end().replace('\n', "\n  ");
        let object = format!("apiVersion: {group}\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n  {spec}\n");
        assert_eq!(requested(&object), (tenant.map(str::to_owned), strays.clone()), "{kind}");
        let list = format!("kind: List\nitems:\n- {}\n", object.trim_end().replace('\n', "\n  "));
        assert_eq!(requested(&list), (tenant.map(str::to_owned), strays), "{kind} of a list");
    }
}
