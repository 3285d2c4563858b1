//! Sources: which keys their type has, their names and patterns.

use std::path::Path as FilePath;

use super::features::{FILES, KUBERNETES};
use super::report::Report;
use crate::file::{SourceFile, SourceType};
use crate::settings::{SourceKind, SourceSettings};
use crate::yaml::Path;

/// Checks the sources. One that cannot be used is none.
pub(super) fn sources(
    files: &[SourceFile],
    directory: &FilePath,
    report: &mut Report<'_>,
) -> Vec<Option<SourceSettings>> {
    let at = Path::of("sources");
    if files.is_empty() {
        report.error(&at, "no source is configured", "add one, such as `{type: kubernetes}`");
    }
    let names = names(files);
    let places = names.iter().enumerate().map(|(index, name)| (at.item(index).key("name"), name.as_str()));
    report.unique("source", places);
    files
        .iter()
        .zip(&names)
        .enumerate()
        .map(|(index, (file, name))| source(file, name, &at.item(index), directory, report))
        .collect()
}

fn source(
    file: &SourceFile,
    name: &str,
    at: &Path,
    directory: &FilePath,
    report: &mut Report<'_>,
) -> Option<SourceSettings> {
    let SourceFile { kind, name: _, kubeconfig, namespaces, path, glob } = file;
    if report.is_damaged(&at.key("type")) {
        return None;
    }
    let before = report.len();
    let (word, others) = match kind {
        SourceType::Kubernetes => ("kubernetes", [("path", path.is_some()), ("glob", glob.is_some())]),
        SourceType::Files => {
            ("files", [("kubeconfig", kubeconfig.is_some()), ("namespaces", namespaces.is_some())])
        }
    };
    for (key, _) in others.iter().filter(|(_, is_set)| *is_set) {
        let message = format!("source `{name}`: `{key}` has no meaning for the type `{word}`");
        report.error_at_key(&at.key(key), message, "remove it");
    }
    let kind = match kind {
        SourceType::Kubernetes => {
            KUBERNETES.require(report, &at.key("type"), word);
            let kubeconfig = kubeconfig.as_ref().filter(|path| !path.as_os_str().is_empty());
            SourceKind::Kubernetes {
                kubeconfig: kubeconfig.map(|path| directory.join(path)),
                namespaces: namespaces.clone().unwrap_or_default(),
            }
        }
        SourceType::Files => {
            FILES.require(report, &at.key("type"), word);
            let glob = glob.as_ref().map(|globs| globs.patterns().to_vec()).unwrap_or_default();
            patterns(name, &glob, at, report);
            let Some(path) = path.clone() else {
                let message = format!("source `{name}`: `path` is missing");
                report.error(&at.key("path"), message, "set it to a directory or a file");
                return None;
            };
            SourceKind::Files { path, glob }
        }
    };
    (report.len() == before).then(|| SourceSettings { name: name.to_owned(), kind })
}

#[cfg(feature = "files")]
fn patterns(name: &str, glob: &[String], at: &Path, report: &mut Report<'_>) {
    for (index, pattern) in glob.iter().enumerate() {
        let made = rulesync_files::FilesSource::new("").glob(std::slice::from_ref(pattern));
        if let Err(error) = made {
            // One pattern stands for itself, several are a list.
            report.error(&at.key("glob").item(index), format!("source `{name}`: glob: {error}"), "");
        }
    }
}

#[cfg(not(feature = "files"))]
fn patterns(_: &str, _: &[String], _: &Path, _: &mut Report<'_>) {}

/// Returns the names of sources. One without a name is called by its type, with a number from the second one on.
pub(super) fn names(files: &[SourceFile]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for file in files {
        let kind = match file.kind {
            SourceType::Kubernetes => "kubernetes",
            SourceType::Files => "files",
        };
        let name = file.name.clone().unwrap_or_else(|| {
            let numbered = (2..).map(|number| format!("{kind}-{number}"));
            let mut candidates = std::iter::once(kind.to_owned()).chain(numbered);
            candidates.find(|candidate| !names.contains(candidate)).unwrap_or_default()
        });
        names.push(name);
    }
    names
}
