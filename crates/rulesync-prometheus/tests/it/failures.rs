//! Failures of the server and conflicts in the directory, which leave the files unchanged.

use std::fs;
use std::time::Duration;

use rulesync_core::ruler::{EvaluatedGroup, Evaluation, RuleHealth};
use rulesync_core::{EncodedGroup, Ruler};
use rulesync_prometheus::Variant;

use crate::fake::Fake;
use crate::setup::{Setup, files, group, list, ruler, ruler_with_timeout};

#[tokio::test]
async fn foreign_files_are_not_read_or_changed() {
    let setup = Setup::new(Variant::Prometheus).await;
    let theirs = "groups:\n- name: theirs\n  rules:\n  - record: r\n    expr: '1'\n";
    fs::write(setup.directory.path().join("us.theirs.yaml"), theirs).unwrap();
    fs::write(setup.directory.path().join("note.txt"), "a note").unwrap();
    let mut both = vec![("us.theirs".to_owned(), group("g", "up"))];
    both.push(("us.ours".to_owned(), group("g", "up")));
    let results = setup.put_all(both).await;
    assert_eq!(results[0].as_ref().unwrap_err().kind().as_str(), "protected");
    assert_eq!(results[1], Ok(()));
    setup.ruler.delete_namespace(None, "us.theirs", &[]).await.unwrap();
    setup.ruler.delete_group(None, "us.theirs", "theirs").await.unwrap();
    let observed = list(&setup.ruler).await;
    assert!(observed.has_namespace("us.ours") && !observed.has_namespace("us.theirs"));
    assert_eq!(setup.files()["us.theirs.yaml"], theirs);
    assert_eq!(setup.server.loaded(), ["us.ours.yaml/g", "us.theirs.yaml/theirs"]);
}

#[tokio::test]
async fn unavailable_server_leaves_files_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    // Taken, so that nobody else listens on it, and refusing connections.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = taken.local_addr().unwrap();
    for variant in [Variant::Prometheus, Variant::Vmalert] {
        let ruler = ruler(directory.path(), &format!("http://{closed}"), variant);
        let error =
            ruler.write_group(None, "us.a", &EncodedGroup::of(&group("g", "up")).unwrap()).await.unwrap_err();
        assert_eq!(error.kind().as_str(), "unavailable");
        assert_eq!(files(directory.path()).len(), 0);
        assert_eq!(list(&ruler).await.groups(), 0);
    }
}

#[tokio::test]
async fn disabled_reload_tenant_and_wrong_directory_are_misconfigured() {
    let setup = Setup::new(Variant::Prometheus).await;
    setup.server.behaviour().lifecycle_off = true;
    let error = setup
        .ruler
        .write_group(None, "us.a", &EncodedGroup::of(&group("g", "up")).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind().as_str(), "misconfigured");
    assert!(error.message().contains("Lifecycle API is not enabled"), "{error}");
    setup.server.behaviour().lifecycle_off = false;

    let tenant = "team".parse().unwrap();
    let error = setup
        .ruler
        .write_group(Some(&tenant), "us.a", &EncodedGroup::of(&group("g", "up")).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind().as_str(), "misconfigured");

    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = ruler(elsewhere.path(), &setup.server.address, Variant::Prometheus);
    let error =
        stranger.write_group(None, "us.a", &EncodedGroup::of(&group("g", "up")).unwrap()).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "misconfigured");
    assert!(error.message().contains("does it read"), "{error}");
    assert_eq!(files(elsewhere.path()).len(), 0, "the file is removed if the server does not read it");
    assert_eq!(setup.files().len(), 0);

    setup.server.behaviour().api_down = true;
    let error = setup
        .ruler
        .write_group(None, "us.a", &EncodedGroup::of(&group("g", "up")).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind().as_str(), "unavailable");
    assert_eq!(setup.files().len(), 0);
    setup.server.behaviour().api_down = false;
    // The server still has the reverted files loaded, and is reloaded before listing.
    assert_eq!(setup.server.loaded().len(), 1);
    assert_eq!(list(&setup.ruler).await.groups(), 0);
    assert_eq!(setup.server.loaded().len(), 0);

    // The server is not a vmalert: the metrics are missing.
    let other = Setup::new(Variant::Prometheus).await;
    let wrong = ruler(other.directory.path(), &format!("{}/nowhere", other.server.address), Variant::Vmalert);
    let error =
        wrong.write_group(None, "us.a", &EncodedGroup::of(&group("g", "up")).unwrap()).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "misconfigured");
}

