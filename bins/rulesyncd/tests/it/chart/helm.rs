//! A real helm, which `.ci/run` unpacks in two versions.

use std::path::Path;
use std::process::{Command, Output};

use rulesync_testkit::needs;
use serde_json::Value;

use super::directory;

/// The variables that name the programs.
pub(super) const HELM_3: &str = "RULESYNC_E2E_HELM3_BINARY";
pub(crate) const HELM_4: &str = "RULESYNC_E2E_HELM4_BINARY";

/// A helm.
pub(crate) struct Helm {
    program: String,
    /// Its caches and settings: none of the machine.
    home: tempfile::TempDir,
}

impl Helm {
    /// The one that a variable names.
    pub(crate) fn of(variable: &str) -> Self {
        Self { program: needs::variable(variable), home: tempfile::tempdir().unwrap() }
    }

    /// Runs it in the directory of the chart.
    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.current_dir(directory()).args(arguments).env("HOME", self.home.path());
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(variable, self.home.path());
        }
        command.env("KUBECONFIG", self.home.path().join("none")).output().unwrap()
    }

    /// Renders the release `rulesync` in the Kubernetes namespace `monitoring`, or says why not.
    pub(crate) fn template(&self, values: Option<&Path>, more: &[&str]) -> Result<String, String> {
        let mut arguments = vec!["template", "rulesync", ".", "--namespace", "monitoring"];
        let values = values.map(|path| path.to_str().unwrap().to_owned());
        if let Some(values) = &values {
            arguments.extend(["--values", values]);
        }
        arguments.extend(more);
        let Output { status, stdout, stderr } = self.run(&arguments);
        match status.success() {
            true => Ok(String::from_utf8(stdout).unwrap()),
            false => Err(String::from_utf8(stderr).unwrap()),
        }
    }

    /// The objects of a preset.
    pub(super) fn objects(&self, values: &Path) -> Vec<Value> {
        objects(&self.template(Some(values), &[]).unwrap())
    }
}

/// The objects in a text of several documents.
pub(crate) fn objects(text: &str) -> Vec<Value> {
    let documents = text.strip_prefix("---\n").unwrap_or(text).split("\n---\n");
    let parsed = documents.map(|document| match serde_saphyr::from_str::<Value>(document) {
        Ok(object) => object,
        Err(error) => panic!("{error}\n{document}"),
    });
    parsed.filter(|object| !object.is_null()).collect()
}

/// The object of a kind and a name.
pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> Option<&'a Value> {
    objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
}
