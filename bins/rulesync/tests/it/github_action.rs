//! The GitHub action, run as the runner does: its script with this binary, and with a `gh` that notes what it is asked for.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::plan::changed;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Notes its arguments and the body, and answers the search for a comment with `$FOUND`.
const GH: &str = "#!/bin/sh
echo \"$@\" >> \"$RUNNER_TEMP/gh\"
case \"$*\" in
  *--paginate*) printf '%s' \"$FOUND\" ;;
  *body=@*) for argument; do case \"$argument\" in body=@*) cat \"${argument#body=@}\" > \"$RUNNER_TEMP/body\" ;; esac; done ;;
esac
";

/// A runner, in whose directory the action runs.
struct Runner {
    directory: PathBuf,
    temporary: TempDir,
}

/// What a run has left.
struct Done {
    output: Output,
    outputs: String,
    step_summary: String,
    /// What `gh` was asked for, and the body of the comment.
    gh: String,
    body: String,
}

impl Runner {
    fn new(directory: PathBuf) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let gh = temporary.path().join("bin/gh");
        std::fs::create_dir(gh.parent().unwrap()).unwrap();
        std::fs::write(&gh, GH).unwrap();
        std::fs::set_permissions(&gh, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { directory, temporary }
    }

    fn run(&self, variables: &[(&str, &str)]) -> Done {
        let at = |name: &str| self.temporary.path().join(name);
        for name in ["output", "summary", "gh", "body"] {
            std::fs::write(at(name), "").unwrap();
        }
        let binary = assert_cmd::cargo::cargo_bin!("rulesync");
        let path = format!(
            "{}:{}:{}",
            at("bin").display(),
            binary.parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        let output = Command::new(root().join("deploy/github-action/action.sh"))
            .current_dir(&self.directory)
            .env_clear()
            .env("PATH", path)
            .env("RUNNER_TEMP", self.temporary.path())
            .env("GITHUB_OUTPUT", at("output"))
            .env("GITHUB_STEP_SUMMARY", at("summary"))
            .env("GITHUB_REPOSITORY", "shop/rules")
            .env("INPUT_COMMENT", "true")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
        Done {
            output,
            outputs: read("output"),
            step_summary: read("summary"),
            gh: read("gh"),
            body: read("body"),
        }
    }
}

impl Done {
    fn code(&self) -> i32 {
        self.output.status.code().unwrap()
    }

    fn stdout(&self) -> String {
        String::from_utf8(self.output.stdout.clone()).unwrap()
    }