#[tokio::test]
async fn rejection_without_changes_is_misconfigured() {
    let setup = Setup::new(Variant::Prometheus).await;
    setup.put("us.a", &group("g", "up == 1")).await;
    fs::write(setup.directory.path().join("theirs.yaml"), "groups: 7\n").unwrap();
    let before = setup.files();
    let writes = (0..50).map(|n| (format!("us.{n}"), group("g", "up"))).collect();
    for result in setup.put_all(writes).await {
        assert_eq!(result.unwrap_err().kind().as_str(), "misconfigured");
    }
    assert_eq!(setup.files(), before);
    assert!(setup.server.behaviour().reloads < 60, "{}", setup.server.behaviour().reloads);
    // A broken owned file can be removed, even if other writes fail.
    fs::remove_file(setup.directory.path().join("theirs.yaml")).unwrap();
    let broken = before["us.a.yaml"].replace("up == 1", "BROKEN");
    fs::write(setup.directory.path().join("us.a.yaml"), broken).unwrap();
    let mending = setup.ruler.delete_group(None, "us.a", "g");
    let breaking_group = EncodedGroup::of(&group("g", "BROKEN")).unwrap();
    let breaking = setup.ruler.write_group(None, "us.b", &breaking_group);
    let (mended, broke) = tokio::join!(mending, breaking);
    assert_eq!(mended, Ok(()));
    assert!(broke.is_err());
    assert_eq!(setup.files().len(), 0);
}

#[tokio::test]
async fn incomplete_changes_are_reverted_and_reloaded() {
    let setup = Setup::new(Variant::Prometheus).await;
    setup.put("us.a", &group("g", "up == 1")).await;
    let good = setup.files();
    // The state after a process died between changing the files and the response to the reload.
    let path = |name: &str| setup.directory.path().join(name);
    fs::rename(path("us.a.yaml"), path("us.a.yaml.rulesync-old")).unwrap();
    fs::write(path("us.a.yaml"), good["us.a.yaml"].replace("up == 1", "BROKEN")).unwrap();
    fs::write(path("us.b.yaml.rulesync-old"), "").unwrap();
    fs::write(path("us.b.yaml"), &good["us.a.yaml"]).unwrap();
    fs::write(path("us.c.yaml.rulesync-new"), "# Man").unwrap();
    fs::write(path(".rulesync-lock"), "x").unwrap();
    let reloads = setup.server.behaviour().reloads;
    // Reverted by a new process, and by one that was already running.
    let next = ruler(setup.directory.path(), &setup.server.address, Variant::Prometheus);
    assert_eq!(list(&next).await.groups(), 1);
    assert_eq!(setup.files(), good);
    assert_eq!(setup.server.behaviour().reloads, reloads + 1);
    fs::write(path("us.c.yaml.rulesync-new"), "# Man").unwrap();
    fs::write(path(".rulesync-lock"), "x").unwrap();
    setup.put("us.c", &group("g", "up")).await;
    assert_eq!(setup.files().len(), 2);
    assert_eq!(list(&next).await.groups(), 2);
    assert_eq!(setup.server.behaviour().reloads, reloads + 2, "no reload without changes");
}

