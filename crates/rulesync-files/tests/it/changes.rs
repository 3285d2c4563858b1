//! What is said when files change.

use insta::assert_snapshot;

use crate::world::{World, directory, rule};

#[tokio::test(start_paused = true)]
async fn editing_adding_and_deleting() {
    let plain = "groups:\n- name: g\n  rules: [{record: r, expr: plain}]\n";
    let files =
        [("a.yaml", &*rule("a", "1")), ("sub/b.yml", &*rule("b", "2")), ("sub/deep er/plain_1.yaml", plain)];
    let mut world = World::watch(directory(&files), "");
    assert_snapshot!(world.told().await, @r"
    upsert RuleFile _file/sub_2Fdeep_20er_2Fplain_5F1.yaml: plain
    upsert PrometheusRule ns/a: 1
    upsert PrometheusRule ns/b: 2
    complete
    ");

    // The same length, moments later.
    world.write("a.yaml", &rule("a", "3"));
    assert_snapshot!(world.told().await, @"upsert PrometheusRule ns/a: 3");

    // Written anew without a change, and reordered: nothing to say.
    world.write("a.yaml", &rule("a", "3"));
    world.write("sub/b.yml", &format!("# a comment\n{}", rule("b", "2")));
    assert_snapshot!(world.told().await, @"upsert PrometheusRule ns/b: 2");

    world.write("c.json", &format!("--- # YAML all the same\n{}---\n{}", rule("c", "4"), rule("d", "5")));
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/c: 4
    upsert PrometheusRule ns/d: 5
    ");

    world.write("c.json", &rule("d", "5"));
    world.remove("sub/b.yml");
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/d: 5
    delete PrometheusRule ns/b
    delete PrometheusRule ns/c
    ");
    world.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_object_may_move_and_a_rule_file_is_its_path() {
    let plain = "groups: [{name: g, rules: [{record: r, expr: plain}]}]\n";
    let mut world = World::watch(directory(&[("a.yaml", &rule("a", "1")), ("p.yaml", plain)]), "");
    world.said().await;
    world.rename("a.yaml", "b.yaml");
    assert_snapshot!(world.told().await, @"upsert PrometheusRule ns/a: 1");
    world.rename("p.yaml", "q.yaml");
    assert_snapshot!(world.told().await, @r"
    upsert RuleFile _file/q.yaml: plain
    rename RuleFile _file/p.yaml to RuleFile _file/q.yaml
    ");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_breaks_keeps_its_last_good_state() {
    let good = format!("{}---\n{}", rule("a", "1"), rule("b", "2"));
    let mut world = World::watch(directory(&[("ab.yaml", &good), ("c.yaml", &rule("c", "3"))]), "");
    world.said().await;

    world.write("ab.yaml", "apiVersion: [\n");
    world.write("c.yaml", &rule("c", "4"));
    assert_snapshot!(world.told().await, @r"
    malformed PrometheusRule ns/a: ab.yaml:1:13: unclosed bracket '['
    malformed PrometheusRule ns/b: ab.yaml:1:13: unclosed bracket '['
    upsert PrometheusRule ns/c: 4
    ");

    // As it was before: it is said again, because it is readable again.
    world.write("ab.yaml", &good);
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/a: 1
    upsert PrometheusRule ns/b: 2
    ");

    // One of two.
    world.write("ab.yaml", &good.replace("name: a,", "name: a: oops,"));
    assert_snapshot!(world.told().await, @"malformed PrometheusRule ns/a: ab.yaml:3:19: while parsing a flow mapping, did not find expected ',' or '}'");

    // Then deleted with its objects.
    world.remove("ab.yaml");
    assert_snapshot!(world.told().await, @r"
    delete PrometheusRule ns/a
    delete PrometheusRule ns/b
    ");
}

#[tokio::test(start_paused = true)]
async fn what_never_could_be_read_is_told_and_forgotten_when_repaired() {
    let broken = format!("{}---\nkind: \"oops\n---\n{}", rule("a", "1"), rule("b", "2"));
    let mut world = World::watch(directory(&[("x.yaml", &broken)]), "");
    assert_snapshot!(world.told().await, @r"
    malformed RuleFile _file/x.yaml: x.yaml:11:7: unclosed quote
    upsert PrometheusRule ns/a: 1
    upsert PrometheusRule ns/b: 2
    complete
    ");
    world.write("x.yaml", &broken.replace("kind: \"oops\n", &rule("c", "3")));
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/b: 2
    upsert PrometheusRule ns/c: 3
    delete RuleFile _file/x.yaml
    ");
}

#[tokio::test(start_paused = true)]
async fn the_same_object_twice() {
    let files = [("a.yaml", &*rule("x", "1")), ("b.yaml", &*rule("x", "2"))];
    let mut world = World::watch(directory(&files), "");
    assert_snapshot!(world.told().await, @r"
    upsert PrometheusRule ns/x: 1 [b.yaml:1:1: the object is declared once more here, which is ignored (the first file by name counts: remove or rename one of them)]
    complete
    ");
    // The other takes over, though it did not change.
    world.remove("a.yaml");
    assert_snapshot!(world.told().await, @"upsert PrometheusRule ns/x: 2");
    world.write("a.yaml", &rule("x", "3"));
    assert_snapshot!(world.told().await, @"upsert PrometheusRule ns/x: 3 [b.yaml:1:1: the object is declared once more here, which is ignored (the first file by name counts: remove or rename one of them)]");
    world.remove("b.yaml");
    assert_snapshot!(world.told().await, @"upsert PrometheusRule ns/x: 3");
}

#[tokio::test(start_paused = true)]
async fn stops_though_nobody_listens() {
    let files: Vec<(String, String)> =
        (0..100).map(|n| (format!("{n}.yaml"), rule(&format!("o{n}"), "1"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    World::watch(directory(&files), "").stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_files() {
    let files: Vec<(String, String)> =
        (0..1000).map(|n| (format!("{}/{n}.yaml", n % 7), rule(&format!("o{n}"), "1"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let mut world = World::watch(directory(&files), "");
    assert_eq!(world.said().await.len(), 1001);
    world.write("0/700.yaml", &rule("o700", "2"));
    assert_snapshot!(world.told().await, @"upsert PrometheusRule ns/o700: 2");
}
