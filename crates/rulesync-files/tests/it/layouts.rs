//! File system layouts: missing and unreadable directories, links, single files.

use std::fs;

use insta::assert_snapshot;

use crate::fixture::{Fixture, directory, rule};

#[tokio::test(start_paused = true)]
async fn missing_directory_deletes_nothing() {
    let mut fixture = Fixture::watch(directory(&[]), "rules");
    assert_snapshot!(fixture.event_log().await, @"unavailable: DIR/rules: No such file or directory (os error 2)");

    fixture.write("rules/a.yaml", &rule("a", "1"));
    assert_snapshot!(fixture.event_log().await, @r"
    upsert PrometheusRule ns/a: 1
    complete
    ");

    fixture.rename("rules", "elsewhere");
    assert_snapshot!(fixture.event_log().await, @"unavailable: DIR/rules: No such file or directory (os error 2)");

    fixture.rename("elsewhere", "rules");
    assert_snapshot!(fixture.event_log().await, @"available");

    // Replaced by a directory without the first file.
    fixture.rename("rules", "elsewhere");
    assert_snapshot!(fixture.event_log().await, @"unavailable: DIR/rules: No such file or directory (os error 2)");
    fixture.write("rules/b.yaml", &rule("b", "2"));
    assert_snapshot!(fixture.event_log().await, @r"
    available
    upsert PrometheusRule ns/b: 2
    delete PrometheusRule ns/a
    ");
}

#[tokio::test(start_paused = true)]
async fn empty_directory_is_complete() {
    let mut fixture = Fixture::watch(directory(&[]), "");
    assert_snapshot!(fixture.event_log().await, @"complete");
}

#[tokio::test(start_paused = true)]
async fn root_may_be_single_file() {
    let mut fixture = Fixture::watch(directory(&[("rules", &rule("a", "1")), ("b.yaml", "a: [")]), "rules");
    assert_snapshot!(fixture.event_log().await, @r"
    upsert PrometheusRule ns/a: 1
    complete
    ");
    fixture.write("rules", "groups: [{name: g, rules: [{record: r, expr: plain}]}]\n");
    assert_snapshot!(fixture.event_log().await, @r"
    upsert RuleFile _file/rules: plain
    delete PrometheusRule ns/a
    ");
    fixture.remove("rules");
    assert_snapshot!(fixture.event_log().await, @"unavailable: DIR/rules: No such file or directory (os error 2)");
}

#[tokio::test(start_paused = true)]
async fn source_reads_only_visible_files_with_known_extension() {
    let files = [
        ("a.YAML", &*rule("a", "1")),
        (".hidden.yaml", &*rule("b", "1")),
        (".git/c.yaml", &*rule("c", "1")),
        ("d.txt", &*rule("d", "1")),
        ("e.yaml~", &*rule("e", "1")),
        ("README", "a: ["),
        ("directory.yaml/f.yml", &*rule("f", "1")),
    ];
    let mut fixture = Fixture::watch(directory(&files), "");
    assert_snapshot!(fixture.event_log().await, @r"
    upsert PrometheusRule ns/a: 1
    upsert PrometheusRule ns/f: 1
    complete
    ");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn source_follows_swap_of_mounted_config_map() {
    use std::os::unix::fs::symlink;

    let version = |n: u8, files: &[(&str, &str)]| {
        files
            .iter()
            .map(|(name, text)| (format!("..2026_{n}/{name}"), (*text).to_owned()))
            .collect::<Vec<_>>()
    };
    let mut files = version(1, &[("a.yaml", &rule("a", "1")), ("b.yaml", &rule("b", "1"))]);
    files.extend(version(2, &[("a.yaml", &rule("a", "2")), ("b.yaml", &rule("b", "1"))]));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let mount = directory(&files);
    symlink("..2026_1", mount.path().join("..data")).unwrap();
    for name in ["a.yaml", "b.yaml"] {
        symlink(format!("..data/{name}"), mount.path().join(name)).unwrap();
    }
    let mut fixture = Fixture::watch(mount, "");
    assert_snapshot!(fixture.event_log().await, @r"
    upsert PrometheusRule ns/a: 1
    upsert PrometheusRule ns/b: 1
    complete
    ");
    symlink("..2026_2", fixture.path("..data_tmp")).unwrap();
    fixture.rename("..data_tmp", "..data");
    assert_snapshot!(fixture.event_log().await, @"upsert PrometheusRule ns/a: 2");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn source_ignores_circular_and_dangling_links() {
    use std::os::unix::fs::symlink;

    let tree = directory(&[("sub/a.yaml", &rule("a", "1"))]);
    symlink("..", tree.path().join("sub/up")).unwrap();
    symlink("nowhere.yaml", tree.path().join("dangling.yaml")).unwrap();
    let mut fixture = Fixture::watch(tree, "");
    assert_snapshot!(fixture.event_log().await, @r"
    upsert PrometheusRule ns/a: 1
    complete
    ");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn unreadable_subdirectory_keeps_its_objects() {
    use std::os::unix::fs::symlink;

    let files = [("a.yaml", &*rule("a", "1")), ("sub/b.yaml", &*rule("b", "1"))];
    let mut fixture = Fixture::watch(directory(&files), "");
    fixture.next_events().await;
    // A link to itself cannot be read, not even by root.
    fixture.rename("sub", "..away");
    symlink("sub", fixture.path("sub")).unwrap();
    fixture.write("a.yaml", &rule("a", "2"));
    let log = fixture.event_log().await;
    let log: Vec<&str> = log.lines().map(|line| line.split(" (os").next().unwrap()).collect();
    assert_snapshot!(log.join("\n"), @r"
    upsert PrometheusRule ns/a: 2
    unavailable: sub: Too many levels of symbolic links
    ");

    fs::remove_file(fixture.path("sub")).unwrap();
    fixture.rename("..away", "sub");
    assert_snapshot!(fixture.event_log().await, @"available");
}

#[tokio::test(start_paused = true)]
async fn source_does_not_read_oversized_file() {
    let mut fixture = Fixture::watch(directory(&[("a.yaml", &rule("a", "1"))]), "");
    fixture.next_events().await;
    // A sparse file, which occupies no disk space.
    fs::File::options().write(true).open(fixture.path("a.yaml")).unwrap().set_len(65 << 20).unwrap();
    fs::File::create(fixture.path("b.yaml")).unwrap().set_len(65 << 20).unwrap();
    assert_snapshot!(fixture.event_log().await, @r"
    malformed RuleFile _file/b.yaml: b.yaml: the file is larger than 64 MiB
    malformed PrometheusRule ns/a: a.yaml: the file is larger than 64 MiB
    ");
    fixture.write("a.yaml", &rule("a", "1"));
    fixture.remove("b.yaml");
    assert_snapshot!(fixture.event_log().await, @r"
    upsert PrometheusRule ns/a: 1
    delete RuleFile _file/b.yaml
    ");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn pipe_is_reported_and_deletes_nothing() {
    let mkfifo = |path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    let mut fixture = Fixture::watch(directory(&[("a.yaml", &rule("a", "1"))]), "");
    fixture.next_events().await;
    fixture.remove("a.yaml");
    mkfifo(fixture.path("a.yaml"));
    assert_snapshot!(fixture.event_log().await, @"malformed PrometheusRule ns/a: a.yaml: the file cannot be read: it is a pipe, not a regular file");
    fixture.stop().await;

    let location = directory(&[]);
    mkfifo(location.path().join("rules"));
    let mut fixture = Fixture::watch(location, "rules");
    assert_snapshot!(fixture.event_log().await, @r"
    malformed RuleFile _file/rules: rules: the file cannot be read: it is a pipe, not a regular file
    complete
    ");
    fixture.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn endless_file_is_reported() {
    let location = directory(&[("a.yaml", &rule("a", "1"))]);
    std::os::unix::fs::symlink("/proc/self/pagemap", location.path().join("x.yaml")).unwrap();
    let mut fixture = Fixture::watch(location, "");
    assert_snapshot!(fixture.event_log().await, @r"
    malformed RuleFile _file/x.yaml: x.yaml: the file cannot be read: the file has no end: it goes on far beyond its length
    upsert PrometheusRule ns/a: 1
    complete
    ");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn source_reads_linked_directories_once() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let tree = directory(&[("h/h.yaml", "groups: [{name: g, rules: [{record: r, expr: plain}]}]\n")]);
    for from in names {
        fs::create_dir_all(tree.path().join(from)).unwrap();
        for to in names.into_iter().filter(|to| *to != from) {
            std::os::unix::fs::symlink(format!("../{to}"), tree.path().join(from).join(to)).unwrap();
        }
    }
    let mut fixture = Fixture::watch(tree, "");
    assert_snapshot!(fixture.event_log().await, @r"
    upsert RuleFile _file/h_2Fh.yaml: plain
    complete
    ");
}
