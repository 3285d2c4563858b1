//! Events of changes to files.

use insta::assert_snapshot;

use crate::fixture::{Fixture, directory, rule};

/// A source over two objects in files of their own, of which all has been reported.
async fn two_objects() -> Fixture {
    let files = [("a.yaml", &*rule("a", "1")), ("sub/b.yml", &*rule("b", "2"))];
    let mut fixture = Fixture::watch(directory(&files), "");
    fixture.next_events().await;
    fixture
}

#[tokio::test(start_paused = true)]
async fn source_reports_all_objects_and_rule_files_at_first() {
    let plain = "groups:\n- name: g\n  rules: [{record: r, expr: plain}]\n";
    let files =
        [("a.yaml", &*rule("a", "1")), ("sub/b.yml", &*rule("b", "2")), ("sub/deep er/plain_1.yaml", plain)];
    let mut fixture = Fixture::watch(directory(&files), "");
    assert_snapshot!(fixture.event_log().await, @r"
    upsert RuleFile _file/sub_2Fdeep_20er_2Fplain_5F1.yaml: plain
    upsert PrometheusRule ns/a: 1
    upsert PrometheusRule ns/b: 2
    complete
    ");
}

#[tokio::test(start_paused = true)]
async fn source_reports_an_edit_of_the_same_length() {
    let mut fixture = two_objects().await;
    fixture.write("a.yaml", &rule("a", "3"));
    assert_snapshot!(fixture.event_log().await, @"upsert PrometheusRule ns/a: 3");
}

#[tokio::test(start_paused = true)]
async fn source_reports_new_positions_but_not_the_same_content() {
    let mut fixture = two_objects().await;
    fixture.write("a.yaml", &rule("a", "1"));
    fixture.write("sub/b.yml", &format!("# a comment\n{}", rule("b", "2")));
    assert_snapshot!(fixture.event_log().await, @"upsert PrometheusRule ns/b: 2");
}

#[tokio::test(start_paused = true)]
async fn source_reports_objects_of_an_added_file_and_those_that_it_loses() {
    let mut fixture = two_objects().await;
    fixture.write("c.json", &format!("--- # YAML all the same\n{}---\n{}", rule("c", "4"), rule("d", "5")));
    assert_snapshot!(fixture.event_log().await, @r"
    upsert PrometheusRule ns/c: 4
    upsert PrometheusRule ns/d: 5
    ");
    fixture.write("c.json", &rule("d", "5"));
    fixture.remove("sub/b.yml");
    assert_snapshot!(fixture.event_log().await, @r"
    upsert PrometheusRule ns/d: 5
    delete PrometheusRule ns/b
    delete PrometheusRule ns/c
    ");
}

#[tokio::test(start_paused = true)]
async fn source_ends_when_it_is_stopped() {
    two_objects().await.stop().await;
}

#[tokio::test(start_paused = true)]
async fn source_reports_moved_object_and_renamed_rule_file() {
    let plain = "groups: [{name: g, rules: [{record: r, expr: plain}]}]\n";
    let mut fixture = Fixture::watch(directory(&[("a.yaml", &rule("a", "1")), ("p.yaml", plain)]), "");
    fixture.next_events().await;
    fixture.rename("a.yaml", "b.yaml");
    assert_snapshot!(fixture.event_log().await, @"upsert PrometheusRule ns/a: 1");
    fixture.rename("p.yaml", "q.yaml");
    assert_snapshot!(fixture.event_log().await, @r"
    upsert RuleFile _file/q.yaml: plain
    rename RuleFile _file/p.yaml to RuleFile _file/q.yaml
    ");
}

/// Two objects of one file.
fn good() -> String {
    format!("{}---\n{}", rule("a", "1"), rule("b", "2"))
}

/// A source over a file with two objects, which breaks with the first of them or as a whole.
async fn broken(text: &str) -> Fixture {
    let mut fixture = Fixture::watch(directory(&[("ab.yaml", &good())]), "");
    fixture.next_events().await;
    fixture.write("ab.yaml", text);
    fixture
}

const BROKEN: &str = "apiVersion: [\n";

#[tokio::test(start_paused = true)]
async fn source_reports_objects_of_a_broken_file_as_malformed_and_others_as_ever() {
    let mut fixture = broken(BROKEN).await;
    fixture.write("c.yaml", &rule("c", "4"));
    assert_snapshot!(fixture.event_log().await, @r"
    malformed PrometheusRule ns/a: ab.yaml:1:13: unclosed bracket '['
    malformed PrometheusRule ns/b: ab.yaml:1:13: unclosed bracket '['
    upsert PrometheusRule ns/c: 4
    ");
}

#[tokio::test(start_paused = true)]
async fn source_reports_the_one_broken_object_of_a_file_as_malformed() {
    let mut fixture = broken(&good().replace("name: a,", "name: a: oops,")).await;
    assert_snapshot!(fixture.event_log().await, @"malformed PrometheusRule ns/a: ab.yaml:3:19: while parsing a flow mapping, did not find expected ',' or '}'");
}

#[tokio::test(start_paused = true)]
async fn source_reports_objects_of_a_restored_file_again_because_they_are_readable() {
    let mut fixture = broken(BROKEN).await;
    fixture.next_events().await;
    fixture.write("ab.yaml", &good());
    assert_snapshot!(fixture.event_log().await, @r"
    upsert PrometheusRule ns/a: 1
    upsert PrometheusRule ns/b: 2
    ");
}

#[tokio::test(start_paused = true)]
async fn source_reports_objects_of_a_broken_file_that_is_deleted_as_deleted() {
    let mut fixture = broken(BROKEN).await;
    fixture.next_events().await;
    fixture.remove("ab.yaml");
    assert_snapshot!(fixture.event_log().await, @r"
    delete PrometheusRule ns/a
    delete PrometheusRule ns/b
    ");
}

#[tokio::test(start_paused = true)]
async fn source_reports_unreadable_document_until_repaired() {
    let broken = format!("{}---\nkind: \"oops\n---\n{}", rule("a", "1"), rule("b", "2"));
    let mut fixture = Fixture::watch(directory(&[("x.yaml", &broken)]), "");
    assert_snapshot!(fixture.event_log().await, @r"
    malformed RuleFile _file/x.yaml: x.yaml:11:7: unclosed quote
    upsert PrometheusRule ns/a: 1
    upsert PrometheusRule ns/b: 2
    complete
    ");
    fixture.write("x.yaml", &broken.replace("kind: \"oops\n", &rule("c", "3")));
    assert_snapshot!(fixture.event_log().await, @r"
    upsert PrometheusRule ns/b: 2
    upsert PrometheusRule ns/c: 3
    delete RuleFile _file/x.yaml
    ");
}

/// A source over two files that declare the same object, with its first events.
async fn duplicates() -> (Fixture, String) {
    let files = [("a.yaml", &*rule("x", "1")), ("b.yaml", &*rule("x", "2"))];
    let mut fixture = Fixture::watch(directory(&files), "");
    let first = fixture.event_log().await;
    (fixture, first)
}

#[tokio::test(start_paused = true)]
async fn source_warns_of_duplicate_object() {
    let (_fixture, first) = duplicates().await;
    assert_snapshot!(first, @r"
    upsert PrometheusRule ns/x: 1 [b.yaml:1:1: the object is declared again here, and this declaration is ignored (the first file by name is used: remove or rename one of them)]
    complete
    ");
}

#[tokio::test(start_paused = true)]
async fn source_warns_of_duplicate_object_no_longer_when_the_other_is_removed() {
    let (mut fixture, _) = duplicates().await;
    fixture.remove("b.yaml");
    assert_snapshot!(fixture.event_log().await, @"upsert PrometheusRule ns/x: 1");
}

#[tokio::test(start_paused = true)]
async fn source_reports_the_duplicate_that_takes_over_and_the_first_when_it_is_back() {
    let (mut fixture, _) = duplicates().await;
    // The other file takes over, although it did not change.
    fixture.remove("a.yaml");
    assert_snapshot!(fixture.event_log().await, @"upsert PrometheusRule ns/x: 2");
    fixture.write("a.yaml", &rule("x", "3"));
    assert_snapshot!(fixture.event_log().await, @"upsert PrometheusRule ns/x: 3 [b.yaml:1:1: the object is declared again here, and this declaration is ignored (the first file by name is used: remove or rename one of them)]");
}

#[tokio::test(start_paused = true)]
async fn source_stops_while_sink_is_not_read() {
    let files: Vec<(String, String)> =
        (0..100).map(|n| (format!("{n}.yaml"), rule(&format!("o{n}"), "1"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    Fixture::watch(directory(&files), "").stop().await;
}

#[tokio::test(start_paused = true)]
async fn source_reads_thousand_files() {
    let files: Vec<(String, String)> =
        (0..1000).map(|n| (format!("{}/{n}.yaml", n % 7), rule(&format!("o{n}"), "1"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
    let mut fixture = Fixture::watch(directory(&files), "");
    assert_eq!(fixture.next_events().await.len(), 1001);
    fixture.write("0/700.yaml", &rule("o700", "2"));
    assert_snapshot!(fixture.event_log().await, @"upsert PrometheusRule ns/o700: 2");
}
