//! Batches of concurrent writes: few reloads, and a separate result for each write.

use std::collections::BTreeMap;
use std::sync::Arc;

use rulesync_core::model::Fingerprint;
use rulesync_core::{EncodedGroup, Group, Ruler};
use rulesync_prometheus::Variant;

use crate::setup::{Setup, group, list};

fn writes(count: usize) -> Vec<(String, Group)> {
    (0..count).map(|n| (format!("us.{n}"), group("g", "up == 0"))).collect()
}

#[tokio::test]
async fn batch_of_writes_needs_one_reload() {
    for (variant, expected) in [(Variant::Prometheus, 1), (Variant::Vmalert, 2)] {
        let setup = Setup::new(variant).await;
        assert!(setup.put_all(writes(100)).await.iter().all(Result::is_ok));
        assert_eq!((setup.server.loaded().len(), setup.files().len()), (100, 100));
        let reloads = setup.server.behaviour().reloads;
        assert_eq!(reloads, expected);
        assert!(setup.put_all(writes(100)).await.iter().all(Result::is_ok));
        assert_eq!(setup.server.behaviour().reloads, reloads, "unchanged files need no reload");
    }
}

#[tokio::test]
async fn batch_requests_only_changed_groups() {
    let setup = Setup::new(Variant::Prometheus).await;
    setup.put_all(writes(100)).await;
    let before = setup.server.behaviour().groups_answered;
    setup.put("us.7", &group("g", "up == 1")).await;
    assert_eq!(setup.server.behaviour().groups_answered - before, 1);
}

async fn one_broken_among_many(variant: Variant, explains: bool, ignores_filters: bool) {
    let setup = Setup::new(variant).await;
    setup.server.behaviour().explains = explains;
    setup.server.behaviour().ignores_filters = ignores_filters;
    setup.put("us.13", &group("g", "up == 13")).await;
    let before = setup.server.behaviour().reloads;
    let mut all = writes(64);
    all[13].1 = group("g", "BROKEN");
    // An invalid group fails alone within its namespace too.
    all.extend([("us.5".to_owned(), group("h", "up")), ("us.5".to_owned(), group("i", "BROKEN"))]);
    let results = setup.put_all(all).await;
    for (index, result) in results.iter().enumerate() {
        match result {
            Ok(()) => assert!(index != 13 && index != 65, "{index}"),
            Err(error) => {
                assert!(index == 13 || index == 65, "{index}: {error}");
                assert_eq!(error.kind().as_str(), "rejected");
                let server = if variant == Variant::Vmalert { "vmalert" } else { "Prometheus" };
                let message = if explains {
                    "failed to reload config: one".to_owned()
                } else {
                    format!(
                        "{server} rejects this rule without a reason, see its log; the rule: alert: A, expr: BROKEN"
                    )
                };
                assert!(error.message().starts_with(&message), "{error}");
                assert_eq!(error.rule(), Some(0));
            }
        }
    }
    assert_eq!(setup.server.loaded().len(), 65);
    assert!(setup.files()["us.13.yaml"].contains("up == 13"), "the last good version stays");
    assert!(setup.server.behaviour().last_good, "the server is left with a good reload");
    assert_eq!(setup.files().len(), 64, "no temporary files are left");
    let reloads = setup.server.behaviour().reloads - before;
    let max = if explains { 12 } else { 32 } * if variant == Variant::Vmalert { 2 } else { 1 };
    assert!(reloads <= max, "{reloads} reloads");
    // The corrected group is accepted.
    setup.put("us.13", &group("g", "up == 14")).await;
}

#[tokio::test]
async fn batch_rejects_broken_group_alone() {
    one_broken_among_many(Variant::Prometheus, false, false).await;
}

#[tokio::test]
async fn batch_finds_named_broken_group_with_fewer_reloads() {
    one_broken_among_many(Variant::Prometheus, true, true).await;
}

#[tokio::test]
async fn batch_rejects_broken_group_alone_with_vmalert() {
    one_broken_among_many(Variant::Vmalert, false, false).await;
}

#[tokio::test]
async fn batch_skips_cancelled_writes() {
    let setup = Setup::new(Variant::Prometheus).await;
    setup.server.hold_reloads();
    let put = |namespace: &'static str| {
        let ruler = Arc::clone(&setup.ruler);
        tokio::spawn(async move {
            ruler.write_group(None, namespace, &EncodedGroup::of(&group("g", "up")).unwrap()).await
        })
    };
    let first = put("us.first");
    while setup.server.behaviour().reloads == 0 {
        tokio::task::yield_now().await;
    }
    let (second, third) = (put("us.second"), put("us.third"));
    // Lets both tasks queue their writes.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    // The first write has started, and is completed although its caller is cancelled.
    first.abort();
    setup.server.release_reloads();
    third.await.unwrap().unwrap();
    assert_eq!(setup.server.loaded(), ["us.first.yaml/g", "us.third.yaml/g"]);
    assert_eq!(list(&setup.ruler).await.groups(), 2);
}

/// Deterministic pseudo-random numbers.
fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// Writes as one of many writers. Returns the successfully written groups by namespace.
async fn one_of_many(setup: Arc<Setup>, writer: u64, steps: u32) -> BTreeMap<String, Group> {
    let (mut next, name, mut held) = (numbers(writer + 1), format!("g{writer}"), BTreeMap::new());
    for step in 0..steps {
        // The namespaces are shared; the group belongs to this writer.
        let namespace = format!("us.{}", next(6));
        let broken = next(6) == 0;
        if next(4) == 0 {
            setup.ruler.delete_group(None, &namespace, &name).await.unwrap();
            held.remove(&namespace);
            continue;
        }
        let new = group(&name, &if broken { "BROKEN".to_owned() } else { format!("up == {step}") });
        let result = setup.ruler.write_group(None, &namespace, &EncodedGroup::of(&new).unwrap()).await;
        if broken {
            assert_eq!(result.unwrap_err().kind().as_str(), "rejected");
        } else {
            assert_eq!(result, Ok(()), "a valid group does not fail because of others");
            held.insert(namespace, new);
        }
    }
    held
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writes_end_in_reported_state() {
    // A reload of vmalert takes long to confirm, because its metrics are delayed.
    for (variant, steps) in [(Variant::Prometheus, 30), (Variant::Vmalert, 6)] {
        let setup = Arc::new(Setup::new(variant).await);
        let writers: Vec<_> =
            (0..12).map(|writer| tokio::spawn(one_of_many(Arc::clone(&setup), writer, steps))).collect();
        let (mut expected, mut loaded) = (BTreeMap::new(), Vec::new());
        for writer in writers {
            for (namespace, group) in writer.await.unwrap() {
                loaded.push(format!("{namespace}.yaml/{}", group.name));
                let fingerprint = Fingerprint::of(&group, &setup.ruler.capabilities().fields);
                expected.insert((namespace, group.name), Some(fingerprint));
            }
        }
        loaded.sort();
        let observed = list(&setup.ruler).await;
        let mut found = BTreeMap::new();
        for (namespace, _) in observed.namespaces() {
            for (group, fingerprint) in observed.namespace(namespace) {
                found.insert((namespace.to_string(), group.to_owned()), fingerprint);
            }
        }
        assert_eq!(found, expected);
        assert_eq!(setup.server.loaded(), loaded);
        assert!(setup.server.behaviour().last_good);
        assert!(setup.files().keys().all(|name| name.ends_with(".yaml")), "no temporary files are left");
    }
}
