//! Files as people really write and break them: every input of `tests/data/cases` does what the README beside it says
//! is right, here or where `ELSEWHERE` says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rulesync_core::Finding;
use rulesync_core::finding::Severity;
use rulesync_core::status::{ObjectState, ObjectStatus, Status};
use rulesync_testkit::{Kind, RulerServer};
use rulesync_tests::Running;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/cases");

/// How rule files look when they break, where they are told to be broken, and with which words.
const OUTER_KEYS: [(&str, &str, &str); 15] = [
    ("bare-group", "1:1", "put it in a list below `groups:`"),
    ("download-failed", "1:1", "neither a rule file nor an object"),
    ("gateway", "1:1", "contains plain text and no rules"),
    ("kind-in-lower-case", "2:7", "is it `PrometheusRule`?"),
    ("kind-in-plural", "2:7", "is it `PrometheusRule`?"),
    ("lfs-pointer", "1:1", "contains plain text and no rules"),
    ("list-item", "3:1", "is it `items`?"),
    ("list-root", "1:1", "put these groups below `groups:`"),
    ("misspelt-groups", "1:1", "is it `groups`?"),
    ("misspelt-groups-in-spec", "4:8", "is it `groups`?"),
    ("rule-at-group-level", "2:5", "expected a group, found a rule"),
    ("rule-for-rules", "3:5", "is it `rules`?"),
    ("singular-group", "1:1", "is it `groups`?"),
    ("specs", "4:1", "is it `spec`?"),
    ("zero-bytes", "1:1", "the file is empty"),
];

/// The tests of other inputs.
const ELSEWHERE: [(&str, &str); 5] = [
    ("files/05-one-object-forty-groups", include_str!("../../crates/rulesync-prometheus/tests/it/engine.rs")),
    (
        "poison/annotation-becomes-label",
        include_str!("../../crates/rulesync-core/src/intake/transform/tests.rs"),
    ),
    ("regex/logql-false-refusal", include_str!("../../crates/rulesync-expr/tests/it/regex.rs")),
    ("regex/logql-missed", include_str!("../../crates/rulesync-expr/tests/it/regex.rs")),
    ("regex/promql-label-replace", include_str!("../../crates/rulesync-expr/tests/it/regex.rs")),
];

/// The names of the inputs of a folder, without the ending.
fn cases_in(folder: &str) -> Vec<String> {
    let files = std::fs::read_dir(Path::new(CASES).join(folder)).unwrap();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = files.map(|file| stem(file.unwrap().path())).collect();
    names.sort();
    names
}

#[test]
fn cases_of_the_directory_are_all_tested() {
    let here = include_str!("cases.rs");
    let in_table = |name: &str| OUTER_KEYS.iter().any(|(known, _, _)| *known == name);
    for folder in ["files", "list", "multi-document", "outer-keys", "poison", "regex", "types"] {
        for name in cases_in(folder) {
            let case = format!("{folder}/{name}");
            let is_named = |text: &str| text.contains(&case);
            let elsewhere = ELSEWHERE.iter().any(|(known, test)| *known == case && is_named(test));
            let is_listed_only = ELSEWHERE.iter().any(|(known, _)| *known == case);
            let is_here = is_named(here) && !is_listed_only;
            assert!(elsewhere || is_here || (folder == "outer-keys" && in_table(&name)), "{case}");
        }
    }
}

struct World {
    ruler: RulerServer,
    directory: tempfile::TempDir,
}

fn case(name: &str) -> String {
    std::fs::read_to_string(Path::new(CASES).join(name)).unwrap()
}

fn rule_file(group: &str) -> String {
    format!("groups:\n- name: {group}\n  rules: [{{record: 'a:b', expr: sum(up)}}]\n")
}

fn object(name: &str) -> String {
    format!(
        "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {{name: {name}, namespace: n}}\nspec: {{groups: [{{name: g, rules: \
         [{{record: 'a:b', expr: up}}]}}]}}\n"
    )
}

/// What every finding of a status says, with its severity.
fn told(status: &Status) -> Vec<(Severity, String)> {
    let of = |object: &ObjectStatus| -> Vec<Finding> {
        let at_destinations = object.destinations.iter().flat_map(|destination| destination.findings.clone());
        object.findings.iter().cloned().chain(at_destinations).collect()
    };
    let findings = status.objects.iter().flat_map(of);
    findings.map(|finding| (finding.severity, finding.to_string())).collect()
}