#[tokio::test]
async fn server_may_see_directory_under_other_path() {
    let directory = tempfile::tempdir().unwrap();
    for ignores_filters in [false, true] {
        let server = Fake::start(directory.path(), "/etc/prometheus/ours", Variant::Prometheus).await;
        server.behaviour().ignores_filters = ignores_filters;
        let ruler = ruler(directory.path(), &server.address, Variant::Prometheus);
        for (namespace, expr) in [("us.a/b", "up"), ("us.c", "FAILING"), ("us.d", "up")] {
            ruler.write_group(None, namespace, &EncodedGroup::of(&group("g", expr)).unwrap()).await.unwrap();
        }
        let mut found: Vec<EvaluatedGroup> = Vec::new();
        let read =
            ruler.evaluation(None, &["us.a/b", "us.c", "us.none"], &mut |group| found.push(group)).await;
        assert_eq!(read, Ok(Evaluation::Read));
        found.sort_by(|a, b| a.namespace.cmp(&b.namespace));
        let health: Vec<_> =
            found.iter().map(|g| (g.namespace.as_str(), &g.name, &g.rules[0].health)).collect();
        let (name, failing) = ("g".to_owned(), RuleHealth::Failing("many-to-many".to_owned()));
        assert_eq!(health, [("us.a/b", &name, &RuleHealth::Healthy), ("us.c", &name, &failing)]);
        for namespace in ["us.a/b", "us.c", "us.d"] {
            ruler.delete_namespace(None, namespace, &["g"]).await.unwrap();
        }
        assert_eq!(server.loaded().len(), 0);
    }
}

#[tokio::test]
async fn vmalert_environment_is_not_leaked() {
    let setup = Setup::new(Variant::Vmalert).await;
    let error = setup
        .ruler
        .write_group(None, "us.a", &EncodedGroup::of(&group("g", "up{a=\"%{PASSWORD}\"}")).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind().as_str(), "rejected");
    assert_eq!(setup.server.behaviour().reloads, 0);
}

#[tokio::test]
async fn reload_timeout_leaves_files_unchanged() {
    for variant in [Variant::Prometheus, Variant::Vmalert] {
        let setup = Setup::new(variant).await;
        setup.put("us.a", &group("g", "up == 1")).await;
        let good = setup.files();
        setup.server.hold_reloads();
        let timeout = Duration::from_millis(300);
        let ruler = ruler_with_timeout(setup.directory.path(), &setup.server.address, variant, timeout);
        for namespace in ["us.a", "us.b"] {
            let error = ruler
                .write_group(None, namespace, &EncodedGroup::of(&group("g", "up == 2")).unwrap())
                .await
                .unwrap_err();
            assert_eq!(error.kind().as_str(), "unavailable");
            assert_eq!(setup.files(), good);
        }
        setup.server.release_reloads();
        // It is unknown which files the server has loaded: it is reloaded.
        assert_eq!(list(&ruler).await.groups(), 1);
        ruler.write_group(None, "us.b", &EncodedGroup::of(&group("g", "up == 2")).unwrap()).await.unwrap();
        assert_eq!(setup.server.loaded(), ["us.a.yaml/g", "us.b.yaml/g"]);
    }
}

#[tokio::test]
async fn locked_directory_is_not_changed() {
    let setup = Setup::new(Variant::Prometheus).await;
    let lock = fs::File::create(setup.directory.path().join(".rulesync-lock")).unwrap();
    lock.lock().unwrap();
    let timeout = Duration::from_millis(100);
    let ruler =
        ruler_with_timeout(setup.directory.path(), &setup.server.address, Variant::Prometheus, timeout);
    let error =
        ruler.write_group(None, "us.a", &EncodedGroup::of(&group("g", "up")).unwrap()).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "unavailable");
    assert!(error.message().contains("another process"), "{error}");
    assert_eq!(setup.files().len(), 0);
    // A ruler with a longer timeout waits for the lock.
    let waiting = std::sync::Arc::clone(&setup.ruler);
    let waiting = tokio::spawn(async move {
        waiting.write_group(None, "us.a", &EncodedGroup::of(&group("g", "up")).unwrap()).await
    });
    tokio::task::yield_now().await;
    lock.unlock().unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(setup.files().len(), 1);
}
