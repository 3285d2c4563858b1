//! The reasons of rejections that the server does not report, and the saved verdicts.

use rulesync_core::ruler::RulerErrorKind;
use std::sync::Arc;

use rulesync_core::ruler::Write;
use rulesync_core::{EncodedGroup, Group, Rule, Ruler, RulerError};
use rulesync_prometheus::Variant;

use crate::setup::{Setup, group, ruler};

/// A group with one broken rule.
fn broken_at(name: &str, rules: usize, broken: usize) -> Group {
    let rule = |n: usize| Rule {
        alert: format!("A{n}"),
        expr: if n == broken { format!("BROKEN == {n}") } else { format!("up == {n}") },
        ..Rule::default()
    };
    Group { name: name.to_owned(), rules: (0..rules).map(rule).collect(), ..Group::default() }
}

fn rejection(result: Result<(), RulerError>) -> (Option<usize>, String) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), RulerErrorKind::Rejected, "{error}");
    (error.rule(), error.message().to_owned())
}

#[tokio::test]
async fn rejection_names_rule_found_by_search() {
    for variant in [Variant::Prometheus, Variant::Vmalert] {
        let setup = Setup::new(variant).await;
        setup.put("us.a", &group("g", "up == 1")).await;
        let before = setup.files();
        let reloads = setup.server.behaviour().reloads;
        let (rule, message) = rejection(
            setup.ruler.write_group(None, "us.a", &EncodedGroup::of(&broken_at("g", 8, 5)).unwrap()).await,
        );
        assert_eq!(rule, Some(5));
        assert!(message.ends_with("see its log; the rule: alert: A5, expr: BROKEN == 5"), "{message}");
        assert_eq!(setup.files(), before, "the previous files are restored");
        assert_eq!(setup.server.loaded(), ["us.a.yaml/g"]);
        assert!(setup.server.behaviour().last_good);
        // One reload for the group, one without it, three for its rules, one for the restored files.
        let each = if variant == Variant::Vmalert { 2 } else { 1 };
        assert_eq!((setup.server.behaviour().reloads - reloads) / each, 6);
    }
}

#[tokio::test]
async fn rejection_names_feature_that_version_lacks() {
    let setup = Setup::new(Variant::Prometheus).await;
    setup.server.behaviour().version = Some("2.42.0+ds");
    let labelled = Group { labels: [("a".to_owned(), "b".to_owned())].into(), ..group("g", "up") };
    let (rule, message) =
        rejection(setup.ruler.write_group(None, "us.a", &EncodedGroup::of(&labelled).unwrap()).await);
    assert_eq!(
        (rule, message.as_str()),
        (None, "Prometheus 2.42 does not support `labels` of a group: 3.0 or later is required")
    );
    setup.server.behaviour().version = Some("3.1.0");
    setup.put("us.a", &labelled).await;
}

#[tokio::test]
async fn groups_with_finding_cost_one_reload_each() {
    let setup = Setup::new(Variant::Prometheus).await;
    setup.put("us.first", &group("g", "up")).await;
    let before = setup.server.behaviour().reloads;
    let encoded = |name: &str, expr: &str| EncodedGroup::of(&group(name, expr)).unwrap();
    let groups: Vec<(EncodedGroup<'_>, bool)> = (0..40)
        .map(|n| {
            if n % 8 == 0 {
                (encoded(&format!("g{n}"), "BROKEN"), true)
            } else {
                (encoded(&format!("g{n}"), "up"), false)
            }
        })
        .collect();
    let writes: Vec<Write<'_>> =
        groups.iter().map(|(group, has_finding)| Write::Put { group, has_finding: *has_finding }).collect();
    let results = setup.ruler.write_namespace(None, "us.a", &writes).await;
    for ((_, has_finding), result) in groups.iter().zip(results) {
        match has_finding {
            true => assert_eq!(rejection(result).0, None, "the finding names the rule"),
            false => assert_eq!(result, Ok(())),
        }
    }
    assert_eq!(setup.server.loaded().len(), 36);
    // One reload for all others, five for these, one for the final files.
    assert_eq!(setup.server.behaviour().reloads - before, 7);
}

#[tokio::test]
async fn verdicts_survive_restart_and_are_retried_on_second_write() {
    let setup = Setup::new(Variant::Prometheus).await;
    setup.server.behaviour().version = Some("2.42.0");
    setup.put("us.a", &group("good", "up")).await;
    let refusal =
        setup.ruler.write_group(None, "us.a", &EncodedGroup::of(&broken_at("g", 4, 2)).unwrap()).await;
    assert!(refusal.is_err());
    let reloads = || setup.server.behaviour().reloads;
    let before = reloads();
    let restarted = || Arc::new(ruler(setup.directory.path(), &setup.server.address, Variant::Prometheus));
    let next = restarted();
    assert_eq!(
        next.write_group(None, "us.a", &EncodedGroup::of(&broken_at("g", 4, 2)).unwrap()).await,
        refusal
    );
    assert_eq!(reloads(), before, "no reload for a known verdict");
    assert_eq!(
        next.write_group(None, "us.a", &EncodedGroup::of(&broken_at("g", 4, 2)).unwrap()).await,
        refusal
    );
    assert!(reloads() > before, "a second write is tried");
    let before = reloads();
    // Another version may accept the group.
    setup.server.behaviour().version = Some("3.1.0");
    assert_eq!(
        restarted().write_group(None, "us.a", &EncodedGroup::of(&broken_at("g", 4, 2)).unwrap()).await,
        refusal
    );
    assert!(reloads() > before);
    // A changed group has no verdict.
    restarted().write_group(None, "us.a", &EncodedGroup::of(&group("g", "up")).unwrap()).await.unwrap();
}