impl World {
    async fn new() -> Self {
        let ruler = RulerServer::builder(Kind::Mimir).start().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("rules")).unwrap();
        Self { ruler, directory }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join("rules").join(file)
    }

    fn write(&self, file: &str, text: &str) {
        // As editors do it, so that no look sees a half.
        let new = self.directory.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.path(file)).unwrap();
    }

    async fn run(&self) -> Running {
        let url = self.ruler.url();
        let config = format!(
            "owner: us\nclaim: off\nsources: [{{type: files, path: rules/}}]\nrulers: [{{name: central, type: mimir, address: '{url}'}}]\nroutes: \
             [{{name: all, ruler: central, tenant: prod}}]\n"
        );
        rulesync_tests::run(&config, self.directory.path()).await.unwrap()
    }

    /// The ruler's namespaces, without the owner.
    fn namespaces(&self) -> BTreeSet<String> {
        let names = self.ruler.rules("prod").into_keys();
        names.map(|name| name.strip_prefix("us.").unwrap_or(&name).to_owned()).collect()
    }

    async fn until_namespaces(&self, running: &Running, expected: &BTreeSet<String>) -> Status {
        running.until(|_| self.namespaces() == *expected).await.unwrap_or_else(|error| {
            panic!("the ruler has {:?} in place of {expected:?}: {error}", self.namespaces())
        })
    }

    /// The text of a group in the ruler.
    fn group(&self, namespace: &str, group: &str) -> serde_json::Value {
        let rules = self.ruler.rules("prod");
        serde_json::to_value(&rules[&format!("us.{namespace}")][group]).unwrap()
    }
}

/// One object in each file, by the case's name, and the namespaces they have.
fn declared() -> Vec<(String, String, String)> {
    let of = |(index, (name, _, _)): (usize, &(&str, &str, &str))| {
        let file = format!("{name}.yaml");
        // What broke was of either form, but where the broken form has a name of its own.
        match index % 2 == 0 && *name != "rule-for-rules" {
            true => (file, object(name), format!("n.{name}")),
            false => (file.clone(), rule_file("g"), format!("_file.{file}")),
        }
    };
    OUTER_KEYS.iter().enumerate().map(of).collect()
}

/// Files that declared something and broke under an engine that runs.
struct Broken {
    world: World,
    running: Running,
    /// The namespaces of what they declared.
    kept: BTreeSet<String>,
}

impl Broken {
    /// Writes the files, has them synced with those of `others`, and breaks them.
    async fn with(others: &[(&str, String)]) -> Self {
        let world = World::new().await;
        let mut kept = BTreeSet::new();
        for (file, text, namespace) in declared() {
            world.write(&file, &text);
            kept.insert(namespace);
        }
        for (file, text) in others {
            world.write(file, text);
        }
        let running = world.run().await;
        running
            .in_order(kept.len() + others.iter().map(|(_, text)| documents(text)).sum::<usize>())
            .await
            .unwrap();
        assert!(world.namespaces().is_superset(&kept), "{:?}", world.namespaces());
        for (name, _, _) in OUTER_KEYS {
            world.write(&format!("{name}.yaml"), &case(&format!("outer-keys/{name}.yaml")));
        }
        Self { world, running, kept }
    }

    /// Waits until each is told to be broken, where it is.
    async fn told(&self) -> Status {
        let is_told = |status: &Status| {
            let told = told(status);
            OUTER_KEYS.iter().all(|(name, at, words)| {
                let location = format!("rules/{name}.yaml:{at}");
                told.iter().any(|(severity, text)| {
                    *severity == Severity::Error && text.starts_with(&location) && text.contains(words)
                })
            })
        };
        self.running.until(is_told).await.unwrap_or_else(|error| panic!("{error}"))
    }
}

