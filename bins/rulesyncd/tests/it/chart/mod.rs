//! The Helm chart in `deploy/charts/rulesync`: what it renders, what it refuses, and what it allows the daemon to do.
//!
//! | file | content |
//! |---|---|
//! | `helm` | a real helm |
//! | `files` | what the chart has in common with the rest of the repository |
//! | `readme` | the table of values, made of the comments in `values.yaml` |
//! | `schema` | the schema of values, with that of the configuration in it |
//! | `rendering` | every preset, by both helms, for several versions of Kubernetes |
//! | `refusals` | values that contradict each other |
//! | `configuration` | the daemon accepts what is rendered |
//! | `security` | Pod Security Standard `restricted` |
//! | `permissions` | a table of what every preset grants |
//! | `requests` | the daemon does all of that, and nothing else |
//! | `manifests` | the plain manifests that are made of the chart |

mod configuration;
mod files;
mod helm;
mod manifests;
mod permissions;
mod readme;
mod refusals;
mod rendering;
mod requests;
mod schema;
mod security;

use std::path::{Path, PathBuf};

pub(crate) use helm::{HELM_4, Helm, find, objects};
pub(crate) use permissions::granted;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The directory of the chart.
fn directory() -> PathBuf {
    root().join("deploy/charts/rulesync")
}

/// The text of a file of the chart.
fn read(path: &str) -> String {
    let path = directory().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The presets, by name.
fn presets() -> Vec<(String, PathBuf)> {
    let mut presets: Vec<(String, PathBuf)> = std::fs::read_dir(directory().join("ci"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            (name.strip_suffix("-values.yaml").unwrap().to_owned(), path)
        })
        .collect();
    presets.sort();
    assert!(presets.len() >= 7, "{presets:?}");
    presets
}