    /// Returns an output, as the runner reads it.
    fn value(&self, name: &str) -> Option<String> {
        let mut lines = self.outputs.lines();
        while let Some(line) = lines.next() {
            if let Some(value) = line.strip_prefix(&format!("{name}=")) {
                return Some(value.to_owned());
            }
            if let Some((key, delimiter)) = line.split_once("<<") {
                let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
                if key == name {
                    return Some(value.join("\n").trim_end().to_owned());
                }
            }
        }
        None
    }
}

fn examples() -> Runner {
    Runner::new(root().join("examples/cli"))
}

#[test]
fn action_checks_as_the_action_of_grafana_is_told() {
    let done = examples().run(&[
        ("ACTION", "check"),
        ("RULES_DIR", "rules/api.yaml, rules/logs.yaml"),
        ("PULL_REQUEST", "7"),
    ]);
    assert_eq!(done.code(), 1, "{:?}", done.output);
    assert_eq!(done.stdout().matches("::error file=rules/api.yaml,").count(), 4);
    assert_eq!(done.value("changes").as_deref(), Some("4"));
    let summary = "Checked 2 objects with 2 groups and 3 rules in 2 files: 4 errors, 0 warnings";
    assert_eq!(done.value("summary").as_deref(), Some(summary));
    assert!(done.step_summary.starts_with("### ❌ rulesync check") && done.step_summary.contains(summary));
    assert_eq!(done.value("detailed").unwrap(), done.step_summary.trim_end());
    assert!(done.gh.contains("api --silent --method POST repos/shop/rules/issues/7/comments"), "{}", done.gh);
    assert!(done.body.starts_with("<!-- rulesync check -->\n### ❌ rulesync check\n"), "{}", done.body);
}

#[test]
fn action_updates_its_comment_and_makes_none_for_nothing() {
    let sound = [("INPUT_ACTION", "lint"), ("INPUT_PATHS", "rules/logs.yaml"), ("PULL_REQUEST", "7")];
    let nothing = examples().run(&sound);
    assert_eq!((nothing.code(), nothing.value("changes").as_deref()), (0, Some("0")));
    assert!(nothing.gh.contains("--paginate") && !nothing.gh.contains("--method"), "{}", nothing.gh);
    let found =
        examples().run(&[&sound[..], &[("FOUND", "41\n42"), ("INPUT_COMMENT_KEY", "eu\" or")]].concat());
    assert!(
        found.gh.contains("api --silent --method PATCH repos/shop/rules/issues/comments/41 "),
        "{}",
        found.gh
    );
    assert!(found.body.starts_with("<!-- rulesync check euor -->\n### ✅"), "{}", found.body);
    let outside = examples().run(&sound[..2]);
    assert_eq!(outside.gh, "", "no pull request");
}

#[test]
fn action_fails_on_warnings_and_writes_sarif_if_it_is_told_to() {
    let runner = examples();
    let sarif = runner.temporary.path().join("rules.sarif");
    let inputs = [
        ("INPUT_ACTION", "check"),
        ("INPUT_PATHS", "rules/orders.yaml"),
        ("INPUT_FAIL_ON", "warning"),
        ("INPUT_SARIF", sarif.to_str().unwrap()),
    ];
    assert_eq!(runner.run(&inputs).code(), 1);
    let log: Value = serde_json::from_str(&std::fs::read_to_string(&sarif).unwrap()).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "duplicate-rule");
    assert_eq!(runner.run(&inputs[..2]).code(), 0);
}

