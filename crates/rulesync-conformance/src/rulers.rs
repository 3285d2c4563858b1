//! A conformance suite for [`Ruler`] implementations: functions that panic on a violation. Run [`all`], or those that
//! apply.
//!
//! Everything in the given tenants is deleted. The suite is for tests only, and grows with the trait.
//!
//! ```no_run
//! # async fn example(my_ruler: impl rulesync_core::Ruler) -> Result<(), Box<dyn std::error::Error>> {
//! use rulesync_conformance::rulers::{self, Tenants};
//! let tenants = Tenants { one: Some("conformance-1".parse()?), other: Some("conformance-2".parse()?) };
//! rulers::all(&my_ruler, &tenants).await;
//! # Ok(()) }
//! ```

use std::collections::{BTreeMap, BTreeSet};

use rulesync_core::model::{Fingerprint, PromDuration};
use rulesync_core::naming::NamespaceClass;
use rulesync_core::ruler::{EvaluatedGroup, Evaluation, QueryLanguage, Write};
use rulesync_core::testing::Observed;
use rulesync_core::{EncodedGroup, Group, Listing, Rule, Ruler, RulerError, TenantId};

/// The tenants a suite may use. For a ruler without tenants, both fields are equal.
#[derive(Debug, Clone)]
pub struct Tenants {
    /// The tenant that is written to.
    pub one: Option<TenantId>,
    /// The tenant in which none of these writes may appear.
    pub other: Option<TenantId>,
}

/// Runs all checks.
pub async fn all(ruler: &dyn Ruler, tenants: &Tenants) {
    empty_tenant_lists_as_empty(ruler, tenants).await;
    written_groups_are_listed(ruler, tenants).await;
    identical_write_changes_nothing(ruler, tenants).await;
    write_replaces_group(ruler, tenants).await;
    kept_fields_read_back_equal(ruler, tenants).await;
    special_names_and_strings_read_back(ruler, tenants).await;
    namespace_changes_are_written_separately(ruler, tenants).await;
    deleting_a_missing_group_succeeds(ruler, tenants).await;
    deleting_a_group_leaves_the_others(ruler, tenants).await;
    deleting_a_namespace_leaves_the_others(ruler, tenants).await;
    tenants_are_separate(ruler, tenants).await;
    tenants_with_rules_are_listed(ruler, tenants).await;
    foreign_namespaces_are_not_listed(ruler, tenants).await;
    evaluation_reports_loaded_groups(ruler, tenants).await;
}

const NAMESPACE: &str = "conformance.ns.object";
const OTHER_NAMESPACE: &str = "conformance.ns.neighbour";

/// Listing an empty tenant is not an error.
pub async fn empty_tenant_lists_as_empty(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    assert_eq!(list(ruler, tenants.one.as_ref()).await, Observed::default(), "an empty tenant");
}

/// A list contains every written group, in its namespace.
pub async fn written_groups_are_listed(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    for namespace in [NAMESPACE, OTHER_NAMESPACE] {
        for name in ["a", "b", "c"] {
            put(ruler, tenants, namespace, &group(ruler, name)).await;
        }
    }
    let observed = list(ruler, tenants.one.as_ref()).await;
    assert_eq!(observed.groups(), 6);
    for namespace in [NAMESPACE, OTHER_NAMESPACE] {
        let names: BTreeSet<&str> = observed.namespace(namespace).map(|(name, _)| name).collect();
        assert_eq!(names, BTreeSet::from(["a", "b", "c"]), "the groups of {namespace}");
    }
}

/// Writing an identical group succeeds and changes nothing.
pub async fn identical_write_changes_nothing(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    put(ruler, tenants, NAMESPACE, &group(ruler, "g")).await;
    let once = list(ruler, tenants.one.as_ref()).await;
    put(ruler, tenants, NAMESPACE, &group(ruler, "g")).await;
    let twice = list(ruler, tenants.one.as_ref()).await;
    assert_eq!(fingerprints(&once, NAMESPACE), fingerprints(&twice, NAMESPACE));
}

