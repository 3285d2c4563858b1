//! Where files are: missing and unreadable directories, links, single files.

use std::fs;

use insta::assert_snapshot;

use crate::world::{World, directory, rule};

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_not_there_takes_nothing_away() {
    let mut world = World::watch(directory(&[]), "rules");
    assert_snapshot!(world.told().await, @"unavailable: DIR/rules: No such file or directory (os error 2)");

    world.write("rules/a.yaml", &rule("a", "1"));
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/a: 1
    complete
    ");

    world.rename("rules", "elsewhere");
    assert_snapshot!(world.told().await, @"unavailable: DIR/rules: No such file or directory (os error 2)");

    world.rename("elsewhere", "rules");
    assert_snapshot!(world.told().await, @"available");

    // Gone, and back with less in it.
    world.rename("rules", "elsewhere");
    assert_snapshot!(world.told().await, @"unavailable: DIR/rules: No such file or directory (os error 2)");
    world.write("rules/b.yaml", &rule("b", "2"));
    assert_snapshot!(world.told().await, @r"
    available
    upsert PrometheusRule ns/b: 2
    delete PrometheusRule ns/a
    ");
}

#[tokio::test(start_paused = true)]
async fn an_empty_directory_is_a_complete_one() {
    let mut world = World::watch(directory(&[]), "");
    assert_snapshot!(world.told().await, @"complete");
}

#[tokio::test(start_paused = true)]
async fn one_file() {
    let mut world = World::watch(directory(&[("rules", &rule("a", "1")), ("b.yaml", "a: [")]), "rules");
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/a: 1
    complete
    ");
    world.write("rules", "groups: [{name: g, rules: [{record: r, expr: plain}]}]\n");
    assert_snapshot!(world.told().await, @r"
    upsert RuleFile _file/rules: plain
    delete PrometheusRule ns/a
    ");
    world.remove("rules");
    assert_snapshot!(world.told().await, @"unavailable: DIR/rules: No such file or directory (os error 2)");
}

#[tokio::test(start_paused = true)]
async fn only_visible_files_with_the_right_extension() {
    let files = [
        ("a.YAML", &*rule("a", "1")),
        (".hidden.yaml", &*rule("b", "1")),
        (".git/c.yaml", &*rule("c", "1")),
        ("d.txt", &*rule("d", "1")),
        ("e.yaml~", &*rule("e", "1")),
        ("README", "a: ["),
        ("directory.yaml/f.yml", &*rule("f", "1")),
    ];
    let mut world = World::watch(directory(&files), "");
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/a: 1
    upsert PrometheusRule ns/f: 1
    complete
    ");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_mounted_config_map_is_swapped() {
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
    let mut world = World::watch(mount, "");
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/a: 1
    upsert PrometheusRule ns/b: 1
    complete
    ");
    symlink("..2026_2", world.path("..data_tmp")).unwrap();
    world.rename("..data_tmp", "..data");
    assert_snapshot!(world.told().await, @"upsert PrometheusRule ns/a: 2");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn links_in_circles_and_links_to_nowhere() {
    use std::os::unix::fs::symlink;

    let tree = directory(&[("sub/a.yaml", &rule("a", "1"))]);
    symlink("..", tree.path().join("sub/up")).unwrap();
    symlink("nowhere.yaml", tree.path().join("dangling.yaml")).unwrap();
    let mut world = World::watch(tree, "");
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/a: 1
    complete
    ");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_directory_below_that_cannot_be_read_keeps_its_objects() {
    use std::os::unix::fs::symlink;

    let files = [("a.yaml", &*rule("a", "1")), ("sub/b.yaml", &*rule("b", "1"))];
    let mut world = World::watch(directory(&files), "");
    world.said().await;
    // A link to itself cannot be looked at, by root neither.
    world.rename("sub", "..away");
    symlink("sub", world.path("sub")).unwrap();
    world.write("a.yaml", &rule("a", "2"));
    let told = world.told().await;
    let told: Vec<&str> = told.lines().map(|line| line.split(" (os").next().unwrap()).collect();
    assert_snapshot!(told.join("\n"), @r"
    upsert PrometheusRule ns/a: 2
    unavailable: sub: Too many levels of symbolic links
    ");

    fs::remove_file(world.path("sub")).unwrap();
    world.rename("..away", "sub");
    assert_snapshot!(world.told().await, @"available");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_far_too_large_is_not_read() {
    let mut world = World::watch(directory(&[("a.yaml", &rule("a", "1"))]), "");
    world.said().await;
    // Without content: it takes no space.
    fs::File::options().write(true).open(world.path("a.yaml")).unwrap().set_len(65 << 20).unwrap();
    fs::File::create(world.path("b.yaml")).unwrap().set_len(65 << 20).unwrap();
    assert_snapshot!(world.told().await, @r"
    malformed RuleFile _file/b.yaml: b.yaml: the file is larger than 64 MiB
    malformed PrometheusRule ns/a: a.yaml: the file is larger than 64 MiB
    ");
    world.write("a.yaml", &rule("a", "1"));
    world.remove("b.yaml");
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/a: 1
    delete RuleFile _file/b.yaml
    ");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_pipe_is_told_and_takes_nothing_away() {
    let mkfifo = |path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    let mut world = World::watch(directory(&[("a.yaml", &rule("a", "1"))]), "");
    world.said().await;
    world.remove("a.yaml");
    mkfifo(world.path("a.yaml"));
    assert_snapshot!(world.told().await, @"malformed PrometheusRule ns/a: a.yaml: the file cannot be read: it is a pipe, not a regular file");
    world.stop().await;

    let place = directory(&[]);
    mkfifo(place.path().join("rules"));
    let mut world = World::watch(place, "rules");
    assert_snapshot!(world.told().await, @r"
    malformed RuleFile _file/rules: rules: the file cannot be read: it is a pipe, not a regular file
    complete
    ");
    world.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_file_without_end_is_told() {
    let place = directory(&[("a.yaml", &rule("a", "1"))]);
    std::os::unix::fs::symlink("/proc/self/pagemap", place.path().join("x.yaml")).unwrap();
    let mut world = World::watch(place, "");
    assert_snapshot!(world.told().await, @r"
    malformed RuleFile _file/x.yaml: x.yaml: the file cannot be read: the file has no end: it goes on far beyond its length
    upsert PrometheusRule ns/a: 1
    complete
    ");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn directories_that_all_lead_to_each_other() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let tree = directory(&[("h/h.yaml", "groups: [{name: g, rules: [{record: r, expr: plain}]}]\n")]);
    for from in names {
        fs::create_dir_all(tree.path().join(from)).unwrap();
        for to in names.into_iter().filter(|to| *to != from) {
            std::os::unix::fs::symlink(format!("../{to}"), tree.path().join(from).join(to)).unwrap();
        }
    }
    let mut world = World::watch(tree, "");
    assert_snapshot!(world.told().await, @r"
    upsert RuleFile _file/h_2Fh.yaml: plain
    complete
    ");
}
