//! Tests of parsing manifests.

use proptest::prelude::*;

use super::*;

fn contents(text: impl AsRef<[u8]>) -> Contents {
    read(text.as_ref(), Path::new("team/a.yaml"), &Identities::new(&"files".into()))
}

/// Renders the objects with their number of groups, and the findings with their objects.
fn summary(text: impl AsRef<[u8]>) -> String {
    let Contents { objects, broken, .. } = contents(text);
    let objects = objects.iter().map(|ParsedObject { object, position, .. }| {
        format!("{position} {} groups={}", object.id, object.groups.len())
    });
    let broken = broken.iter().map(|BrokenDocument { id, finding, .. }| match id {
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
fn manifest_reads_object() {
    let contents = contents(RULE);
    assert_eq!(contents.broken, []);
    let [ParsedObject { object, position, .. }] = contents.objects.as_slice() else { panic!("one object") };
    assert_eq!(object.id.to_string(), "PrometheusRule mon/a.b");
    assert_eq!(*position, Position { line: 1, column: 1 });
    let labels: Vec<_> = object.labels.iter().collect();
    assert_eq!(labels, [("n", "1.10"), ("none", ""), ("tenant", "prod"), ("yes", "yes")]);
    let rules = object.groups[0].rules.as_deref().unwrap();
    assert_eq!((rules[0].expr.as_str(), rules[0].for_duration.as_deref()), ("1", Some("")));
    assert_eq!((rules[0].labels["a"].as_str(), rules[0].labels["b"].as_str()), ("", "c"));
    assert!(rules[0].annotations.is_empty());
}

#[test]
fn manifest_reads_what_helm_template_prints() {
    let text = format!(
        "---\n# Source: shop/templates/namespace.yaml\napiVersion: v1\nkind: Namespace\n\
         metadata: {{name: shop, labels: {{team: web}}}}\n---\n# Source: shop/templates/service.yaml\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: shop}}\n---\n# Source: shop/templates/rules.yaml\n{RULE}\
         ---\n# Source: shop/templates/broken.yaml\napiVersion: [\n"
    );
    let Contents { objects, broken, namespaces, other_kinds } = contents(text);
    assert_eq!(objects[0].template.as_deref(), Some("shop/templates/rules.yaml"));
    assert_eq!(objects[0].position, Position { line: 13, column: 1 });
    assert_eq!(broken[0].template.as_deref(), Some("shop/templates/broken.yaml"));
    let [ParsedNamespace { name, metadata }] = namespaces.as_slice() else { panic!("{namespaces:?}") };
    assert_eq!((name.as_str(), metadata.labels.get("team")), ("shop", Some("web")));
    assert_eq!(other_kinds, 2);
}

#[test]
fn manifest_drops_last_applied_annotation() {
    let object = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: a\n  annotations:\n    \
                  monitoring.grafana.com/source_tenants: x,y\n    kubectl.kubernetes.io/last-applied-configuration: '{}'\nspec: {groups: []}\n";
    let read = contents(object);
    let annotations = &read.objects[0].object.annotations;
    assert_eq!(annotations.keys().collect::<Vec<_>>(), ["monitoring.grafana.com/source_tenants"]);
}

#[test]
fn manifest_reads_documents_of_all_kinds() {
    let stream = format!(
        "# a comment\n---\n{RULE}---\nkind: Deployment\nspec: {{groups: 1}}\n--- [1, 2]\n--- text\n---\n\
         kind: [odd]\nmetadata: 7\n---\ngroups:\n- name: g\n  rules: []\n- name: h\n"
    );
    insta::assert_snapshot!(summary(stream), @r"
    3:1 PrometheusRule mon/a.b groups=1
    18:1 RuleFile _file/team_2Fa.yaml groups=2
    ? not-understood team/a.yaml:10:1: `apiVersion` is missing
    ? not-understood team/a.yaml:12:5: expected a rule file or an object, found a list (a rule file begins with `groups:`)
    ? not-understood team/a.yaml:13:5: the file contains plain text and no rules (a failed download leaves such files)
    ? not-understood team/a.yaml:15:1: neither a rule file nor an object with rules
    ");
}

#[test]
fn manifest_reads_lists() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- kind: Service\n  spec: {groups: x}\n- apiVersion: monitoring.coreos.com/v1\n  \
                kind: PrometheusRule\n  metadata: {name: a}\n  spec: {groups: [{name: g}]}\n- ~\n- [1]\n";
    insta::assert_snapshot!(summary(list), @r"
    6:3 PrometheusRule default/a groups=1
    ? not-understood team/a.yaml:4:3: `apiVersion` is missing
    ? not-understood team/a.yaml:11:3: expected a rule file or an object, found a list (a rule file begins with `groups:`)
    ");
    let typed = "items: [{metadata: {name: a, namespace: x}, spec: {}}, {metadata: {name: b}}]\nkind: PrometheusRuleList\n";
    insta::assert_snapshot!(summary(typed), @r"
    PrometheusRule x/a: not-understood team/a.yaml:1:45: there is no `groups` (if no groups are meant, write `groups: []`)
    PrometheusRule default/b: not-understood team/a.yaml:1:57: there is no `spec` (if no groups are meant, write `groups: []`)
    ");
    for empty in ["items: ~", "items: []"] {
        assert_eq!(summary(format!("kind: List\n{empty}\n")), "", "{empty}");
    }
    for odd in ["items: {}", "a: b", "item: []"] {
        assert!(summary(format!("kind: List\n{odd}\n")).contains("not-understood"), "{odd}");
    }
    let object = RULE.trim_end().replace('\n', "\n  ");
    for nested in [
        format!("- {object}\n"),
        format!("kind: List\nitems:\n- kind: List\n  items:\n  - {}\n", object.replace('\n', "\n  ")),
    ] {
        assert!(summary(&nested).ends_with("PrometheusRule mon/a.b groups=1"), "{nested}");
    }
}

#[test]
fn manifest_reads_json() {
    let json = "{\n\t\"apiVersion\": \"monitoring.coreos.com/v1\",\n\t\"kind\": \"PrometheusRule\",\n\t\"metadata\": \
                {\"name\": \"a\"},\n\t\"spec\": {\"groups\": [{\"name\": \"a\\/b\", \"rules\": [{\"record\": \"r\", \"expr\": \"1\"}]}]}\n}\n";
    let read = contents(json);
    assert_eq!(read.broken, []);
    assert_eq!(read.objects[0].object.groups[0].name, "a/b");
}

#[test]
fn manifest_reads_documents_around_broken_one() {
    let stream = format!(
        "{RULE}---\nkind: PrometheusRule\napiVersion: monitoring.coreos.com/v1\nmetadata: {{name: c}}\nspec:\n  groups: [\n    \
         - \"oops\n---\n{}",
        RULE.replace("a.b", "d")
    );
    insta::assert_snapshot!(summary(stream));
}

#[test]
fn manifest_locates_and_identifies_broken_documents() {
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
    let all: Vec<String> = cases.iter().map(summary).collect();
    insta::assert_snapshot!(all.join("\n"));
    insta::assert_snapshot!(summary(b"a: 1\nb: \xc3\xa4\xff"), @"? yaml team/a.yaml:2:5: the file is not UTF-8 text");
}

#[test]
fn manifest_quotes_documents_on_one_line() {
    for text in [
        "apiVersion: \"a\\nb\"\nkind: PrometheusRule\n",
        "apiVersion: v1\nkind: \"Prometheus\\nRule\"\nspec: {groups: []}\n",
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a, \"name\\nspace\": b}\nspec: {groups: []}\n",
    ] {
        let broken = contents(text).broken;
        let message = &broken[0].finding.message;
        assert!(message.contains(r"\n") && !message.contains('\n'), "{message}");
    }
}

#[test]
fn manifest_reads_file_of_many_rules() {
    let mut text = String::from("groups:\n- name: g\n  rules:\n");
    for number in 0..30_000 {
        text += &format!("  - record: r{number}\n    expr: up\n    labels: {{a: b}}\n");
    }
    let read = contents(text);
    assert_eq!(read.broken, []);
    assert_eq!(read.objects[0].object.groups[0].rules.as_ref().map(Vec::len), Some(30_000));
}

#[test]
fn manifest_rejects_bombs() {
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
    fn manifest_does_not_panic_on_text(text in any::<String>()) {
        contents(&text);
        contents(format!("{RULE}{text}"));
    }

    #[test]
    fn manifest_does_not_panic_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        contents(bytes);
    }

    #[test]
    fn manifest_locates_damage(at in 0..RULE.len(), text in "[-:{}\\[\\]\"'|>&*!%#?,\n a-c0-9]{0,6}", cut in 0usize..20) {
        let end = (at + cut).min(RULE.len());
        let damaged = format!("{}{text}{}", &RULE[..at], &RULE[end..]);
        let read = contents(&damaged);
        // Every finding has a position within the text.
        let lines = damaged.lines().count();
        for BrokenDocument { finding, .. } in read.broken {
            let position = finding.location.position.unwrap();
            prop_assert!((1..=lines + 1).contains(&position.line), "{}", finding);
        }
    }
}

/// The findings of groups, which are the same in a rule file and in an object, with their severity.
fn findings_of(groups: &str) -> String {
    let findings = |text: &str| {
        let contents = contents(text);
        assert_eq!((contents.objects.len(), contents.broken), (1, vec![]), "{text}");
        let ParsedObject { object, .. } = contents.objects.into_iter().next().unwrap();
        object.findings.into_iter().map(move |finding| {
            assert!(finding.location.group.is_none() || finding.location.group_index.is_some(), "{finding}");
            format!("{:?} {} {finding}", finding.severity, finding.code)
        })
    };
    let object = format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: a, finalizers: [x]}}\nstatus: {{}}\nspec:\n  {}",
        groups.trim_end().replace('\n', "\n  ")
    );
    // The positions differ: five lines lower, and two columns to the right.
    assert_eq!(findings(groups).count(), findings(&object).count());
    findings(groups).collect::<Vec<_>>().join("\n")
}

#[test]
fn manifest_rejects_typos_and_warns_of_unknown_keys() {
    insta::assert_snapshot!(findings_of(
        "groups:\n- {name: g, intervall: 5m, concurrency: 2, type: prometheus, remote_write: [], team: x}\n- name: h\n  rules:\n  - expr: up\n    \
         alert: A\n    fro: 5m\n    for: 1m\n    lables: {}\n    debug: true\n    doc: x\n  - {record: r, expr: up, labels: {any: x, for: y}}\nfoo: {a: 1}\n"
    ));
    assert_eq!(findings_of("groups: [{name: g, rules: [{alert: A, expr: up}]}]"), "");
}

#[test]
fn manifest_rejects_wrong_types() {
    insta::assert_snapshot!(findings_of(
        "groups:\n- name: g\n  interval: [5m]\n  limit: '5'\n  labels: x\n  rules: {}\n  source_tenants: [[a], b]\n- name: h\n  \
         align_evaluation_time_on_interval: maybe\n  rules:\n  - text\n  - {alert: A, expr: {}, for: [5m], labels: {a: [b]}, annotations: [x]}\n  - \
         {record: r, record: s, expr: 1}\n"
    ));
}

#[test]
fn manifest_reads_null_items_and_fractions_like_go_yaml() {
    let text = "groups:\n- ~\n- name: g\n  limit: 5.0\n  rules: [~, {record: r, expr: 1, labels: {a: 1, b: true}}, null]\n- {name: h, limit: 0x10}\n";
    assert_eq!(findings_of(text), "");
    let read = contents(text);
    let [g, h] = read.objects[0].object.groups.as_slice() else { panic!("two groups") };
    assert_eq!((g.limit, h.limit, g.rules.as_ref().unwrap().len()), (Some(5), Some(16), 1));
    assert_eq!(g.rules.as_ref().unwrap()[0].labels["b"], "true");
}

#[test]
fn manifest_joins_documents_of_one_name() {
    let text = "groups: [{name: g}]\n---\ngroups: [{name: h, fro: 1}]\n---\nnamespace: one/a\ngroups: [{name: i}]\n---\nnamespace: one/a\ngroups: \
                [{name: i, lables: {}}]\n";
    let read = contents(text);
    let shown: Vec<String> = read
        .objects
        .iter()
        .map(|ParsedObject { object, .. }| {
            let names: Vec<&str> = object.groups.iter().map(|group| group.name.as_str()).collect();
            let at: Vec<_> = object.findings.iter().map(|finding| finding.location.group_index).collect();
            format!("{} {names:?} {at:?}", object.id)
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"RuleFile _file/team_2Fa.yaml ["g", "h"] [Some(1)]"#,
            r#"RuleFile _file/one_2Fa ["i", "i"] [Some(1)]"#
        ]
    );
    let namespaces: Vec<_> = read.objects.iter().map(|read| read.object.ruler_namespace.as_deref()).collect();
    assert_eq!(namespaces, [Some("a"), Some("one/a")], "as mimirtool names them");
    let manifest = contents(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\nspec: {groups: []}",
    );
    assert_eq!(manifest.objects[0].object.ruler_namespace, None);
}

#[test]
fn manifest_reads_tenant_from_field_of_the_kind_only() {
    let requested = |text: &str| {
        let contents = contents(text);
        assert_eq!((contents.objects.len(), contents.broken), (1, vec![]), "{text}");
        let object = &contents.objects[0].object;
        let without_place = |finding: &Finding| finding.clone().at(Location::default()).to_string();
        let findings: Vec<String> = object.findings.iter().map(without_place).collect();
        (object.tenant.clone(), findings)
    };
    let unknown =
        |field: &str| format!("`{field}` is not a key beside `groups`, and has no effect (is it misspelt?)");
    let groups = "groups: [{name: g, rules: [{alert: A, expr: up}]}]\ntenant: a\ntenantID: b\n";
    assert_eq!(requested(groups), (None, vec![unknown("tenant"), unknown("tenantID")]));
    for (kind, group, tenant, strays) in [
        ("PrometheusRule", "monitoring.coreos.com/v1", None, vec![unknown("tenant"), unknown("tenantID")]),
        ("LoggingRule", "rulesync.dev/v1alpha1", Some("a"), vec![unknown("tenantID")]),
        ("AlertingRule", "loki.grafana.com/v1", Some("b"), vec![unknown("tenant")]),
        ("RecordingRule", "loki.grafana.com/v1", Some("b"), vec![unknown("tenant")]),
    ] {
        let spec = groups.trim_end().replace('\n', "\n  ");
        let object = format!("apiVersion: {group}\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n  {spec}\n");
        assert_eq!(requested(&object), (tenant.map(str::to_owned), strays.clone()), "{kind}");
        let list = format!("kind: List\nitems:\n- {}\n", object.trim_end().replace('\n', "\n  "));
        assert_eq!(requested(&list), (tenant.map(str::to_owned), strays), "{kind} of a list");
    }
}