/// Writing a group replaces the group of the same name.
pub async fn write_replaces_group(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    put(ruler, tenants, NAMESPACE, &group(ruler, "g")).await;
    let new = Group { rules: vec![alert(expressions(ruler).other)], ..group(ruler, "g") };
    put(ruler, tenants, NAMESPACE, &new).await;
    assert_reads_back(ruler, tenants, NAMESPACE, &[new]).await;
}

/// A group that uses every field reads back equal, up to the fields that its
/// [`Capabilities`](rulesync_core::Capabilities) name.
pub async fn kept_fields_read_back_equal(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    let full = full_group(expressions(ruler));
    put(ruler, tenants, NAMESPACE, &full).await;
    assert_reads_back(ruler, tenants, NAMESPACE, &[full]).await;
}

/// Names with special characters, and strings that YAML could read as another type, read back unchanged.
pub async fn special_names_and_strings_read_back(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    let mut groups: Vec<Group> =
        ["a b", "a/b", "100%", "a%2Fb", "é✓", "x?y#z", "a+b;c", "...", "true", "012", "\"q\""]
            .iter()
            .filter(|name| ruler.capabilities().name_limits.refuse(name).is_none())
            .map(|name| group(ruler, name))
            .collect();
    let texts = [
        "",
        "yes",
        "null",
        "~",
        "1e3",
        "0x10",
        "2024-01-01",
        "a: b",
        "# no comment",
        "- x",
        "{{ $value }}",
        "'",
        "\"",
        "\\",
        "x\n\ty\n",
        "two\nlines",
        "trailing \n",
        "é✓😀",
        "%",
        "@",
        "`",
    ];
    let annotations: BTreeMap<String, String> =
        texts.iter().enumerate().map(|(index, text)| (format!("a{index}"), (*text).to_owned())).collect();
    let mut texts = Group { rules: vec![alert(expressions(ruler).lines)], ..group(ruler, "texts") };
    if let Some(rule) = texts.rules.first_mut() {
        rule.annotations = annotations;
    }
    groups.push(texts);
    for group in &groups {
        put(ruler, tenants, NAMESPACE, group).await;
    }
    assert_reads_back(ruler, tenants, NAMESPACE, &groups).await;
    for group in &groups {
        expect_ok(ruler.delete_group(tenants.one.as_ref(), NAMESPACE, &group.name).await, "deleting a group");
    }
    assert_eq!(list(ruler, tenants.one.as_ref()).await.groups(), 0, "every group can be deleted");
}

/// Changes of a namespace that are passed together are made and answered separately: a rejected change does not hold up
/// the others and leaves the previous state. A ruler need not validate rules.
pub async fn namespace_changes_are_written_separately(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    let tenant = tenants.one.as_ref();
    let broken = Group { rules: vec![alert("sum(")], ..group(ruler, "kept") };
    let (class, kept) = match ruler.write_group(tenant, NAMESPACE, &encoded(&broken)).await {
        Ok(()) => ("done", broken.clone()),
        Err(_) => ("rejected", group(ruler, "kept")),
    };
    for name in ["gone", "kept"] {
        put(ruler, tenants, NAMESPACE, &group(ruler, name)).await;
    }
    let offered = [group(ruler, "a"), broken, group(ruler, "b")].map(|group| encoded(&group));
    for has_finding in [false, true] {
        let mut writes: Vec<Write<'_>> =
            offered.iter().map(|group| Write::Put { group, has_finding }).collect();
        writes.push(Write::DeleteGroup("gone"));
        let results = ruler.write_namespace(tenant, NAMESPACE, &writes).await;
        let classes: Vec<&str> = results
            .iter()
            .map(|result| result.as_ref().err().map_or("done", |error| error.kind().as_str()))
            .collect();
        assert_eq!(classes, ["done", class, "done", "done"], "{results:?}");
        let expected = [group(ruler, "a"), group(ruler, "b"), kept.clone()];
        assert_reads_back(ruler, tenants, NAMESPACE, &expected).await;
    }
    let names = ["a", "b", "kept"];
    let results = ruler.write_namespace(tenant, NAMESPACE, &[Write::DeleteNamespace(&names)]).await;
    assert_eq!(results, [Ok(())], "deleting a namespace");
    assert!(!list(ruler, tenant).await.has_namespace(NAMESPACE));
}