#[test]
fn action_refuses_what_it_does_not_know() {
    for (variables, says) in [
        (&[][..], "`action` is missing"),
        (&[("ACTION", "prepare")], "`prepare` rewrites files"),
        (&[("ACTION", "print")], "rulesync print"),
        (&[("ACTION", "destroy")], "`destroy` is unknown"),
        (
            &[("ACTION", "check"), ("LABEL_EXCLUDED_RULE_GROUPS", "a")],
            "`LABEL_EXCLUDED_RULE_GROUPS` is not supported",
        ),
        (&[("ACTION", "sync"), ("INPUT_NAMESPACES", "a")], "`NAMESPACES` is not supported"),
    ] {
        let done = examples().run(variables);
        assert_eq!(done.code(), 64);
        let printed = done.stdout();
        assert!(printed.starts_with("::error title=rulesync::") && printed.contains(says), "{printed}");
    }
    let usage = examples().run(&[("ACTION", "check"), ("INPUT_FAIL_ON", "nothing")]);
    assert_eq!(usage.code(), 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn action_plans_and_carries_out_that_plan() {
    let world = changed().await;
    std::fs::write(
        world.path("rules/api.yaml"),
        world.read("rules/api.yaml").replace("sum(up}]", "sum(up)}]"),
    )
    .unwrap();
    let runner = Runner::new(world.path(""));
    let url = world.ruler.url();
    let inputs = [
        ("RULES_DIR", "rules"),
        ("MIMIR_ADDRESS", &url),
        ("INPUT_MIMIR_TENANT_ID", "prod"),
        ("INPUT_OWNER", "us"),
        ("PULL_REQUEST", "7"),
    ];
    let run = async |more: &[(&str, &str)]| {
        let variables = [&inputs[..], more].concat();
        tokio::task::block_in_place(|| runner.run(&variables))
    };
    let planned = run(&[("ACTION", "diff")]).await;
    assert_eq!(planned.code(), 0, "{:?}", planned.output);
    assert_eq!(planned.value("summary").as_deref(), Some("2 to add, 1 to change, 1 to delete"));
    assert_eq!(planned.value("changes").as_deref(), Some("4"));
    let plan = planned.value("plan").unwrap();
    assert!(Path::new(&plan).exists() && world.writes() == (0, 0));
    assert!(planned.body.starts_with("<!-- rulesync plan -->\n**Plan:** 2 to add"), "{}", planned.body);
    // What is printed cannot be taken for a command.
    let printed = planned.stdout();
    let token = printed.strip_prefix("::stop-commands::").and_then(|rest| rest.lines().next()).unwrap();
    assert!(printed.trim_end().ends_with(&format!("::{token}::")), "{printed}");

    let synced = run(&[("ACTION", "sync"), ("INPUT_PLAN_FILE", &plan)]).await;
    assert_eq!(synced.code(), 0, "{:?}", synced.output);
    assert_eq!(synced.value("summary").as_deref(), Some("2 added, 1 changed, 1 deleted"));
    assert_eq!((synced.value("changes").as_deref(), synced.gh.as_str()), (Some("4"), ""));
    assert!(
        synced.step_summary.contains("\n    + mimir/prod: us.shop.api / latency"),
        "{}",
        synced.step_summary
    );
    let again = run(&[("ACTION", "plan")]).await;
    assert_eq!((again.code(), again.value("changes").as_deref()), (0, Some("0")));
}

#[test]
fn action_comments_on_what_is_only_held() {
    let runner = examples();
    let rulesync = runner.temporary.path().join("rulesync");
    let script = "#!/bin/sh\nprintf '**Plan:** 0 to add, 0 to change, 0 to delete, 2 held\\n'\nexit 2\n";
    std::fs::write(&rulesync, script).unwrap();
    std::fs::set_permissions(&rulesync, std::fs::Permissions::from_mode(0o755)).unwrap();
    let inputs = [("ACTION", "plan"), ("INPUT_RULESYNC", rulesync.to_str().unwrap()), ("PULL_REQUEST", "7")];
    let done = runner.run(&inputs);
    assert_eq!((done.code(), done.value("changes").as_deref()), (0, Some("0")));
    assert!(done.body.starts_with("<!-- rulesync plan -->\n**Plan:** 0 to add"), "{}", done.body);
}

#[test]
fn action_carries_out_nothing_but_the_plan() {
    let runner = examples();
    let rules = runner.temporary.path().join("rules.yaml");
    std::fs::write(&rules, "groups: []\n").unwrap();
    for (plan, code) in [(rules.to_str().unwrap(), 64), ("-nosuch", 1)] {
        let inputs = [
            ("ACTION", "sync"),
            ("INPUT_PLAN_FILE", plan),
            ("INPUT_OWNER", "us"),
            ("MIMIR_ADDRESS", "http://127.0.0.1:9"),
        ];
        let done = runner.run(&inputs);
        assert_eq!(done.code(), code, "{:?}", done.output);
        let error = String::from_utf8_lossy(&done.output.stderr).into_owned();
        assert!(error.starts_with(&format!("error: {plan}: ")), "{error}");
    }
}

#[test]
fn action_cuts_what_is_longer_than_the_runner_takes() {
    let runner = examples();
    let rulesync = runner.temporary.path().join("rulesync");
    let script = "#!/bin/sh\nprintf '**Plan:** 1 to add, 0 to change, 0 to delete, 2 held\\n\\n```diff\\n'\nyes '+ a line of a large rule, again and again' | head -n 50000\nexit 2\n";
    std::fs::write(&rulesync, script).unwrap();
    std::fs::set_permissions(&rulesync, std::fs::Permissions::from_mode(0o755)).unwrap();
    let inputs = [
        ("ACTION", "plan"),
        ("INPUT_RULESYNC", rulesync.to_str().unwrap()),
        ("PULL_REQUEST", "7"),
        ("GITHUB_RUN_ID", "12"),
    ];
    let done = runner.run(&inputs);
    assert_eq!((done.code(), done.value("changes").as_deref()), (0, Some("1")));
    assert!(done.step_summary.len() < 1 << 20 && done.step_summary.ends_with("see the log.\n"));
    assert!(done.outputs.len() < 1 << 20);
    let body = "<!-- rulesync plan -->\n**rulesync plan**: 1 to add, 0 to change, 0 to delete, 2 held\n\nMore than fits into a \
                comment: see [the run](https://github.com/shop/rules/actions/runs/12).\n";
    assert_eq!(done.body, body);
}

#[tokio::test(flavor = "multi_thread")]
async fn action_plans_files_of_mimirtool_with_their_namespaces() {
    let world = crate::world::World::new().await;
    world.write("rules.yaml", "namespace: shop\ngroups: [{name: g, rules: [{record: r, expr: up}]}]\n");
    let runner = Runner::new(world.path(""));
    let url = world.ruler.url();
    let inputs = [
        ("ACTION", "diff"),
        ("MIMIR_ADDRESS", url.as_str()),
        ("MIMIR_TENANT_ID", "prod"),
        ("INPUT_OWNER", "us"),
        ("INPUT_NAMING", "verbatim"),
        ("INPUT_INVENTORY", "inventory.json"),
    ];
    let planned = tokio::task::block_in_place(|| runner.run(&inputs));
    assert_eq!(planned.code(), 0, "{:?}", planned.output);
    assert_eq!(planned.value("changes").as_deref(), Some("1"));
    assert!(
        planned.value("detailed").unwrap().contains("<code>+ shop / g of"),
        "{:?}",
        planned.value("detailed")
    );
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

#[test]
fn action_declares_the_inputs_and_outputs_that_its_script_has() {
    let action = yaml("deploy/github-action/action.yml");
    let script = std::fs::read_to_string(root().join("deploy/github-action/action.sh")).unwrap();
    let inputs: BTreeSet<&str> = action["inputs"].as_object().unwrap().keys().map(String::as_str).collect();
    let step = &action["runs"]["steps"][0];
    let mut passed = BTreeSet::new();
    for (name, value) in step["env"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        let Some(input) = value.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}")) else {
            continue;
        };
        passed.insert(input);
        if name != "GH_TOKEN" {
            assert_eq!(*name, format!("INPUT_{}", input.replace('-', "_").to_uppercase()));
            // Those of one loop are composed of `INPUT_` and the name.
            let composed = name.strip_prefix("INPUT_").unwrap();
            assert!(script.contains(name.as_str()) || script.contains(&format!(" {composed}")), "{name}");
        }
    }
    assert_eq!(passed, inputs);
    for (name, output) in action["outputs"].as_object().unwrap() {
        assert_eq!(output["value"], format!("${{{{ steps.run.outputs.{name} }}}}"));
        let writes = [format!("output {name} "), format!("printf '{name}=")];
        assert!(writes.iter().any(|write| script.contains(write)), "{name}");
    }
}

#[test]
fn pre_commit_hook_runs_a_verb_that_exists() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let [hook] = hooks.as_array().unwrap().as_slice() else { panic!("{hooks}") };
    for key in ["id", "name", "entry", "language"] {
        assert!(hook[key].is_string(), "{key}");
    }
    // pre-commit appends the files.
    let entry: Vec<&str> = hook["entry"].as_str().unwrap().split(' ').collect();
    assert_eq!(entry[0], "rulesync");
    let checked = crate::cli::rulesync()
        .current_dir(root().join("examples/cli"))
        .args(&entry[1..])
        .args(["rules/logs.yaml", "mimirtool/api.yaml"])
        .output()
        .unwrap();
    assert!(checked.status.success(), "{checked:?}");
}