fn documents(text: &str) -> usize {
    text.split("---\n").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_keep_their_rules_and_are_told_where_they_are() {
    let broken = Broken::with(&[("goes.yaml", rule_file("g"))]).await;
    let status = broken.told().await;
    // Nothing else is told, so that every one of them is told where it is.
    let files: BTreeSet<String> =
        told(&status).iter().map(|(_, text)| text.split(':').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(files.len(), OUTER_KEYS.len(), "{files:?}");
    // Something else goes, so that deletes are known to be made.
    std::fs::remove_file(broken.world.path("goes.yaml")).unwrap();
    broken.world.until_namespaces(&broken.running, &broken.kept).await;
    broken.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_emptied_on_purpose_lose_their_rules_among_broken_ones() {
    let both = format!("{}---\n{}", object("stays"), object("taken-out"));
    let broken = Broken::with(&[
        ("comments.yaml", rule_file("g")),
        ("empty.yaml", rule_file("g")),
        ("deleted.yaml", rule_file("g")),
        ("taken-out.yaml", both),
    ])
    .await;
    broken.world.write("comments.yaml", "# nothing any more\n");
    broken.world.write("empty.yaml", "groups: []\n");
    std::fs::remove_file(broken.world.path("deleted.yaml")).unwrap();
    broken.world.write("taken-out.yaml", &object("stays"));
    let left = broken.kept.iter().cloned().chain(["n.stays".to_owned()]).collect();
    broken.world.until_namespaces(&broken.running, &left).await;
    broken.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_keep_their_rules_over_a_restart() {
    let mut broken = Broken::with(&[("goes.yaml", rule_file("g"))]).await;
    broken.told().await;
    broken.running.stop().await.unwrap();
    // Something else goes, so that deletes are known to be made.
    std::fs::remove_file(broken.world.path("goes.yaml")).unwrap();
    broken.running = broken.world.run().await;
    broken.world.until_namespaces(&broken.running, &broken.kept).await;
    let status = broken.told().await;
    assert!(status.sources.iter().all(|source| !source.hides_objects), "the inventory knows all of them");
    broken.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_are_in_order_again_once_they_are_mended() {
    let broken = Broken::with(&[]).await;
    broken.told().await;
    for (file, text, _) in declared() {
        broken.world.write(&file, &text);
    }
    broken.running.until(|status| told(status).is_empty()).await.unwrap();
    broken.world.until_namespaces(&broken.running, &broken.kept).await;
    broken.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_file_that_is_not_understood_is_a_warning_and_holds_nothing_up() {
    let world = World::new().await;
    for file in ["a.yaml", "b.yaml", "c.yaml"] {
        world.write(file, &rule_file("g"));
    }
    let running = world.run().await;
    running.in_order(3).await.unwrap();
    let mut cases: Vec<(String, &str, &str)> =
        OUTER_KEYS.iter().map(|(name, at, words)| (format!("outer-keys/{name}"), *at, *words)).collect();
    cases.push(("files/04-other-api-group".to_owned(), "1:13", "is another API"));
    cases.push((
        "files/08-apiversion-without-version".to_owned(),
        "1:13",
        "begins with `monitoring.coreos.com/`",
    ));
    for (name, _, _) in &cases {
        let file = format!("{}.yaml", name.rsplit('/').next().unwrap());
        // Each of its own name, so that none is another's duplicate.
        let text = case(&format!("{name}.yaml"))
            .replace("name: x,", &format!("name: {},", file.replace(".yaml", "")));
        world.write(&file, &text);
    }
    // Deletes are made all the same.
    std::fs::remove_file(world.path("c.yaml")).unwrap();
    let two = ["_file.a.yaml".to_owned(), "_file.b.yaml".to_owned()].into();
    world.until_namespaces(&running, &two).await;
    let tells = |status: &Status| {
        let told = told(status);
        cases.iter().all(|(name, at, words)| {
            let location = format!("rules/{}.yaml:{at}", name.rsplit('/').next().unwrap());
            told.iter().any(|(severity, text)| {
                // That one is a rule file, with a group that is refused.
                let expected = name.contains("rule-for-rules");
                (*severity == Severity::Error) == expected
                    && text.starts_with(&location)
                    && text.contains(words)
            })
        })
    };
    let status = running.until(tells).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(told(&status).len(), cases.len(), "{:#?}", told(&status));
    assert!(!status.sources[0].hides_objects);
    assert_eq!(world.namespaces(), two);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn failure_of_a_group_concerns_no_other() {
    let world = World::new().await;
    for name in ["list/one-bad-item", "types/one-bad-field", "poison/merge-key"] {
        world.write(&format!("{}.yaml", name.rsplit('/').next().unwrap()), &case(&format!("{name}.yaml")));
    }
    let running = world.run().await;
    let expected = ["n.one", "n.three", "n.three-groups"].map(str::to_owned).into();
    world.until_namespaces(&running, &expected).await;
    let is_settled = |status: &Status| status.destinations.iter().all(|destination| destination.pending == 0);
    let status = running.until(|status| told(status).len() >= 4 && is_settled(status)).await.unwrap();
    let mut told: Vec<String> = told(&status).into_iter().map(|(_, text)| text).collect();
    told.sort();
    insta::assert_snapshot!(told.join("\n"));
    let groups: Vec<String> = world.ruler.rules("prod")["us.n.three-groups"].keys().cloned().collect();
    assert_eq!(groups, ["good-1", "good-2"]);
    let two = status.objects.iter().find(|object| object.name == "two").unwrap();
    assert_eq!(two.state, ObjectState::Malformed);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_is_read_as_go_yaml_does() {
    let world = World::new().await;
    for name in [
        "files/01-escaped-apostrophe",
        "files/02-block-scalar-at-end-of-file",
        "files/02b-folded-at-end-of-file",
    ] {
        world.write(&format!("{}.yaml", name.rsplit('/').next().unwrap()), &case(&format!("{name}.yaml")));
    }
    let running = world.run().await;
    let status = running.in_order(3).await.unwrap();
    assert_eq!(told(&status), []);
    let annotations = |file: &str, group: &str| {
        world.group(&format!("_file.{file}.yaml"), group)["rules"][0]["annotations"].clone()
    };
    assert_eq!(
        annotations("01-escaped-apostrophe", "escaped"),
        serde_json::json!({"summary": "endpoint '{{ $labels.name }}' failed"})
    );
    assert_eq!(
        annotations("02-block-scalar-at-end-of-file", "nonl"),
        serde_json::json!({"summary": "one line, and the file ends here"})
    );
    assert_eq!(
        annotations("02b-folded-at-end-of-file", "nonl2"),
        serde_json::json!({"summary": "folded", "description": "ends here"})
    );
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_one_file_all_count_and_a_new_name_is_written_before_the_former_goes() {
    let world = World::new().await;
    let two_documents = case("multi-document/a.yaml");
    world.write("a.yaml", &two_documents);
    let running = world.run().await;
    let status = running.in_order(2).await.unwrap();
    assert_eq!(told(&status), []);
    assert_eq!(world.namespaces(), ["_file.one".to_owned(), "_file.two".to_owned()].into());

    world.write("a.yaml", &two_documents.replace("namespace: one", "namespace: three"));
    world.until_namespaces(&running, &["_file.three".to_owned(), "_file.two".to_owned()].into()).await;
    let requests = world.ruler.journal().requests();
    let first = |method: &str, name: &str| {
        requests.iter().position(|request| request.method == method && request.path.contains(name)).unwrap()
    };
    assert!(first("POST", "us._file.three") < first("DELETE", "us._file.one"));
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn expression_that_is_refused_is_told_where_it_stands_in_the_file() {
    let world = World::new().await;
    world.write(
        "broken.yaml",
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n\n      up ==\n        sum(up\n    annotations: {a: b}\n  - {alert: B, expr: 'up ('}\n",
    );
    let running = world.run().await;
    let status = running
        .until(|status| told(status).iter().any(|(_, text)| text.contains("refused by the ruler")))
        .await
        .unwrap();
    let mut told: Vec<String> = told(&status).into_iter().map(|(_, text)| text).collect();
    told.sort();
    insta::assert_snapshot!(told.join("\n"));
    running.stop().await.unwrap();
}

/// As a Mimir 3 and a Loki judge by default, whose words show that what was expected is what they do.
#[tokio::test(flavor = "multi_thread")]
async fn refusal_by_a_ruler_has_a_rule_a_field_and_a_reason() {
    let world = World::new().await;
    let no_reason = cases_in("no-reason").into_iter().map(|name| format!("no-reason/{name}"));
    let others = ["files/06-template-mistake", "files/07-vmalert-group-keys", "regex/promql-matcher"]
        .map(str::to_owned);
    let cases: Vec<String> = no_reason.chain(others).collect();
    for name in &cases {
        world.write(&format!("{}.yaml", name.rsplit('/').next().unwrap()), &case(&format!("{name}.yaml")));
    }
    let running = world.run().await;
    let is_settled = |status: &Status| {
        status.objects.len() == cases.len()
            && status.destinations.iter().all(|destination| destination.pending == 0)
    };
    let status = running.until(is_settled).await.unwrap();
    let mut told: Vec<String> = told(&status).into_iter().map(|(_, text)| text).collect();
    told.sort();
    insta::assert_snapshot!(told.join("\n"));
    // A Mimir has the functions that need a flag elsewhere.
    assert_eq!(world.namespaces(), ["_file.experimental.yaml".to_owned()].into());
    running.stop().await.unwrap();
}