/// Deleting a missing group or namespace succeeds.
pub async fn deleting_a_missing_group_succeeds(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    let tenant = tenants.one.as_ref();
    expect_ok(
        ruler.delete_group(tenant, NAMESPACE, "none").await,
        "deleting a missing group of a missing namespace",
    );
    expect_ok(ruler.delete_namespace(tenant, NAMESPACE, &[]).await, "deleting a missing namespace");
    put(ruler, tenants, NAMESPACE, &group(ruler, "g")).await;
    expect_ok(ruler.delete_group(tenant, NAMESPACE, "none").await, "deleting a missing group");
    for _ in 0..2 {
        expect_ok(ruler.delete_namespace(tenant, NAMESPACE, &["g"]).await, "deleting a namespace twice");
    }
}

/// Deleting a group leaves the other groups of its namespace.
pub async fn deleting_a_group_leaves_the_others(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    for name in ["a", "b"] {
        put(ruler, tenants, NAMESPACE, &group(ruler, name)).await;
    }
    expect_ok(ruler.delete_group(tenants.one.as_ref(), NAMESPACE, "a").await, "deleting a group");
    assert_reads_back(ruler, tenants, NAMESPACE, &[group(ruler, "b")]).await;
}

/// Deleting a namespace deletes all its groups and no others.
pub async fn deleting_a_namespace_leaves_the_others(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    for namespace in [NAMESPACE, OTHER_NAMESPACE] {
        for name in ["a", "b"] {
            put(ruler, tenants, namespace, &group(ruler, name)).await;
        }
    }
    expect_ok(
        ruler.delete_namespace(tenants.one.as_ref(), NAMESPACE, &["a", "b"]).await,
        "deleting a namespace",
    );
    let observed = list(ruler, tenants.one.as_ref()).await;
    assert!(!observed.has_namespace(NAMESPACE));
    assert_eq!(fingerprints(&observed, OTHER_NAMESPACE).len(), 2);
}

/// The groups of one tenant are not visible to another.
pub async fn tenants_are_separate(ruler: &dyn Ruler, tenants: &Tenants) {
    if tenants.one == tenants.other {
        return;
    }
    clear(ruler, tenants).await;
    put(ruler, tenants, NAMESPACE, &group(ruler, "g")).await;
    assert_eq!(list(ruler, tenants.other.as_ref()).await, Observed::default(), "the other tenant is empty");
}

/// A ruler that lists its tenants lists each that has rules, once.
pub async fn tenants_with_rules_are_listed(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    put(ruler, tenants, NAMESPACE, &group(ruler, "a")).await;
    let listed = match ruler.tenants().await {
        Ok(listed) => listed,
        Err(error) => panic!("listing the tenants: {error}"),
    };
    let (Some(listed), Some(one)) = (listed, &tenants.one) else { return };
    assert!(listed.iter().any(|name| *name == one.as_str()), "{one} is missing in {listed:?}");
    assert!(listed.windows(2).all(|pair| pair[0] < pair[1]), "in order, and each once: {listed:?}");
}

