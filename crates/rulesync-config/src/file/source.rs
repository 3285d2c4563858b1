//! The sources of objects.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A source of objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Source")]
pub(crate) struct SourceFile {
    /// The kind of source.
    #[serde(rename = "type")]
    pub(crate) kind: SourceType,
    /// The name in status, logs and metrics. By default the type, with a number from the second source on.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// For `kubernetes`: a kubeconfig file. If absent or empty, rulesync connects to the cluster it runs in, else to that
    /// of `KUBECONFIG`, else to that of `~/.kube/config`.
    #[serde(default)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// For `kubernetes`: the Kubernetes namespaces to watch. If absent or empty, all are watched, which needs a permission
    /// for the whole cluster.
    #[serde(default)]
    pub(crate) namespaces: Option<Vec<String>>,
    /// For `files`: a directory or a file. Required there.
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
    /// For `files`: the files of a directory that are read, as one pattern or a list, such as `*.rules` or
    /// `prod/**/*.yml`. A pattern without `/` matches files at any depth. By default `*.yaml`, `*.yml` and `*.json`.
    #[serde(default)]
    pub(crate) glob: Option<Globs>,
}

/// A kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourceType {
    /// Objects in a Kubernetes cluster.
    Kubernetes,
    /// Manifests and rule files in a directory, and in all directories below it.
    Files,
}

/// One pattern or a list of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum Globs {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Globs {
    /// Returns the patterns.
    pub(crate) fn patterns(&self) -> &[String] {
        match self {
            Self::One(pattern) => std::slice::from_ref(pattern),
            Self::Several(patterns) => patterns,
        }
    }
}

impl<'de> Deserialize<'de> for Globs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;

        impl<'de> serde::de::Visitor<'de> for OneOrSeveral {
            type Value = Globs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a pattern or a list of patterns")
            }
            fn visit_str<E>(self, pattern: &str) -> Result<Globs, E> {
                Ok(Globs::One(pattern.to_owned()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Globs, A::Error> {
                let mut patterns = Vec::new();
                while let Some(pattern) = list.next_element()? {
                    patterns.push(pattern);
                }
                Ok(Globs::Several(patterns))
            }
        }

        deserializer.deserialize_any(OneOrSeveral)
    }
}
