//! What the command line is given: files, directories and standard input, to objects. Each file is read when it is its
//! turn, so that memory does not grow with their number.

mod paths;
pub(crate) mod selector;

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rulesync_core::route::Selector;
use rulesync_files::manifest::{self, Contents};
use rulesync_files::{Identities, find_files};

use crate::failure::Failure;
pub(crate) use paths::STDIN;
use paths::{Place, plain};

/// Where objects come from.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct InputArgs {
    /// Files and directories with rules; `-` is standard input, such as what `helm template` and `kustomize build` print.
    ///
    /// PrometheusRules, AlertingRules, RecordingRules and LoggingRules, by themselves or in lists, and plain rule files,
    /// also those of mimirtool. Of a directory, all files that end in .yaml, .yml or .json, and do not begin with a dot.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    /// Only objects with these labels, such as `team=web,tier in (a, b),!legacy`. Plain rule files have no labels.
    #[arg(short = 'l', long, value_name = "SELECTOR", value_parser = selector::parse)]
    pub(crate) selector: Option<Selector>,
}

/// A path to read, and the patterns of the files in it if it is a directory; none for those of manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputPath {
    /// The path. `-` is standard input.
    pub(crate) path: PathBuf,
    /// The patterns.
    pub(crate) glob: Vec<String>,
}

/// The files to read.
#[derive(Debug)]
pub(crate) struct Inputs {
    places: Vec<Place>,
    selector: Option<Selector>,
    /// What could not be read of directories.
    pub(crate) errors: Vec<String>,
}

/// A file that was read.
#[derive(Debug)]
pub(crate) struct InputFile<'a> {
    /// The file, as it is shown.
    pub(crate) shown: String,
    /// Its text; empty if it could not be read.
    pub(crate) text: Cow<'a, [u8]>,
    /// The objects that were selected, and all else.
    pub(crate) contents: Contents,
    /// The number of objects that were not selected.
    pub(crate) not_selected: usize,
}

impl InputArgs {
    /// Lists the files below the paths; without a path, below `otherwise`.
    pub(crate) fn list(&self, otherwise: Vec<InputPath>) -> Result<Inputs, Failure> {
        let given = |path: &PathBuf| InputPath { path: path.clone(), glob: Vec::new() };
        let paths = match self.paths.as_slice() {
            [] => otherwise,
            paths => paths.iter().map(given).collect(),
        };
        Inputs::list(&paths, self.selector.clone())
    }
}

impl Inputs {
    /// Lists the files below the paths.
    pub(crate) fn list(paths: &[InputPath], selector: Option<Selector>) -> Result<Self, Failure> {
        let mut inputs = Self { places: Vec::new(), selector, errors: Vec::new() };
        let mut seen = HashSet::new();
        for InputPath { path, glob } in paths {
            if path == Path::new("-") {
                if seen.insert(path.clone()) {
                    inputs.places.push(Place::stdin().map_err(Failure::Input)?);
                }
                continue;
            }
            let root = plain(path);
            // Each path is a source of its own, as it would be in a configuration: rule files of one name in two directories
            // are two objects.
            let source = root.display().to_string().into();
            let identities = Identities::new(&source).displayed_below(&root);
            if rulesync_fs::is_inherited(path) {
                inputs.places.push(Place::pipe(identities, path).map_err(Failure::Input)?);
                continue;
            }
            let found = find_files(&root, glob).map_err(|error| Failure::Input(error.to_string()))?;
            inputs.errors.extend(found.errors);
            for file in found.files {
                let whole = found.base.join(&file);
                if seen.insert(whole.clone()) {
                    inputs.places.push(Place::file(identities.clone(), whole, file));
                }
            }
        }
        Ok(inputs)
    }

    /// Reads one file after the other.
    pub(crate) fn files(&self) -> impl Iterator<Item = InputFile<'_>> {
        self.places.iter().map(|place| self.read(place))
    }

    fn read<'a>(&self, place: &'a Place) -> InputFile<'a> {
        let Place { identities, name, .. } = place;
        let (text, mut contents) = match place.read() {
            Ok(text) => {
                let contents = manifest::read(&text, name, identities);
                (text, contents)
            }
            Err(reason) => (Cow::default(), manifest::unreadable(name, identities, &reason)),
        };
        let before = contents.objects.len();
        if let Some(selector) = &self.selector {
            contents.objects.retain(|parsed| selector.matches(&parsed.object.labels));
        }
        let not_selected = before - contents.objects.len();
        InputFile { shown: identities.display_path(name), text, contents, not_selected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n\
                        metadata: {name: a, labels: {team: web}}\nspec: {groups: []}\n";

    fn inputs(root: &Path, selector: Option<&str>) -> Inputs {
        let selector = selector.map(|text| selector::parse(text).unwrap());
        let paths = [root.to_owned(), root.join("a.yaml")].map(|path| InputPath { path, glob: Vec::new() });
        Inputs::list(&paths, selector).unwrap()
    }

    #[test]
    fn input_reads_each_file_once() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.yaml"), RULE).unwrap();
        std::fs::write(directory.path().join("b.yml"), "groups: []\n").unwrap();
        let inputs = inputs(directory.path(), None);
        let files: Vec<InputFile<'_>> = inputs.files().collect();
        let shown: Vec<&str> = files.iter().map(|file| file.shown.as_str()).collect();
        let below = |name: &str| directory.path().join(name).display().to_string();
        assert_eq!(shown, [below("a.yaml"), below("b.yml")]);
        assert_eq!(files[0].contents.objects[0].object.id.to_string(), "PrometheusRule default/a");
        assert_eq!(files[1].contents.objects[0].object.id.name(), "b.yml");
    }

    #[test]
    fn input_selects_by_labels() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.yaml"), RULE).unwrap();
        for (selector, selected) in [("team=web", 1), ("team!=web", 0), ("!team", 0)] {
            let inputs = inputs(directory.path(), Some(selector));
            let file = inputs.files().next().unwrap();
            assert_eq!((file.contents.objects.len(), file.not_selected), (selected, 1 - selected));
        }
    }

    #[test]
    fn input_that_does_not_exist_is_a_failure() {
        let paths = [InputPath { path: "/nowhere/rules".into(), glob: Vec::new() }];
        let error = Inputs::list(&paths, None).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/rules: No such file"), "{error}");
    }
}