/// A list asks [`Listing::wants`], or leaves that to [`Listing::add`]; either way, foreign namespaces do not appear.
pub async fn foreign_namespaces_are_not_listed(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    put(ruler, tenants, NAMESPACE, &group(ruler, "g")).await;
    put(ruler, tenants, OTHER_NAMESPACE, &group(ruler, "g")).await;
    let (nothing, only) = (Observed::default(), |namespace: &str| {
        if namespace == NAMESPACE { NamespaceClass::Managed } else { NamespaceClass::Foreign }
    });
    let mut listing = Listing::new(ruler.capabilities().fields, &only, &nothing);
    expect_ok(ruler.list(tenants.one.as_ref(), &mut listing).await, "listing");
    let observed = listing.into_observed();
    assert!(observed.has_namespace(NAMESPACE) && !observed.has_namespace(OTHER_NAMESPACE));
    clear(ruler, tenants).await;
}

/// Written groups appear as loaded within three sync periods, with their rules in order; deleted ones disappear. A
/// ruler that reports [`Evaluation::Unsupported`] passes, but must not have returned any group.
pub async fn evaluation_reports_loaded_groups(ruler: &dyn Ruler, tenants: &Tenants) {
    clear(ruler, tenants).await;
    let two = Group {
        rules: vec![alert(expressions(ruler).alert), alert(expressions(ruler).other)],
        ..group(ruler, "two")
    };
    for namespace in [NAMESPACE, OTHER_NAMESPACE] {
        put(ruler, tenants, namespace, &two).await;
    }
    let loaded = |names: Vec<EvaluatedGroup>| {
        let own = names.into_iter().filter(|group| group.namespace == NAMESPACE);
        own.map(|group| (group.name, group.rules.into_iter().map(|rule| rule.name).collect())).collect()
    };
    let expected: Vec<(String, Vec<String>)> = vec![("two".to_owned(), vec!["A".to_owned(), "A".to_owned()])];
    if !wait_for_loaded(ruler, tenants, loaded, &expected).await {
        return clear(ruler, tenants).await;
    }
    if tenants.one != tenants.other {
        let swapped = Tenants { one: tenants.other.clone(), other: tenants.one.clone() };
        wait_for_loaded(ruler, &swapped, loaded, &Vec::new()).await;
    }
    expect_ok(
        ruler.delete_namespace(tenants.one.as_ref(), NAMESPACE, &["two"]).await,
        "deleting a namespace",
    );
    wait_for_loaded(ruler, tenants, loaded, &Vec::new()).await;
    clear(ruler, tenants).await;
}

/// Polls until the loaded groups are as expected; returns `false` if the ruler cannot report them.
async fn wait_for_loaded<T: PartialEq + std::fmt::Debug>(
    ruler: &dyn Ruler,
    tenants: &Tenants,
    read: impl Fn(Vec<EvaluatedGroup>) -> T,
    expected: &T,
) -> bool {
    let deadline = tokio::time::Instant::now() + ruler.capabilities().load_delay * 3;
    loop {
        let mut found = Vec::new();
        let answer =
            ruler.evaluation(tenants.one.as_ref(), &[NAMESPACE], &mut |group| found.push(group)).await;
        match answer {
            Ok(Evaluation::Unsupported) => {
                assert_eq!(found, [], "an evaluation that is not supported");
                return false;
            }
            Ok(Evaluation::Read) => {}
            Err(error) => panic!("asking for evaluation: {error}"),
        }
        let shown = read(found);
        if shown == *expected {
            return true;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "loaded groups are {shown:?} instead of {expected:?}"
        );
        // Real rulers load a written group with a delay.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// The same expressions in the language of a ruler.
struct Expressions {
    alert: &'static str,
    other: &'static str,
    /// Several lines, with a comment.
    lines: &'static str,
    long: &'static str,
    record: &'static str,
}

const PROMQL: Expressions = Expressions {
    alert: "up == 0",
    other: "up == 1",
    lines: "up{a=\"'\"}\n  # a comment\n  == 0",
    long: "sum by (job) (rate(x[5m])) > 0",
    record: "sum by (job) (x)",
};

const LOGQL: Expressions = Expressions {
    alert: "rate({a=\"b\"}[5m]) == 0",
    other: "rate({a=\"b\"}[5m]) == 1",
    lines: "rate({a=\"'\"}[5m])\n  # a comment\n  == 0",
    long: "sum by (job) (rate({a=\"b\"} |= \"x\" [5m])) > 0",
    record: "sum by (job) (rate({a=\"b\"}[5m]))",
};

fn expressions(ruler: &dyn Ruler) -> &'static Expressions {
    if ruler.capabilities().language == QueryLanguage::LogQl { &LOGQL } else { &PROMQL }
}

fn encoded(group: &Group) -> EncodedGroup<'static> {
    match EncodedGroup::of(group) {
        Ok(encoded) => encoded,
        Err(error) => panic!("encoding a group: {error}"),
    }
}

fn alert(expr: &str) -> Rule {
    Rule { alert: "A".to_owned(), expr: expr.to_owned(), ..Rule::default() }
}

fn group(ruler: &dyn Ruler, name: &str) -> Group {
    Group { name: name.to_owned(), rules: vec![alert(expressions(ruler).alert)], ..Group::default() }
}

fn full_group(expressions: &Expressions) -> Group {
    let map =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let duration = PromDuration::from_millis;
    let alert = Rule {
        alert: "Full".to_owned(),
        expr: expressions.long.to_owned(),
        for_duration: duration(90_000),
        keep_firing_for: duration(3_600_000),
        labels: map(&[("severity", "page"), ("empty", "")]),
        annotations: map(&[("summary", "{{ $labels.job }} is at {{ $value }}")]),
        ..Rule::default()
    };
    let record = Rule {
        record: "job:x:sum".to_owned(),
        expr: expressions.record.to_owned(),
        labels: map(&[("a", "b")]),
        ..Rule::default()
    };
    Group {
        name: "full".to_owned(),
        interval: duration(90_000),
        query_offset: duration(30_000),
        limit: 17,
        rules: vec![alert, record],
        labels: map(&[("team", "x")]),
        align_evaluation_time_on_interval: true,
        ..Group::default()
    }
}

fn expect_ok(result: Result<(), RulerError>, what: &str) {
    if let Err(error) = result {
        panic!("{what}: {error}");
    }
}

async fn put(ruler: &dyn Ruler, tenants: &Tenants, namespace: &str, group: &Group) {
    expect_ok(
        ruler.write_group(tenants.one.as_ref(), namespace, &encoded(group)).await,
        &format!("putting {:?}", group.name),
    );
}

async fn list(ruler: &dyn Ruler, tenant: Option<&TenantId>) -> Observed {
    let (nothing, everything) = (Observed::default(), |_: &str| NamespaceClass::Managed);
    let mut listing = Listing::new(ruler.capabilities().fields, &everything, &nothing);
    expect_ok(ruler.list(tenant, &mut listing).await, "listing");
    listing.into_observed()
}

fn fingerprints(observed: &Observed, namespace: &str) -> BTreeMap<String, Option<Fingerprint>> {
    observed.namespace(namespace).map(|(name, fingerprint)| (name.to_owned(), fingerprint)).collect()
}

async fn assert_reads_back(ruler: &dyn Ruler, tenants: &Tenants, namespace: &str, groups: &[Group]) {
    let observed = list(ruler, tenants.one.as_ref()).await;
    let expected: BTreeMap<String, Option<Fingerprint>> = groups
        .iter()
        .map(|group| (group.name.clone(), Some(Fingerprint::of(group, &ruler.capabilities().fields))))
        .collect();
    assert_eq!(fingerprints(&observed, namespace), expected, "the groups read back from {namespace}");
}

async fn clear(ruler: &dyn Ruler, tenants: &Tenants) {
    for tenant in [&tenants.one, &tenants.other] {
        let observed = list(ruler, tenant.as_ref()).await;
        for (namespace, groups) in observed.namespaces() {
            expect_ok(ruler.delete_namespace(tenant.as_ref(), namespace, &groups).await, "emptying a tenant");
        }
    }
}
